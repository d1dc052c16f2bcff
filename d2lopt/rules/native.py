"""What `d2l.optimizer` needs on every framework: a portable rule, checked and started.

A framework's own kind of optimizer, made of a rule, calls it once a step with all
parameters (of a group), since a piece may need all gradients at once, and keeps one
state for each parameter, so that the framework can save and load it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from ..backend.contract import Backend, State, Variable
from ..errors import InputError, unknown
from . import checks
from .forms import as_rule, is_library_rule, portable_form
from .hyperparams import check_ranges
from .optimizers import RULES, find
from .pieces import PIECES, ByLr, Chain
from .rule import LearnersRule, Rule

Written = str | list[list[Any]]  # a rule as JSON: its name, or its pieces


def rule_of(
    d2l: Backend, rule: Any, init_states: Callable[..., Any] | None = None
) -> Rule:
    """`rule` with how it starts; a function of yours may have either form."""
    if isinstance(init_states, Mapping):
        raise InputError(
            "hyperparameters are given by name: d2l.optimizer(rule, **hyperparams)."
        )
    if not (init_states is None or callable(init_states)):
        raise InputError(
            "init_states must be a function (d2l, params), which gives a variable or a "
            f"tuple of them for each parameter; got {init_states!r}."
        )
    if isinstance(rule, Rule):
        return as_rule(rule, init_states)
    if not callable(rule):
        raise InputError(f"the rule must be a function or a pieces.Chain; got {rule!r}")
    known = as_rule(rule, init_states)
    if isinstance(known.step, LearnersRule):
        return known._replace(step=LearnersRule(portable_form(d2l, rule)))
    return known


def check(
    rule: Rule,
    given: Mapping[str, Any],
    schedules: Any = (),
    names: Sequence[str] = ("lr",),
    partly: bool = False,
) -> None:
    """`checks.check` for the keyword arguments of an optimizer.

    Those in `names` may also be of the types `schedules`: the framework's own. Of what
    a learner's function reads, the rate alone is checked, which the framework reads
    too. With `partly`, what is missing may be given later.
    """
    if isinstance(rule.step, LearnersRule):
        given = {name: given[name] for name in given if name == "lr"}
    scheduled = [n for n in given if n in names and isinstance(given[n], schedules)]
    checks.check(rule, given, scheduled, partly=partly, unread=False)


def lacks_rate(rule: Rule) -> bool:
    """Whether a rule of this library, adadelta or a chain, has no lr to schedule."""
    return "lr" not in rule.hyperparams and not isinstance(rule.step, LearnersRule)


def with_rate(rule: Rule) -> Rule:
    """A rule that lacks a rate, so that an lr multiplies its steps.

    adadelta reads it if it is given; a chain has `ByLr` at its end.
    """
    if not isinstance(rule.step, Chain):
        return rule
    rated = Chain(*rule.step.pieces, ByLr()).rule
    if rule.init_states == rule.step.init_states:
        return rated
    return rated._replace(init_states=partial(_with_no_state_more, rule.init_states))


def _with_no_state_more(
    init_states: Callable[..., Any], d2l: Backend, params: Sequence[Variable]
) -> list[State]:
    """A caller's states for a chain that got one more piece, which keeps none."""
    return [(*state, ()) for state in init_states(d2l, params)]


def check_with_rate(
    rule: Rule,
    given: Mapping[str, Any],
    schedules: Any = (),
    names: Sequence[str] = ("lr",),
    partly: bool = False,
) -> None:
    """`check`, where a rule that lacks a rate may be given one: see `with_rate`."""
    others = {n: v for n, v in given.items() if n != "lr" or not lacks_rate(rule)}
    check(rule, others, schedules, names, partly=partly)
    if "lr" in given and not isinstance(given["lr"], schedules):
        check_ranges({"lr": given["lr"]})


def start(d2l: Backend, rule: Rule, params: Sequence[Variable]) -> list[State]:
    """The states of a rule at its start, one for each parameter.

    Where a caller starts them, they are as many as the rule's own, of the same shapes.
    """
    states = list(rule.init_states(d2l, params))
    usual = as_rule(rule.step)
    expected = None
    if usual.init_states != rule.init_states and usual.hyperparams:
        expected = usual.init_states(d2l, params)
    if len(states) != len(params):
        raise InputError(
            f"init_states gives {len(states)} states for {len(params)} parameters: an "
            "optimizer keeps one, a variable or a tuple of them, for each."
        )
    checks.check_states(d2l, states, list(params), expected)
    return states


def made(trainer_fn: Any, hyperparams: Mapping[str, Any], kind: type) -> Any:
    """The optimizer: `trainer_fn` itself if it is a `kind` already, else what it makes.

    Raises an InputError for hyperparameters beside one that is made already.
    """
    if not isinstance(trainer_fn, kind):
        return trainer_fn(**hyperparams)
    if hyperparams:
        raise InputError("it is made already: give hyperparameters to d2l.optimizer.")
    return trainer_fn


# ------------------------------------------------------------------------- as JSON


def as_json(rule: Rule) -> Written:
    """The rule in words and numbers, from which `from_json` makes it again."""
    for name, known in RULES.items():
        if known.step is rule.step:
            return name
    if isinstance(rule.step, Chain) and is_library_rule(rule):
        return [[type(piece).__name__, asdict(piece)] for piece in rule.step.pieces]
    raise InputError(
        "a file can hold rules of this library and chains of its pieces, no function "
        "or piece of yours: save the weights alone, or write it as a pieces.Chain."
    )


def from_json(written: Written) -> Rule:
    """The rule that `as_json` has written."""
    if isinstance(written, str):
        return find(written)
    for name, _ in written:
        if name not in PIECES:
            raise unknown("piece", name, PIECES)
    return Chain(*(PIECES[name](**fields) for name, fields in written)).rule
