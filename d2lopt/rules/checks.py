"""What a harness is given, checked before it runs: hyperparameters and states.

Each check ends in one sentence that names what is wrong, because the frameworks' own
errors come from deep inside.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..errors import InputError, unknown
from .forms import as_rule, is_named
from .hyperparams import check_ranges
from .rule import LearnersRule

if TYPE_CHECKING:
    from ..backend.contract import Backend

# ------------------------------------------------------------------- hyperparameters


def check(
    rule: Any,
    hyperparams: Any,
    scheduled: Collection[str] | None = None,
    *,
    partly: bool = False,
    unread: bool = True,
) -> None:
    """Raise an InputError that names the hyperparameter that is wrong, and its range.

    A rule of `optimizers.py` and a chain say what they read, and what of it is missing
    is named; ε may be left out where the rule has one of its own. What a learner's
    function reads, nobody knows: of its hyperparameters, the ranges are checked.

    Args:
        rule: whatever `as_rule` takes.
        hyperparams: a dict of numbers and schedules.
        scheduled: the names of those that are schedules, whose values are checked when
            they come; if not given, of those that are functions.
        partly: what is missing may be given later.
        unread: a chain may be given hyperparameters that none of its pieces reads, so
            that one dict does for several chains. No rule of `optimizers.py` may.
    """
    if not isinstance(hyperparams, Mapping):
        raise InputError(f"hyperparams must be a dict; got {hyperparams!r}.")
    rule = as_rule(rule)
    needed, in_table = rule.hyperparams, is_named(rule)
    title = getattr(rule.step, "__name__", "the chain")
    closed = in_table or not (unread or isinstance(rule.step, LearnersRule))
    if scheduled is None:
        scheduled = [name for name, value in hyperparams.items() if callable(value)]
    for name, value in hyperparams.items():
        if name in scheduled:
            continue
        if closed and name not in needed:
            raise unknown(f"hyperparameter of {title}", name, needed)
        check_ranges({name: value})
    optional = ["eps"] if in_table else []
    missing = [n for n in needed if n not in [*hyperparams, *optional]]
    if missing and not partly:
        raise InputError(
            f"{title} needs {', '.join(missing)}; got {dict(hyperparams)!r}."
        )


# ------------------------------------------------------------------------------ states


def start_states(d2l: Backend, rule: Any, states: Any, params: list[Any]) -> Any:
    """The states to run with: those given, or those that a function or rule makes.

    `states` may be a function of the parameters. Where it is None, a rule that says how
    its states start makes its own. Raises an InputError for states that cannot be its
    own.
    """
    step, init_states, _ = as_rule(rule)
    start = None if isinstance(step, LearnersRule) else init_states(d2l, params)
    if callable(states):
        states = states(params)
    elif states is None:
        states = start
    check_states(d2l, states, params, start)
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
        variables = leaves(entry)
        if pattern is not None and len(variables) != len(leaves(pattern[i])):
            raise InputError(
                f"states[{i}] has {len(variables)} variables; the rule keeps "
                f"{len(leaves(pattern[i]))} for a parameter."
            )
        wanted = [[shapes[i], ()] if len(states) == len(params) else [*shapes, ()]]
        if pattern is not None:
            wanted = [[tuple(leaf.shape)] for leaf in leaves(pattern[i])]
        for k, x in enumerate(variables):
            _check_state(d2l, x, f"states[{i}]", wanted[k if pattern else 0])
            if pattern is not None:
                _check_dtype(d2l, x, params[i], f"states[{i}]")


def _check_state(
    d2l: Backend, x: Any, name: str, wanted: Sequence[tuple[int, ...]]
) -> None:
    """One variable of the states: its shape, and whether it can change."""
    shape = getattr(x, "shape", None)
    if shape is None:  # a number that the learner's rule keeps in its own way
        if len(wanted) == 1:
            raise InputError(f"{name} is {x!r}: make it a d2l.variable(…).")
        return
    if tuple(shape) not in wanted:
        expected = " or ".join(str(s) for s in wanted if s or len(wanted) == 1)
        raise InputError(
            f"{name} has shape {tuple(shape)}; its parameter has shape {expected}."
        )
    try:
        d2l.assign(x, x * 1)
    except (AttributeError, TypeError) as error:
        raise InputError(f"{name} cannot change: make it a d2l.variable(…).") from error


def _check_dtype(d2l: Backend, x: Any, param: Any, name: str) -> None:
    """Whether the state has its parameter's dtype: not all frameworks mix them."""
    if x.dtype == param.dtype:
        return
    dtype, wanted = d2l.numpy(x).dtype, d2l.numpy(param).dtype
    if dtype != wanted:
        raise InputError(
            f"{name} is {dtype} and its parameter {wanted}: make the state with "
            f"dtype={str(wanted)!r}."
        )


@contextmanager
def only_variables_change(
    states: Any, hyperparams: Mapping[str, Any]
) -> Iterator[None]:
    """Refuse a rule that changes a number of its own in the block.

    A count that a rule keeps in `hyperparams`, or as a plain number in `states`, stays
    at its first value where the rule is recorded for a program, or where a framework's
    optimizer hands it the numbers anew at each step.
    """
    numbers, kept = dict(hyperparams), list(map(id, _leaves_of(states)))
    yield
    # Another name for a number that is there is no count. (Python has only one 1.)
    known = {id(x) for x in numbers.values() if not isinstance(x, int)}
    changed = [
        name
        for name, x in hyperparams.items()
        if x is not numbers.get(name) and (name in numbers or id(x) not in known)
    ]
    names = [f"hyperparams[{name!r}]" for name in changed]
    if kept != list(map(id, _leaves_of(states))):
        names.append("a number in states")
    if names:
        raise InputError(
            f"the rule changes {names[0]}, which would be forgotten here: keep it in a "
            "d2l.variable among the states."
        )


def refusing_to_count(run: Callable[..., None]) -> Callable[..., None]:
    """The step (params, grads, states, hyperparams), under `only_variables_change`."""

    def step(params: Any, grads: Any, states: Any, hyperparams: Any) -> None:
        with only_variables_change(states, hyperparams):
            run(params, grads, states, hyperparams)

    return step


def _leaves_of(entry: Any) -> Iterator[Any]:
    """What nested lists, tuples and dicts hold."""
    if isinstance(entry, list | tuple | dict):
        for inner in entry.values() if isinstance(entry, dict) else entry:
            yield from _leaves_of(inner)
    else:
        yield entry


def leaves(entry: Any) -> list[Any]:
    """The variables in nested lists and tuples."""
    if isinstance(entry, list | tuple):
        return [leaf for inner in entry for leaf in leaves(inner)]
    return [entry]
