"""The check of a function that makes the states of a rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..catalogue.hints import hint
from .guard import called, guarded
from .result import Result


@dataclass(frozen=True)
class States:
    """A function of the number of features that gives the states of w and b.

    Each parameter has at least `tensors` states of its shape, all zero at the start;
    further ones may be of shape (), and numbers.
    """

    tensors: int = 1

    def __call__(self, function: Any, name: str, d2l: Any) -> Result:
        return guarded(name, function, {}, lambda: self._check(function, name, d2l))

    def _check(self, function: Any, name: str, d2l: Any) -> Result:
        states = called(function, 4)
        if not isinstance(states, list | tuple) or len(states) != 2:
            text = "Give one entry for each of the two parameters, w and b."
            return Result(name, False, "wrong-shape", text)
        leaves = []
        for entry, shape, of in zip(states, ((4, 1), (1,)), "wb", strict=True):
            entries = entry if isinstance(entry, list | tuple) else [entry]
            tensors = [x for x in entries if hasattr(x, "shape")]
            shapes = [tuple(x.shape) for x in tensors]
            others = [s for s in shapes if s not in (shape, ())]
            if others or shapes.count(shape) < self.tensors:
                text = (
                    f"The states of {of} have the shapes {shapes}; {self.tensors} of "
                    f"the shape {shape} are needed."
                )
                return Result(name, False, "wrong-shape", text)
            leaves += tensors
        for x in leaves:
            if np.any(d2l.numpy(x) != 0):
                return Result(name, False, "state-not-zero", hint("state-not-zero"))
        return self._writable(leaves, name, d2l)

    def _writable(self, leaves: list[Any], name: str, d2l: Any) -> Result:
        """Whether each can be assigned to, and no other changes with it."""
        for x in leaves:
            others = [y for y in leaves if y is not x]  # fewer, if x is there twice
            before = [np.array(d2l.numpy(y)) for y in others]
            try:
                d2l.assign(x, x * 0 + 1)
            except (AttributeError, TypeError):
                return Result(
                    name, False, "state-cannot-change", hint("state-cannot-change")
                )
            pairs = zip(others, before, strict=True)
            if len(others) < len(leaves) - 1 or any(
                np.any(d2l.numpy(y) != old) for y, old in pairs
            ):
                return Result(name, False, "shared-state", hint("shared-state"))
        return Result(name, True)
