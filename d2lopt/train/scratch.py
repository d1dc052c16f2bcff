"""The harnesses: descend in two dimensions, from scratch, or with a built-in optimizer.

Both airfoil harnesses minimise ½·MSE of the linear model from the same start over the
same minibatches, and look at the loss on all data every 20 steps. What then differs
between two runs is the optimizer. No framework is named here.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, Literal

import numpy as np

from ..backend.contract import Backend, State, Step, Tensor
from ..errors import InputError
from ..rules.forms import (
    check_hyperparams,
    is_elementwise,
    is_library_rule,
    portable_form,
    started,
)
from ..rules.pieces import Chain
from .batches import unwrapped
from .descend import Curve, Progress, descend
from .problem import LinearLoss, pose

Compile = bool | Literal["auto"] | None  # see `train_ch11`

# -------------------------------------------------------------------- in two dimensions


# ------------------------------------------------------------------------- from scratch


@lru_cache(maxsize=64)
def _scratch_interval(
    d2l: Backend,
    trainer_fn: Callable[..., Any],
    compile: bool | None,
    scheduled: tuple[str, ...],
) -> tuple[Step, Callable[..., Tensor]]:
    """(interval, loss_of) of a rule: the same functions each time, so that a framework
    which compiles them can do so once. A batch ends with the `scheduled` values."""
    if isinstance(trainer_fn, Chain):
        trainer_fn = partial(trainer_fn, d2l)
    rule = portable_form(d2l, trainer_fn)
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
        d2l.fold(step, run, chunk, compile=compile)
        return loss_of(run, *full)

    return interval, loss_of


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
    bias: float = 0.0,
) -> Curve:
    """Train the linear model with a rule; return the curve, print and draw nothing.

    `states` may be a function that makes them from the parameters, and `bias` is where
    b starts. The other arguments are those of `train_ch11`.
    """
    check_hyperparams(trainer_fn, hyperparams)
    if compile not in ("auto", None, True, False):
        raise InputError(f"compile must be 'auto', True or False; got {compile!r}.")
    if isinstance(compile, int):
        compile = bool(compile)
    if compile is None and not is_library_rule(trainer_fn):
        compile = False
    asked = None if compile == "auto" else compile
    problem = pose(d2l, unwrapped(data_iter), feature_dim, num_epochs, seed)
    schedules = {name: v for name, v in hyperparams.items() if callable(v)}
    problem.follow(schedules)
    scheduled = tuple(schedules)
    interval, loss_of = _scratch_interval(d2l, trainer_fn, asked, scheduled)
    w, b = problem.start
    problem.start = start = w, b + bias
    packed = compile is not False and states is None and is_elementwise(trainer_fn)
    if packed:
        problem.pack()
    params = [d2l.variable(d2l.tensor(value, problem.dtype)) for value in problem.start]
    states = started(d2l, trainer_fn, states, params)
    fixed = {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in hyperparams.items()
        if name not in schedules
    }
    run = (params, states, fixed)
    curve = Curve(num_epochs, problem.num_steps)
    try:
        descend(d2l, interval, run, loss_of, problem, curve, asked, progress)
    except KeyError as error:
        if not error.args or error.args[0] in hyperparams:
            raise
        raise InputError(
            f"the rule asks for hyperparams[{error.args[0]!r}]; hyperparams has "
            f"{', '.join(map(repr, hyperparams)) or 'nothing'}."
        ) from error
    except InputError:
        raise
    except Exception as error:
        if asked is False or is_library_rule(trainer_fn):
            raise
        raise InputError(
            f"the rule fails under compile={compile!r} ({_first_line(error)}): leave "
            "`compile` out, and it takes single steps, with its own tracebacks."
        ) from error
    curve.params = [d2l.numpy(p) for p in params]
    if packed:
        (p,) = curve.params
        curve.params = [p[:-1], p[-1]]
    if not curve.diverged and all(
        (p == s.astype(p.dtype)).all() for p, s in zip(curve.params, start, strict=True)
    ):
        warnings.warn(
            "the rule changed no parameter: change them in place, with d2l.assign.",
            stacklevel=2,
        )
    return curve


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


# --------------------------------------------------------------- the built-in optimizer


# ---------------------------------------------------------------- what they give back
