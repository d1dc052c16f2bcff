"""The trees of parameters and gradients that optax hands over, as lists of arrays."""

import textwrap
from typing import Any

import jax
import jax.numpy as jnp

from ..backend.contract import Tensor
from ..errors import InputError


def params_in(tree: Any) -> tuple[list[Tensor], Any]:
    """The parameters, and the structure that holds them.

    InputError for one that has whole numbers, which a step would not change by a bit.
    """
    leaves, structure = jax.tree.flatten(tree)
    params = [_array(x) for x in leaves]
    for p in params:
        if not jnp.issubdtype(p.dtype, jnp.inexact):
            raise InputError(
                f"a parameter is {p.dtype}, and no step is a whole number: make it a "
                "float, or leave it out with optax.masked."
            )
    return params, structure


def grads_in(tree: Any, params: list[Tensor], structure: Any) -> list[Tensor]:
    """The gradients, one for each of the parameters; InputError if they do not fit."""
    leaves, found = jax.tree.flatten(tree)
    if found != structure:
        raise InputError(
            f"the gradients are in another tree, {_short(found)}, than the parameters, "
            f"{_short(structure)}: give them as jax.grad does."
        )
    grads = [_array(x) for x in leaves]
    for p, g in zip(params, grads, strict=True):
        if g.shape != p.shape:
            raise InputError(
                f"a gradient has shape {g.shape}, and its parameter {p.shape}: "
                "give them as jax.grad does."
            )
        if jnp.iscomplexobj(g) and not jnp.iscomplexobj(p):
            raise InputError(
                f"a gradient is {g.dtype}, and its parameter {p.dtype}: take its real "
                "part."
            )
    return grads


def _array(x: Any) -> Tensor:
    """A leaf as an array; a number gets a dtype of its own, as an array has."""
    if isinstance(x, jax.Array) and not x.weak_type:
        return x
    if isinstance(x, jax.ShapeDtypeStruct):
        return jnp.zeros(x.shape, x.dtype)
    return jnp.asarray(x, jnp.result_type(x))


def _short(structure: Any) -> str:
    return textwrap.shorten(str(structure).removeprefix("PyTreeDef"), 200)
