"""MXNet: its NumPy interface (`mxnet.np`), Gluon and its Trainer.

The project retired in 2023 and still asks NumPy for the name `numpy.bool`, which
NumPy 1.24 removed; only this module knows, and puts it back before the import.
"""

import copy
import pickle
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as onp

onp.bool = bool  # type: ignore[attr-defined]
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # about NumPy names of its own that are gone
    import mxnet
    from mxnet import autograd, gluon, np, npx

from . import book, native
from .backend import Tensor, loop
from .errors import InputError, unknown
from .rules import Rule

npx.set_np()

name = "mxnet"
version = mxnet.__version__

abs, sign, maximum, minimum = np.abs, np.sign, np.maximum, np.minimum
sqrt, square, exp, log = np.sqrt, np.square, np.exp, np.log
sin, cos, sum, mean = np.sin, np.cos, np.sum, np.mean
matmul, reshape, zeros_like = np.matmul, np.reshape, np.zeros_like

normal, rand, randn = np.random.normal, np.random.rand, np.random.randn


def _as_numpy(x: Tensor, dtype: Any = None) -> onp.ndarray[Any, Any]:
    return onp.asarray(x.asnumpy(), dtype)


# Without it, NumPy (and so matplotlib) finds an array of Python objects in a tensor.
if not hasattr(np.ndarray, "__array__"):
    np.ndarray.__array__ = _as_numpy


def tensor(value: Any, dtype: str = "float32") -> Tensor:
    return np.array(value, dtype=dtype)


def numpy(x: Tensor) -> onp.ndarray[Any, Any]:
    array: onp.ndarray[Any, Any] = x.asnumpy()
    return array


def zeros(shape: Any, dtype: str = "float32") -> Tensor:
    return np.zeros(shape, dtype=dtype)


def ones(shape: Any, dtype: str = "float32") -> Tensor:
    return np.ones(shape, dtype=dtype)


def arange(*span: float, dtype: str = "float32") -> Tensor:
    return np.arange(*span, dtype=dtype)


def variable(value: Tensor) -> Tensor:
    x = value.copy()
    x.attach_grad()
    return x


def assign(x: Tensor, value: Tensor) -> None:
    # copyto costs half of x[:] = value, but would resize x instead of complaining.
    if x.shape != value.shape:
        raise ValueError(f"cannot assign shape {value.shape} to shape {x.shape}")
    value.copyto(x)


def hold_grad(x: Tensor, grad: Tensor) -> Tensor:
    x.grad[:] = grad
    return x


def value_and_grad(
    loss: Callable[..., Tensor],
) -> Callable[..., tuple[Tensor, list[Tensor]]]:
    def both(params: list[Tensor], *batch: Tensor) -> tuple[Tensor, list[Tensor]]:
        with autograd.record():
            value = loss(params, *batch)
        return value, [g.as_np_ndarray() for g in autograd.grad(value, params)]

    return both


def fold(
    step: Any, state: Any, batches: Any, watch: Any = None, compile: bool = False
) -> None:
    loop(step, state, batches, watch)


def linear(w: Tensor, b: Tensor) -> Any:
    net = gluon.nn.Dense(1, in_units=len(w), dtype=w.dtype)
    net.initialize(mxnet.init.Zero())
    net.weight.set_data(w.T)
    net.bias.set_data(b)
    return net


def weights(net: Any) -> list[Tensor]:
    return [net.weight.data().T, net.bias.data()]


def builtin(name: str) -> Any:
    known = mxnet.optimizer.Optimizer.opt_registry
    if name.lower() not in known:
        raise unknown("built-in optimizer", name, known)
    return name


def native_step(
    trainer_fn: Any, hyperparams: dict[str, Any], net: Any, loss: Any
) -> tuple[Any, Any]:
    if isinstance(trainer_fn, Portable):
        trainer_fn = native.made(trainer_fn, hyperparams, Portable).clone()
    trainer = gluon.Trainer(net.collect_params(), trainer_fn, hyperparams)

    def step(state: Any, batch: Any) -> None:
        X, *rest = batch
        with autograd.record():
            value = loss(net(X), *rest)
        value.backward()
        trainer.step(1)  # the loss is a mean already

    return step, trainer


def load_array(data_arrays: Any, batch_size: int, is_train: bool = True) -> Any:
    """A Gluon DataLoader over the rows of the arrays, shuffled if `is_train`."""
    dataset = gluon.data.ArrayDataset(*data_arrays)
    return gluon.data.DataLoader(dataset, batch_size, shuffle=is_train)


def try_gpu(i: int = 0) -> Any:
    """The i-th GPU if there is one, else the CPU."""
    return npx.gpu(i) if npx.num_gpus() > i else npx.cpu()


class Portable(mxnet.optimizer.Optimizer):  # type: ignore[misc]
    """A rule as an optimizer for gluon.Trainer."""

    def __init__(self, rule: Rule, hyperparams: dict[str, Any]) -> None:
        self.given = copy.deepcopy(hyperparams)  # as a schedule keeps count
        rate = hyperparams.get("lr", 1.0)
        schedule = rate if isinstance(rate, _SCHEDULE) else None
        super().__init__(
            learning_rate=None if schedule else rate, lr_scheduler=schedule
        )
        self.rule = rule
        self.aggregate_num = sys.maxsize  # one update for all parameters

    def clone(self) -> "Portable":
        """This one as it was made."""
        return Portable(self.rule, copy.deepcopy(self.given))

    @property
    def rescale_grad(self) -> float:
        return self._rescale

    @rescale_grad.setter
    def rescale_grad(self, value: float) -> None:
        """A step sets it first: the last place where an error is not swallowed."""
        self._rescale = value
        for p in vars(self).get("param_dict", {}).values():
            where = getattr(p._trainer, "_kvstore_params", {})
            if len(p.list_ctx()) > 1 and where.get("update_on_kvstore") is not False:
                raise InputError(
                    "a rule needs all gradients at once: on several devices, give the "
                    "Trainer update_on_kvstore=False."
                )

    def create_state(self, index: int, weight: Any) -> Any:
        here = sys.modules[__name__]
        return native.start(here, self.rule, [weight.as_np_ndarray()])[0]

    def update(self, index: Any, weight: Any, grad: Any, state: Any) -> None:
        self._update_count(index)
        rates = self._get_lrs(index)
        if len(set(rates)) > 1:
            raise InputError("a rule reads one lr for all parameters: use no lr_mult.")
        numbers = {**self.given, "lr": rates[0]} if "lr" in self.given else self.given
        params = [w.as_np_ndarray() for w in weight]
        grads = [g.as_np_ndarray() * self.rescale_grad for g in grad]
        self.rule.step(sys.modules[__name__], params, grads, state, numbers)

    def __getstate__(self) -> Any:
        try:
            pickle.dumps(self.rule)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise InputError(
                "a Trainer saves its optimizer: define your rule and its init_states "
                "at the top of a module, or write it as a pieces.Chain."
            ) from error
        return super().__getstate__()


_SCHEDULE = mxnet.lr_scheduler.LRScheduler


def optimizer(rule: Any, init_states: Any = None, **hyperparams: Any) -> Any:
    """An mxnet.optimizer.Optimizer: gluon.Trainer(net.collect_params(), it)."""
    found = native.rule_of(sys.modules[__name__], rule, init_states)
    native.check(found, hyperparams, _SCHEDULE)
    return Portable(found, hyperparams)


book.bind(sys.modules[__name__], np)
