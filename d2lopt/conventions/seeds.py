"""What a report has to know beside the records: ten seeds, and what each formula does.

The rule from scratch and the formula of each built-in run here on NumPy in float64, so
that of two losses it can be said whether formulas part them, or only rounding. Each
runs for ten seeds, of which the first is the comparison's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import numpy as np

from ..train.record import Spec
from .conformance import bound
from .explain import unchecked
from .scenario import FromScratch, Run, Scenario, finite_or_none, rounding
from .table import nearest
from .traits import NEUTRAL, Builtin, Traits

SEEDS = 10
OURS = Traits(lr_in_buffer=False, decoupled=True)  # the rules of `rules.py`
ROUNDED = "hyperparameters in float32"
NO_EFFECT = 1e-12  # relative, on a loss: two ways to write the same formula

# What to call the place where a formula parts from the rule's: briefly, and in full.
PARTS: dict[str, tuple[str, str]] = {
    "eps_inside": (
        "ε outside the root",
        "It adds ε outside the root, √s + ε; the rule from scratch has it inside, "
        "√(s + ε).",
    ),
    "lr_in_buffer": (
        "η inside the momentum buffer",
        "It multiplies by η before the momentum buffer, the rule from scratch after.",
    ),
    "decoupled": (
        "decay through the gradient",
        "Its weight decay passes through the gradient; in the rule from scratch the "
        "weights decay by themselves.",
    ),
    "clip_first": (
        "decay before clipping",
        "It adds weight decay before it clips the gradient, not after.",
    ),
    "raw": (
        "ε before the bias correction",
        "It adds ε to √v, before the bias correction; the rule from scratch adds it "
        "to √v̂, behind the correction.",
    ),
    "uses_lr": ("no learning rate", "It ignores the learning rate."),
}


@dataclass(frozen=True)
class Seeds:
    """One formula for each of the seeds: its full-data ½·MSE at the recorded steps."""

    curves: list[list[float]]  # the first is of the comparison's own seed

    @property
    def finals(self) -> list[float]:
        """The final losses; inf where a run diverged."""
        return [curve[-1] for curve in self.curves]

    @property
    def median(self) -> float | None:
        """Of the final losses; None if too many diverged."""
        return finite_or_none(np.median(self.finals))

    @property
    def spread(self) -> float | None:
        """The standard deviation of the final losses over the seeds."""
        with np.errstate(all="ignore"):  # of what diverges
            return finite_or_none(np.std(self.finals, ddof=1))

    def band(self) -> list[tuple[float, float, float]]:
        """(least, median, greatest) at each recorded step that all of them reached."""
        steps = zip(*self.curves, strict=False)
        return [
            (min(losses), float(np.median(losses)), max(losses))
            for losses in steps
            if np.isfinite(losses).all()
        ]


@dataclass(frozen=True)
class Part:
    """One place in which a built-in's formula parts from the rule's, with its effect.

    Changes are relative, for the comparison's own seed; None if a run diverged.
    """

    brief: str
    sentence: str
    at_end: float | None
    on_the_way: float | None


@dataclass(frozen=True)
class Default:
    """A default that is not what the comparison passed, and what it does by itself.

    `theirs` is None where the framework has no default; `name` is empty for all of a
    framework's defaults together.
    """

    name: str
    theirs: Any
    here: Any
    loss: float | None = None  # final, median over the seeds; None: diverged
    change: float | None = None  # of the final loss, likewise
    of_the_spread: float | None = None  # |change| over the spread that the seed makes


@dataclass(frozen=True)
class Reason:
    """What the table of conventions says of one built-in optimizer in a comparison."""

    formula: Seeds
    parts: list[Part]
    defaults: list[Default]
    bound: float  # relative: how far rounding takes two losses apart
    arithmetic: str  # the dtype that it computes in
    note: str = ""
    unchecked: bool = False  # its version was never held against the table


@dataclass(frozen=True)
class Findings:
    """Everything that is measured for a report."""

    seeds: list[int]
    rule: Seeds
    reasons: dict[str, Reason] = field(default_factory=dict)


# ------------------------------------------------------------------------------ running


Progress = Callable[[int, int], None]  # runs done, runs in all


def measure(
    spec: Spec, backends: Sequence[str], progress: Progress | None = None
) -> Findings:
    """Run what explains the built-ins of `backends` with the settings of the spec.

    Two epochs take about 10 ms a run on a core; RMSProp on all backends is 120 runs.
    """
    seeds = [spec.seed + i for i in range(SEEDS)]
    rule = FromScratch(spec.optimizer, spec.hyperparams, spec.epochs)
    plans = {name: found for name in backends if (found := _plan(spec, name))}
    wanted: dict[str, Run] = {repr(rule): rule}
    for plan in plans.values():
        wanted.update((repr(run), run) for run in plan.runs())
    done: dict[str, Seeds] = {}
    with np.errstate(all="ignore"):  # of what diverges
        for i, (key, run) in enumerate(wanted.items()):
            curves = []
            for j, seed in enumerate(seeds):
                curves.append(run.run(seed, spec.data, spec.batch_size))
                if progress is not None:
                    progress(i * SEEDS + j + 1, len(wanted) * SEEDS)
            done[key] = Seeds(curves)
    base = done[repr(rule)]
    reasons = {n: plan.reason(base, done, spec.dtype) for n, plan in plans.items()}
    return Findings(seeds, base, reasons)


@dataclass(frozen=True)
class Plan:
    """The runs that explain one built-in."""

    backend: str
    row: Builtin
    formula: Scenario
    parts: list[tuple[str, str, Scenario]]
    defaults: list[tuple[Default, Scenario | None]]  # None: it has no default

    def runs(self) -> Iterator[Scenario]:
        yield self.formula
        yield from (run for _, _, run in self.parts)
        yield from (run for _, run in self.defaults if run is not None)

    def reason(self, base: Seeds, done: Mapping[str, Seeds], dtype: str) -> Reason:
        formula = done[repr(self.formula)]
        most = bound(self.row, dtype)
        parts = []
        for brief, sentence, run in self.parts:
            changed, rule = done[repr(run)].curves[0], base.curves[0]
            on_the_way = farthest(changed, rule)
            # Where all is rounded, this is one rounding among the others.
            small = most if brief == ROUNDED and dtype == "float32" else NO_EFFECT
            gaps = [abs(a / b - 1) for a, b in finite(changed, rule)]
            if len(changed) != len(rule) or max(gaps, default=0.0) > small:
                at_end = finite_or_none(changed[-1] / rule[-1] - 1)
                parts.append(Part(brief, sentence, at_end, on_the_way))
        defaults = [
            default if run is None else _effect(default, formula, done[repr(run)])
            for default, run in self.defaults
        ]
        arithmetic = dtype if self.row.float64 else "float32"
        new = bool(unchecked([self.backend]))
        note = self.row.note
        return Reason(formula, parts, defaults, most, arithmetic, note, new)


def _plan(spec: Spec, name: str) -> Plan | None:
    """What to run for a framework; None if it has no such optimizer."""
    native = nearest(name, spec.optimizer, spec.hyperparams)
    if native is None:
        return None
    row, asked = native
    settings = {**asked, **row.fixed}
    formula = Scenario(row.kind, row.traits, settings, epochs=spec.epochs)
    parts = []
    for trait in fields(Traits):
        theirs = getattr(row.traits, trait.name)
        if theirs != getattr(OURS, trait.name):
            own = replace(formula, traits=replace(OURS, **{trait.name: theirs}))
            parts.append((*PARTS[trait.name], own))
    if row.rounds:
        rounded = rounding(row, settings)
        words = ", ".join(_rounded_names(row, settings))
        sentence = f"It rounds hyperparameters to float32: {words}."
        own = replace(formula, traits=OURS, settings=rounded)
        parts.append((ROUNDED, sentence, own))
        formula = replace(formula, settings=rounded)
    return Plan(name, row, formula, parts, list(_defaults(row, settings, formula)))


def _rounded_names(row: Builtin, settings: Mapping[str, Any]) -> Iterator[str]:
    """What a built-in rounds of the settings, in its own words."""
    for name in row.rounds:
        ours = name.removesuffix("_correction")
        if ours in settings:
            where = " in its bias correction" if ours != name else ""
            yield f"{row.keywords.get(ours, ours)}{where}"


def _defaults(
    row: Builtin, settings: Mapping[str, Any], formula: Scenario
) -> Iterator[tuple[Default, Scenario | None]]:
    """Each default that would change something, then all of them together."""
    used = row.effective({**NEUTRAL, "eps_inside": row.traits.eps_inside, **settings})
    own: dict[str, Any] = {}
    for ours, theirs in row.keywords.items():
        if ours in settings and ours not in NEUTRAL and ours not in row.defaults:
            yield Default(theirs, None, settings[ours]), None
    for ours, value in row.defaults.items():
        if ours not in row.keywords or ours in row.fixed:
            continue
        here = used.get(ours)
        if here is None or row.effective({**used, ours: value})[ours] == here:
            continue
        own[ours] = value
        changed = replace(formula, settings={**formula.settings, ours: value})
        yield Default(row.keywords[ours], value, here), changed
    if len(own) > 1:
        changed = replace(formula, settings={**formula.settings, **own})
        yield Default("", None, None), changed


def _effect(default: Default, without: Seeds, changed: Seeds) -> Default:
    """The default with what it does to the final loss."""
    pairs = zip(without.finals, changed.finals, strict=True)
    with np.errstate(invalid="ignore"):
        change = finite_or_none(np.median([np.subtract(b, a) for a, b in pairs]))
    share = abs(change) / without.spread if change is not None and without.spread else 0
    found = {"loss": changed.median, "change": change, "of_the_spread": share or None}
    return Default(**{**asdict(default), **found})


def finite(
    losses: Sequence[float], others: Sequence[float]
) -> list[tuple[float, float]]:
    """The pairs of losses of two runs at the steps that both reached."""
    pairs = zip(losses, others, strict=False)
    return [(a, b) for a, b in pairs if np.isfinite([a, b]).all()]


def farthest(losses: Sequence[float], others: Sequence[float]) -> float | None:
    """The largest |a / b − 1| at any recorded step; None if one of the two diverged."""
    pairs = finite(losses, others)
    if not pairs or not len(pairs) == len(losses) == len(others):
        return None
    return max(abs(a / b - 1) for a, b in pairs)
