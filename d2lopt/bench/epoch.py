"""One epoch of RMSProp as a compiled loop over plain numbers: the floor of the bench.

It does what a harness does, the look at the loss every 20 steps included, with nothing
between the arithmetic. Needs Numba.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from ..data.airfoil import load
from ..train.batches import EVERY
from .floor import compiler


def seconds_of_an_epoch(batch_size: int, repeat: int, source: str = "auto") -> float:
    """The median seconds of an epoch in float32, over `repeat` runs of ten."""
    numba = compiler()
    dataset = load(source)
    X, y = dataset.X.astype(np.float32), dataset.y.astype(np.float32)
    order = np.random.default_rng(0).permutation(len(y))
    epoch = numba.njit(fastmath=True)(_epoch)
    state = np.zeros((2, X.shape[1] + 1), np.float32)
    numbers = [np.float32(v) for v in (0.01, 0.9, 1e-6)]

    def ten() -> None:
        for _ in range(10):
            epoch(X, y, order, batch_size, EVERY, *state, *numbers)

    ten()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        ten()
        times.append((time.perf_counter() - start) / 10)
    return float(np.median(times))


def _epoch(
    X: Any,
    y: Any,
    order: Any,
    batch_size: int,
    every: int,
    p: Any,
    s: Any,
    lr: Any,
    gamma: Any,
    eps: Any,
) -> float:
    n, d = X.shape
    g = np.zeros(d + 1, np.float32)
    loss = 0.0
    for step, start in enumerate(range(0, n, batch_size)):
        size = min(batch_size, n - start)
        g[:] = 0
        for i in order[start : start + size]:
            r = p[d] - y[i]
            for j in range(d):
                r += X[i, j] * p[j]
            for j in range(d):
                g[j] += r * X[i, j]
            g[d] += r
        for j in range(d + 1):
            gj = g[j] / np.float32(size)
            s[j] = gamma * s[j] + (1 - gamma) * gj * gj
            p[j] -= lr * gj / np.sqrt(s[j] + eps)
        if (step + 1) % every == 0 or start + size == n:
            loss = 0.0
            for i in range(n):
                r = p[d] - y[i]
                for j in range(d):
                    r += X[i, j] * p[j]
                loss += r * r
            loss /= 2 * n
    return loss
