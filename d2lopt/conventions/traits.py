"""What makes one built-in optimizer differ from another: names, defaults and traits.

A `Builtin` is a row of the table in `table.py`. Settings are in our words: the
hyperparameters of `rules/hyperparams.py`, and the options below. From a row and
settings, `Builtin.words` gives what to pass to the framework, and `Builtin.chain` the
pieces (`rules/pieces.py`) that compute the same.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..rules import pieces

if TYPE_CHECKING:
    from ..backend.contract import Backend

Settings = Mapping[str, Any]

# Every option, with the value that it has where it is not used.
NEUTRAL: dict[str, Any] = {
    "momentum": 0.0,
    "nesterov": False,
    "centered": False,
    "corrected": False,
    "weight_decay": 0.0,
    "l1_decay": 0.0,
    "clip_value": None,
    "clip_norm": None,
    "clip_global_norm": None,
    "clip_weights": None,
    "start": 0.0,
    "eps_inside": True,
}
CLIPS: dict[str, type[pieces.Piece]] = {
    "clip_value": pieces.ClipByValue,
    "clip_norm": pieces.ClipByNorm,
    "clip_global_norm": pieces.ClipByGlobalNorm,
}


@dataclass(frozen=True)
class Traits:
    """Where the formula of one built-in differs from that of another."""

    eps_inside: bool = True  # √(s + ε), or √s + ε
    lr_in_buffer: bool = True  # b ← μb + ηu, or p ← p − ηb
    decoupled: bool = False  # p ← p − ηλp beside the step, or λp in the gradient
    clip_first: bool = True  # clip, then decay; or decay, then clip
    raw: bool = False  # Adam's ε meets √v, or √v̂
    uses_lr: bool = True  # Adadelta does without, in one framework


@dataclass(frozen=True)
class Builtin:
    """One built-in optimizer of one framework."""

    kind: str  # "rmsprop", "sgd", "momentum", "adagrad", "adadelta", "adam", "adamw"
    name: str  # its path in the framework's namespace
    keywords: Mapping[str, str]  # ours → the framework's; "betas.0" is part of a tuple
    defaults: Settings  # in our words; what is not there has to be given
    traits: Traits = field(default_factory=Traits)
    # An option that the framework wants as an object: its path.
    objects: Mapping[str, str] = field(default_factory=dict)
    # An option that goes in front of the optimizer, as a link of a chain: its path.
    before: Mapping[str, str] = field(default_factory=dict)
    # An option that is ignored unless another is used.
    only_with: Mapping[str, str] = field(default_factory=dict)
    # Hyperparameters that it rounds to float32, whatever the dtype of the parameters.
    rounds: tuple[str, ...] = ()
    float64: bool = True  # whether its arithmetic is float64 where the parameters are
    fixed: Settings = field(default_factory=dict)  # settings that it always has
    note: str = ""  # what its documentation does not say, or says otherwise

    @property
    def options(self) -> set[str]:
        """Every setting that it can express, in our words."""
        return {*self.keywords, *self.before, *self.fixed}

    def full(self, settings: Settings) -> dict[str, Any]:
        """The settings with the built-in's own defaults for what they leave out."""
        return (
            {**NEUTRAL, "eps_inside": self.traits.eps_inside}
            | dict(self.defaults)
            | {name: value for name, value in settings.items() if value is not None}
        )

    def effective(self, settings: Settings) -> dict[str, Any]:
        """The settings, with what the built-in ignores at the value without effect."""
        ignored = self.ignores(settings)
        if not settings.get("momentum") or "momentum" in ignored:
            ignored = ignored | {"nesterov"}
        without_effect = {**NEUTRAL, "lr": 1.0}
        return {**settings, **{name: without_effect[name] for name in ignored}}

    def ignores(self, settings: Settings) -> set[str]:
        """The settings that it takes, or that every optimizer has, and does not use."""
        unused = {n for n, needs in self.only_with.items() if not settings.get(needs)}
        return unused if self.traits.uses_lr else unused | {"lr"}

    def can_express(self, settings: Settings) -> bool:
        """Whether every setting that is in use has an equivalent here."""
        used = in_use(settings)
        together = all(self.only_with.get(name, name) in used for name in used)
        return used <= self.options and together

    def words(self, settings: Settings) -> dict[str, Any]:
        """The settings as the framework's keyword arguments.

        Options that are not in use are passed only where the default would use them.
        """
        words: dict[str, Any] = {}
        # The hyperparameters first, then the options.
        for ours, theirs in sorted(
            self.keywords.items(), key=lambda k: k[0] in NEUTRAL
        ):
            neutral = NEUTRAL.get(ours)
            value = settings.get(ours, neutral)
            if ours in NEUTRAL and value == neutral == self.defaults.get(ours, neutral):
                continue
            if ours not in NEUTRAL and ours not in settings:
                continue
            head, _, place = theirs.partition(".")
            if place:
                words[head] = (*words.get(head, ()), value)
            else:
                words[head] = value
        return words

    def rounded(self, settings: Settings) -> dict[str, Any]:
        """The settings as the built-in computes with them: some of them in float32.

        Adam's averages and its bias corrections 1 − βᵗ need not use the same rounding
        of β: `beta1_correction` and `beta2_correction` are those of the corrections.
        """
        import numpy as np  # here, because reading the table needs no NumPy

        rounded = dict(settings)
        for beta in ("beta1", "beta2"):
            if beta in settings:
                rounded[f"{beta}_correction"] = settings[beta]
        for name in (*self.rounds, *(CLIPS if "clip" in self.rounds else ())):
            exact = settings.get(name.removesuffix("_correction"))
            if exact is not None:
                # What is too large for float32 becomes inf, which no rule takes; with
                # the greatest number instead, a run diverges just as well.
                with np.errstate(over="ignore"):
                    rounded[name] = min(float(np.float32(exact)), sys.float_info.max)
        return rounded

    def chain(self, settings: Settings) -> pieces.Chain:
        """The rule that computes what the built-in computes with these settings."""
        return chain(self.kind, self.traits, {**settings, **self.fixed})

    def resolve(self, d2l: Backend, settings: Settings) -> tuple[Any, dict[str, Any]]:
        """The framework's own optimizer, and the keyword arguments to call it with."""
        words, used = self.words(settings), in_use(settings)
        for ours, path in self.objects.items():
            if ours in used:
                words[self.keywords[ours]] = d2l.builtin(path)(settings[ours])
        trainer = d2l.builtin(self.name)
        links = [
            d2l.builtin(path)(settings[ours])
            for ours, path in self.before.items()
            if ours in used
        ]
        if not links:
            return trainer, words
        chain_of = d2l.builtin("chain")
        return lambda **words: chain_of(*links, trainer(**words)), words


