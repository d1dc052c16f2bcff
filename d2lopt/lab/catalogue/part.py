"""How a family of rules tells its parts, and the mistakes that can be made in each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Change:
    """A mistake, and the parts of the rule that it replaces."""

    mistake: str
    parts: Mapping[str, Any]


def change(mistake: str, **parts: Any) -> Change:
    """The mistake of that name, made by these parts."""
    return Change(mistake, parts)


@dataclass(frozen=True)
class Family:
    """A rule in parts: `right(**parts)` makes a step, with the correct parts if none.

    `accepted` are changes that count as correct too. `without` names the slips that
    are no mistakes of this rule, or that another one of it says better.
    """

    right: Callable[..., Callable[[Any, Any, Any, Any, Any], None]]
    changes: tuple[Change, ...]
    accepted: tuple[Change, ...] = ()
    has_rate: bool = True
    states: int = 1  # of the parameter's shape, for each parameter
    without: tuple[str, ...] = field(default=())
