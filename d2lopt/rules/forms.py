"""Which form a rule has: the library's or a learner's, the portable or the book's.

`as_rule` takes each of them, and gives the `Rule` that a caller can start.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from types import MethodType
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .optimizers import RULES
from .pieces import PIECES, Chain
from .rule import LearnersRule, Rule, zeros_for_each

if TYPE_CHECKING:
    from ..backend.contract import Backend

# ------------------------------------------------------------------------ whose rule


def as_rule(rule: Any, init_states: Callable[..., Any] | None = None) -> Rule:
    """What is needed to start `rule`, in whichever way it is given.

    A rule of this library (`rules.rmsprop`, or `d2l.rmsprop`), a `pieces.Chain`, a
    `Rule`, or a function of yours in the portable form (params, grads, states,
    hyperparams). The states come from `init_states(d2l, params)`; where that is not
    given, a rule of the library starts its own, and yours has one zero tensor for each
    parameter.
    """
    known = _known(rule)
    if init_states is not None:
        return known._replace(init_states=init_states)
    return known


def _known(rule: Any) -> Rule:
    """`as_rule`, with the states that the rule itself starts."""
    if isinstance(rule, Rule):
        return rule
    if isinstance(rule, Chain):
        return rule.rule
    step = _without_d2l(rule)
    for known in RULES.values():
        if known.step is step:
            return known
    return Rule(LearnersRule(rule), zeros_for_each, {})


def _without_d2l(rule: Any) -> Any:
    """The function whose first argument `d2l` is filled in; any other is as it is.

    A learner's function that wraps a rule of the library, to print say, stays theirs.
    """
    if isinstance(rule, MethodType):
        return inspect.unwrap(rule.__func__)
    if isinstance(rule, partial) and len(rule.args) == 1 and not rule.keywords:
        return rule.func
    return rule


def is_library_rule(rule: Any) -> bool:
    """Whether all of the rule is this library's, which is written to be compiled.

    A chain is, if each of its pieces is.
    """
    step = as_rule(rule).step
    if type(step) is Chain:
        return all(type(piece) in PIECES.values() for piece in step.pieces)
    return is_named(rule)


def is_named(rule: Any) -> bool:
    """Whether the rule is one of `optimizers.py`, however its states start."""
    step = as_rule(rule).step
    return any(known.step is step for known in RULES.values())


def is_elementwise(rule: Any) -> bool:
    """Whether the rule acts on each element by itself, as all of `optimizers.py` do.

    A chain of pieces need not: it may clip by a norm.
    """
    return is_named(rule)


# ------------------------------------------------------------- the arguments of a step

POSITIONAL = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
)


def is_book_form(rule: Callable[..., Any]) -> bool:
    """Whether a rule takes (params, states, hyperparams), not the portable four.

    Raises an InputError if it can take neither.
    """
    if not callable(rule):
        raise InputError(f"the rule must be a function or a chain; got {rule!r}.")
    signature = inspect.signature(rule)
    places = [p for p in signature.parameters.values() if p.kind in POSITIONAL]
    needed = sum(p.default is p.empty for p in places)
    any_number = any(p.kind is p.VAR_POSITIONAL for p in signature.parameters.values())
    if needed == 4 or (needed < 4 and (len(places) == 4 or any_number)):
        return False
    if needed == 3 or (needed < 3 and len(places) == 3):
        return True
    name = getattr(rule, "__name__", "the rule")
    raise InputError(
        f"{name}{signature} takes {needed} arguments; a rule takes "
        "(params, grads, states, hyperparams), or (params, states, hyperparams) and "
        "reads p.grad."
    )


def portable_form(d2l: Backend, rule: Callable[..., Any]) -> Callable[..., Any]:
    """`rule` as (params, grads, states, hyperparams), whichever form it has.

    A chain gets its `d2l`. The book's form (params, states, hyperparams) reads each
    gradient from `p.grad`.
    """
    if isinstance(rule, Chain):
        return partial(rule, d2l)
    if not is_book_form(rule):
        return rule

    def portable(params: Any, grads: Any, states: Any, hyperparams: Any) -> None:
        held = [d2l.hold_grad(p, g) for p, g in zip(params, grads, strict=True)]
        new = rule(held, states, hyperparams)
        # In one tab of the book, rules return the parameters, new ones or the same.
        if isinstance(new, list | tuple) and len(new) == len(held):
            for p, q in zip(params, new, strict=True):
                if q is not p:
                    d2l.assign(p, q)

    return portable
