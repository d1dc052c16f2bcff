"""Built in: the framework's own linear layer, trained by the framework's own optimizer.

The start, the minibatches and the loss are those of `from_scratch`. A layer whose loop
a framework has compiled is kept and set back to the start of the next run with the same
optimizer, so that the loop is compiled only once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
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

    The arguments are those of `train_concise_ch11`, `feature_dim` and `progress` those
    of `from_scratch`. Raises an InputError for hyperparameters that the optimizer does
    not take.
    """
    problem = pose(d2l, unwrapped(data_iter), feature_dim, num_epochs, seed)
    w, b = (d2l.variable(d2l.tensor(value, problem.dtype)) for value in problem.start)
    try:
        layer = _new_layer(d2l, trainer_fn, hyperparams, w, b)
    except (TypeError, ValueError) as error:
        name = getattr(trainer_fn, "__name__", trainer_fn)
        given = ", ".join(f"{key}={value!r}" for key, value in hyperparams.items())
        does = f"does not take {given}" if given else "cannot be made"
        raise InputError(f"{name} {does}: {error}") from error
    if _may_serve_again(d2l, trainer_fn, hyperparams, layer):
        layer = _kept(d2l, trainer_fn, hyperparams, layer)
    net, run, interval, loss_of = layer
    curve = descend(d2l, problem, interval, loss_of, run, None, progress)
    curve.params = [d2l.numpy(p) for p in d2l.weights(net)]
    return curve


class _Layer(NamedTuple):
    """The framework's linear layer with its own optimizer, ready for a run."""

    net: Any
    run: State  # what a step changes, where the framework keeps it in variables
    interval: Step
    loss_of: Callable[..., Tensor]


def _new_layer(
    d2l: Backend, trainer_fn: Any, hyperparams: Mapping[str, Any], w: Any, b: Any
) -> _Layer:
    """A layer that starts at w and b, with the functions that `descend` is given."""
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


# --------------------------------------------------------- layers compiled already


def _may_serve_again(
    d2l: Backend, trainer_fn: Any, hyperparams: Mapping[str, Any], layer: _Layer
) -> bool:
    """Whether the same arguments would make the same layer, and it can be set back.

    They would for an optimizer that is made already, and for one of the framework's own
    with numbers as settings; a learner's function may make another the next time. It
    can be set back where its state is nothing but variables.
    """
    if callable(trainer_fn) and not _is_the_frameworks(d2l, trainer_fn):
        return False
    if not all(isinstance(value, int | float) for value in hyperparams.values()):
        return False
    in_variables = isinstance(layer.run, list | tuple)
    return in_variables and all(hasattr(x, "shape") for x in leaves(layer.run))


def _is_the_frameworks(d2l: Backend, trainer_fn: Any) -> bool:
    """Whether the optimizer, a class or a function, is of the framework's own code.

    Its module tells: some frameworks offer functions, whose type tells nothing.
    """
    framework = FRAMEWORKS[d2l.name]
    home = str(getattr(trainer_fn, "__module__", "")).partition(".")[0]
    return home in (framework.module, framework.optimizers)


_LAYERS: dict[Hashable, _Layer] = {}
MOST = 32  # layers that are kept, as each holds a compiled loop


def _kept(
    d2l: Backend, trainer_fn: Any, hyperparams: Mapping[str, Any], layer: _Layer
) -> _Layer:
    """The layer of an earlier run, set to where `layer` starts; the first, `layer`."""
    settings = tuple(sorted(hyperparams.items()))
    shapes = tuple((tuple(x.shape), str(x.dtype)) for x in leaves(layer.run))
    key = (d2l.name, trainer_fn, settings, shapes)
    if key not in _LAYERS:
        if len(_LAYERS) == MOST:
            del _LAYERS[next(iter(_LAYERS))]  # the oldest
        _LAYERS[key] = layer
        return layer
    for x, start in zip(leaves(_LAYERS[key].run), leaves(layer.run), strict=True):
        d2l.assign(x, start * 1)
    return _LAYERS[key]
