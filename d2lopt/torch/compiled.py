"""A rule over large tensors: one loop that `fuse` makes, or torch.compile on a GPU.

On the CPU, torch.compile gives the same loop, but compiles 5 to 15 times as long.
"""

from contextlib import nullcontext
from typing import Any

import numpy as np
import torch

from .. import fuse
from ..backend.contract import Backend, Tensor
from ..backend.tools import compile_clock
from ..rules import native


def _view(x: Tensor) -> np.ndarray[Any, Any] | None:
    if x.layout != torch.strided or x.device.type != "cpu" or x.is_neg():
        return None  # the last has another sign than its memory
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

    known: set[Any] = set()

    def step(params: Any, grads: Any, states: Any, hyperparams: Any) -> None:
        kind = tuple((p.dtype, p.dim()) for p in params), tuple(hyperparams)
        clock = nullcontext() if kind in known else compile_clock.running()
        with torch.no_grad(), clock:
            program(params, grads, states, _as_tensors(hyperparams))
        known.add(kind)

    return step


def _as_tensors(hyperparams: Any) -> Any:
    """The hyperparameters, also those of groups, with tensors for their numbers.

    A number without a name, how many parameters a group has, stays as it is.
    """
    if isinstance(hyperparams, list | tuple):
        return [_as_tensors(part) for part in hyperparams]
    if not isinstance(hyperparams, dict):
        return hyperparams
    return {
        name: torch.tensor(value, dtype=torch.float64)
        if isinstance(value, int | float)
        else _as_tensors(value)
        for name, value in hyperparams.items()
    }


def wait(*tensors: Tensor) -> None:
    if any(x.is_cuda for x in tensors):
        torch.cuda.synchronize()
