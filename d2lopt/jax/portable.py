"""A portable rule as an optax transformation of gradients."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from .. import fuse
from ..backend.contract import Backend, Tensor
from ..errors import InputError
from ..rules import native
from .cells import array_in, variable


class RuleState(NamedTuple):
    """What the transformation keeps: the steps done, and the rule's own states."""

    count: Tensor
    states: Any


def optimizer(
    d2l: Backend, rule: Any, init_states: Any = None, **hyperparams: Any
) -> Any:
    """An optax.GradientTransformation, which needs params at each update.

    Each hyperparameter may be a schedule. One that is to be set in mid-training goes
    through optax.inject_hyperparams(lambda lr: d2l.optimizer(rule, lr=lr))(lr=0.01).
    """
    found = native.rule_of(d2l, rule, init_states)
    native.check(found, hyperparams, (jax.Array, Callable), list(hyperparams))

    def init(params: Any) -> RuleState:
        cells = [variable(p) for p in jax.tree.leaves(params)]
        states = jax.tree.map(array_in, native.start(d2l, found, cells))
        return RuleState(jnp.zeros((), "int32"), states)

    def step_by_step(olds: Any, grads: Any, states: Any, numbers: Any) -> Any:
        cells = [variable(p) for p in olds]
        states = jax.tree.map(variable, states)
        found.step(d2l, cells, grads, states, numbers)
        steps = [cell.value - p for cell, p in zip(cells, olds, strict=True)]
        return steps, jax.tree.map(array_in, states)

    in_one_program = step_by_step
    if fuse.may_compile(found):
        in_one_program = jax.jit(step_by_step)

    def update(updates: Any, state: RuleState, params: Any = None) -> Any:
        if params is None:
            raise InputError("a rule reads params: update(grads, state, params).")
        olds, treedef = jax.tree.flatten(params)
        if not olds:  # all are masked
            return updates, state
        dtype = jnp.result_type(*olds)

        def now(value: Any) -> Any:  # a schedule's value has no dtype of its own
            value = value(state.count) if callable(value) else value
            return value if isinstance(value, float) else jnp.asarray(value, dtype)

        numbers = {name: now(value) for name, value in hyperparams.items()}
        large = sum(p.size for p in olds) >= fuse.LARGE
        step = in_one_program if large else step_by_step
        steps, states = step(olds, jax.tree.leaves(updates), state.states, numbers)
        return treedef.unflatten(steps), RuleState(state.count + 1, states)

    return optax.GradientTransformation(init, update)
