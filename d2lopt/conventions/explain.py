"""Why two built-in optimizers give different losses: what each factor does on the data.

From one framework to another, one factor is changed at a time, on NumPy in float64, for
several seeds; what it does to the final loss stands beside what the seed alone does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ..rules.hyperparams import check_ranges
from .curves import (
    SeedCurves,
    change_on_the_way,
    final_change,
    finite_or_none,
    of_the_spread,
)
from .factors import TOGETHER, Factor, Side, comparisons, differences, sides
from .scenario import Runs
from .traits import NEUTRAL


@dataclass(frozen=True)
class Effect:
    """What one factor does to the final loss: medians over the seeds.

    None stands for what is no number, because a run diverged.
    """

    factor: str
    before: str
    after: str
    differs: bool  # between the two; else it is shown for comparison
    change: float | None  # of the final loss
    on_the_way: float | None  # the largest |change| at any recorded step
    of_the_spread: float | None  # |change| over the spread that the seed makes
    losses: list[float | None] = field(default_factory=list)  # final, one for each seed


@dataclass(frozen=True)
class Explanation:
    """Every factor between two built-ins, and the spread of the seeds beside it."""

    kind: str
    source: str
    target: str
    settings: dict[str, Any]
    data: str
    seeds: int
    loss: float | None  # median, with the settings of the first framework
    spread: float | None  # standard deviation of the final loss over the seeds
    effects: list[Effect]

    def as_json(self) -> dict[str, Any]:
        """The explanation as plain values."""
        return asdict(self)


def explain(
    optimizer: str,
    source: str,
    target: str,
    given: Mapping[str, Any],
    data: str,
    seeds: int = 10,
    batch_size: int = 10,
) -> Explanation:
    """What lies between the built-ins of two frameworks, measured on the data.

    `given` are settings in our words, the same on both sides; what it leaves out is
    each framework's default. Where the first has none, η is 0.01 and μ 0.9; where the
    second has none, it takes the first one's. `data` is "stand-in" or the path of the
    airfoil file.

    The effects are those of the factors in which the two differ, then of all of them
    together, then of others for comparison. What changes no loss of any run, with these
    settings and on these data, is not among the factors in which the two differ.

    Raises an InputError for a framework without the optimizer, a setting that one of
    the two does not have, or one out of its range.
    """
    check_ranges(given)
    a, b = sides(optimizer, source, target, given)
    runs, formula = Runs(range(seeds), data, batch_size), a.formula
    base, together = runs.of(formula), runs.of(b.formula)
    effects = []
    for factor in differences(a, b):
        changed = runs.of(factor.applied(formula))
        if changed.curves != base.curves or base.spread is None:
            effects.append(_effect(factor, True, base, changed, base.spread))
    everything = Factor(TOGETHER, "", "")
    effects.append(_effect(everything, True, base, together, base.spread))
    for factor in comparisons(a, b):
        without = runs.of(factor.without(formula))
        changed = runs.of(factor.applied(formula))
        effects.append(_effect(factor, False, without, changed, base.spread))
    return Explanation(
        optimizer,
        source,
        target,
        _shown(a, given),
        data="stand-in" if data == "stand-in" else "airfoil",
        seeds=seeds,
        loss=base.median,
        spread=base.spread,
        effects=effects,
    )


def _effect(
    factor: Factor,
    differs: bool,
    without: SeedCurves,
    changed: SeedCurves,
    spread: float | None,
) -> Effect:
    """What a factor does, measured; `spread` is what the seed does."""
    change = final_change(without, changed)
    return Effect(
        factor.name,
        factor.before,
        factor.after,
        differs,
        change,
        change_on_the_way(without, changed),
        of_the_spread(change, spread),
        [finite_or_none(loss) for loss in changed.finals],
    )


def _shown(a: Side, given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of the first one that it uses, or that were given."""
    named = {*given, *a.row.defaults, *a.row.fixed}
    return {
        name: value
        for name, value in a.settings.items()
        if name in named or (name in a.row.keywords and value != NEUTRAL.get(name))
    }
