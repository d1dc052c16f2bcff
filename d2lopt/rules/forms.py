"""What a harness is given, checked before it runs: rules, states, hyperparameters.

Each check ends in one sentence that names what is wrong, because the frameworks' own
errors come from deep inside.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..backend.contract import Backend
from ..errors import InputError
from .hyperparams import check_known, check_missing, check_ranges
from .optimizers import RULES
from .rule import Rule, Yours, zeros_for_each

if TYPE_CHECKING:
    from ..backend.contract import Backend

POSITIONAL = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
)


def is_book_form(trainer_fn: Callable[..., Any]) -> bool:
    """Whether a rule takes (params, states, hyperparams), not the portable four.

    Raises an InputError if it can take neither.
    """
    if not callable(trainer_fn):
        raise InputError(f"the rule must be a function or a chain; got {trainer_fn!r}.")
    signature = inspect.signature(trainer_fn)
    places = [p for p in signature.parameters.values() if p.kind in POSITIONAL]
    needed = sum(p.default is p.empty for p in places)
    any_number = any(p.kind is p.VAR_POSITIONAL for p in signature.parameters.values())
    if needed == 4 or (needed < 4 and (len(places) == 4 or any_number)):
        return False
    if needed == 3 or (needed < 3 and len(places) == 3):
        return True
    name = getattr(trainer_fn, "__name__", "the rule")
    raise InputError(
        f"{name}{signature} takes {needed} arguments; a rule takes "
        "(params, grads, states, hyperparams), or (params, states, hyperparams) and "
        "reads p.grad."
    )


def portable_form(d2l: Backend, trainer_fn: Callable[..., Any]) -> Callable[..., Any]:
    """`trainer_fn` as (params, grads, states, hyperparams), whichever form it has.

    The book's form (params, states, hyperparams) reads each gradient from `p.grad`.
    """
    if not is_book_form(trainer_fn):
        return trainer_fn

    def rule(params: Any, grads: Any, states: Any, hyperparams: Any) -> None:
        held = [d2l.hold_grad(p, g) for p, g in zip(params, grads, strict=True)]
        new = trainer_fn(held, states, hyperparams)
        # In one tab of the book, rules return the parameters, new ones or the same.
        if isinstance(new, list | tuple) and len(new) == len(held):
            for p, q in zip(params, new, strict=True):
                if q is not p:
                    d2l.assign(p, q)

    return rule


def is_library_rule(trainer_fn: Any) -> bool:
    """Whether the rule is one of this library's, which are written to be compiled."""
    return not isinstance(as_rule(trainer_fn).step, Yours)


def is_elementwise(trainer_fn: Any) -> bool:
    """Whether the rule acts on each element by itself, as all of `rules.py` do.

    A chain of pieces need not: it may clip by a norm.
    """
    return as_rule(trainer_fn) in RULES.values()


def check_hyperparams(trainer_fn: Any, hyperparams: Any) -> None:
    """Raise an InputError for a hyperparameter that is no number in its range.

    For a rule of this library, a name that is missing is an error too, and for those
    of `rules.py` one that is unknown. What a rule of yours reads is its own business.
    """
    if not isinstance(hyperparams, Mapping):
        raise InputError(f"hyperparams must be a dict; got {hyperparams!r}.")
    numbers = {name: v for name, v in hyperparams.items() if not callable(v)}
    rule = as_rule(trainer_fn)
    if not isinstance(rule.step, Yours):
        title = getattr(rule.step, "__name__", "the chain")
        if rule in RULES.values():
            check_known(title, rule, numbers)
        check_missing(title, rule, hyperparams)
    check_ranges(numbers)


def started(d2l: Backend, trainer_fn: Any, states: Any, params: list[Any]) -> Any:
    """The states to run with: those given, or those that a function or rule makes.

    `states` may be a function of the parameters. A rule of this library makes its own
    where `states` is None. Raises an InputError for states that cannot be its own.
    """
    rule = as_rule(trainer_fn)
    ours = not isinstance(rule.step, Yours)
    if callable(states):
        states = states(params)
    elif states is None and ours:
        states = rule.init_states(d2l, params)
    check_states(d2l, states, params, rule.init_states(d2l, params) if ours else None)
    return states


