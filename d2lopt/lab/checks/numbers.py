"""Checks of exercises that are no rules: numbers, states, a step in two dimensions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...backend.arrays import numpy_of
from ..catalogue.hints import OF_NUMBERS, hint
from .guard import called, guarded
from .result import Result

Given = Callable[[Any], Any]  # what depends on the framework: made from d2l


# ---------------------------------------------------------------------------- numbers


def flat(d2l: Any, x: Any) -> list[np.ndarray[Any, Any]]:
    """The numbers in x (a tensor, a number, lists of such), entry by entry."""
    if isinstance(x, list | tuple):
        return [leaf for entry in x for leaf in flat(d2l, entry)]
    try:
        array = d2l.numpy(x)
    except (AttributeError, TypeError):
        array = numpy_of(x)
    return [np.array(array, "float64")]


@dataclass(frozen=True)
class Numbers:
    """A function whose values are known: `right(*case)` for each of the cases.

    `wrong` are functions that make a known mistake. `tensors` says that the arguments
    are tensors of the framework; `constants` are globals that the function may read.
    """

    right: Callable[..., Any]
    cases: Sequence[tuple[Any, ...]]
    wrong: Sequence[tuple[str, Callable[..., Any]]] = ()
    tensors: bool = False
    constants: Mapping[str, Any] = field(default_factory=dict)
    tolerance: float = 1e-5

    def __call__(self, function: Any, name: str, d2l: Any) -> Result:
        made = {k: _made(d2l, v) for k, v in self.constants.items()}
        return guarded(name, function, made, lambda: self._check(function, name, d2l))

    def _check(self, function: Any, name: str, d2l: Any) -> Result:
        found = []
        for case in self.cases:
            given = [_made(d2l, x) for x in case] if self.tensors else list(case)
            value = called(function, *given)
            if isinstance(value, list | tuple) and not self._gives_several:
                text = f"{value!r} is no number: is there a comma too many?"
                return Result(name, False, "wrong-shape", text)
            found.append(flat(d2l, value))
        expected = [self._of(self.right, case) for case in self.cases]
        shapes = [[x.shape for x in xs] for xs in expected]
        if shapes != [[x.shape for x in xs] for xs in found]:
            sizes = [[x.size for x in xs] for xs in expected]
            single = all(size == 1 for xs in sizes for size in xs)
            if not single or sizes != [[x.size for x in xs] for xs in found]:
                k = next(i for i, s in enumerate(shapes) if s != _shapes(found[i]))
                text = (
                    f"The result has the shapes {_shapes(found[k])}; {shapes[k]} are "
                    "expected."
                )
                return Result(name, False, "wrong-shape", text)
        if self._same(found, expected):
            return Result(name, True)
        for mistake, wrong in self.wrong:
            if self._same(found, [self._of(wrong, case) for case in self.cases]):
                return Result(name, False, mistake, hint(mistake, words=OF_NUMBERS))
        return self._departs(name, found, expected)

    @property
    def _gives_several(self) -> bool:
        """Whether it gives a list or tuple, not one number or tensor."""
        return isinstance(self.right(*self.cases[0]), list | tuple)

    @staticmethod
    def _of(function: Callable[..., Any], case: tuple[Any, ...]) -> list[Any]:
        value = function(*case)
        entries = value if isinstance(value, list | tuple) else [value]
        return [np.array(x, "float64") for x in entries]

    def _same(self, found: Any, expected: Any) -> bool:
        return all(
            np.allclose(a.ravel(), b.ravel(), rtol=self.tolerance, atol=1e-7)
            for xs, ys in zip(found, expected, strict=True)
            for a, b in zip(xs, ys, strict=True)
        )

    def _departs(self, name: str, found: Any, expected: Any) -> Result:
        for k, case in enumerate(self.cases):
            pairs = zip(found[k], expected[k], strict=True)
            for i, (a, b) in enumerate(pairs):
                close = np.isclose(a.ravel(), b.ravel(), rtol=self.tolerance, atol=1e-7)
                if not close.all():
                    j = int(np.argmin(close))
                    yours, right = float(a.ravel()[j]), float(b.ravel()[j])
                    of = f"value {i} of " if len(found[k]) > 1 else ""
                    small = all(isinstance(x, int | float) for x in case)
                    at = f"{name}{tuple(case)}" if small else f"case {k + 1}"
                    text = (
                        f"No known mistake fits. In {of}{at}, yours is {yours:.7g}, "
                        f"and {right:.7g} is right."
                    )
                    details = {"case": k, "found": yours, "expected": right}
                    return Result(name, False, None, text, details)
        return Result(name, False, None, "No known mistake fits.")


def _shapes(xs: Any) -> list[tuple[int, ...]]:
    return [x.shape for x in xs]


def _made(d2l: Any, x: Any) -> Any:
    """The framework's tensor of an array; a number of the exercise as it is."""
    return d2l.tensor(x) if isinstance(x, np.ndarray) else x


# ----------------------------------------------------------------------------- states


# ------------------------------------------------------------------- in two dimensions
