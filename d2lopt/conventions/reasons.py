"""Why the built-ins of a comparison give other losses than the rule from scratch.

For the report of a comparison, the rule and the formula of each built-in are trained on
NumPy in float64, for ten seeds of which the first is the comparison's own. So it can be
said whether two losses differ by their formulas or only by rounding, what each place in
a formula does by itself, and what a framework's defaults would do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from ..train.record import Spec
from .conformance import bound
from .curves import (
    SeedCurves,
    farthest,
    final_change,
    finite_or_none,
    gaps,
    of_the_spread,
)
from .factors import ROUNDED
from .scenario import BuiltinFormula, LibraryRule, Progress, Runs, Scenario
from .table import nearest, unchecked
from .traits import NEUTRAL, Builtin, Traits

SEEDS = 10
OURS = Traits(lr_in_buffer=False, decoupled=True)  # of the rules from scratch
NO_EFFECT = 1e-12  # relative, on a loss: two ways to write the same formula

# How a formula with another trait differs from the rule's: briefly, and in full.
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
class Part:
    """One place in which a built-in's formula differs from the rule's, and its effect.

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

    formula: SeedCurves
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
    rule: SeedCurves
    reasons: dict[str, Reason] = field(default_factory=dict)


def measure(
    spec: Spec, backends: Sequence[str], progress: Progress | None = None
) -> Findings:
    """Train what explains the built-ins of `backends` with the settings of the spec.

    Two epochs take about 10 ms a run on a core; RMSProp on all backends is 120 runs.
    """
    rule = LibraryRule(spec.optimizer, spec.hyperparams, spec.epochs)
    plans = {name: plan for name in backends if (plan := plan_for(spec, name))}
    runs = Runs(range(spec.seed, spec.seed + SEEDS), spec.data, spec.batch_size)
    needed = [scenario for plan in plans.values() for scenario in plan.scenarios()]
    runs.train([rule, *needed], progress)
    reasons = {n: plan.reason(runs, rule, spec.dtype) for n, plan in plans.items()}
    return Findings(list(runs.seeds), runs.of(rule), reasons)


@dataclass(frozen=True)
class Plan:
    """What is trained to explain one built-in."""

    backend: str
    row: Builtin
    formula: BuiltinFormula
    # (brief, sentence, the rule with this place as in the built-in)
    parts: list[tuple[str, str, BuiltinFormula]]
    # (default, the built-in with it), or None where it has to be given
    defaults: list[tuple[Default, BuiltinFormula | None]]

    def scenarios(self) -> Iterator[Scenario]:
        """All that `reason` needs, beside the rule from scratch."""
        yield self.formula
        yield from (scenario for _, _, scenario in self.parts)
        yield from (scenario for _, scenario in self.defaults if scenario is not None)

    def reason(self, runs: Runs, rule: Scenario, dtype: str) -> Reason:
        """What explains the built-in's losses in a comparison in this dtype."""
        most = bound(self.row, dtype)
        parts = []
        for brief, sentence, scenario in self.parts:
            # Where all is rounded to float32, the settings' is one rounding of many.
            small = most if brief == ROUNDED and dtype == "float32" else NO_EFFECT
            changed, losses = runs.of(scenario).curves[0], runs.of(rule).curves[0]
            apart = max(gaps(changed, losses), default=0.0)
            if len(changed) != len(losses) or apart > small:
                at_end = finite_or_none(changed[-1] / losses[-1] - 1)
                parts.append(Part(brief, sentence, at_end, farthest(changed, losses)))
        formula = runs.of(self.formula)
        defaults = [
            default
            if scenario is None
            else _effect(default, formula, runs.of(scenario))
            for default, scenario in self.defaults
        ]
        arithmetic = dtype if self.row.float64 else "float32"
        new = bool(unchecked([self.backend]))
        return Reason(formula, parts, defaults, most, arithmetic, self.row.note, new)


def plan_for(spec: Spec, backend: str) -> Plan | None:
    """What to train for a framework; None if it has no such optimizer."""
    native = nearest(backend, spec.optimizer, spec.hyperparams)
    if native is None:
        return None
    row, passed = native
    settings = {**passed, **row.fixed}
    formula = BuiltinFormula(row.kind, row.traits, settings, epochs=spec.epochs)
    parts = []
    for trait in fields(Traits):
        theirs = getattr(row.traits, trait.name)
        if theirs != getattr(OURS, trait.name):
            traits = replace(OURS, **{trait.name: theirs})
            parts.append((*PARTS[trait.name], replace(formula, traits=traits)))
    if row.rounds:
        rounded = row.rounded(settings)
        words = ", ".join(_rounded_names(row, settings))
        sentence = f"It rounds hyperparameters to float32: {words}."
        ours = replace(formula, traits=OURS, settings=rounded)
        parts.append((ROUNDED, sentence, ours))
        formula = replace(formula, settings=rounded)
    defaults = list(_defaults(row, settings, formula))
    return Plan(backend, row, formula, parts, defaults)


def _rounded_names(row: Builtin, settings: Mapping[str, Any]) -> Iterator[str]:
    """What a built-in rounds of the settings, in its own words."""
    for name in row.rounds:
        ours = name.removesuffix("_correction")
        if ours in settings:
            where = " in its bias correction" if ours != name else ""
            yield f"{row.keywords.get(ours, ours)}{where}"


def _defaults(
    row: Builtin, settings: Mapping[str, Any], formula: BuiltinFormula
) -> Iterator[tuple[Default, BuiltinFormula | None]]:
    """Each default that would change something, then all of them together."""
    used = row.effective({**NEUTRAL, "eps_inside": row.traits.eps_inside, **settings})
    for ours, theirs in row.keywords.items():
        if ours in settings and ours not in NEUTRAL and ours not in row.defaults:
            yield Default(theirs, None, settings[ours]), None
    together: dict[str, Any] = {}
    for ours, value in row.defaults.items():
        if ours not in row.keywords or ours in row.fixed:
            continue
        here = used.get(ours)
        if here is None or row.effective({**used, ours: value})[ours] == here:
            continue
        together[ours] = value
        changed = replace(formula, settings={**formula.settings, ours: value})
        yield Default(row.keywords[ours], value, here), changed
    if len(together) > 1:
        changed = replace(formula, settings={**formula.settings, **together})
        yield Default("", None, None), changed


def _effect(default: Default, formula: SeedCurves, changed: SeedCurves) -> Default:
    """The default with what it does to the final loss."""
    change = final_change(formula, changed)
    # One that changes nothing has no size that could be compared with the spread.
    share = of_the_spread(change, formula.spread) or None
    return replace(default, loss=changed.median, change=change, of_the_spread=share)
