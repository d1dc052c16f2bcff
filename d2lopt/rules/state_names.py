"""What a rule keeps for a parameter, by name, for frameworks that save a flat dict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, count
from typing import Any

from . import pieces
from .checks import leaves
from .optimizers import RULES
from .pieces import Chain, Piece
from .rule import Rule

# The letters of the equations in optimizers.py, where each rule lists its states.
_ADAM = ("v", "s", "c1", "c2")
_OF_RULES: dict[str, tuple[str, ...]] = {
    "momentum": ("v",),
    "nesterov": ("v",),
    "adagrad": ("s",),
    "rmsprop": ("s",),
    "adadelta": ("s", "x"),
    "adam": _ADAM,
    "adamw": _ADAM,
    "yogi": _ADAM,
}


def state_names(rule: Rule, state: Any) -> Any:
    """`state`, which the rule keeps for one parameter, with names for its variables.

    Each name is another. Those of this library are the letters of the equations: an
    "s" for rmsprop, ("v", "s", "c1", "c2") for adam. A learner's are "state", or
    "state_0", "state_1" and so on by their place in a tuple.
    """
    if isinstance(rule.step, Chain) and len(state) == len(rule.step.pieces):
        taken: set[str] = set()
        each = zip(rule.step.pieces, state, strict=True)
        return tuple(
            _named(_of_piece(piece), type(piece).__name__, kept, taken)
            for piece, kept in each
        )
    for name, known in RULES.items():
        if known.step is rule.step:
            return _named(_OF_RULES.get(name, ()), "state", state, set())
    return _named((), "state", state, set())


def _of_piece(piece: Piece) -> tuple[str, ...]:
    """The letters of the equations in pieces.py, in the order of the piece's state."""
    if type(piece) is pieces.Momentum:
        return ("b",)
    if type(piece) is pieces.ByRms:
        return ("s", *["m"] * piece.centered, *["c"] * piece.corrected)
    if type(piece) is pieces.ByRootOfSum:
        return ("s",)
    if type(piece) is pieces.ByTwoRms:
        return ("s", "x")
    if type(piece) is pieces.ByMoments:
        return ("m", "v", "c1", "c2")
    return ()


def _named(letters: Sequence[str], title: str, state: Any, taken: set[str]) -> Any:
    """`state` with its letters in place, or numbered where they do not fit."""

    def unused(name: str) -> str:
        numbered = (f"{name}_{k}" for k in count(2))
        name = next(n for n in chain([name], numbered) if n not in taken)
        taken.add(name)
        return name

    fit = len(letters) == len(leaves(state))
    names = map(unused, letters if fit else _places(title, state))
    return refilled(state, lambda: next(names))


def _places(title: str, state: Any) -> list[str]:
    if not isinstance(state, list | tuple):
        return [title]
    return [n for k, part in enumerate(state) for n in _places(f"{title}_{k}", part)]


def refilled(state: Any, value: Callable[[], Any]) -> Any:
    """`state` with what `value()` gives, call by call, in place of each variable."""
    if not isinstance(state, list | tuple):
        return value()
    parts = [refilled(part, value) for part in state]
    # A NamedTuple, unlike other tuples, takes its parts one by one.
    return type(state)(*parts) if hasattr(state, "_fields") else type(state)(parts)
