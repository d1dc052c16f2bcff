"""Why two built-in optimizers give different losses: what each factor does on the data.

From one framework to another, one factor is changed at a time, on NumPy in float64, for
several seeds; what it does to the final loss stands beside what the seed alone does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ..rules.hyperparams import check_ranges
from .curves import change_on_the_way, final_change, finite_or_none, of_the_spread
from .factors import Between, Factor
from .scenario import Runs
from .table import row_of
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
    kind: str,
    source: str,
    target: str,
    given: Mapping[str, Any],
    data: str,
    seeds: int = 10,
    batch_size: int = 10,
) -> Explanation:
    """What lies between the built-ins of two frameworks, measured on the data.

    `given` are settings in our words, the same on both sides; what it leaves out is
    each framework's default (0.01 where the first has none for the learning rate).
    `data` is "stand-in" or the path of the airfoil file. Raises an InputError for a
    framework without the kind of optimizer, or a setting out of its range.
    """
    a, b = row_of(source, kind), row_of(target, kind)
    check_ranges(given)
    wanted = {"lr": 0.01, **a.defaults, **given}
    known = {*NEUTRAL, *a.keywords}
    settings = a.effective({k: v for k, v in wanted.items() if k in known})
    between = Between(kind, a, b, settings, given)
    runs = Runs(range(seeds), data, batch_size)
    base = runs.of(between.base)
    return Explanation(
        kind,
        source,
        target,
        settings,
        data="stand-in" if data == "stand-in" else "airfoil",
        seeds=seeds,
        loss=base.median,
        spread=base.spread,
        effects=[effect(f, runs, base.spread) for f in between.factors()],
    )


def effect(factor: Factor, runs: Runs, spread: float | None) -> Effect:
    """What a factor does, measured; `spread` is what the seed does."""
    without, changed = runs.of(factor.without), runs.of(factor.changed)
    change = final_change(without, changed)
    return Effect(
        factor.name,
        factor.before,
        factor.after,
        factor.differs,
        change,
        change_on_the_way(without, changed),
        of_the_spread(change, spread),
        [finite_or_none(loss) for loss in changed.finals],
    )
