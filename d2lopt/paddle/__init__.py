"""PaddlePaddle: eager tensors written in place; gradients by `paddle.grad`."""

import os
import sys
import warnings
from collections.abc import Callable
from types import MethodType
from typing import Any

import numpy as np

os.environ.setdefault("GLOG_minloglevel", "2")  # its chatter at start-up
_threads = os.environ.get("OMP_NUM_THREADS")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # about a compiler cache that is not used here
    import paddle
if _threads is None:  # its import sets 1, for all of the process
    os.environ.pop("OMP_NUM_THREADS", None)

from ..backend.contract import Tensor
from ..backend.tools import builtin_from, loop
from ..book import bind
from ..errors import InputError
from .compiled import compiled as _compiled
from .compiled import wait as wait
from .portable import optimizer as _optimizer

name = "paddle"
version = paddle.__version__

abs, sign, maximum, minimum = paddle.abs, paddle.sign, paddle.maximum, paddle.minimum
sqrt, square, exp, log = paddle.sqrt, paddle.square, paddle.exp, paddle.log
sin, cos, sum, mean = paddle.sin, paddle.cos, paddle.sum, paddle.mean
matmul, reshape, zeros_like = paddle.matmul, paddle.reshape, paddle.zeros_like


def use_device(device: str) -> None:
    if device == "cuda" and not paddle.device.cuda.device_count():
        raise InputError("Paddle finds no GPU here: take --device cpu.")
    if device == "cuda":
        paddle.set_device("gpu")


def tensor(value: Any, dtype: str = "float32", stop_gradient: bool = True) -> Tensor:
    x = paddle.to_tensor(np.asarray(value), dtype=dtype)
    x.stop_gradient = stop_gradient
    return x


def numpy(x: Tensor) -> np.ndarray[Any, Any]:
    array: np.ndarray[Any, Any] = x.detach().numpy()
    return array


def zeros(shape: Any, dtype: str = "float32") -> Tensor:
    return tensor(np.zeros(shape), dtype)


def ones(shape: Any, dtype: str = "float32") -> Tensor:
    return tensor(np.ones(shape), dtype)


def arange(*span: float, dtype: str = "float32") -> Tensor:
    return paddle.arange(*span, dtype=dtype)


def variable(value: Tensor) -> Tensor:
    return value.detach().clone()


def assign(x: Tensor, value: Tensor) -> None:
    if x.shape != value.shape:  # copy_ would change the shape of x instead
        raise ValueError(f"cannot assign shape {value.shape} to shape {x.shape}")
    with paddle.no_grad():
        x.copy_(value, True)


def hold_grad(x: Tensor, grad: Tensor) -> Tensor:
    x.grad = grad
    return x


def value_and_grad(
    loss: Callable[..., Tensor],
) -> Callable[..., tuple[Tensor, list[Tensor]]]:
    def both(params: list[Tensor], *batch: Tensor) -> tuple[Tensor, list[Tensor]]:
        leaves = [p.detach() for p in params]
        for leaf in leaves:
            leaf.stop_gradient = False
        value = loss(leaves, *batch)
        return value.detach(), paddle.grad(value, leaves)

    return both


def fold(
    step: Any,
    state: Any,
    batches: Any,
    watch: Any = None,
    compile: bool | None = None,
) -> None:
    loop(step, state, batches, watch)


def linear(w: Tensor, b: Tensor) -> Any:
    before = paddle.get_default_dtype()
    paddle.set_default_dtype(w.dtype)  # Linear takes no dtype of its own
    net = paddle.nn.Linear(len(w), 1)
    paddle.set_default_dtype(before)
    assign(net.weight, w)
    assign(net.bias, b)
    return net


def weights(net: Any) -> list[Tensor]:
    return [net.weight.detach(), net.bias.detach()]


def builtin(name: str) -> Any:
    return builtin_from(paddle, name)


def native_step(
    trainer_fn: Any, hyperparams: dict[str, Any], net: Any, loss: Any
) -> tuple[Any, Any]:
    trainer = trainer_fn(parameters=net.parameters(), **hyperparams)

    def step(state: Any, batch: Any) -> None:
        X, *rest = batch
        loss(net(X), *rest).backward()
        trainer.step()
        trainer.clear_grad()

    return step, trainer


def load_array(data_arrays: Any, batch_size: int, is_train: bool = True) -> Any:
    """A DataLoader over the rows of the arrays, shuffled if `is_train`."""
    dataset = paddle.io.TensorDataset(
        [paddle.to_tensor(np.asarray(a)) for a in data_arrays]
    )
    return paddle.io.DataLoader(dataset, batch_size=batch_size, shuffle=is_train)


def try_gpu(i: int = 0) -> Any:
    """The i-th GPU if there is one, else the CPU."""
    there = paddle.device.cuda.device_count() > i
    return paddle.CUDAPlace(i) if there else paddle.CPUPlace()


compiled = MethodType(_compiled, sys.modules[__name__])
optimizer = MethodType(_optimizer, sys.modules[__name__])

bind(sys.modules[__name__], paddle)
