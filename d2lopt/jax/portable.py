"""A portable rule as an optax transformation of gradients."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from numbers import Real
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from .. import fuse
from ..backend.contract import Backend, Tensor
from ..errors import InputError
from ..rules import native
from ..rules.checks import only_variables_change
from ..rules.exclusions import excluding
from ..rules.forms import as_rule, is_library_rule
from ..rules.hyperparams import check_ranges
from ..rules.pieces import ClipByValue, ClipWeights
from ..rules.rule import LearnersRule, Rule
from .cells import array_in, variable
from .layout import EXAMPLE, ForEach, Layout, gathered, layout_in, layout_of, scattered
from .moved import Parameter
from .trees import grads_in, params_in

LAST = np.iinfo("int32").max  # the steps that are counted: from there on, no more


class RuleState(NamedTuple):
    """What the transformation keeps: the steps done, and the rule's own states.

    These are in trees like that of the parameters: see `layout.py`.
    """

    count: Tensor
    states: Any


def optimizer(
    d2l: Backend,
    rule: Any,
    init_states: Any = None,
    mask: Any = None,
    **hyperparams: Any,
) -> Any:
    """An optax.GradientTransformationExtraArgs, which needs params at each update.

    Each hyperparameter may be a schedule, d2lopt's or optax's. One that is to be set in
    mid-training goes through
    optax.inject_hyperparams(lambda lr: d2l.optimizer(rule, lr=lr))(lr=0.01).

    Params and grads are trees of one structure, of floats or complex numbers. With
    these, a rule of the library takes |g|² for g², as optax's own do; a function of
    yours computes what it says. Extra arguments of an update are not looked at.

    `mask` is what optax.adamw calls so: a tree of booleans, like that of the params or
    like the upper part of it, or a function that makes one of the params. Where it is
    False, there is no weight decay.
    """
    found = native.rule_of(d2l, rule, init_states)
    if native.lacks_rate(found) and "lr" in hyperparams:
        found = native.with_rate(found)
    hyperparams = {name: _plain(x) for name, x in hyperparams.items()}
    _check(found, hyperparams)
    fixed = {name: x for name, x in hyperparams.items() if not _changes(x)}
    in_library = is_library_rule(found)
    if mask is not None:
        excluding(found, [])  # if the rule decays at all

    def rule_for(params: Any, arrays: Sequence[Tensor]) -> Rule:
        _check_order(found, arrays)
        return found if mask is None else excluding(found, _decays(mask, params))

    def init(params: Any) -> RuleState:
        arrays, tree = params_in(params)
        rule_for(params, arrays)  # to check them before the first step
        states = _arrays(native.start(d2l, found, [variable(p) for p in arrays]))
        shaped = any(p.shape for p in arrays)
        layout = layout_of(states) if shaped else _layout(d2l, found)
        return RuleState(jnp.zeros((), "int32"), gathered(layout, states, tree))

    def update(updates: Any, state: RuleState, params: Any = None, **extra: Any) -> Any:
        if params is None:
            raise InputError("a rule reads params: update(grads, state, params).")
        arrays, tree = params_in(params)
        grads = grads_in(updates, arrays, tree)
        if not isinstance(state, RuleState) or (
            in_library and layout_in(state.states) != _layout(d2l, found)
        ):
            raise InputError(
                "the state is that of another optimizer: take the one that "
                "init(params) gives, or that was saved with this one."
            )
        states = scattered(state.states, arrays, tree)
        count = jnp.asarray(state.count)
        after = count + (count < LAST)
        if not arrays:  # all are masked
            return updates, RuleState(after, state.states)
        changing = {
            name: _now(name, x, count, arrays)
            for name, x in hyperparams.items()
            if name not in fixed
        }
        step = rule_for(params, arrays).step
        namespace = Moduli(d2l) if any(map(jnp.iscomplexobj, arrays)) else d2l
        large = sum(p.size for p in arrays) >= fuse.LARGE and fuse.may_compile(found)
        run = _in_one_program if large else _step
        steps, new = run(
            *(step, namespace, tuple(fixed.items())), arrays, grads, states, changing
        )
        states = gathered(layout_in(state.states), new, tree)
        return tree.unflatten(steps), RuleState(after, states)

    return optax.GradientTransformationExtraArgs(init, update)


# --------------------------------------------------------------------------- one step


def _step(
    rule: Callable[..., None],
    d2l: Backend,
    fixed: tuple[tuple[str, Any], ...],
    params: Sequence[Tensor],
    grads: Sequence[Tensor],
    states: Sequence[Any],
    changing: Mapping[str, Any],
) -> tuple[list[Tensor], Sequence[Any]]:
    """What the rule adds to each parameter, and its new states.

    The hyperparameters are those that are `fixed` and those that are `changing`.
    """
    cells = [Parameter(p) for p in params]
    held, hyperparams = jax.tree.map(variable, states), {**dict(fixed), **changing}
    with only_variables_change(held, hyperparams):
        rule(d2l, cells, grads, held, hyperparams)
    return [cell.update() for cell in cells], jax.tree.map(array_in, held)


# The fixed numbers are part of the program, in which 1 − γ is then as exact as outside.
_in_one_program = jax.jit(_step, static_argnums=(0, 1, 2))


@dataclass(frozen=True)
class Moduli:
    """A namespace in which x² is |x|²: what a rule's squares mean for complex x."""

    d2l: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.d2l, name)

    def square(self, x: Tensor) -> Tensor:
        x = array_in(x)
        return (x.conj() * x).real


