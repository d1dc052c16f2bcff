"""The ways in which a correct rule may expect to be called.

Students lay out states differently, and count steps in different places. A rule that is
right in one of these settings is right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...rules.optimizers import RULES
from ...rules.rule import States

InitStates = Callable[[Any, Any], States]  # (d2l, params) -> states
Counts = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Setting:
    """How states are laid out, what else hyperparams holds, and the numbers' type."""

    states: InitStates
    extras: Counts = ()
    dtype: str = "float64"


def settings(rule: str, dtype: str) -> list[Setting]:
    """The settings for the rule of that name in RULES, the usual one first."""
    usual = RULES[rule].init_states
    layouts: list[InitStates]
    counts: list[Counts] = [()]
    if rule == "sgd":
        layouts = [usual, RULES["momentum"].init_states]  # zeros that it need not use
    elif rule in ("adam", "adamw", "yogi"):
        layouts = [usual, *(_each(usual, f) for f in (_pair, _with_zero, _with_count))]
        counts = [(("t", 1),), (("t", 0),), ()]  # the first step's number, and none
    elif rule == "adadelta":
        layouts = [usual, _each(usual, _with_count)]
    else:
        layouts = [
            usual,
            lambda d2l, params: [(s,) for s in usual(d2l, params)],
            RULES["adadelta"].init_states,  # a second state, which it need not use
            lambda d2l, params: [[s, 0] for s in usual(d2l, params)],
        ]
    return [Setting(states, t, dtype) for states in layouts for t in counts]


def _each(usual: InitStates, layout: Callable[[Any, Any, Any], Any]) -> InitStates:
    """The two averages of each parameter, in another layout."""
    return lambda d2l, params: [layout(d2l, v, s) for v, s, *_ in usual(d2l, params)]


def _pair(d2l: Any, v: Any, s: Any) -> Any:
    return v, s


def _with_zero(d2l: Any, v: Any, s: Any) -> Any:
    """With a variable of shape (), for a step count."""
    return v, s, d2l.variable(d2l.sum(v))


def _with_count(d2l: Any, v: Any, s: Any) -> Any:
    """With a Python number, in a list, where the rule can put another."""
    return [v, s, 0]
