"""Python's operators, in one table, for all that stands in for an array.

A rule takes its arguments for arrays and numbers: it writes `p - h["lr"] * g`. What it
gets may be a tracer that records what is computed, a symbol, a cell that holds an
array, or a hyperparameter inside a graph. Each of these classes says in one method,
`operate`, what one operation does, and `Operators` makes all the operators of it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

Operation = Callable[..., Any]  # a function of Python's module `operator`

UNARY: tuple[Operation, ...] = (operator.neg, operator.pos, operator.abs)
BINARY: tuple[Operation, ...] = (
    *(operator.add, operator.sub, operator.mul, operator.truediv, operator.pow),
    *(operator.floordiv, operator.mod, operator.matmul),
)
COMPARISONS: tuple[Operation, ...] = (
    *(operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge),
)


class Operators:
    """A base class: -x, +x, abs(x), x + y, 2 - x, x < y and so on, all by `operate`.

    >>> class Cell(Operators):
    ...     def __init__(self, value):
    ...         self.value = value
    ...     def operate(self, operation, *operands):
    ...         return operation(*(getattr(x, "value", x) for x in operands))
    >>> 5 - Cell(3)
    2
    """

    __slots__ = ()

    # 2.0 * x for a NumPy number or array on the left is left to x: NumPy would make an
    # array of Python objects of it.
    __array_priority__ = 100

    def operate(self, operation: Operation, *operands: Any) -> Any:
        """operation(*operands), in the order in which they are written.

        `operation` is one of the table above; one operand at least is `self`.
        """
        raise NotImplementedError(type(self).__name__)

    def __bool__(self) -> bool:
        """TypeError, unless a class knows better: Python's default would be True."""
        raise TypeError(f"a {type(self).__name__} is neither true nor false")


def _operator(operation: Operation) -> Callable[..., Any]:
    return lambda self, *others: self.operate(operation, self, *others)


def _reflected(operation: Operation) -> Callable[..., Any]:
    return lambda self, other: self.operate(operation, other, self)


for _operation in (*UNARY, *BINARY, *COMPARISONS):
    setattr(Operators, f"__{_operation.__name__}__", _operator(_operation))
for _operation in BINARY:
    setattr(Operators, f"__r{_operation.__name__}__", _reflected(_operation))