def in_use(settings: Settings) -> set[str]:
    """The names of the options that are not at their neutral value."""
    used = {n for n, v in settings.items() if n in NEUTRAL and v != NEUTRAL[n]}
    return used - {"eps_inside"}


def way_of_decay(kind: str, traits: Traits, settings: Settings) -> str | None:
    """Where weight decay enters a step; None where there is none.

    Two formulas that differ in it alone take other steps. So plain SGD, which has no
    average and no buffer for the decay to pass through, never has it "decoupled": that
    is the same as adding it to the clipped gradient.
    """
    s = {**NEUTRAL, **settings}
    if not s["weight_decay"] and not s["l1_decay"]:
        return None
    plain = kind in ("sgd", "momentum") and not s["momentum"]
    if traits.decoupled and s["weight_decay"] and not plain:
        return "decoupled"
    if all(s[clip] is None for clip in CLIPS):
        return "coupled"
    after = traits.clip_first or (traits.decoupled and s["weight_decay"])
    return f"coupled, {'after' if after else 'before'} clipping"


def chain(kind: str, traits: Traits, settings: Settings) -> pieces.Chain:
    """The pieces of an optimizer of this kind, with these traits and settings."""
    s = {**NEUTRAL, "eps_inside": traits.eps_inside, **settings}
    decay: list[pieces.Piece] = []
    decoupled: list[pieces.Piece] = []
    if s["weight_decay"]:
        if traits.decoupled:
            decoupled = [pieces.Decoupled()]
        else:
            decay = [pieces.CoupledL2()]
    if s["l1_decay"]:
        decay = [pieces.CoupledL1()]
    clip = [piece() for name, piece in CLIPS.items() if s[name] is not None]
    head = [*clip, *decay] if traits.clip_first else [*decay, *clip]
    lr: list[pieces.Piece] = [pieces.ByLr()] if traits.uses_lr else []
    momentum: list[pieces.Piece] = []
    if s["momentum"]:
        momentum = [pieces.Momentum(s["nesterov"])]
    tail = [*lr, *momentum] if traits.lr_in_buffer else [*momentum, *lr]
    body = [*head, *_scaling(kind, traits, s), *tail, *decoupled]
    if s["clip_weights"] is not None:
        body.append(pieces.ClipWeights())
    return pieces.Chain(*body)


def _scaling(kind: str, traits: Traits, s: Settings) -> list[pieces.Piece]:
    """What divides the gradient by its size, for each kind of optimizer."""
    inside, start = s["eps_inside"], s["start"]
    match kind:
        case "sgd" | "momentum":
            return []
        case "rmsprop":
            return [pieces.ByRms(inside, s["centered"], start, s["corrected"])]
        case "adagrad":
            return [pieces.ByRootOfSum(inside, start)]
        case "adadelta":
            return [pieces.ByTwoRms()]
        case "adam" | "adamw":
            return [pieces.ByMoments(traits.raw)]
    raise InputError(f"no chain is known for the optimizer {kind!r}")


def hyperparams(settings: Settings) -> dict[str, Any]:
    """The settings as a chain's hyperparameters."""
    clip = next((settings[c] for c in CLIPS if settings.get(c) is not None), None)
    named = {n: v for n, v in settings.items() if isinstance(v, int | float)}
    return named | ({} if clip is None else {"clip": clip})
