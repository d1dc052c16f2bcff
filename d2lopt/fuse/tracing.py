"""Tracers: a rule that runs with them leaves a record of what it computes.

An array is a `Leaf`, what is computed from arrays is a line of the record of the one
parameter that they belong to, and numbers are numbers: see `fuse`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..backend.operators import Operation, Operators
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


class Tracer(Operators):
    """What stands in for an array or a number while the rule is read."""

    # Without it, np.sum of a tracer would be the tracer itself, unsummed.
    __array_ufunc__ = None

    def operate(self, operation: Operation, *operands: Any) -> Any:
        return _apply(operation.__name__, operation, *operands)


class Traced(Tracer):
    """What a line of a rule computes for each element of a parameter."""

    def __init__(self, owner: Owner, line: int) -> None:
        self.owner, self.line = owner, line

    shape = property(lambda self: self.owner.shape)
    dtype = property(lambda self: self.owner.arrays[0].dtype)
    ndim = property(lambda self: len(self.owner.shape))

    def __bool__(self) -> bool:
        raise NotElementwise("it decides by the value of an element")


class Leaf(Traced):
    """A parameter, gradient or state; its line changes when it is assigned."""

    def __init__(self, owner: Owner, line: int, slot: int, readonly: bool) -> None:
        super().__init__(owner, line)
        self.slot, self.readonly = slot, readonly


class Number(Tracer):
    """A state of shape (): its value now, which goes into the state with the rest."""

    shape, ndim = (), 0

    def __init__(self, array: Array) -> None:
        self.array, self.value = array, np.float64(array[()])

    def __bool__(self) -> bool:
        return bool(self.value)


def _number(x: Any) -> np.float64:
    if isinstance(x, Number):
        return x.value
    if isinstance(x, int | float | np.number):
        return np.float64(x)
    raise NotElementwise(f"it computes with a {type(x).__name__}")


def _apply(name: str, function: Callable[..., Any], *operands: Any) -> Any:
    """function(*operands): recorded under that name if an array takes part.

    Among numbers it is computed, in float64.
    """
    owner = next((x.owner for x in operands if isinstance(x, Traced)), None)
    if owner is None:
        return function(*map(_number, operands))
    if name not in loops.KNOWN:
        raise NotElementwise(f"it computes {name} of an array")
    last = operands[-1]
    if name == "pow" and not isinstance(last, Traced) and _number(last) == 2:
        # x · x: a power that is an argument of the loop takes fifty times as long.
        name, operands = "mul", (operands[0], operands[0])
    return owner.record(name, *map(owner.operand, operands))


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


for _name in loops.FUNCTIONS:
    _function = partial(_apply, _name, getattr(np, _name))
    setattr(Tracing, _name, staticmethod(_function))

TRACING: Any = Tracing()
