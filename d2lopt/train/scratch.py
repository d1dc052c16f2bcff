"""From scratch: the linear model, trained with a rule.

It minimises ½·MSE over minibatches, from the start and in the order that `built_in` has
too, and looks at the loss on all data every 20 steps. What then differs between two
runs is the optimizer.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from ..backend.contract import Backend, State, Step, Tensor
from ..backend.tools import recording
from ..errors import InputError
from ..rules.checks import check, only_variables_change, start_states
from ..rules.forms import is_elementwise, is_library_rule, portable_form
from .batches import unwrapped
from .descend import Curve, Progress, descend
from .problem import LinearLoss, Problem, pose
from .snapshot import Snapshot

Compile = bool | Literal["auto"] | None  # see `book.training.train_ch11`


def from_scratch(
    d2l: Backend,
    trainer_fn: Callable[..., Any],
    states: Any,
    hyperparams: Mapping[str, Any],
    data_iter: Any,
    feature_dim: int,
    num_epochs: int = 2,
    *,
    seed: int = 0,
    compile: Compile = None,
    progress: Progress | None = None,
) -> Curve:
    """Train the linear model with a rule; return the curve, print and draw nothing.

    `states` may be a function that makes them from the parameters; `progress` is told
    (steps done, steps in all) at each look at the loss. The other arguments are those
    of `train_ch11`.
    """
    problem = pose(d2l, unwrapped(data_iter), feature_dim, num_epochs, seed)
    return fit(d2l, trainer_fn, states, hyperparams, problem, compile, progress)


def fit(
    d2l: Backend,
    trainer_fn: Callable[..., Any],
    states: Any,
    hyperparams: Mapping[str, Any],
    problem: Problem,
    compile: Compile = None,
    progress: Progress | None = None,
) -> Curve:
    """`from_scratch` on a problem that is posed already, and so used up.

    Its start may be another than the one that `pose` has drawn.
    """
    check(trainer_fn, hyperparams)
    compiled = _compiled(compile, trainer_fn)
    schedules = {name: v for name, v in hyperparams.items() if callable(v)}
    problem.follow(schedules)
    interval, loss_of = _functions(d2l, trainer_fn, compiled, tuple(schedules))
    start = problem.start  # w, b
    packed = compiled is not False and states is None and is_elementwise(trainer_fn)
    if packed:
        problem.pack()
    params = [d2l.variable(d2l.tensor(value, problem.dtype)) for value in problem.start]
    states = start_states(d2l, trainer_fn, states, params)
    numbers = {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in hyperparams.items()
        if name not in schedules
    }
    run = (params, states, numbers)
    with _explained(trainer_fn, hyperparams, compile):
        curve = descend(d2l, problem, interval, loss_of, run, compiled, progress)
    curve.params = [d2l.numpy(p) for p in params]
    if packed:
        (p,) = curve.params
        curve.params = [p[:-1], p[-1]]
    if not curve.diverged and all(
        (p == s.astype(p.dtype)).all() for p, s in zip(curve.params, start, strict=True)
    ):
        warnings.warn(
            "the rule changed no parameter: change them in place, with d2l.assign.",
            stacklevel=3,
        )
    return curve


def _compiled(compile: Compile, trainer_fn: Any) -> bool | None:
    """`compile` as `Backend.fold` has it: None leaves it to the framework."""
    if compile not in ("auto", None, True, False):
        raise InputError(f"compile must be 'auto', True or False; got {compile!r}.")
    if compile is None and not is_library_rule(trainer_fn):
        return False
    return None if compile in ("auto", None) else bool(compile)


# ------------------------------------------------------------- what `descend` is given


def _functions(
    d2l: Backend, trainer_fn: Any, compiled: bool | None, scheduled: tuple[str, ...]
) -> tuple[Step, Callable[..., Tensor]]:
    """(interval, loss_of): some steps of a rule and the loss behind them; the loss.

    A batch ends with the values of the hyperparameters that are `scheduled`.
    """
    if compiled is False:
        return _new_functions(d2l, trainer_fn, compiled, scheduled)
    return _same_functions(d2l, Snapshot(trainer_fn), compiled, scheduled)


@lru_cache(maxsize=64)
def _same_functions(
    d2l: Backend, snapshot: Snapshot, compiled: bool | None, scheduled: tuple[str, ...]
) -> tuple[Step, Callable[..., Tensor]]:
    """The same functions each time: a framework compiles a function once."""
    return _new_functions(d2l, snapshot.rule, compiled, scheduled)


def _new_functions(
    d2l: Backend, trainer_fn: Any, compiled: bool | None, scheduled: tuple[str, ...]
) -> tuple[Step, Callable[..., Tensor]]:
    rule = portable_form(d2l, trainer_fn)
    if not is_library_rule(trainer_fn):
        rule = _asking(rule)
    loss = LinearLoss(d2l)
    loss_and_grads = d2l.value_and_grad(loss)

    def step(run: State, batch: tuple[Tensor, ...]) -> None:
        params, states, hyperparams = run
        X, y, weight, *values = batch
        _, grads = loss_and_grads(params, X, y, weight)
        hyperparams.update(zip(scheduled, values, strict=True))
        rule(params, grads, states, hyperparams)

    def loss_of(run: State, *full: Tensor) -> Tensor:
        return loss(run[0], *full)

    def interval(state: State, chunk: tuple[Tensor, ...]) -> Tensor:
        run, full = state
        d2l.fold(step, run, chunk, compile=compiled)
        return loss_of(run, *full)

    return interval, loss_of


# ------------------------------------------------------------- what a rule's errors say


class NotGiven(KeyError):
    """A rule has asked for a hyperparameter that it was not given."""


class Given(dict[str, Any]):
    """The hyperparameters, which tell what they lack from what another dict lacks."""

    def __missing__(self, name: str) -> Any:
        raise NotGiven(name)


def _asking(rule: Callable[..., None]) -> Callable[..., None]:
    """A learner's rule, whose hyperparameters are `Given`.

    The dict that the loop carries cannot be: a framework that compiles the loop knows
    plain dicts only.
    """

    def asking(params: Any, grads: Any, states: Any, hyperparams: Any) -> None:
        given = Given(hyperparams)
        if recording.depth:
            with only_variables_change(states, given):
                rule(params, grads, states, given)
        else:
            rule(params, grads, states, given)
        hyperparams.clear()  # a rule may keep a count in them
        hyperparams.update(given)

    return asking


@contextmanager
def _explained(
    trainer_fn: Any, hyperparams: Mapping[str, Any], compile: Compile
) -> Iterator[None]:
    """Say in a sentence what a caller can mend; let any other error through."""
    try:
        yield
    except NotGiven as error:
        raise InputError(
            f"the rule asks for hyperparams[{error.args[0]!r}]; hyperparams has "
            f"{', '.join(map(repr, hyperparams)) or 'nothing'}."
        ) from error
    except (InputError, KeyError):
        raise
    except Exception as error:
        if compile in (None, False) or is_library_rule(trainer_fn):
            raise
        raise InputError(
            f"the rule fails under compile={compile!r} ({_first_line(error)}): leave "
            "`compile` out, and it takes single steps, with its own tracebacks."
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
