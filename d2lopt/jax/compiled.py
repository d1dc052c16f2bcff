"""A rule over large arrays: one program, which takes the old arrays' memory."""

import functools
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import fuse
from ..backend.contract import Backend, Tensor
from ..backend.tools import compile_clock, kind
from ..rules import native
from ..rules.checks import only_variables_change
from .cells import Variable, array_in, variable
from .precision import exact_numbers


def _to_give_away(cell: Variable) -> Tensor:
    """The array in a cell; a copy of it if anyone else holds the array too.

    The program takes the memory of the arrays that it is given, and JAX then refuses
    them to all others who hold them: "Array has been deleted". Only Python's count of
    references tells whether there are others. To copy always would be safe as well,
    and take six times as long over 10 million elements, and two more arrays.
    """
    nobody_else = 2  # references: the cell's, and that of the call to getrefcount
    if sys.getrefcount(cell.value) > nobody_else:
        return jnp.copy(cell.value)
    return cell.value


def compiled(d2l: Backend, rule: Any) -> fuse.CompiledRule:
    as_written = native.rule_of(d2l, rule).step

    @functools.partial(jax.jit, donate_argnums=0)
    def run(changing: Any, grads: Any, hyperparams: Any) -> Any:
        cells = jax.tree.map(variable, changing)
        with only_variables_change(cells[1], hyperparams):
            as_written(d2l, cells[0], grads, cells[1], hyperparams)
        return jax.tree.map(array_in, cells)

    compiled_for: set[Any] = set()  # jax.jit itself does not say

    def step(params: Any, grads: Any, states: Any, hyperparams: Any) -> None:
        cells = list(params), states
        every = jax.tree.leaves(cells)
        twice = len({*map(id, every)}) < len(every)  # memory is given away once only
        kept = all(isinstance(x, Variable) for x in every)  # no plain number is
        if (
            twice
            or not kept
            or any(isinstance(x.value, jax.core.Tracer) for x in every)
        ):
            # In a program that is traced already, the rule is a part of that.
            as_written(d2l, params, grads, states, hyperparams)
            return
        numbers = {
            name: float(x) if isinstance(x, int | np.number) else x
            for name, x in hyperparams.items()
        }
        arguments = [array_in(g) for g in grads], numbers
        leaves, treedef = jax.tree.flatten((cells, arguments))
        key = treedef, *map(kind, leaves)
        changing = jax.tree.map(_to_give_away, cells)
        with exact_numbers():
            if key in compiled_for:
                new = run(changing, *arguments)
            else:
                with compile_clock.running():  # with the step, this first time
                    new = jax.block_until_ready(run(changing, *arguments))
                compiled_for.add(key)
        for cell, value in zip(every, jax.tree.leaves(new), strict=True):
            cell.value = value

    return step


def wait(*tensors: Tensor) -> None:
    jax.block_until_ready([array_in(x) for x in tensors])