def check_states(
    d2l: Backend, states: Any, params: list[Any], pattern: Any = None
) -> None:
    """Raise an InputError if states are not as `pattern`, or cannot be anyone's.

    Without a pattern, each state must have its parameter's shape, or shape ().
    """
    if states is None or (pattern is not None and not leaves(pattern)):
        return
    if not isinstance(states, list | tuple):
        raise InputError(
            f"states must be a tuple or list; got {type(states).__name__}."
        )
    if pattern is not None and len(states) != len(params):
        raise InputError(
            f"there are {len(states)} states for {len(params)} parameters: give one, a "
            "variable or a tuple of them, for each."
        )
    shapes = [tuple(p.shape) for p in params]
    for i, entry in enumerate(states):
        own = leaves(entry)
        if pattern is not None and len(own) != len(leaves(pattern[i])):
            raise InputError(
                f"states[{i}] has {len(own)} variables; the rule keeps "
                f"{len(leaves(pattern[i]))} for a parameter."
            )
        wanted = [[shapes[i], ()] if len(states) == len(params) else [*shapes, ()]]
        if pattern is not None:
            wanted = [[tuple(leaf.shape)] for leaf in leaves(pattern[i])]
        for k, leaf in enumerate(own):
            _check_state(d2l, leaf, f"states[{i}]", wanted[k if pattern else 0])
            if pattern is not None:
                _check_dtype(d2l, leaf, params[i], f"states[{i}]")


def _check_state(
    d2l: Backend, leaf: Any, name: str, wanted: Sequence[tuple[int, ...]]
) -> None:
    """One variable of the states: its shape, and whether it can change."""
    shape = getattr(leaf, "shape", None)
    if shape is None:  # a number that the learner's rule keeps in its own way
        if len(wanted) == 1:
            raise InputError(f"{name} is {leaf!r}: make it a d2l.variable(…).")
        return
    if tuple(shape) not in wanted:
        expected = " or ".join(str(s) for s in wanted if s or len(wanted) == 1)
        raise InputError(
            f"{name} has shape {tuple(shape)}; its parameter has shape {expected}."
        )
    try:
        d2l.assign(leaf, leaf * 1)
    except (AttributeError, TypeError) as error:
        raise InputError(f"{name} cannot change: make it a d2l.variable(…).") from error


def _check_dtype(d2l: Backend, leaf: Any, param: Any, name: str) -> None:
    """Whether the state has its parameter's dtype: not all frameworks mix them."""
    found, wanted = d2l.numpy(leaf).dtype, d2l.numpy(param).dtype
    if found != wanted:
        raise InputError(
            f"{name} is {found} and its parameter {wanted}: make the state with "
            f"dtype={str(wanted)!r}."
        )


def leaves(entry: Any) -> list[Any]:
    """The variables in nested lists and tuples."""
    if isinstance(entry, list | tuple):
        return [leaf for inner in entry for leaf in leaves(inner)]
    return [entry]


def as_rule(rule: Any, init_states: Callable[..., Any] | None = None) -> Rule:
    """What is needed to start `rule`, in whichever way it is given.

    A rule of this library (`rules.rmsprop`, or `d2l.rmsprop`), a `pieces.Chain`, a
    `Rule`, or a function of your own in the portable form (params, grads, states,
    hyperparams): its states come from `init_states(d2l, params)`, or are one zero
    tensor for each parameter.
    """
    if isinstance(rule, Rule):
        return rule
    of_chain = getattr(rule, "rule", None)
    if isinstance(of_chain, Rule):
        return of_chain
    step = inspect.unwrap(getattr(rule, "__func__", getattr(rule, "func", rule)))
    for known in RULES.values():
        if known.step is step:
            return known
    return Rule(Yours(rule), init_states or zeros_for_each, {})
