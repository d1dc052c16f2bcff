"""A rule whose weight decay leaves out some of the parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .pieces import Chain, Piece
from .rule import Grads, Hyperparams, LearnersRule, Params, Rule, States

if TYPE_CHECKING:
    from ..backend.contract import Backend, Tensor, Variable

DECAYS = {"weight_decay", "l1_decay"}  # what a rule or a piece with a decay reads


def excluding(rule: Rule, decays: Sequence[bool]) -> Rule:
    """The rule, by which only those parameters decay for which `decays` says so.

    Raises an InputError for a rule without a decay, and for a function of yours, of
    which nobody knows what its decay is.
    """
    if isinstance(rule.step, LearnersRule):
        raise InputError(
            "in a function of yours, only you can leave parameters out of the decay: "
            "do so there, or write it as a pieces.Chain."
        )
    if not DECAYS & set(rule.hyperparams):
        raise InputError("no parameter can be left out of a decay: the rule has none.")
    if all(decays):
        return rule
    if isinstance(rule.step, Chain):
        some = [
            ForSome(piece, tuple(decays)) if DECAYS & set(piece.needs) else piece
            for piece in rule.step.pieces
        ]
        return rule._replace(step=Chain(*some))
    return rule._replace(step=InTwo(rule.step, tuple(decays)))


@dataclass(frozen=True)
class ForSome(Piece):
    """A piece for the parameters that are `chosen`: the others' u stays as it is."""

    piece: Piece
    chosen: tuple[bool, ...]

    def update(
        self,
        d2l: Backend,
        params: Sequence[Variable],
        updates: Sequence[Tensor],
        states: Sequence[Any],
        hyperparams: Mapping[str, Any],
    ) -> list[Tensor]:
        p, u, s = (list(compress(x, self.chosen)) for x in (params, updates, states))
        new = iter(self.piece.update(d2l, p, u, s, hyperparams))
        pairs = zip(updates, self.chosen, strict=True)
        return [next(new) if chosen else u for u, chosen in pairs]


@dataclass(frozen=True)
class InTwo:
    """A rule that takes each parameter by itself: first those that decay, then others.

    All rules of `optimizers.py` do.
    """

    step: Callable[..., None]
    decays: tuple[bool, ...]

    def __call__(
        self, d2l: Backend, params: Params, grads: Grads, states: States, h: Hyperparams
    ) -> None:
        without = {name: 0.0 if name in DECAYS else x for name, x in h.items()}
        others = [not decay for decay in self.decays]
        for chosen, numbers in ((self.decays, h), (others, without)):
            some = (list(compress(x, chosen)) for x in (params, grads, states))
            self.step(d2l, *some, numbers)
