"""What several framework modules need alike: a plain loop, a clock for compiling."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..errors import InputError, unknown
from .contract import State, Step, Tensor, Watch


def cpu_only(title: str, device: str) -> None:
    """`use_device` for a framework that has no other here."""
    if device != "cpu":
        raise InputError(f"{title} computes on the CPU only, not on {device}.")


def builtin_from(home: Any, path: str) -> Any:
    """What the framework has at the dotted `path` below its module `home`."""
    *folders, name = path.split(".")
    for folder in folders:
        home = getattr(home, folder)
    try:
        return getattr(home, name)
    except AttributeError:
        known = [n for n in dir(home) if callable(getattr(home, n)) and n[0] != "_"]
        raise unknown("built-in optimizer", name, known) from None


def loop(
    step: Step,
    state: State,
    batches: Sequence[Sequence[Tensor]],
    watch: Watch | None = None,
) -> None:
    """`fold` as a Python loop, for the frameworks where that is the way."""
    for batch in zip(*batches, strict=True):
        output = step(state, batch)
        if watch is not None and output is not None:
            watch(output)


class Stopwatch:
    """Seconds spent inside its `running()` blocks, and how many came to their end."""

    seconds = 0.0
    times = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
            self.times += 1
        finally:
            self.seconds += time.perf_counter() - start


compile_clock = Stopwatch()  # tracing and compiling programs, in this process
