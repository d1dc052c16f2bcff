"""Slips: mistakes that can be made in any rule. A slip turns a step into a wrong one.

A step is called as (d2l, params, grads, states, hyperparams). Some wrong steps remember
the gradients that they saw, so each run makes one of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .family import Step

Slip = Callable[[Step], Step]


def _copy(d2l: Any, x: Any) -> Any:
    """A variable, or a tuple of them, with the same values and memory of its own."""
    if isinstance(x, list | tuple):
        return tuple(_copy(d2l, entry) for entry in x)
    return d2l.variable(x * 1.0)


def with_rate(change: Callable[[float], float]) -> Slip:
    """Another learning rate than the one that is given."""

    def slip(step: Step) -> Step:
        def wrong(d2l: Any, params: Any, grads: Any, states: Any, h: Any) -> None:
            step(d2l, params, grads, states, {**h, "lr": change(h["lr"])})

        return wrong

    return slip


def with_gradient(change: Callable[[Any, Any], Any]) -> Slip:
    """Another gradient than the one that is given: change(d2l, g)."""

    def slip(step: Step) -> Step:
        def wrong(d2l: Any, params: Any, grads: Any, states: Any, h: Any) -> None:
            step(d2l, params, [change(d2l, g) for g in grads], states, h)

        return wrong

    return slip


def afterwards(change: Callable[[Any, Any, Any], Any]) -> Slip:
    """p ends as change(d2l, before, after) of the right step."""

    def slip(step: Step) -> Step:
        def wrong(d2l: Any, params: Any, grads: Any, states: Any, h: Any) -> None:
            before = [p * 1.0 for p in params]
            step(d2l, params, grads, states, h)
            for p, old in zip(params, before, strict=True):
                d2l.assign(p, change(d2l, old, p * 1.0))

        return wrong

    return slip


def accumulates(step: Step) -> Step:
    """The gradients of earlier steps stay in the sum."""
    sums: list[Any] = []

    def wrong(d2l: Any, params: Any, grads: Any, states: Any, h: Any) -> None:
        old = sums or [g * 0.0 for g in grads]
        sums[:] = [a + g for a, g in zip(old, grads, strict=True)]
        step(d2l, params, list(sums), states, h)

    return wrong


def late(step: Step) -> Step:
    """The gradient of the step before, and none at the first."""
    kept: list[Any] = []

    def wrong(d2l: Any, params: Any, grads: Any, states: Any, h: Any) -> None:
        old = list(kept) or [g * 0.0 for g in grads]
        kept[:] = grads
        step(d2l, params, old, states, h)

    return wrong


def one_state(step: Step) -> Step:
    """The first parameter's state serves all parameters."""

    def wrong(d2l: Any, params: Any, grads: Any, states: Any, h: Any) -> None:
        step(d2l, params, grads, [states[0] for _ in params], h)

    return wrong


def states_rebound(step: Step) -> Step:
    """New states are computed and used, and lost when the step ends."""

    def wrong(d2l: Any, params: Any, grads: Any, states: Any, h: Any) -> None:
        step(d2l, params, grads, [_copy(d2l, s) for s in states], h)

    return wrong


def one_rebound(which: int) -> Slip:
    """Of each parameter's states, this one is lost when the step ends."""

    def slip(step: Step) -> Step:
        def wrong(d2l: Any, params: Any, grads: Any, states: Any, h: Any) -> None:
            given = [list(entry) for entry in states]
            for entry in given:
                entry[which] = _copy(d2l, entry[which])
            step(d2l, params, grads, given, h)

        return wrong

    return slip


def params_rebound(step: Step) -> Step:
    """New parameters are computed, and lost when the step ends."""

    def wrong(d2l: Any, params: Any, grads: Any, states: Any, h: Any) -> None:
        step(d2l, [_copy(d2l, p) for p in params], grads, states, h)

    return wrong


def all_rebound(step: Step) -> Step:
    """New parameters and new states are computed, and lost when the step ends."""
    return params_rebound(states_rebound(step))


def only_first(step: Step) -> Step:
    """The loop ends after the first parameter."""

    def wrong(d2l: Any, params: Any, grads: Any, states: Any, h: Any) -> None:
        step(d2l, params[:1], grads[:1], states[:1], h)

    return wrong


def only_last(step: Step) -> Step:
    """Only the last parameter is changed: the update stands behind the loop."""

    def wrong(d2l: Any, params: Any, grads: Any, states: Any, h: Any) -> None:
        step(d2l, params[-1:], grads[-1:], states[-1:], h)

    return wrong


def exchanged(step: Step) -> Step:
    """Each parameter gets another one's gradient."""

    def wrong(d2l: Any, params: Any, grads: Any, states: Any, h: Any) -> None:
        step(d2l, params, list(reversed(grads)), states, h)

    return wrong


def twice(step: Step) -> Step:
    """The whole step is taken twice with one gradient."""

    def wrong(d2l: Any, params: Any, grads: Any, states: Any, h: Any) -> None:
        step(d2l, params, grads, states, h)
        step(d2l, params, grads, states, h)

    return wrong


def _norm(d2l: Any, g: Any) -> Any:
    return d2l.sqrt(d2l.sum(d2l.square(g)))


# For rules that read a learning rate.
BY_RATE: list[tuple[str, Slip]] = [
    ("learning-rate-missing", with_rate(lambda lr: 1.0)),
    ("learning-rate-twice", with_rate(lambda lr: lr * lr)),
    ("learning-rate-divides", with_rate(lambda lr: 1 / lr)),
]
# For rules that keep a state.
BY_STATE: list[tuple[str, Slip]] = [
    ("shared-state", one_state),
    ("state-rebound", states_rebound),
    ("parameter-rebound", all_rebound),
]
# For rules that keep two.
BY_ONE_STATE: list[tuple[str, Slip]] = [
    ("state-rebound", one_rebound(0)),
    ("state-rebound", one_rebound(1)),
]
ALWAYS: list[tuple[str, Slip]] = [
    ("parameter-rebound", params_rebound),
    ("ascent", afterwards(lambda d2l, old, new: 2 * old - new)),
    ("gradient-accumulates", accumulates),
    ("gradient-of-last-step", late),
    ("only-first-parameter", only_first),
    ("only-last-parameter", only_last),
    ("gradients-exchanged", exchanged),
    ("step-taken-twice", twice),
    ("parameter-overwritten", afterwards(lambda d2l, old, new: new - old)),
    ("parameter-overwritten", afterwards(lambda d2l, old, new: old - new)),
    ("gradient-squared", with_gradient(lambda d2l, g: d2l.square(g))),
    ("gradient-sign-only", with_gradient(lambda d2l, g: d2l.sign(g))),
    ("gradient-sign-lost", with_gradient(lambda d2l, g: d2l.abs(g))),
    ("gradient-normalised", with_gradient(lambda d2l, g: g / _norm(d2l, g))),
    ("gradient-averaged", with_gradient(lambda d2l, g: g * 0.0 + d2l.mean(g))),
    ("gradient-summed", with_gradient(lambda d2l, g: g * 0.0 + d2l.sum(g))),
    ("step-halved", afterwards(lambda d2l, old, new: (old + new) / 2)),
]

# Those that students often make together with another mistake.
FREQUENT = (
    "ascent",
    "learning-rate-missing",
    "learning-rate-twice",
    "state-rebound",
    "shared-state",
    "gradient-accumulates",
    "only-first-parameter",
)
