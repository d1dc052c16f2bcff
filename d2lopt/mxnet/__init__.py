"""MXNet: its NumPy interface (`mxnet.np`), Gluon and its Trainer.

The project retired in 2023 and still asks NumPy for the name `numpy.bool`, which
NumPy 1.24 removed; only this module knows, and puts it back before the import.

The import calls `npx.set_np()`, for the whole process: without it, MXNet has no shape
(), and a loss or a learning rate none that a rule could read. Gluon code of your own on
the older `mx.nd` then stops with "Please ensure that you have activated numpy
semantics": call `npx.reset_np()` behind the import. `d2l.optimizer` trains such nets
too; the rest of this module needs `npx.set_np()` again.
"""

import functools
import sys
import warnings
from collections.abc import Callable
from types import MethodType
from typing import Any

import numpy as onp

# MXNet's import reads a name that NumPy has dropped, so NumPy's types lack it as well.
onp.bool = bool  # type: ignore[attr-defined]
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # about NumPy names of its own that are gone
    import mxnet
    from mxnet import autograd, gluon, np, npx

from ..backend.contract import Tensor
from ..backend.tools import cpu_only, loop
from ..book import bind
from ..errors import unknown
from ..rules import native
from . import layer, tracing
from .compiled import compiled as _compiled
from .compiled import wait as wait
from .options import check_states
from .portable import Portable
from .portable import optimizer as _optimizer
from .program import program_of
from .tracing import on_arrays_and_symbols as _function

npx.set_np()

name = "mxnet"
version = mxnet.__version__

abs, sign, maximum, minimum = map(_function, ("abs", "sign", "maximum", "minimum"))
sqrt, square, exp, log = map(_function, ("sqrt", "square", "exp", "log"))
sin, cos, sum, mean = map(_function, ("sin", "cos", "sum", "mean"))
matmul, reshape, zeros_like = map(_function, ("matmul", "reshape", "zeros_like"))

normal, rand, randn = np.random.normal, np.random.rand, np.random.randn


use_device = functools.partial(cpu_only, "MXNet, as it is packaged now,")


def _as_numpy(x: Tensor, dtype: Any = None) -> onp.ndarray[Any, Any]:
    return onp.asarray(x.asnumpy(), dtype)


# Without it, NumPy (and so matplotlib) finds an array of Python objects in a tensor.
if not hasattr(np.ndarray, "__array__"):
    np.ndarray.__array__ = _as_numpy
# A rule may write +x, which MXNet's arrays lack.
if not hasattr(np.ndarray, "__pos__"):
    np.ndarray.__pos__ = np.ndarray.copy


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
    if tracing.is_on():
        tracing.assign(x, value)
        return
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
        if tracing.is_on():
            return tracing.value_and_grad(loss, params, batch)
        with autograd.record():
            value = loss(params, *batch)
        return value, [g.as_np_ndarray() for g in autograd.grad(value, params)]

    return both


def fold(
    step: Any,
    state: Any,
    batches: Any,
    watch: Any = None,
    compile: bool | None = None,
) -> None:
    program = program_of(step, state, batches) if compile is not False else None
    if program is None:
        loop(step, state, batches, watch)
    else:
        program.run(state, batches)


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

    whole: Any = None

    def step(state: Any, batch: Any) -> None:
        nonlocal whole
        if whole is None:
            if not isinstance(trainer_fn, Portable):
                check_states(trainer.optimizer, weights(net))
            whole = layer.loss_of(net, loss, len(batch))
        with autograd.record():
            value = whole(*batch)
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


Portable.d2l = sys.modules[__name__]
compiled = MethodType(_compiled, sys.modules[__name__])
optimizer = MethodType(_optimizer, sys.modules[__name__])

bind(sys.modules[__name__], np)
