"""Checks of exercises that are no rules: numbers, states, a step in two dimensions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from ..arrays import numpy_of
from ..errors import InputError
from . import catalogue
from .check_rule import SECONDS, explained
from .limits import OutOfTime, limit
from .mistakes import HINTS, OF_NUMBERS, hint
from .result import Result
from .trial import globals_kept, is_placeholder, quiet

Given = Callable[[Any], Any]  # what depends on the framework: made from d2l


@contextmanager
def globals_set(function: Any, numbers: Mapping[str, Any]) -> Iterator[None]:
    """Give names that the function may read as globals the values of the exercise."""
    home = getattr(function, "__globals__", {})
    missing = object()
    before = {name: home.get(name, missing) for name in numbers}
    home.update(numbers)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is missing:
                home.pop(name, None)
            else:
                home[name] = value


def guarded(
    name: str,
    function: Any,
    numbers: Mapping[str, Any],
    check: Callable[[], Result],
) -> Result:
    """The check's result, or what the student's function raised on the way."""
    try:
        with (
            quiet(),
            globals_kept(function),
            globals_set(function, numbers),
        ):
            return check()
    except NotImplementedError:
        return Result(name, False, "not-implemented", HINTS["not-implemented"])
    except OutOfTime:
        return Result(name, False, "timeout", HINTS["timeout"])
    except InputError as error:
        return Result(name, False, "wrong-arguments", str(error))
    except (Exception, SystemExit) as error:
        told = explained(error, function)
        return Result(name, False, "raises", f"{HINTS['raises']} {told}")


def called(function: Any, *arguments: Any) -> Any:
    """What the student's function returns; it has a limit of time, and must return."""
    with limit(SECONDS):
        value = function(*arguments)
    if value is None or is_placeholder(value):
        raise NotImplementedError
    return value


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
            own = list(entry) if isinstance(entry, list | tuple) else [entry]
            tensors = [x for x in own if hasattr(x, "shape")]
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
        for x in leaves:
            others = [y for y in leaves if y is not x]
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


# ------------------------------------------------------------------- in two dimensions

# From where, and how many steps: the first with all numbers positive, so that a root
# of what is no square shows in its value and not in an error only.
STARTS = (
    ((3.0, 2.0, 0.5, 0.7), 1),
    ((0.02, 0.0005, 2e-6, 1e-6), 1),
    ((4.0, 1.0, 40.0, 90.0), 3),
    ((-5.0, -2.0, 0.0, 0.0), 3),
    ((2.0, -0.3, 0.1, 3.0), 3),
)


@dataclass(frozen=True)
class Plane:
    """A step (x1, x2, s1, s2) → the next four, of a rule of RULES on a valley.

    `slope` is the valley's gradient and `constants` what the function reads by name.
    """

    rule: str
    slope: Callable[[float, float], tuple[float, float]]
    hyperparams: Mapping[str, float]
    constants: Mapping[str, float]

    def __call__(self, function: Any, name: str, d2l: Any) -> Result:
        return guarded(
            name, function, self.constants, lambda: self._check(function, name, d2l)
        )

    def _check(self, function: Any, name: str, d2l: Any) -> Result:
        walks, error = [], None
        for start, steps in STARTS:
            walk: list[Any] = []
            point: Any = start
            for _ in range(steps):
                try:
                    point = called(function, *point)
                except (ValueError, ArithmeticError, TypeError) as raised:
                    error = error or raised
                    break
                several = isinstance(point, list | tuple) and len(point) == 4
                if not several and tuple(getattr(point, "shape", ())) != (4,):
                    text = "Return the next four numbers: x1, x2, s1, s2."
                    return Result(name, False, "wrong-shape", text)
                if self._counts == 2:
                    point = *list(point)[:2], 0.0, 0.0  # the others are not used
                point = tuple(_number(x) for x in point)
                walk.append(point)
            walks.append(walk)
        if error is None and any(
            self._follows(make, walks, d2l) for make in catalogue.right(self.rule)
        ):
            return Result(name, True)
        if any(walks):
            for wrongs in (catalogue.singles, catalogue.pairs):
                for wrong in wrongs(self.rule):
                    if self._follows(wrong.make, walks, d2l):
                        told = hint(*wrong.mistakes, words=OF_NUMBERS)
                        return Result(name, False, wrong.mistakes[0], told)
            if self._counts == 4 and self._loses_states(walks, d2l):
                told = hint("state-rebound", words=OF_NUMBERS)
                return Result(name, False, "state-rebound", told)
        if error is not None:
            raise error
        return self._departs(name, walks, d2l)

    @property
    def _counts(self) -> int:
        """How many of the four numbers the rule uses."""
        return 4 if catalogue.FAMILIES[self.rule].states else 2

    def _walk(self, make: Any, start: Any, steps: int, d2l: Any) -> Iterator[Any]:
        step = partial(make(), d2l)
        x = [d2l.variable(d2l.tensor([v], "float64")) for v in start[:2]]
        s = [d2l.variable(d2l.tensor([v], "float64")) for v in start[2:]]
        for _ in range(steps):
            at = [float(d2l.numpy(v)[0]) for v in x]
            grads = [d2l.tensor([g], "float64") for g in self.slope(*at)]
            step(x, grads, s, dict(self.hyperparams))
            yield [float(d2l.numpy(v)[0]) for v in (*x, *s)]

    def _follows(self, make: Any, walks: Any, d2l: Any) -> bool:
        counts = self._counts
        for (start, steps), walk in zip(STARTS, walks, strict=True):
            expected = self._walk(make, start, min(steps, len(walk)), d2l)
            for found, right in zip(walk, expected, strict=True):
                if not np.allclose(
                    found[:counts], right[:counts], 1e-7, 1e-12, equal_nan=True
                ):
                    return False
        return True

    def _loses_states(self, walks: Any, d2l: Any) -> bool:
        """Whether the first steps are right, and the states that come back are zero."""
        right = catalogue.right(self.rule)[0]
        for (start, _), walk in zip(STARTS, walks, strict=True):
            expected = next(self._walk(right, start, 1, d2l))
            if not walk or any(walk[0][2:]):
                return False
            if not np.allclose(walk[0][:2], expected[:2], 1e-7, 1e-12):
                return False
        return True

    def _departs(self, name: str, walks: Any, d2l: Any) -> Result:
        right = catalogue.right(self.rule)[0]
        for (start, steps), walk in zip(STARTS, walks, strict=True):
            expected = list(self._walk(right, start, steps, d2l))
            for t, (found, correct) in enumerate(zip(walk, expected, strict=True)):
                for k, of in enumerate(("x1", "x2", "s1", "s2")[: self._counts]):
                    if not np.isclose(found[k], correct[k], 1e-7, 1e-12):
                        text = (
                            f"No known mistake fits. From {start}, {of} is "
                            f"{found[k]:.9g} after step {t + 1}, and {correct[k]:.9g} "
                            "is right."
                        )
                        return Result(name, False, None, text)
        return Result(name, False, None, "No known mistake fits.")


def _number(x: Any) -> float:
    return float(numpy_of(x).item())
