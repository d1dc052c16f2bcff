"""The framework's own linear layer, trained by the framework's own optimizer.

The start, the minibatches and the loss are those of the harness from scratch. A layer
that a framework has compiled is kept, so that the same call compiles it only once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from ..backend.contract import Backend, State, Step, Tensor
from ..backend.frameworks import FRAMEWORKS
from ..errors import InputError
from ..rules.checks import leaves
from .batches import unwrapped
from .descend import Curve, Progress, descend
from .problem import half_mse, pose


def built_in(
    d2l: Backend,
    trainer_fn: Any,
    hyperparams: Mapping[str, Any],
    data_iter: Any,
    feature_dim: int,
    num_epochs: int = 2,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Curve:
    """Train the framework's linear layer with its own optimizer; return the curve.

    The start, the minibatches and the loss are those of `from_scratch`.
    """
    problem = pose(d2l, unwrapped(data_iter), feature_dim, num_epochs, seed)
    w, b = (d2l.variable(d2l.tensor(value, problem.dtype)) for value in problem.start)
    try:
        layer = _layer(d2l, trainer_fn, hyperparams, w, b)
    except (TypeError, ValueError) as error:
        name = getattr(trainer_fn, "__name__", trainer_fn)
        given = ", ".join(f"{key}={value!r}" for key, value in hyperparams.items())
        does = f"does not take {given}" if given else "cannot be made"
        raise InputError(f"{name} {does}: {error}") from error
    net, run, interval, loss_of = _known(d2l, trainer_fn, hyperparams, layer)
    curve = descend(d2l, problem, interval, loss_of, run, None, progress)
    curve.params = [d2l.numpy(p) for p in d2l.weights(net)]
    return curve


class _Layer(NamedTuple):
    """The framework's linear layer with its own optimizer, ready for a run."""

    net: Any
    run: State  # what a step changes, where the framework keeps it in variables
    interval: Step
    loss_of: Callable[..., Tensor]


def _layer(
    d2l: Backend, trainer_fn: Any, hyperparams: Mapping[str, Any], w: Any, b: Any
) -> _Layer:
    net = d2l.linear(w, b)

    def loss(y_hat: Tensor, y: Tensor, weight: Tensor) -> Tensor:
        return half_mse(d2l, y_hat, y, weight)

    step, run = d2l.native_step(trainer_fn, dict(hyperparams), net, loss)

    def loss_of(run: State, X: Tensor, y: Tensor, weight: Tensor) -> Tensor:
        return loss(net(X), y, weight)

    def interval(state: State, chunk: tuple[Tensor, ...]) -> Tensor:
        run, full = state
        d2l.fold(step, run, chunk)
        return loss_of(run, *full)

    return _Layer(net, run, interval, loss_of)


def _is_its_own(d2l: Backend, trainer_fn: Any) -> bool:
    """Whether it is one of the framework's own optimizers, as it gives them."""
    framework = FRAMEWORKS[d2l.name]
    home = str(getattr(trainer_fn, "__module__", "")).partition(".")[0]
    return home in (framework.module, framework.optimizers)


@lru_cache(maxsize=32)
def _seen(*key: Any) -> list[_Layer]:
    """Where the layer of an earlier call with the same key is kept."""
    return []


def _known(
    d2l: Backend, trainer_fn: Any, hyperparams: Mapping[str, Any], layer: _Layer
) -> _Layer:
    """`layer`, or one that is compiled already, set to where `layer` starts.

    Only for what is made already, and for an optimizer of the framework itself with
    plain settings: a function of yours may do something else the next time.
    """
    settings = tuple(sorted(hyperparams.items()))
    plain = all(isinstance(value, int | float) for value in hyperparams.values())
    in_variables = isinstance(layer.run, list | tuple)
    same = not callable(trainer_fn) or _is_its_own(d2l, trainer_fn)
    if not (plain and in_variables and same):
        return layer
    if not all(hasattr(x, "shape") for x in leaves(layer.run)):
        return layer  # a state of another kind, which cannot be set
    shapes = [(tuple(x.shape), str(x.dtype)) for x in leaves(layer.run)]
    kept = _seen(d2l.name, trainer_fn, settings, tuple(shapes))
    if not kept:
        kept.append(layer)
    for x, start in zip(leaves(kept[0].run), leaves(layer.run), strict=True):
        d2l.assign(x, start * 1)
    return kept[0]
