"""A rule whose weight decay leaves out some of the parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING

from ..errors import InputError
from .apart import DECAYS, ForSome, undecayed
from .pieces import Chain
from .rule import Grads, Hyperparams, LearnersRule, Params, Rule, States

if TYPE_CHECKING:
    from ..backend.contract import Backend


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
    if not DECAYS & {*rule.hyperparams}:
        raise InputError("no parameter can be left out of a decay: the rule has none.")
    if all(decays):
        return rule
    if isinstance(rule.step, Chain):
        some = [
            ForSome(piece, tuple(decays)) if DECAYS & {*piece.needs} else piece
            for piece in rule.step.pieces
        ]
        return rule._replace(step=Chain(*some))
    return rule._replace(step=InTwo(rule.step, tuple(decays)))


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
        without = {**h, **undecayed(h)}
        others = [not decay for decay in self.decays]
        for chosen, numbers in ((self.decays, h), (others, without)):
            some = (list(compress(x, chosen)) for x in (params, grads, states))
            self.step(d2l, *some, numbers)
