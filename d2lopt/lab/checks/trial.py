"""One run of a rule over a probe: what the holders of its variables see at each step.

Students' rules and those of the catalogue run through the same code, on the same
framework. A rule may change its variables in place, or return new ones: the parameters,
or (parameters, states).
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...rules import forms
from ...rules.optimizers import RULES
from ...rules.rule import States
from .guard import is_placeholder
from .probes import Array, Probe

Call = Callable[[Any, Any, Any, Any], Any]  # (params, grads, states, hyperparams)


class WrongShape(Exception):
    """A parameter has another shape after the step than before."""


@dataclass(frozen=True)
class Setting:
    """How states are laid out, what else hyperparams holds, and the numbers' type."""

    states: Callable[[Any, Any], States]
    extras: tuple[tuple[str, int], ...] = ()
    dtype: str = "float64"


class Asked(dict[str, Any]):
    """Hyperparameters that remember which of them were read.

    Those in `unlisted` are there for who asks for them by name, and for no one else:
    the lesson's harness gives no ε, and a rule may take all that it is given.
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

    def __iter__(self) -> Iterator[str]:  # `**hyperparams` comes here, too
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
        more = [self.unlisted[key]] if key in self.unlisted else default
        return super().pop(key, *more)


def call_of(d2l: Any, function: Any) -> Call:
    """The student's function as (params, grads, states, hyperparams) -> returned.

    Raises an InputError if its arguments are those of no rule.
    """
    if not forms.is_book_form(function):
        portable: Call = function
        return portable

    def call(params: Any, grads: Any, states: Any, hyperparams: Any) -> Any:
        held = [d2l.hold_grad(p, g) for p, g in zip(params, grads, strict=True)]
        given = list(held)
        returned = function(held, states, hyperparams)
        same = isinstance(returned, list | tuple) and len(returned) == len(given)
        if same and all(q is p for p, q in zip(given, returned, strict=True)):
            return None  # those that it was given
        return returned

    return call


class Trial:
    """A rule at work on a probe; `step()` takes the next step."""

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
        self.held = list(self.states)  # who else holds the states sees these
        pairs = zip(self.held, self.params, strict=False)
        self.at_start = [self._own(own, p) for own, p in pairs]
        numbers = {**probe.hyperparams, **dict(setting.extras)}
        self.hyperparams = Asked(numbers, unlisted)
        self.done = 0

    def _tensor(self, value: Array) -> Any:
        return self.d2l.tensor(value, self.dtype)

    def numbers(self, x: Any) -> Array:
        """The numbers in x, a copy of their own."""
        return np.array(self.d2l.numpy(x), "float64")

    def _alias_states(self) -> None:
        """Make each state the parameter, where it has its parameter's shape."""

        def made(x: Any, p: Any) -> Any:
            if isinstance(x, list | tuple):
                return type(x)(made(entry, p) for entry in x)
            alike = tuple(getattr(x, "shape", (0,))) == tuple(p.shape)
            return p if alike else x

        pairs = zip(self.states, self.params, strict=False)
        self.states = [made(x, p) for x, p in pairs]

    def _own(self, entry: Any, p: Any) -> list[Array]:
        """The numbers of those of a parameter's states that have its shape."""
        leaves = entry if isinstance(entry, list | tuple) else [entry]
        shape = tuple(p.shape)
        return [
            self.numbers(x) for x in leaves if tuple(getattr(x, "shape", (0,))) == shape
        ]

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
            after.append(self.numbers(p))
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
        """Which of a parameter's states, as others hold them, are not what they were.

        Only those of the parameter's shape: step counts are kept in many ways.
        """
        changed: list[bool] = []
        for own, old, p in zip(self.held, self.at_start, self.params, strict=False):
            now = self._own(own, p)
            changed += [False] * (max(len(now), len(old)) - len(changed))
            for k, before in enumerate(old):
                same = len(now) == len(old) and np.array_equal(
                    now[k], before, equal_nan=True
                )
                changed[k] = changed[k] or not same
        return tuple(changed)

    @property
    def replaced(self) -> bool:
        """Whether a tensor in the list of states is no longer the one that was given.

        Then everyone else who holds the old one does not see the change.
        """
        return any(
            now is not old and hasattr(old, "shape")
            for now, old in zip(self.states, self.held, strict=False)
        )


# ------------------------------------------------------------------------ the settings


def _numbers(d2l: Any, params: Any, like: States, extra: str) -> States:
    """Layouts that students choose for a state of two averages."""
    made: list[Any] = []
    for own in like:
        pair = list(own)[:2]
        if extra == "tensor":
            made.append((*pair, d2l.variable(d2l.sum(pair[0]))))
        elif extra == "number":
            made.append([*pair, 0])
        else:
            made.append(tuple(pair))
    return made


def settings(rule: str, dtype: str) -> list[Setting]:
    """The ways in which a correct rule may expect to be called, the usual first."""
    usual = RULES[rule].init_states

    def layout(extra: str) -> Callable[[Any, Any], States]:
        return lambda d2l, params: _numbers(d2l, params, usual(d2l, params), extra)

    if rule == "sgd":
        zero = RULES["momentum"].init_states
        return [Setting(usual, (), dtype), Setting(zero, (), dtype)]
    if rule in ("adam", "adamw", "yogi"):
        counts: list[tuple[tuple[str, int], ...]] = [(("t", 1),), (("t", 0),), ()]
        layouts = [usual, layout(""), layout("tensor"), layout("number")]
        return [Setting(states, t, dtype) for states in layouts for t in counts]
    if rule == "adadelta":
        return [Setting(usual, (), dtype), Setting(layout("number"), (), dtype)]
    two = RULES["adadelta"].init_states

    def alone(d2l: Any, params: Any) -> States:
        return [(s,) for s in usual(d2l, params)]

    def counted(d2l: Any, params: Any) -> States:
        return [[s, 0] for s in usual(d2l, params)]

    layouts = [usual, alone, two, counted]
    return [Setting(states, (), dtype) for states in layouts]
