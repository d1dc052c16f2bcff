"""A rule over large tensors: one loop that `fuse` makes, or torch.compile on a GPU.

On the CPU, torch.compile gives the same loop, but compiles 5 to 15 times as long.
"""

from typing import Any

import numpy as np
import torch

from .. import fuse
from ..backend.contract import Backend, Tensor
from ..backend.tools import compile_clock
from ..rules import native


def _view(x: Tensor) -> np.ndarray[Any, Any] | None:
    if x.layout != torch.strided or x.device.type != "cpu" or x.is_conj():
        return None
    if x.dtype not in (torch.float32, torch.float64):
        return None
    array: np.ndarray[Any, Any] = x.detach().numpy()
    return array


def compiled(d2l: Backend, rule: Any) -> fuse.CompiledRule:
    # The loop writes past PyTorch: a backward pass that still needs a parameter's old
    # value would take the new one silently, if the version did not tell.
    changed = torch.autograd.graph.increment_version
    on_cpu = fuse.compiled(d2l, rule, _view, changed)
    on_gpu: fuse.CompiledRule | None = None

    def step(params: Any, grads: Any, states: Any, hyperparams: Any) -> None:
        nonlocal on_gpu
        if not any(p.is_cuda for p in params):
            on_cpu(params, grads, states, hyperparams)
            return
        if on_gpu is None:
            on_gpu = _by_torch_compile(d2l, rule)
        on_gpu(params, grads, states, hyperparams)

    return step


def _by_torch_compile(d2l: Backend, rule: Any) -> fuse.CompiledRule:
    """The rule through torch.compile, which would compile again for a new number.

    So its numbers are tensors.
    """
    as_written = native.rule_of(d2l, rule).step

    @torch.compile(dynamic=True)  # type: ignore[untyped-decorator]
    def program(params: Any, grads: Any, states: Any, numbers: Any) -> None:
        as_written(d2l, params, grads, states, numbers)

    first = True

    def step(params: Any, grads: Any, states: Any, hyperparams: Any) -> None:
        nonlocal first
        numbers = {
            name: torch.tensor(value, dtype=torch.float64)
            if isinstance(value, int | float)
            else value
            for name, value in hyperparams.items()
        }
        with torch.no_grad():
            if first:
                with compile_clock.running():
                    program(params, grads, states, numbers)
                first = False
            else:
                program(params, grads, states, numbers)

    return step


def wait(*tensors: Tensor) -> None:
    if any(x.is_cuda for x in tensors):
        torch.cuda.synchronize()
