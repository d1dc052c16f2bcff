"""A rule over large arrays: one program, which takes the old arrays' memory."""

import functools
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import fuse
from ..backend.contract import Backend, Tensor
from ..backend.tools import compile_clock
from ..rules import native
from .cells import Variable, array_in, variable


def _own(cell: Variable) -> Tensor:
    """The array in a cell; a copy of it if anyone else holds the array too.

    What is given away to a program is gone for all who hold it.
    """
    alone = 2  # the cell's own reference, and that of the call
    held = sys.getrefcount(cell.value) > alone or cell.value._npy_value is not None
    return jnp.copy(cell.value) if held else cell.value


def _shapes(tree: Any) -> Any:
    leaves, treedef = jax.tree.flatten(tree)
    return treedef, tuple(
        (x.shape, x.dtype) if hasattr(x, "shape") else type(x) for x in leaves
    )


def compiled(d2l: Backend, rule: Any) -> fuse.CompiledRule:
    found = native.rule_of(d2l, rule)

    @functools.partial(jax.jit, donate_argnums=0)
    def run(changing: Any, grads: Any, hyperparams: Any) -> Any:
        cells = jax.tree.map(variable, changing)
        found.step(d2l, cells[0], grads, cells[1], hyperparams)
        return jax.tree.map(array_in, cells)

    seen: set[Any] = set()

    def step(params: Any, grads: Any, states: Any, hyperparams: Any) -> None:
        cells = list(params), states
        if len({*map(id, jax.tree.leaves(cells))}) < len(jax.tree.leaves(cells)):
            found.step(d2l, params, grads, states, hyperparams)  # one cell, twice
            return
        numbers = {
            name: float(x) if isinstance(x, int | np.number) else x
            for name, x in hyperparams.items()
        }
        arguments = [array_in(g) for g in grads], numbers
        shapes = _shapes((cells, arguments))
        changing = jax.tree.map(_own, cells)
        if shapes in seen:
            new = run(changing, *arguments)
        else:
            with compile_clock.running():  # with the step, this first time
                new = jax.block_until_ready(run(changing, *arguments))
            seen.add(shapes)
        for cell, value in zip(
            jax.tree.leaves(cells), jax.tree.leaves(new), strict=True
        ):
            cell.value = value

    return step


def wait(*tensors: Tensor) -> None:
    jax.block_until_ready([array_in(x) for x in tensors])
