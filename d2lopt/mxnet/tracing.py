"""A step read with symbols: what stands in for its tensors and numbers meanwhile."""

import functools
import operator
from collections.abc import Callable
from typing import Any

import mxnet
from mxnet import np

from ..backend.contract import Tensor
from ..backend.operators import Operation, Operators

# What a symbol of MXNet lacks of Python's operators.
_ON_SYMBOLS = {
    operator.pos: lambda x: x * 1,
    operator.abs: mxnet.sym.np.abs,
    operator.matmul: mxnet.sym.np.matmul,
}


class Untraceable(Exception):
    """The step does what cannot be read with symbols: it runs as it is written."""


class Tracer(Operators):
    """What a step computes with while it is read."""

    __slots__ = ()

    def operate(self, operation: Operation, *operands: Any) -> Any:
        if any(
            isinstance(x, Operators) and not isinstance(x, Tracer) for x in operands
        ):
            return NotImplemented  # its class knows what to do with a tracer
        if any(isinstance(x, Traced) for x in operands):
            on_symbols = _ON_SYMBOLS.get(operation, operation)
            return Traced(on_symbols(*map(_symbol, operands)))
        inputs = [_as_number(x).value_from for x in operands]
        return Number(lambda leaves: operation(*(value(leaves) for value in inputs)))


class Number(Tracer):
    """A hyperparameter, or what follows from some: a new value needs no new program.

    Among numbers it is a Python float, `value_from(leaves of the state)`; where it
    meets a tensor, it is an input of the program.
    """

    __slots__ = ("value_from",)

    value_from: Callable[[list[Any]], float]

    def __init__(self, value_from: Callable[[list[Any]], Any]) -> None:
        self.value_from = lambda leaves: float(value_from(leaves))


def _as_number(value: Any) -> Number:
    if isinstance(value, Number):
        return value
    fixed = float(value)
    return Number(lambda leaves: fixed)


class Traced(Tracer):
    """A tensor while the step is read: a symbol. `assign` puts in another one."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class Trace:
    """What is noted while a step is read."""

    now: "Trace | None" = None  # the functions of the namespace look here

    def __init__(self) -> None:
        self.numbers: dict[str, Number] = {}
        self.loss: Any = None
        self.grads: dict[str, str] = {}  # the name of a variable → of its gradient


def is_on() -> bool:
    """Whether a step is being read."""
    return Trace.now is not None


def var(name: str) -> Any:
    """A symbol of that name, for an array."""
    return mxnet.sym.var(name).as_np_ndarray()


def _symbol(x: Any) -> Any:
    """The symbol of a traced tensor; a number as an input; a constant as it is."""
    if isinstance(x, Traced):
        return x.value
    if isinstance(x, Number):
        trace = Trace.now
        assert trace is not None
        name = f"number{len(trace.numbers)}"
        trace.numbers[name] = x
        return var(name)
    if isinstance(x, np.ndarray):
        raise Untraceable("an array that is not in the state")
    return x


def on_arrays_and_symbols(name: str) -> Callable[..., Tensor]:
    """MXNet's function of that name, for arrays, and for symbols while tracing."""
    on_arrays, on_symbols = getattr(np, name), getattr(mxnet.sym.np, name)

    @functools.wraps(on_arrays)
    def function(*inputs: Any, **options: Any) -> Tensor:
        if Trace.now is None:
            return on_arrays(*inputs, **options)
        return Traced(on_symbols(*map(_symbol, inputs), **options))

    return function


def assign(x: Traced, value: Any) -> None:
    """x ← value, while tracing."""
    x.value = _symbol(value)


def value_and_grad(
    loss: Callable[..., Tensor], params: Any, batch: Any
) -> tuple[Tensor, list[Tensor]]:
    """The loss and its gradients, while tracing: inputs of what the step does next."""
    trace = Trace.now
    if trace is None or trace.loss is not None:
        raise Untraceable("two losses in a step")
    names = [p.value.name for p in params]
    if any(p.value.list_inputs() != [n] for p, n in zip(params, names, strict=True)):
        raise Untraceable("the loss of what the step has changed")
    trace.loss = loss(params, *batch).value
    trace.grads = {name: f"grad of {name}" for name in names}
    return Traced(var("loss")), [Traced(var(g)) for g in trace.grads.values()]
