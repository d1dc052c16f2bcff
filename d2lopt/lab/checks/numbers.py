"""The check of a function whose values are known: numbers, tensors, lists of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...backend.arrays import numpy_of
from ..catalogue.hints import OF_NUMBERS, hint
from .guard import called, guarded
from .result import Result

Arrays = list[np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Numbers:
    """A function whose values are known: `right(*case)` for each of the cases.

    `wrong` are functions that make a known mistake. Like `right`, they take and return
    Python's numbers and NumPy's arrays; with `tensors`, the student's function is given
    tensors of its framework in the place of arrays. `constants` are globals that it may
    read. Values may be off by the relative `tolerance`, or by 1e-7.
    """

    right: Callable[..., Any]
    cases: Sequence[tuple[Any, ...]]
    wrong: Sequence[tuple[str, Callable[..., Any]]] = ()
    tensors: bool = False
    constants: Mapping[str, Any] = field(default_factory=dict)
    tolerance: float = 1e-5

    def __call__(self, function: Any, name: str, d2l: Any) -> Result:
        by_name = {k: _argument(d2l, v) for k, v in self.constants.items()}
        return guarded(
            name, function, by_name, lambda: self._check(function, name, d2l)
        )

    def _check(self, function: Any, name: str, d2l: Any) -> Result:
        found = []
        for case in self.cases:
            given = [_argument(d2l, x) for x in case] if self.tensors else case
            value = called(function, *given)
            if isinstance(value, list | tuple) and not self._gives_several:
                text = f"{value!r} is no number: is there a comma too many?"
                return Result(name, False, "wrong-shape", text)
            found.append(_arrays(d2l, value))
        expected = [_values(self.right, case) for case in self.cases]
        for yours, right in zip(found, expected, strict=True):
            if not _fit(yours, right):
                text = (
                    f"The result has the shapes {_shapes(yours)}; {_shapes(right)} are "
                    "expected."
                )
                return Result(name, False, "wrong-shape", text)
        if self._same(found, expected):
            return Result(name, True)
        for mistake, wrong in self.wrong:
            if self._same(found, [_values(wrong, case) for case in self.cases]):
                return Result(name, False, mistake, hint(mistake, words=OF_NUMBERS))
        return self._departs(name, found, expected)

    @property
    def _gives_several(self) -> bool:
        """Whether it gives a list or tuple, not one number or tensor."""
        return isinstance(self.right(*self.cases[0]), list | tuple)

    def _same(self, found: list[Arrays], expected: list[Arrays]) -> bool:
        return all(
            np.allclose(a.ravel(), b.ravel(), rtol=self.tolerance, atol=1e-7)
            for xs, ys in zip(found, expected, strict=True)
            for a, b in zip(xs, ys, strict=True)
        )

    def _departs(
        self, name: str, found: list[Arrays], expected: list[Arrays]
    ) -> Result:
        """Where the values of no known mistake first part from the right ones."""
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


def _argument(d2l: Any, x: Any) -> Any:
    """The framework's tensor of an array; a number of the exercise as it is."""
    return d2l.tensor(x) if isinstance(x, np.ndarray) else x


def _values(function: Callable[..., Any], case: tuple[Any, ...]) -> Arrays:
    """What a function of the exercise, right or wrong, gives for the case."""
    value = function(*case)
    entries = value if isinstance(value, list | tuple) else [value]
    return [np.array(x, "float64") for x in entries]


def _arrays(d2l: Any, x: Any) -> Arrays:
    """The numbers in x (a tensor, a number, lists of such), entry by entry."""
    if isinstance(x, list | tuple):
        return [array for entry in x for array in _arrays(d2l, entry)]
    try:
        array = d2l.numpy(x)
    except (AttributeError, TypeError):
        array = numpy_of(x)
    return [np.array(array, "float64")]


def _fit(found: Arrays, expected: Arrays) -> bool:
    """Whether the shapes are the same, or all are single numbers of any shape."""
    single = all(x.size == 1 for x in (*found, *expected))
    return _shapes(found) == _shapes(expected) or (
        single and len(found) == len(expected)
    )


def _shapes(arrays: Arrays) -> list[tuple[int, ...]]:
    return [x.shape for x in arrays]
