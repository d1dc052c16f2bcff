"""The wrong rules that a check knows: each rule's own mistakes, and everybody's.

A rule's own mistakes are changes to one part of it (`Change`), in the file of its
family; everybody's are slips (`slips.py`). Two of different parts are made together
too. All run on any framework, as the rules of `rules.py` do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

from . import adam, rms, sgd
from .part import Change, Family
from .slips import ALWAYS, BY_ONE_STATE, BY_RATE, BY_STATE, FREQUENT, Slip, Step

Make = Callable[[], Step]  # begins the rule anew

FAMILIES: dict[str, Family] = {
    **sgd.FAMILIES,
    **rms.FAMILIES,
    **adam.FAMILIES,
}


@dataclass(frozen=True)
class Wrong:
    """A wrong rule: its mistakes, the first of which names it, and how to begin."""

    mistakes: tuple[str, ...]
    make: Make


def _changed(family: Family, *changes: Change) -> Make:
    def make() -> Step:
        return family.right(**{k: v for c in changes for k, v in c.parts.items()})

    return make


def _slipped(make: Make, slip: Slip) -> Make:
    return lambda: slip(make())


def slips_of(rule: str) -> list[tuple[str, Slip]]:
    """The slips that can be made in this rule."""
    family = FAMILIES[rule]
    slips = [*ALWAYS]
    if family.has_rate:
        slips += BY_RATE
    if family.states:
        slips += BY_STATE
    if family.states > 1:
        slips += BY_ONE_STATE
    return [(name, slip) for name, slip in slips if name not in family.without]


def _singles(rule: str) -> Iterator[Wrong]:
    family = FAMILIES[rule]
    for change in family.changes:
        yield Wrong((change.mistake,), _changed(family, change))
    for name, slip in slips_of(rule):
        yield Wrong((name,), _slipped(_changed(family), slip))


def _pairs(rule: str) -> Iterator[Wrong]:
    family = FAMILIES[rule]
    for one, two in combinations(family.changes, 2):
        if one.mistake != two.mistake and not one.parts.keys() & two.parts.keys():
            yield Wrong((one.mistake, two.mistake), _changed(family, one, two))
    frequent = [(name, slip) for name, slip in slips_of(rule) if name in FREQUENT]
    for change in family.changes:
        for name, slip in frequent:
            make = _slipped(_changed(family, change), slip)
            yield Wrong((change.mistake, name), make)
    for (one_name, first), (two_name, second) in combinations(frequent, 2):
        if one_name != two_name:
            make = _slipped(_slipped(_changed(family), first), second)
            yield Wrong((one_name, two_name), make)


@lru_cache
def singles(rule: str) -> tuple[Wrong, ...]:
    """Each mistake by itself; some mistakes have several forms."""
    return tuple(_singles(rule))


@lru_cache
def pairs(rule: str) -> tuple[Wrong, ...]:
    """Two mistakes at once."""
    return tuple(_pairs(rule))


@lru_cache
def right(rule: str) -> tuple[Make, ...]:
    """The correct rule, in each of the forms that are accepted."""
    family = FAMILIES[rule]
    return _changed(family), *(_changed(family, c) for c in family.accepted)
