"""A rule in parts, and the mistakes that are made by exchanging one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Step = Callable[[Any, Any, Any, Any, Any], None]  # (d2l, params, grads, states, h)

# Values of ε that students write; one of them is the right one.
EPS = (1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3)


@dataclass(frozen=True)
class Change:
    """A mistake by its name in `hints.HINTS`, and the parts of the rule it replaces."""

    mistake: str
    parts: Mapping[str, Any]


def change(mistake: str, **parts: Any) -> Change:
    """The mistake of that name, made by these parts."""
    return Change(mistake, parts)


@dataclass(frozen=True)
class Family:
    """A correct rule and its wrong relatives.

    `right()` makes a step of the correct rule; `right(**parts)` makes one with these
    parts in the place of its own. `accepted` are changes that count as correct too.
    """

    right: Callable[..., Step]
    changes: tuple[Change, ...]
    accepted: tuple[Change, ...] = ()
    has_rate: bool = True  # whether it reads hyperparams["lr"]
    states: int = 1  # of the parameter's shape, for each parameter
