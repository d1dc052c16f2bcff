"""PaddlePaddle: eager tensors written in place; gradients by `paddle.grad`."""

import os
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

os.environ.setdefault("GLOG_minloglevel", "2")  # its chatter at start-up
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # about a compiler cache that is not used here
    import paddle

from . import book, native
from .backend import Tensor, builtin_from, loop
from .errors import InputError

name = "paddle"
version = paddle.__version__

abs, sign, maximum, minimum = paddle.abs, paddle.sign, paddle.maximum, paddle.minimum
sqrt, square, exp, log = paddle.sqrt, paddle.square, paddle.exp, paddle.log
sin, cos, sum, mean = paddle.sin, paddle.cos, paddle.sum, paddle.mean
matmul, reshape, zeros_like = paddle.matmul, paddle.reshape, paddle.zeros_like


def tensor(value: Any, dtype: str = "float32", stop_gradient: bool = True) -> Tensor:
    made = paddle.to_tensor(np.asarray(value), dtype=dtype)
    made.stop_gradient = stop_gradient
    return made


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
    step: Any, state: Any, batches: Any, watch: Any = None, compile: bool = False
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


def optimizer(rule: Any, init_states: Any = None, **hyperparams: Any) -> Any:
    """A class, called as paddle.optimizer.SGD is: Opt(parameters=net.parameters()).

    The rate is `lr` here, and `learning_rate` there as for Paddle's own; in a group of
    parameters that is a factor, as for Paddle's own.
    """
    d2l = sys.modules[__name__]
    found = native.rule_of(d2l, rule, init_states)
    schedule = paddle.optimizer.lr.LRScheduler
    native.check(found, hyperparams, schedule, partly=True)

    class Portable(paddle.optimizer.Optimizer):  # type: ignore[misc]
        """The rule as an optimizer; a parameter group may have its own numbers."""

        def __init__(
            self,
            learning_rate: Any = None,
            parameters: Any = None,
            grad_clip: Any = None,
            name: str | None = None,
            **changed: Any,
        ) -> None:
            given = {**hyperparams, **changed}
            if learning_rate is not None:
                given["lr"] = learning_rate
            native.check(found, given, schedule, partly=True)
            self._given = given
            self._states: dict[str, Any] = {}
            self._pending: list[tuple[Tensor, Tensor]] = []
            rate = given.get("lr", 1.0)
            rate = rate if isinstance(rate, schedule) else float(rate)
            super().__init__(rate, parameters, None, grad_clip, name)
            for group in [g for g in self._param_groups if isinstance(g, dict)] or [{}]:
                native.check(found, {**given, **group.get("own", {})}, schedule)

        def _add_param_group(self, group: dict[str, Any]) -> None:
            if "lr" in group:
                raise InputError("a group has a learning_rate, which is a factor of lr")
            # Left in the group, Paddle would read weight_decay too, and decay twice.
            names = group.keys() & {**found.hyperparams, **self._given}
            group["own"] = {name: group.pop(name) for name in names}
            super()._add_param_group(group)

        def _append_optimize_op(self, block: Any, pair: Any) -> None:
            if not paddle.in_dynamic_mode():
                raise InputError("a portable rule runs in dynamic mode only.")
            self._pending.append(pair["params"] if isinstance(pair, dict) else pair)

        def _finish_update(self, block: Any, group: Any) -> None:
            """One step of the rule, with all that Paddle would have updated singly."""
            pairs, self._pending = self._pending, []
            if not pairs:
                return
            params, grads = zip(*pairs, strict=True)
            factors = {p.optimize_attr["learning_rate"] for p in params}
            if len(factors) > 1:
                raise InputError("a rule reads one lr for all parameters of a group.")
            own = group["own"] if isinstance(group, dict) else {}
            numbers = {**self._given, **own}
            if "lr" in numbers:
                numbers["lr"] = self.get_lr() * factors.pop()
            found.step(d2l, params, grads, [self._state(p) for p in params], numbers)

        def _state(self, p: Tensor) -> Any:
            if p.name not in self._states:
                (self._states[p.name],) = native.start(d2l, found, [p])
            return self._states[p.name]

        def _leaves(self, every: bool) -> dict[str, Tensor]:
            """The states by place, as the name of a parameter is new in each net."""
            groups = self._param_groups
            if isinstance(groups[0], dict):
                groups = [p for group in groups for p in group["params"]]
            return {
                f"{i}.{j}": leaf
                for i, p in enumerate(groups)
                if every or p.name in self._states
                for j, leaf in enumerate(paddle.utils.flatten(self._state(p)))
            }

        def state_dict(self) -> dict[str, Any]:
            return {**super().state_dict(), **self._leaves(every=False)}

        def set_state_dict(self, state_dict: dict[str, Any]) -> None:
            rest = {n: v for n, v in state_dict.items() if n == "LR_Scheduler"}
            super().set_state_dict(rest)
            leaves = self._leaves(every=True)
            saved = {n for n, v in state_dict.items() if not isinstance(v, dict)}
            if saved - leaves.keys():
                raise InputError("these states are of another rule or another net.")
            for name in saved:
                leaves[name].set_value(state_dict[name])

        load_state_dict = set_state_dict

    return Portable


book.bind(sys.modules[__name__], paddle)
