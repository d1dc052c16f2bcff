"""`fold` on JAX: one compiled scan over the batches, or a Python loop.

A traced function reads the cells at its entry and returns their values at its exit.
"""

from typing import Any

import jax
import numpy as np

from ..backend.contract import Tensor
from ..backend.tools import Programs, compile_clock, kind, loop, recording
from .cells import Variable, array_in
from .precision import exact_numbers

_programs = Programs()


def fold(
    step: Any,
    state: Any,
    batches: Any,
    watch: Any = None,
    compile: bool | None = None,
) -> None:
    if compile is False:  # NumPy's slices are cheaper than JAX's
        loop(step, state, [list(np.asarray(batch)) for batch in batches], watch)
        return
    leaves, treedef = jax.tree.flatten(state)
    arrays, batches = [array_in(x) for x in leaves], tuple(batches)
    if any(isinstance(x, jax.core.Tracer) for x in [*arrays, *batches]):
        _scan(step, state, batches)  # a fold within a fold
        return
    key = step, treedef, tuple(map(kind, leaves)), tuple(map(kind, batches))
    with exact_numbers():
        program = _programs.get(key, lambda: _compiled(step, leaves, treedef, batches))
        values, outputs = program(arrays, batches)
    _put([x for x in leaves if isinstance(x, Variable)], values)
    if watch is not None and outputs is not None:
        for output in np.asarray(outputs):
            watch(output)


def _compiled(step: Any, leaves: list[Any], treedef: Any, batches: Any) -> Any:
    """The program (arrays in the leaves, batches) → (values of the cells, outputs)."""
    cells = [x for x in leaves if isinstance(x, Variable)]

    def run(arrays: list[Tensor], batches: Any) -> Any:
        traced = []
        for leaf, array in zip(leaves, arrays, strict=True):
            if isinstance(leaf, Variable):
                leaf.value = array
            traced.append(leaf if isinstance(leaf, Variable) else array)
        outputs = _scan(step, jax.tree.unflatten(treedef, traced), batches)
        return [cell.value for cell in cells], outputs

    before = [cell.value for cell in cells]
    arrays = [array_in(x) for x in leaves]
    try:
        with compile_clock.running():
            return jax.jit(run).lower(arrays, batches).compile()
    finally:  # the cells themselves were traced, and hold tracers
        _put(cells, before)


def _scan(step: Any, state: Any, batches: Any) -> Any:
    """The loop as part of a trace, over the cells in `state`; the stacked outputs."""
    cells = [x for x in jax.tree.leaves(state) if isinstance(x, Variable)]

    def body(values: list[Tensor], batch: tuple[Tensor, ...]) -> Any:
        _put(cells, values)
        with recording.going_on():
            output = step(state, batch)
        return [cell.value for cell in cells], output

    values, outputs = jax.lax.scan(body, [cell.value for cell in cells], batches)
    _put(cells, values)
    return outputs


def _put(cells: list[Variable], values: list[Tensor]) -> None:
    for cell, value in zip(cells, values, strict=True):
        cell.value = value
