"""A step in which parameters differ: in their numbers, in dtype, or in being clipped.

A rule reads one dict of hyperparameters for all parameters that it is called with.
Frameworks let each parameter have a rate and a weight decay of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING, Any

from .checks import refusing_to_count
from .groups import needs_all, over_groups
from .pieces import Chain, Piece
from .rule import Grads, Hyperparams, LearnersRule, Params, Rule, States

if TYPE_CHECKING:
    from ..backend.contract import Backend, Tensor

DECAYS = frozenset(
    {"weight_decay", "l1_decay"}
)  # what rules and pieces with a decay read


def undecayed(names: Collection[str]) -> dict[str, float]:
    """The numbers of a parameter that does not decay, for a rule that reads `names`."""
    return dict.fromkeys(DECAYS & {*names}, 0.0)


def step(
    d2l: Backend,
    rule: Rule,
    run: Callable[..., None],
    params: Params,
    grads: Grads,
    states: States,
    hyperparams: Hyperparams,
    own: Sequence[Mapping[str, Any]],
    clipped: Sequence[bool] = (),
) -> None:
    """One step of `rule` in which the parameter i has the numbers `own[i]` besides.

    Parameters with the same numbers take the step together. A piece of a chain that
    needs the updates of all, as a clip by the global norm does, gets all of them, in
    float64 where their dtypes differ. A function of a learner's is called once for each
    set of parameters, and knows nothing of the others; a number that it changes would
    not be saved with the states, and is refused with an InputError.

    Args:
        run: the step of the rule, (params, grads, states, hyperparams).
        own: for each parameter, what of its hyperparameters is its own.
        clipped: for each parameter, whether a chain clips its gradient; all, if empty.
    """
    spread = needs_all(rule) and len({p.dtype for p in params}) > 1
    special = isinstance(rule.step, Chain) and (spread or not all(clipped))
    places = _sets(own)
    if isinstance(rule.step, LearnersRule):
        run = refusing_to_count(run)
    if not special and len(places) == 1:
        run(params, grads, states, {**hyperparams, **own[0]})
        return
    if not special and not needs_all(rule):
        for _, at in places:
            numbers = {**hyperparams, **own[at[0]]}
            run(_at(params, at), _at(grads, at), _at(states, at), numbers)
        return
    order = [i for _, at in places for i in at]
    groups = [(len(at), {**hyperparams, **numbers}) for numbers, at in places]
    chain = _at(clipped, order) if clipped else []
    rule = rule._replace(step=_adapted(rule.step, chain, spread))
    over_groups(rule).step(
        d2l,
        _at(params, order),
        _at(grads, order),
        _at(states, order),
        {"groups": groups},
    )


def _sets(own: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], Any]]:
    """Each set of numbers, and the places of the parameters that have it."""
    places: list[tuple[Mapping[str, Any], list[int]]] = []
    for i, numbers in enumerate(own):
        for known, at in places:
            if known == numbers:
                at.append(i)
                break
        else:
            places.append((numbers, [i]))
    return places


def _at(values: Sequence[Any], places: Sequence[int]) -> list[Any]:
    return [values[i] for i in places]


# ------------------------------------------------------------------------ its pieces


def _adapted(chain: Any, clipped: Sequence[bool], spread: bool) -> Chain:
    """The chain for parameters that are of several dtypes, or not all clipped."""
    pieces = []
    for piece in chain.pieces:
        if spread and type(piece).update is not Piece.update:
            piece = _like(piece, InOneDtype)(piece)
        if not all(clipped) and "clip" in piece.needs:
            piece = _like(piece, ForSome)(piece, tuple(clipped))
        pieces.append(piece)
    return Chain(*pieces)


def _like(piece: Piece, kind: Any) -> Any:
    """`kind` for this piece, with the name that a message calls it by."""
    return type(type(piece).__name__, (kind,), {"needs": piece.needs})


@dataclass(frozen=True)
class ForSome(Piece):
    """A piece for the parameters that are `chosen`; the others' u stays as it is."""

    piece: Piece
    chosen: tuple[bool, ...]

    def update(
        self,
        d2l: Backend,
        params: Params,
        updates: Sequence[Tensor],
        states: Sequence[Any],
        hyperparams: Hyperparams,
    ) -> list[Tensor]:
        if not any(self.chosen):
            return list(updates)
        p, u, s = (list(compress(x, self.chosen)) for x in (params, updates, states))
        new = iter(self.piece.update(d2l, p, u, s, hyperparams))
        pairs = zip(updates, self.chosen, strict=True)
        return [next(new) if chosen else u for u, chosen in pairs]


@dataclass(frozen=True)
class InOneDtype(Piece):
    """A piece that looks at all tensors together, and gets them all in float64."""

    piece: Piece

    def update(
        self,
        d2l: Backend,
        params: Params,
        updates: Sequence[Tensor],
        states: Sequence[Any],
        hyperparams: Hyperparams,
    ) -> list[Tensor]:
        astype: Any = getattr(d2l, "astype")  # noqa: B009  # a word of the book's
        wide = [astype(u, "float64") for u in updates]
        new = self.piece.update(d2l, params, wide, states, hyperparams)
        return [astype(n, u.dtype) for n, u in zip(new, updates, strict=True)]
