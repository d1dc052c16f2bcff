"""The harnesses of the book: they train, print the book's line and draw the curve.

Both airfoil harnesses minimise ½·MSE of the linear model from the same start over the
same minibatches, and look at the loss on all data every 20 steps. What then differs
between two runs is the optimizer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..backend.arrays import number
from ..backend.contract import Backend
from ..train.batches import unwrapped
from ..train.concise import built_in
from ..train.descend import Curve
from ..train.scratch import Compile, from_scratch
from .plot import studio


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
            its own start; a function is called with the parameters. (With None, w and
            b are one parameter for a rule that acts on each element by itself: the same
            numbers but for rounding, in half the operations.)
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
            rule of yours, so that its prints and breakpoints work. A compiled rule of
            yours has what it reads from outside as it was before the first step: a
            global that changes between two runs counts in the second, but what changes
            within an array does not.

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
    loss_curves({"": curve}, note=getattr(unwrapped(data_iter), "note", None))
    return Trained(curve.times, curve.losses)


FEW = 40  # points on a loss curve


def loss_curves(curves: Mapping[str, Curve], note: str | None = None) -> None:
    """Draw the loss over the epochs of each curve, under its label; `note` below."""
    axes = studio.axes()
    for label, curve in curves.items():
        # Few points are marked: a straight line between them was not measured.
        mark = "o" if len(curve.losses) <= FEW else None
        axes.plot(curve.epochs, curve.losses, marker=mark, markersize=3, label=label)
    axes.set(xlabel="epoch", ylabel="loss (½·MSE)")
    axes.grid(alpha=0.4)
    if any(curves):
        axes.legend()
    if note:
        axes.set_title(note, fontsize="x-small")
