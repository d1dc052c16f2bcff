"""`fold` on PyTorch: a Python loop, or torch.compile where it is asked for."""

from typing import Any

import torch

# PyTorch has no public way to map a function over nested lists, tuples and dicts.
from torch.utils._pytree import tree_leaves, tree_map

from ..backend.tools import Programs, compile_clock, kind, loop

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
    if compile and len(batches[0]) > 1 and not torch.compiler.is_compiling():
        state, batch = _with_tensors(state), tuple(x[0] for x in batches)
        key = step, tuple(map(kind, tree_leaves(state))), tuple(map(kind, batch))
        with torch._dynamo.config.patch(recompile_limit=MOST):
            program = _programs.get(key, lambda: _compiled(step, state, batch))
            loop(program, state, batches, watch)
        return
    loop(step, state, batches, watch)


def _compiled(step: Any, state: Any, batch: Any) -> Any:
    """The step as one program; a fold within it is unrolled."""
    program = torch.compile(step, fullgraph=True, dynamic=False)
    with compile_clock.running():
        program(tree_map(_copy, state), batch)  # the first call compiles: on copies
    return program


def _copy(x: Any) -> Any:
    return x.clone() if isinstance(x, torch.Tensor) else x


def _with_tensors(state: Any) -> Any:
    """The state with its numbers as tensors, for each of which it would recompile."""

    def tensor(x: Any) -> Any:
        if not isinstance(x, int | float):
            return x
        return torch.tensor(x, dtype=torch.float64)

    return tree_map(tensor, state)
