"""A chain over groups of parameters that have hyperparameters of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .pieces import Chain, Piece
from .rule import Grads, Hyperparams, Params, Rule, States

if TYPE_CHECKING:
    from ..backend.contract import Backend

Group = tuple[int, Mapping[str, Any]]  # how many parameters, and their numbers


def needs_all(rule: Rule) -> bool:
    """Whether a step needs the updates of all parameters at once, for a norm, say."""
    chain = rule.step
    return isinstance(chain, Chain) and any(map(_takes_all, chain.pieces))


def _takes_all(piece: Piece) -> bool:
    """Whether it does not take each parameter by itself, as `Piece.update` does."""
    return type(piece).update is not Piece.update


def over_groups(rule: Rule) -> Rule:
    """The rule of a chain, with a step that takes all groups: `OverGroups`."""
    assert isinstance(rule.step, Chain)
    return rule._replace(step=OverGroups(rule.step))


@dataclass(frozen=True)
class OverGroups:
    """The step of a chain over all groups, called as a rule is.

    `hyperparams["groups"]` has for each group, in their order, how many of the
    parameters are in it, and its hyperparameters. A piece that takes each parameter by
    itself gets those of its group. One that needs all updates at once, as a clip by the
    global norm does, gets all of them, and the hyperparameters that all groups share.
    """

    chain: Chain

    def __call__(
        self,
        d2l: Backend,
        params: Params,
        grads: Grads,
        states: States,
        hyperparams: Hyperparams,
    ) -> None:
        # Found before anything changes: a number that differs may be an error.
        calls = [_calls(piece, hyperparams["groups"]) for piece in self.chain.pieces]
        updates = list(grads)
        for k, piece in enumerate(self.chain.pieces):
            of_piece = [of_parameter[k] for of_parameter in states]
            for span, numbers in calls[k]:
                updates[span] = piece.update(
                    d2l, params[span], updates[span], of_piece[span], numbers
                )
        for p, u in zip(params, updates, strict=True):
            d2l.assign(p, p - u)


def _calls(
    piece: Piece, groups: Sequence[Group]
) -> list[tuple[slice, Mapping[str, Any]]]:
    """Which parameters a piece is called with, and with what numbers."""
    if _takes_all(piece):
        shared = _Shared(piece, [numbers for _, numbers in groups])
        for name in piece.needs:
            shared[name]
        return [(slice(None), shared)]
    spans, start = [], 0
    for size, numbers in groups:
        spans.append((slice(start, start + size), numbers))
        start += size
    return spans


class _Shared(dict[str, Any]):
    """The hyperparameters that are the same in all groups."""

    def __init__(self, piece: Piece, groups: Sequence[Mapping[str, Any]]) -> None:
        names = {name for numbers in groups for name in numbers}
        self.differing = {name for name in names if _differs(name, groups)}
        super().__init__((n, groups[0][n]) for n in names - self.differing)
        self.title = type(piece).__name__

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self.differing else super().get(name, default)

    def __missing__(self, name: str) -> Any:
        if name not in self.differing:
            raise KeyError(name)
        raise InputError(
            f"{self.title} takes all parameters together: give every group of them the "
            f"same {name}, or each an optimizer of its own."
        )


def _differs(name: str, groups: Sequence[Mapping[str, Any]]) -> bool:
    first = groups[0].get(name)
    # A tensor is equal to itself, which nobody knows yet inside a graph.
    return any(
        name not in numbers or (numbers[name] is not first and numbers[name] != first)
        for numbers in groups
    )
