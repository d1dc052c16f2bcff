"""Tracers: a rule that runs with them leaves a record of what it computes.

An array is a `Leaf`, what is computed from arrays is a line of the record of the one
parameter that they belong to, and numbers are numbers: see `fuse`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from . import loops
from .loops import Array


class NotElementwise(TypeError):
    """The rule does something that one loop over the elements cannot."""


class Owner:
    """One parameter with its gradient and states: flat arrays, and the record."""

    def __init__(self, shape: tuple[int, ...], order: tuple[int, ...]) -> None:
        self.shape, self.order = shape, order
        self.arrays: list[Array] = []
        self.code: list[tuple[Any, ...]] = []
        self.numbers: list[float] = []
        self.stores: dict[int, int] = {}  # which array gets which line of the record

    def leaf(self, array: Array, readonly: bool = False) -> Leaf:
        """A tracer for an array of this parameter's shape."""
        if not (readonly or array.flags.writeable):
            raise NotElementwise("one of its arrays is read-only")
        flat = array.transpose(self.order)
        if not flat.flags.c_contiguous:
            if not readonly:
                raise NotElementwise("its memory is not in one piece")
            flat = np.ascontiguousarray(flat)
        self.arrays.append(flat.reshape(-1))
        slot = len(self.arrays) - 1
        return Leaf(self, self.record("load", slot).line, slot, readonly)

    def record(self, *line: Any) -> Traced:
        self.code.append(line)
        return Traced(self, len(self.code) - 1)

    def operand(self, x: Any) -> int:
        """The line of the record that computes x."""
        if isinstance(x, Traced):
            if x.owner is not self:
                raise NotElementwise("it combines arrays of several parameters")
            return x.line
        self.numbers.append(float(_number(x)))
        return self.record("number", len(self.numbers) - 1).line

    def program(self, *, total_of: int | None = None) -> loops.Program:
        """The record so far, as what one loop computes."""
        stores = () if total_of is not None else tuple(self.stores.items())
        dtype = self.arrays[0].dtype.name
        return loops.Program(
            tuple(self.code), stores, total_of, dtype, len(self.arrays)
        )


class Traced:
    """What a line of a rule computes for each element of a parameter."""

    __array_ufunc__ = None  # NumPy's numbers leave arithmetic to the tracer

    def __init__(self, owner: Owner, line: int) -> None:
        self.owner, self.line = owner, line

    shape = property(lambda self: self.owner.shape)
    dtype = property(lambda self: self.owner.arrays[0].dtype)
    ndim = property(lambda self: len(self.owner.shape))

    def __bool__(self) -> bool:
        raise NotElementwise("it decides by the value of an element")

    def __neg__(self) -> Traced:
        return self.owner.record("neg", self.line)

    def __pow__(self, power: Any) -> Traced:
        if isinstance(power, Traced) or _number(power) != 2:
            return self.owner.record("pow", self.line, self.owner.operand(power))
        return self.owner.record("mul", self.line, self.line)


class Leaf(Traced):
    """A parameter, gradient or state; its line changes when it is assigned."""

    def __init__(self, owner: Owner, line: int, slot: int, readonly: bool) -> None:
        super().__init__(owner, line)
        self.slot, self.readonly = slot, readonly


class Number:
    """A state of shape (): its value now, which goes into the state with the rest."""

    __array_ufunc__ = None
    shape, ndim = (), 0

    def __init__(self, array: Array) -> None:
        self.array, self.value = array, np.float64(array[()])


def _number(x: Any) -> np.float64:
    if isinstance(x, Number):
        return x.value
    if isinstance(x, int | float | np.number):
        return np.float64(x)
    raise NotElementwise(f"it computes with a {type(x).__name__}")


def _arithmetic(symbol: str) -> Callable[[Any, Any], Any]:
    """x · y, recorded if an array takes part, computed in float64 if none does."""
    function = getattr(operator, _OPERATORS[symbol])

    def apply(x: Any, y: Any) -> Any:
        owner = next((a.owner for a in (x, y) if isinstance(a, Traced)), None)
        if owner is None:
            return function(_number(x), _number(y))
        return owner.record(symbol, owner.operand(x), owner.operand(y))

    return apply


_OPERATORS = {"add": "add", "sub": "sub", "mul": "mul", "div": "truediv"}
for _symbol, _name in _OPERATORS.items():
    _apply = _arithmetic(_symbol)
    for _kind in (Traced, Number):
        setattr(_kind, f"__{_name}__", _apply)
        setattr(_kind, f"__r{_name}__", lambda x, y, f=_apply: f(y, x))


class Tracing:
    """The namespace `d2l` that a rule is read with: its functions of elements."""

    name = "tracing"

    def __getattr__(self, name: str) -> Any:
        raise NotElementwise(f"it calls d2l.{name}")

    @staticmethod
    def assign(x: Any, value: Any) -> None:
        if isinstance(x, Number):
            x.value = np.float64(x.array.dtype.type(_number(value)))
        elif isinstance(x, Leaf) and not x.readonly:
            x.line = x.owner.stores[x.slot] = x.owner.operand(value)
        else:
            raise NotElementwise("it assigns to what is no parameter and no state")

    @staticmethod
    def zeros_like(x: Any) -> Any:
        if not isinstance(x, Traced):
            return np.float64(0.0)
        return Traced(x.owner, x.owner.operand(0.0))

    @staticmethod
    def sum(x: Any) -> Any:
        if not isinstance(x, Traced):
            return _number(x)
        owner = x.owner
        total = loops.total(owner.program(total_of=x.line), owner.arrays, owner.numbers)
        return np.float64(total)

    @classmethod
    def mean(cls, x: Any) -> Any:
        size = x.owner.arrays[0].size if isinstance(x, Traced) else 1
        return cls.sum(x) / size


def _function(symbol: str) -> Callable[..., Any]:
    def apply(*xs: Any) -> Any:
        owner = next((x.owner for x in xs if isinstance(x, Traced)), None)
        if owner is None:
            return getattr(np, symbol)(*map(_number, xs))
        return owner.record(symbol, *map(owner.operand, xs))

    return apply


for _symbol in loops.FUNCTIONS:
    setattr(Tracing, _symbol, staticmethod(_function(_symbol)))

TRACING: Any = Tracing()
