"""`fold` on PyTorch: a Python loop, or torch.compile where it is asked for."""

from collections.abc import Callable
from typing import Any

import torch

# PyTorch has no public way to map a function over nested lists, tuples and dicts.
from torch.utils._pytree import tree_flatten, tree_map

from ..backend.tools import Programs, compile_clock, loop

# Programs that torch.compile makes of one function. It fails at the ninth, unless its
# limit is raised, and for it all rules are one function: the interval of the harness.
MOST = 1000

_programs = Programs()


def fold(
    step: Any,
    state: Any,
    batches: Any,
    watch: Any = None,
    compile: bool | None = None,
) -> None:
    # Compiling takes ten seconds and more: only when asked, and not for a single turn.
    if not compile or len(batches[0]) == 1 or torch.compiler.is_compiling():
        loop(step, state, batches, watch)
        return
    taken = _with_tensors(state)  # it would compile anew for each number
    program = _programs.get(step, lambda: _Program(step))
    limits = {"recompile_limit": MOST, "accumulated_recompile_limit": MOST}
    with torch._dynamo.config.patch(limits):
        loop(program.for_state(taken), taken, batches, watch)
    _put_back(state, taken)


class _Program:
    """A step through torch.compile, and the kinds of arguments it is compiled for."""

    def __init__(self, step: Any) -> None:
        self.step, self.known = step, set[Any]()
        self.compiled: Any = None

    def for_state(self, state: Any) -> Callable[[Any, Any], Any]:
        """The step for a state that keeps its kind; a fold within it is unrolled."""
        kind_of_state = _kind(state)

        def run(state: Any, batch: Any) -> Any:
            kind = kind_of_state, _kind(batch)
            if kind not in self.known:
                self._compile(state, batch)
                self.known.add(kind)
            return self.compiled(state, batch)

        return run

    def _compile(self, state: Any, batch: Any) -> None:
        """The first call with such arguments, which compiles, is made on copies."""
        with compile_clock.running():
            if self.compiled is None:
                self.compiled = torch.compile(self.step, fullgraph=True, dynamic=False)
            self.compiled(tree_map(_copy, state), batch)


def _kind(x: Any) -> Any:
    """All of the tensors and numbers in x that a program is compiled for."""
    leaves, structure = tree_flatten(x)
    return structure, *map(_kind_of_leaf, leaves)


def _kind_of_leaf(x: Any) -> Any:
    if isinstance(x, torch.Tensor):
        return x.shape, x.dtype, x.stride(), x.device, x.requires_grad
    return type(x), x if x.__hash__ else id(x)


def _copy(x: Any) -> Any:
    return x.clone() if isinstance(x, torch.Tensor) else x


def _with_tensors(state: Any) -> Any:
    """The state with its numbers as tensors, for each of which it would recompile."""

    def tensor(x: Any) -> Any:
        if not isinstance(x, int | float):
            return x
        return torch.tensor(x, dtype=torch.float64)

    return tree_map(tensor, state)


def _put_back(state: Any, taken: Any) -> None:
    """What a rule has counted in its hyperparameters, or in a list of its states."""
    if isinstance(state, dict):
        state.update(taken)
    elif isinstance(state, list):
        state[:] = taken
    elif isinstance(state, tuple):
        for part, new in zip(state, taken, strict=True):
            _put_back(part, new)
