"""Every version of a rule that a check knows: the correct ones and the wrong ones.

A wrong version has one mistake or two. A mistake is a change to one part of the rule,
listed in the file of its family, or a slip, which any rule can suffer (`slips.py`). All
versions run on any framework, as the rules of `rules/optimizers.py` do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

from . import adadelta, adam, adamw, rms, sgd, yogi
from .family import Change, Family, Step
from .slips import ALWAYS, BY_ONE_STATE, BY_RATE, BY_STATE, FREQUENT, Slip

# A step may count and remember, so each run makes one of its own.
Make = Callable[[], Step]

FAMILIES: dict[str, Family] = {
    "sgd": sgd.SGD,
    "momentum": sgd.MOMENTUM,
    "nesterov": sgd.NESTEROV,
    "adagrad": rms.ADAGRAD,
    "rmsprop": rms.RMSPROP,
    "adadelta": adadelta.ADADELTA,
    "adam": adam.ADAM,
    "adamw": adamw.ADAMW,
    "yogi": yogi.YOGI,
}


@dataclass(frozen=True)
class Wrong:
    """A wrong version: its mistakes, the one that names it first, and its step."""

    mistakes: tuple[str, ...]
    make: Make


# The three below are cached because `checks/paths.py` keeps the path of each version by
# its `make`: without the caches every check would make new ones, and compute all paths
# anew.


@lru_cache
def right(rule: str) -> tuple[Make, ...]:
    """The correct rule, in each of the forms that are accepted."""
    family = FAMILIES[rule]
    return _changed(family), *(_changed(family, c) for c in family.accepted)


@lru_cache
def with_one_mistake(rule: str) -> tuple[Wrong, ...]:
    """The wrong versions with one mistake; some mistakes have several forms."""
    family = FAMILIES[rule]
    return (
        *(Wrong((c.mistake,), _changed(family, c)) for c in family.changes),
        *(Wrong((n,), _slipped(_changed(family), s)) for n, s in slips_of(family)),
    )


@lru_cache
def with_two_mistakes(rule: str) -> tuple[Wrong, ...]:
    """The wrong versions with two mistakes: two changes, one and a slip, two slips."""
    return tuple(_pairs(FAMILIES[rule]))


def slips_of(family: Family) -> list[tuple[str, Slip]]:
    """The slips that can be made in this rule, by name."""
    slips = [*ALWAYS]
    if family.has_rate:
        slips += BY_RATE
    if family.states:
        slips += BY_STATE
    if family.states > 1:
        slips += BY_ONE_STATE
    return slips


def _pairs(family: Family) -> Iterator[Wrong]:
    for one, two in combinations(family.changes, 2):
        if one.mistake != two.mistake and not one.parts.keys() & two.parts.keys():
            yield Wrong((one.mistake, two.mistake), _changed(family, one, two))
    frequent = [(name, slip) for name, slip in slips_of(family) if name in FREQUENT]
    for change in family.changes:
        for name, slip in frequent:
            make = _slipped(_changed(family, change), slip)
            yield Wrong((change.mistake, name), make)
    for (first_name, first), (second_name, second) in combinations(frequent, 2):
        if first_name != second_name:
            make = _slipped(_slipped(_changed(family), first), second)
            yield Wrong((first_name, second_name), make)


def _changed(family: Family, *changes: Change) -> Make:
    def make() -> Step:
        return family.right(**{k: v for c in changes for k, v in c.parts.items()})

    return make


def _slipped(make: Make, slip: Slip) -> Make:
    return lambda: slip(make())
