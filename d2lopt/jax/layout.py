"""How an optax state holds what a rule keeps: in trees like that of the parameters.

A rule keeps something for each parameter, (v, s, c₁, c₂) say. What optax and JAX do
with a state (masks, partition specs) goes by the parameters' tree. So there is one tree
with every v, and another with every s; of the numbers c₁, which have no axes to
partition, there is one vector. The layout is then (ForEach, ForEach, Numbers, Numbers).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..backend.contract import Tensor
from ..errors import InputError

States = Sequence[Any]  # one for each parameter: nested tuples and lists of arrays
Layout = Any  # a state of one parameter, with ForEach or Numbers in place of each array

EXAMPLE = np.zeros((2, 3), "float32")  # a parameter that shows what a rule keeps


class ForEach(NamedTuple):
    """A variable of all parameters, in their tree."""

    tree: Any


class Numbers(NamedTuple):
    """A number of each of n parameters, in their order: a vector (n,)."""

    vector: Tensor


def layout_of(states: States) -> Layout:
    """The layout for such states, of parameters that are not all of shape ().

    States that are not alike, as a learner's rule may keep them, stay as they are.
    """

    def kind(*variables: Tensor) -> type:
        return ForEach if any(x.shape for x in variables) else Numbers

    alike = len({jax.tree.structure(state) for state in states}) == 1
    return jax.tree.map(kind, *states) if alike else ForEach


def gathered(layout: Layout, states: States, tree: Any) -> Any:
    """The states of all parameters, whose structure is `tree`, in that layout."""

    def gather(kind: type, *values: Any) -> Any:
        if kind is ForEach:
            return ForEach(tree.unflatten(values))
        return Numbers(_stacked(values) if values else jnp.zeros(0))

    return jax.tree.map(gather, layout, *states)


def layout_in(gathered: Any) -> Layout:
    """The layout that states have which `gathered` gave."""
    return jax.tree.map(type, gathered, is_leaf=_is_column)


def scattered(gathered: Any, params: Sequence[Tensor], tree: Any) -> list[Any]:
    """The states of each parameter again.

    Raises an InputError if they are those of other parameters.
    """

    def values(column: Any) -> Sequence[Any]:
        if isinstance(column, Numbers):
            return list(_unstacked(column.vector))
        return list(tree.flatten_up_to(column.tree))

    columns, form = jax.tree.flatten(gathered, is_leaf=_is_column)
    states = []
    try:
        for p, *row in zip(params, *map(values, columns), strict=True):
            if not {np.shape(x) for x in jax.tree.leaves(row)} <= {p.shape, ()}:
                raise ValueError("another shape")
            states.append(form.unflatten(row))
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(
            "the state is that of other parameters: take the one that init(params) "
            "gives, or that was saved with them."
        ) from error
    return states


# As programs: by itself, each of the many operations in them would take its time.
_stacked = jax.jit(jnp.stack, inline=True)
_unstacked = jax.jit(jnp.unstack, inline=True)


def _is_column(x: Any) -> bool:
    return isinstance(x, ForEach | Numbers)
