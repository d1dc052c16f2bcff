"""A rule at work on a probe: the parameters and states after each of its steps.

Students' rules and those of the catalogue run through the same code, on the same
framework. A rule may change its variables in place, or return new ones: the parameters,
or (parameters, states).
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ...rules import forms
from .guard import is_placeholder
from .probes import Array, Probe
from .settings import Setting

Call = Callable[[Any, Any, Any, Any], Any]  # (params, grads, states, hyperparams)


class WrongShape(Exception):
    """A parameter has another shape after the step than before."""


class WatchedHyperparams(dict[str, Any]):
    """Hyperparameters that remember which of them the rule has read.

    Those in `unlisted` are found by their name only, and are not there for a rule that
    takes all it is given: in the lessons, no harness gives ε, so that
    `lr, gamma = hyperparams.values()` is right.
    """

    def __init__(self, numbers: dict[str, Any], unlisted: Sequence[str] = ()) -> None:
        super().__init__({k: v for k, v in numbers.items() if k not in unlisted})
        self.unlisted = {k: v for k, v in numbers.items() if k in unlisted}
        self.read: set[str] = set()

    def __missing__(self, key: str) -> Any:
        return self.unlisted[key]

    def __getitem__(self, key: str) -> Any:
        self.read.add(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self.read.add(str(key))
        return super().__contains__(key) or key in self.unlisted

    def __iter__(self) -> Iterator[str]:  # `**hyperparams` calls it too
        self.read.update(super().keys())
        return super().__iter__()

    def values(self) -> Any:
        self.read.update(super().keys())
        return super().values()

    def items(self) -> Any:
        self.read.update(super().keys())
        return super().items()

    def get(self, key: str, default: Any = None) -> Any:
        try:
            return self[key]
        except KeyError:
            return default

    def setdefault(self, key: str, default: Any = None) -> Any:
        return super().setdefault(key, self.get(key, default))

    def pop(self, key: str, *default: Any) -> Any:
        self.read.add(key)
        if key in self.unlisted:
            default = (self.unlisted[key],)
        return super().pop(key, *default)


def call_of(d2l: Any, function: Any) -> Call:
    """The student's function as (params, grads, states, hyperparams) -> returned.

    Raises an InputError if its arguments are those of no rule.
    """
    if not forms.is_book_form(function):
        portable: Call = function
        return portable

    def call(params: Any, grads: Any, states: Any, hyperparams: Any) -> Any:
        given = [d2l.hold_grad(p, g) for p, g in zip(params, grads, strict=True)]
        returned = function(list(given), states, hyperparams)
        same = isinstance(returned, list | tuple) and len(returned) == len(given)
        if same and all(q is p for p, q in zip(given, returned, strict=True)):
            return None  # the parameters that it was given are no new ones
        return returned

    return call


class Trial:
    """A rule at work on a probe, from the probe's start; `step()` takes the next step.

    `unlisted` are hyperparameters that the rule finds by their name only.
    """

    def __init__(
        self,
        d2l: Any,
        call: Call,
        probe: Probe,
        setting: Setting,
        unlisted: Sequence[str] = (),
    ) -> None:
        self.d2l, self.call, self.probe = d2l, call, probe
        self.dtype = setting.dtype
        self.params = [d2l.variable(self._tensor(p)) for p in probe.start]
        self.states = list(setting.states(d2l, self.params))
        if probe.aliased:
            self._alias_states()
        self.held = list(self.states)  # what a harness, which holds the states, sees
        pairs = zip(self.held, self.params, strict=False)
        self.at_start = [self._averages(entry, p) for entry, p in pairs]
        numbers = {**probe.hyperparams, **dict(setting.extras)}
        self.hyperparams = WatchedHyperparams(numbers, unlisted)
        self.done = 0

    def _tensor(self, value: Array) -> Any:
        return self.d2l.tensor(value, self.dtype)

    def _numbers(self, x: Any) -> Array:
        """The numbers in x now, in an array of their own."""
        return np.array(self.d2l.numpy(x), "float64")

    def _alias_states(self) -> None:
        """Make each state the parameter, where it has its parameter's shape."""

        def aliased(x: Any, p: Any) -> Any:
            if isinstance(x, list | tuple):
                return type(x)(aliased(entry, p) for entry in x)
            return p if _same_shape(x, p) else x

        pairs = zip(self.states, self.params, strict=False)
        self.states = [aliased(x, p) for x, p in pairs]

    def _averages(self, entry: Any, p: Any) -> list[Array]:
        """The numbers of those of a parameter's states that have its shape."""
        leaves = entry if isinstance(entry, list | tuple) else [entry]
        return [self._numbers(x) for x in leaves if _same_shape(x, p)]

    def step(self) -> list[Array]:
        """Take a step; the parameters after it. Raises what the function raises."""
        grads = [self._tensor(g) for g in self.probe.grads[self.done]]
        returned = self.call(list(self.params), grads, self.states, self.hyperparams)
        self._take(returned)
        self.done += 1
        after = []
        for i, (p, start) in enumerate(zip(self.params, self.probe.start, strict=True)):
            if tuple(p.shape) != start.shape:
                raise WrongShape(
                    f"parameter {i} has shape {tuple(p.shape)} after a step; it had "
                    f"{start.shape}."
                )
            after.append(self._numbers(p))
        return after

    def _take(self, returned: Any) -> None:
        """Put returned parameters, or (parameters, states), where the old ones are."""
        if is_placeholder(returned):
            raise NotImplementedError
        if isinstance(returned, types.GeneratorType):
            raise TypeError("the function has a `yield` in it, so it does nothing yet")
        if not isinstance(returned, list | tuple):
            return
        states = None
        if len(returned) == 2 and isinstance(returned[0], list | tuple):
            returned, states = returned
            states = states if isinstance(states, list | tuple) else None
        if len(returned) != len(self.params):
            raise WrongShape(
                f"{len(returned)} parameters are returned; there are "
                f"{len(self.params)}."
            )
        for i, (p, q) in enumerate(zip(self.params, returned, strict=True)):
            if q is p:
                continue
            if tuple(getattr(q, "shape", ())) != tuple(p.shape):
                raise WrongShape(
                    f"the returned parameter {i} has shape "
                    f"{tuple(getattr(q, 'shape', ()))}; it is {tuple(p.shape)}."
                )
            self.d2l.assign(p, q)
        if states is not None:
            self.states = list(states)
            self.held = list(self.states)

    @property
    def touched(self) -> tuple[bool, ...]:
        """Which of a parameter's states have changed for the harness that holds them.

        An entry for the first, second, … state of any parameter. Only states of the
        parameter's shape count: students keep step counts in many ways.
        """
        changed: list[bool] = []
        for entry, old, p in zip(self.held, self.at_start, self.params, strict=False):
            now = self._averages(entry, p)
            changed += [False] * (max(len(now), len(old)) - len(changed))
            for k, before in enumerate(old):
                same = len(now) == len(old) and np.array_equal(
                    now[k], before, equal_nan=True
                )
                changed[k] = changed[k] or not same
        return tuple(changed)

    @property
    def replaced(self) -> bool:
        """Whether the rule put another tensor into the list of states.

        The harness holds the old one, and does not see the change.
        """
        return any(
            now is not old and hasattr(old, "shape")
            for now, old in zip(self.states, self.held, strict=False)
        )


def _same_shape(x: Any, p: Any) -> bool:
    """Whether x, which may be a number of the student's, has the parameter's shape."""
    return tuple(getattr(x, "shape", (0,))) == tuple(p.shape)
