"""A parameter that knows the step it took, and not only where it is then.

optax adds updates to the parameters, so it needs the step −η g of p ← p − η g. The
difference between the new p and the old one is that step rounded to the digits of p:
at p = 1000 in float32, a step of 1e-5 would be none. So a rule that is made native gets
cells that remember what is added to them and taken from them.
"""

from typing import Any

import jax.numpy as jnp

from ..backend.contract import Tensor
from .cells import Variable, array_in


class Moved(Variable):
    """What p + x and p − x give: the array, and beside it the step from p's start.

    As it is no array, it passes on whatever else an array is asked for.
    """

    __slots__ = ("parameter", "step")

    def __init__(self, parameter: "Parameter", value: Tensor, step: Any) -> None:
        super().__init__(value)
        self.parameter, self.step = parameter, step

    def __add__(self, x: Any) -> "Moved":
        x = array_in(x)
        return Moved(self.parameter, self.value + x, self.step + x)

    __radd__ = __add__

    def __sub__(self, x: Any) -> "Moved":
        x = array_in(x)
        return Moved(self.parameter, self.value - x, self.step - x)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.value, name)


class Parameter(Variable):
    """A cell whose `step` is by how much it was changed since it was made."""

    __slots__ = ("step",)

    def __init__(self, value: Tensor) -> None:
        super().__init__(value)
        self.step: Any = 0.0

    @property
    def now(self) -> Moved:
        return Moved(self, self.value, self.step)

    def __add__(self, x: Any) -> Moved:
        return self.now.__add__(x)

    __radd__ = __add__

    def __sub__(self, x: Any) -> Moved:
        return self.now.__sub__(x)

    def hold(self, value: Any) -> None:
        before = self.value
        super().hold(value)
        if isinstance(value, Moved) and value.parameter is self:
            self.step = value.step
        else:  # p ← 0.9 p, say: the difference is all there is
            self.step = self.step + (array_in(value) - before)

    def update(self) -> Tensor:
        """The step in p's shape and dtype, which x of p − x need not have."""
        step, like = self.step, (self.shape, self.dtype)
        if (getattr(step, "shape", None), getattr(step, "dtype", None)) == like:
            return step
        return jnp.broadcast_to(jnp.asarray(step, self.dtype), self.shape)

    # p[:] = p[:] - x is another way to write an assignment.

    def __getitem__(self, index: Any) -> Any:
        return self.now if _is_all(index) else super().__getitem__(index)

    def __setitem__(self, index: Any, value: Any) -> None:
        if _is_all(index) and getattr(value, "shape", None) == self.shape:
            self.hold(value)
        else:
            super().__setitem__(index, value)


def _is_all(index: Any) -> bool:
    return index is ... or (isinstance(index, slice) and index == slice(None))