def _check_order(rule: Rule, params: Sequence[Tensor]) -> None:
    """Raise an InputError if they are complex, and the rule clips what has no order."""
    if not any(map(jnp.iscomplexobj, params)):
        return
    for piece in getattr(rule.step, "pieces", ()):
        if isinstance(piece, ClipByValue | ClipWeights):
            raise InputError(
                f"complex numbers have no order for {type(piece).__name__} to clip by: "
                "wrap the optimizer in optax.contrib.split_real_and_imaginary."
            )


# ------------------------------------------------------------------------- the states


def _arrays(states: Any) -> Any:
    """The states as arrays, each a copy.

    Of an array that is in a state twice, or that is a parameter too, a program could
    not take over the memory (`donate_argnums`).
    """

    def array(x: Any) -> Tensor:
        x = array_in(x)
        return jnp.array(x, jnp.result_type(x))

    return jax.tree.map(array, states)


def _layout(d2l: Backend, found: Rule) -> Layout:
    """The layout of the rule's states, by the example of one parameter."""
    if is_library_rule(found):
        return _layout_of_library(d2l, as_rule(found.step).init_states)
    try:
        return layout_of(_arrays(native.start(d2l, found, [variable(EXAMPLE)])))
    except Exception:  # a learner's function need not take this parameter
        return ForEach


@cache
def _layout_of_library(d2l: Backend, init_states: Callable[..., Any]) -> Layout:
    return layout_of(_arrays(init_states(d2l, [variable(EXAMPLE)])))


# ----------------------------------------------------------------- the hyperparameters


def _decays(mask: Any, params: Any) -> list[bool]:
    """Which of the parameters decay, in their order."""
    try:
        chosen = mask(params) if callable(mask) else mask
        each = jax.tree.map(lambda m, p: jax.tree.map(lambda _: m, p), chosen, params)
        return [bool(m) for m in jax.tree.leaves(each)]
    except (TypeError, ValueError) as error:
        raise InputError(
            "mask must be a tree of True and False like that of the parameters, or a "
            f"function that makes one of them; got {mask!r}."
        ) from error


def _plain(x: Any) -> Any:
    """A number of NumPy's, also an array of shape (), as one of Python's."""
    number = isinstance(x, np.generic | np.ndarray) and np.shape(x) == ()
    return x.item() if number else x


def _changes(x: Any) -> bool:
    """Whether it is a schedule or an array, which a traced program knows only later."""
    return callable(x) or isinstance(x, jax.Array)


def _check(found: Rule, hyperparams: Mapping[str, Any]) -> None:
    """Raise an InputError that names the hyperparameter that is wrong."""
    changing = (jax.Array, Callable)
    native.check_with_rate(found, hyperparams, changing, list(hyperparams))
    learners = isinstance(found.step, LearnersRule)
    for name, x in hyperparams.items():
        if isinstance(x, jax.Array) and not (learners and name != "lr"):
            _check_number(name, x)
            if not isinstance(x, jax.core.Tracer):
                check_ranges({name: x.item()})


def _check_number(name: str, x: Tensor) -> None:
    if x.shape:
        raise InputError(f"{name} must be a number; got an array of shape {x.shape}.")


def _now(name: str, x: Any, count: Tensor, params: Sequence[Tensor]) -> Any:
    """The value of a schedule, or an array, at this step, in the dtype of params.

    In float32 at least: 1 − γ of γ = 0.999 is 0 in bfloat16.
    """
    value = x(count) if callable(x) else x
    if isinstance(value, Real):
        return value
    dtype = jnp.finfo(jnp.result_type(*params)).dtype
    value = jnp.asarray(value, jnp.promote_types(dtype, "float32"))
    if callable(x):
        _check_number(f"the schedule's {name}", value)
    return value
