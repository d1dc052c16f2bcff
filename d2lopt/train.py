"""The harnesses: descend in two dimensions, from scratch, or with a built-in optimizer.

Both airfoil harnesses minimise ½·MSE of the linear model from the same start over the
same minibatches, and look at the loss on all data every 20 steps. What then differs
between two runs is the optimizer. No framework is named here.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, Literal, NamedTuple

import numpy as np

from . import plot
from .arrays import number
from .backend import Backend, State, Step, Tensor
from .batches import unwrapped
from .concise import built_in
from .descend import Curve, Progress, descend
from .errors import InputError
from .forms import (
    check_hyperparams,
    is_elementwise,
    is_library_rule,
    portable_form,
    started,
)
from .pieces import Chain
from .problem import LinearLoss, pose

Compile = bool | Literal["auto"] | None  # see `train_ch11`

# -------------------------------------------------------------------- in two dimensions


def train_2d(
    trainer: Callable[..., tuple[float, ...]],
    steps: int = 20,
    f_grad: Callable[[float, float], tuple[float, float]] | None = None,
) -> list[tuple[float, float]]:
    """Follow `trainer` from (−5, −2); print where it ends and return every point.

    `trainer(x1, x2, s1, s2)`, or `trainer(x1, x2, s1, s2, f_grad)` if `f_grad` is
    given, returns the next four; s1 and s2 start at 0 and are the trainer's own.
    """
    x1, x2, s1, s2 = -5.0, -2.0, 0.0, 0.0
    results = [(x1, x2)]
    more = () if f_grad is None else (f_grad,)
    for _ in range(steps):
        x1, x2, s1, s2 = trainer(x1, x2, s1, s2, *more)
        results.append((number(x1), number(x2)))
    print(f"epoch {steps}, x1: {number(x1):f}, x2: {number(x2):f}")
    return results


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


def train_ch11(
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
) -> Trained:
    """Train the linear model from scratch, print the book's line, draw the curve.

    Args:
        trainer_fn: a rule, `(params, grads, states, hyperparams)`, a `pieces.Chain`,
            or a rule in the book's form `(params, states, hyperparams)`, which reads
            `p.grad`. It changes params and states in place.
        states: one entry for each of the parameters w (d, 1) and b (1,): a
            `d2l.variable`, or a tuple of them. None, for a rule of this library, is
            its own start; a function is called with the parameters. (Left out, w and
            b are one parameter for a rule of `rules.py`, which acts on each element by
            itself: the same numbers but for rounding, in half the operations.)
        hyperparams: what the rule reads, by name: numbers, or schedules. A schedule
            is a function of the number of steps done, 0 at the first.
        data_iter: from `get_data_ch11`, or any iterable of pairs X (n, d), y (n,) or
            (n, 1) that can be iterated once an epoch.
        feature_dim: d.
        num_epochs: passes over the data, from 1 up.
        seed: of the initial weights, where `data_iter` has no seed of its own.
        compile: "auto" compiles the loop where that makes the whole wait shorter, True
            compiles the fastest loop, which may take seconds, and False takes single
            steps. Left out, it is "auto" for a rule of this library, and False for a
            rule of yours, so that its prints and breakpoints work.

    Returns:
        (times, losses): the seconds since the first look at the loss, and the ½·MSE
        over all data, before the first step, every 20 steps, and after the last.

    Raises:
        InputError (a ValueError): an argument that cannot be used, in one sentence.
    """
    curve = from_scratch(
        d2l, trainer_fn, states, hyperparams, data_iter, feature_dim, num_epochs,
        seed=seed, compile=compile,
    )  # fmt: skip
    return _shown(curve, data_iter)


# --------------------------------------------------------------- the built-in optimizer


def train_concise_ch11(
    d2l: Backend,
    trainer_fn: Any,
    hyperparams: Mapping[str, Any],
    data_iter: Any,
    num_epochs: int = 2,
    *,
    seed: int = 0,
) -> Trained:
    """`train_ch11` with the framework's own layer and optimizer, from the same start.

    `trainer_fn` is what the framework calls an optimizer (a class, or a name), and
    `hyperparams` are its keyword arguments, in the framework's words; or it is what
    `d2l.optimizer` gives, and they are {}. The rest, and what is returned, is as for
    `train_ch11`. Here that is 2 epochs in every tab; where a tab of the book has 4,
    `num_epochs=4` gives its numbers.
    """
    feature_dim = next(iter(unwrapped(data_iter)))[0].shape[1]
    curve = built_in(
        d2l, trainer_fn, hyperparams, data_iter, feature_dim, num_epochs, seed=seed
    )
    return _shown(curve, data_iter)


# ---------------------------------------------------------------- what they give back


class Trained(NamedTuple):
    """(times, losses) of a run, which unpack and compare as a tuple of two lists.

    The last line of a cell may be a call of a harness, which has printed and drawn what
    there is to see: a notebook shows nothing of it, and a console one line.
    """

    times: list[float]
    losses: list[float]

    def _ipython_display_(self) -> None:
        """Show nothing, where IPython would print two long lists."""

    def __repr__(self) -> str:
        n, seconds = len(self.losses), self.times[-1]
        ends = " to ".join(f"{loss:.3f}" for loss in self.losses[:: max(1, n - 1)])
        return f"<{n} losses in {seconds:.3f} s: {ends or 'none'}>"


def _shown(curve: Curve, data_iter: Any) -> Trained:
    """Print and draw what a harness of the book prints and draws."""
    print(curve.summary())
    if curve.diverged:
        print(f"stopped: {curve.diverged}")
    plot.loss_curves({"": curve}, note=getattr(unwrapped(data_iter), "note", None))
    return Trained(curve.times, curve.losses)
