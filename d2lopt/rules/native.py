"""What `d2l.optimizer` needs on every framework: a portable rule, checked and started.

A framework's own kind of optimizer, made of a rule, calls it once a step with all
parameters (of a group), since a piece may need all gradients at once, and keeps one
state for each parameter, so that the framework can save and load it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ..backend.contract import Backend, State, Variable
from ..errors import InputError, unknown
from . import pieces
from .forms import as_rule, check_states, portable_form
from .hyperparams import HYPERPARAMS, check_known, check_missing
from .optimizers import RULES, find
from .pieces import Chain, Piece
from .rule import Rule, Yours

Written = str | list[list[Any]]  # a rule as JSON: its name, or its pieces


def rule_of(
    d2l: Backend, rule: Any, init_states: Callable[..., Any] | None = None
) -> Rule:
    """`rule` with how it starts; a function of yours may have either form."""
    if isinstance(rule, Rule):
        return rule
    if not callable(rule):
        raise InputError(f"the rule must be a function or a pieces.Chain; got {rule!r}")
    found = as_rule(rule, init_states)
    if isinstance(found.step, Yours):
        return found._replace(step=Yours(portable_form(d2l, rule)))
    return found


def check(
    rule: Rule,
    given: Mapping[str, Any],
    also: Any = (),
    names: Sequence[str] = ("lr",),
    partly: bool = False,
) -> None:
    """Raise an InputError that names the hyperparameter that is wrong, and its range.

    Those in `names` may also be of the types `also`: the framework's schedules. With
    `partly`, what is missing may be given later. What a rule of yours reads is not
    known, except for the rate, which the framework reads too.
    """
    numbers = {
        n: v for n, v in given.items() if not (n in names and isinstance(v, also))
    }
    if isinstance(rule.step, Yours):
        if "lr" in numbers:
            HYPERPARAMS["lr"].check("lr", numbers["lr"])
        return
    title = getattr(rule.step, "__name__", "the chain")
    check_known(title, rule, numbers)
    if not partly:
        check_missing(title, rule, given)


def start(d2l: Backend, rule: Rule, params: Sequence[Variable]) -> list[State]:
    """The states of a rule at its start, one for each parameter."""
    states = list(rule.init_states(d2l, params))
    if len(states) != len(params):
        raise InputError(
            f"init_states gives {len(states)} states for {len(params)} parameters: an "
            "optimizer keeps one, a variable or a tuple of them, for each."
        )
    check_states(d2l, states, list(params))
    return states


def made(trainer_fn: Any, hyperparams: Mapping[str, Any], kind: type) -> Any:
    """`trainer_fn` itself if it is a `kind` already, else what it makes."""
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
    if isinstance(rule.step, Chain):
        links = rule.step.pieces
        if all(vars(pieces).get(type(link).__name__) is type(link) for link in links):
            return [[type(link).__name__, asdict(link)] for link in links]
    raise InputError(
        "a file can hold rules of this library and chains of its pieces, no function "
        "or piece of yours: save the weights alone, or write it as a pieces.Chain."
    )


def from_json(written: Written) -> Rule:
    """The rule that `as_json` has written."""
    if isinstance(written, str):
        return find(written)
    kinds = {n: k for n, k in vars(pieces).items() if _is_piece(k)}
    for name, _ in written:
        if name not in kinds:
            raise unknown("piece", name, kinds)
    return Chain(*(kinds[name](**fields) for name, fields in written)).rule


def _is_piece(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Piece) and kind is not Piece
