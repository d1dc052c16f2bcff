"""PyTorch: eager tensors written in place; gradients by autograd."""

import functools
import sys
from collections.abc import Callable
from types import MethodType
from typing import Any

import numpy as np
import torch

from ..backend.contract import Tensor
from ..backend.tools import builtin_from
from ..book import bind
from ..errors import InputError
from .compiled import compiled as _compiled
from .compiled import wait as wait
from .loop import fold as fold
from .portable import optimizer as _optimizer

name = "torch"
version = torch.__version__

abs, sign, maximum, minimum = torch.abs, torch.sign, torch.maximum, torch.minimum
sqrt, square, exp, log = torch.sqrt, torch.square, torch.exp, torch.log
sin, cos, sum, mean = torch.sin, torch.cos, torch.sum, torch.mean
matmul, reshape, zeros_like = torch.matmul, torch.reshape, torch.zeros_like

meshgrid = functools.partial(torch.meshgrid, indexing="ij")


def _dtype(dtype: str | torch.dtype) -> torch.dtype:
    if isinstance(dtype, torch.dtype):
        return dtype
    named: torch.dtype = getattr(torch, dtype)
    return named


def use_device(device: str) -> None:
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("PyTorch finds no GPU here: take --device cpu.")
    if device != torch.get_default_device().type:
        torch.set_default_device(device)


def tensor(value: Any, dtype: str = "float32", requires_grad: bool = False) -> Tensor:
    x = torch.tensor(np.asarray(value), dtype=_dtype(dtype))
    return x.requires_grad_(requires_grad)


def numpy(x: Tensor) -> np.ndarray[Any, Any]:
    array: np.ndarray[Any, Any] = x.detach().cpu().numpy()
    return array


def zeros(*shape: Any, dtype: str = "float32", requires_grad: bool = False) -> Tensor:
    return torch.zeros(*shape, dtype=_dtype(dtype), requires_grad=requires_grad)


def ones(*shape: Any, dtype: str = "float32", requires_grad: bool = False) -> Tensor:
    return torch.ones(*shape, dtype=_dtype(dtype), requires_grad=requires_grad)


def arange(*span: float, dtype: str = "float32") -> Tensor:
    return torch.arange(*span, dtype=_dtype(dtype))


def astype(x: Tensor, dtype: Any) -> Tensor:
    return x.to(_dtype(dtype))


def variable(value: Tensor) -> Tensor:
    return value.detach().clone()


def assign(x: Tensor, value: Tensor) -> None:
    with torch.no_grad():
        x.copy_(value)


def hold_grad(x: Tensor, grad: Tensor) -> Tensor:
    x.grad = grad
    return x


def value_and_grad(
    loss: Callable[..., Tensor],
) -> Callable[..., tuple[Tensor, list[Tensor]]]:
    def both(params: list[Tensor], *batch: Tensor) -> tuple[Tensor, list[Tensor]]:
        if torch.compiler.is_compiling():  # the compiler has no torch.autograd.grad
            grads, value = torch.func.grad_and_value(loss)(list(params), *batch)
            return value, grads
        leaves = [p.detach().requires_grad_() for p in params]
        value = loss(leaves, *batch)
        return value.detach(), list(torch.autograd.grad(value, leaves))

    return both


def linear(w: Tensor, b: Tensor) -> Any:
    net = torch.nn.Linear(len(w), 1, dtype=w.dtype)
    assign(net.weight, w.T)
    assign(net.bias, b)
    return net


def weights(net: Any) -> list[Tensor]:
    return [net.weight.detach().T, net.bias.detach()]


def builtin(name: str) -> Any:
    return builtin_from(torch, name)


def native_step(
    trainer_fn: Any, hyperparams: dict[str, Any], net: Any, loss: Any
) -> tuple[Any, Any]:
    trainer = trainer_fn(net.parameters(), **hyperparams)

    def step(state: Any, batch: Any) -> None:
        X, *rest = batch
        trainer.zero_grad()
        loss(net(X), *rest).backward()
        trainer.step()

    return step, trainer


def load_array(data_arrays: Any, batch_size: int, is_train: bool = True) -> Any:
    """A DataLoader over the rows of the arrays, shuffled if `is_train`."""
    dataset = torch.utils.data.TensorDataset(*map(torch.as_tensor, data_arrays))
    return torch.utils.data.DataLoader(dataset, batch_size, shuffle=is_train)


def try_gpu(i: int = 0) -> torch.device:
    """The i-th GPU if there is one, else the CPU."""
    return torch.device(f"cuda:{i}" if torch.cuda.device_count() > i else "cpu")


compiled = MethodType(_compiled, sys.modules[__name__])
optimizer = MethodType(_optimizer, sys.modules[__name__])

bind(sys.modules[__name__], torch)
