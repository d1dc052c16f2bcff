"""The result of a sweep: the settings, best first, and how sure the seeds are of it.

All settings share their seeds, hence starts and minibatches; so two of them are told
apart by the ratio of their losses, seed by seed, which varies less than the losses.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..rules.hyperparams import HYPERPARAMS
from ..show.numbers import loss_text
from ..show.table import Table
from .grid import Sweep

TOLD_APART = 2.0  # standard errors that the mean log ratio has to be above
SHOWN = 10  # rows of the table


@dataclass(frozen=True)
class Setting:
    """One configuration, over all seeds; a loss is that at the end of its run."""

    hyperparams: dict[str, float]
    losses: tuple[float, ...]  # of the seeds whose run did not diverge
    seeds: int
    records: tuple[dict[str, Any], ...]

    @property
    def diverged(self) -> int:
        """How many seeds diverged."""
        return self.seeds - len(self.losses)

    @property
    def mean(self) -> float:
        """The mean final loss; inf if a seed diverged, as it has no loss."""
        return math.inf if self.diverged else float(np.mean(self.losses))

    @property
    def error(self) -> float | None:
        """The standard error of the mean; None with fewer than two seeds."""
        return None if self.diverged else standard_error(self.losses)


def standard_error(values: Sequence[float]) -> float | None:
    """The standard deviation over √n; None with fewer than two values."""
    n = len(values)
    return float(np.std(values, ddof=1)) / math.sqrt(n) if n > 1 else None


def settings_of(sweep: Sweep, records: Sequence[dict[str, Any]]) -> list[Setting]:
    """The settings, best first; those that diverged with some seed come last."""
    groups: dict[tuple[float, ...], list[dict[str, Any]]] = {}
    for record in records:
        key = tuple(record["hyperparams"][name] for name in sweep.grid)
        groups.setdefault(key, []).append(record)
    settings = [
        Setting(
            dict(zip(sweep.grid, key, strict=True)),
            tuple(r["loss"] for r in group if r["loss"] is not None),
            len(group),
            tuple(sorted(group, key=lambda r: int(r["seed"]))),
        )
        for key, group in groups.items()
    ]
    return sorted(settings, key=lambda s: (s.mean, s.diverged))


def as_good_as_best(settings: Sequence[Setting]) -> list[Setting]:
    """The best setting, and those that the seeds do not tell apart from it.

    Not told apart: the mean of the logarithm of the ratio of the two losses with one
    seed is at most two of its standard errors. (A seed that nearly diverges would
    outweigh all the others in the mean of the differences.) Of three seeds and more,
    one at least must be no worse.
    """
    best = settings[0]
    alike = [best]
    for other in settings[1:]:
        if other.diverged or best.diverged:
            continue
        ratios = np.log(np.divide(other.losses, best.losses)).tolist()
        error = standard_error(ratios)
        if error is None or (len(ratios) >= 3 and min(ratios) > 0):
            continue
        if np.mean(ratios) <= TOLD_APART * error:
            alike.append(other)
    return alike


def at_the_edge(sweep: Sweep, best: Setting) -> list[str]:
    """The hyperparameters whose best value is the least or greatest that was tried.

    Those that cannot go further, as a momentum of 0, are left out.
    """
    names = []
    for name in sweep.varied:
        value, tried = best.hyperparams[name], sweep.grid[name]
        about = HYPERPARAMS[name]
        lower = value == tried[0] and value > about.least
        upper = value == tried[-1] and value < about.greatest
        if (lower or upper) and len(tried) > 2:
            names.append(name)
    return names


def written(sweep: Sweep, setting: Setting) -> str:
    """The values of what varies, as `lr 0.01, gamma 0.9`; of all if nothing does."""
    names = sweep.varied or tuple(sweep.grid)
    return ", ".join(f"{name} {setting.hyperparams[name]:.4g}" for name in names)


def table(sweep: Sweep, settings: Sequence[Setting]) -> Table:
    """The best settings, mean ± standard error, with the notes below."""
    fixed = ", ".join(
        f"{name} {values[0]:g}"
        for name, values in sweep.grid.items()
        if name not in sweep.varied
    )
    table = Table(
        f"{sweep.optimizer}: {sweep.size} settings, {sweep.seeds} "
        f"seed{'s' * (sweep.seeds > 1)}{'; ' * bool(fixed)}{fixed}; {sweep.epochs} "
        f"epoch{'s' * (sweep.epochs > 1)} of {sweep.data}, batch size "
        f"{sweep.batch_size}, {sweep.dtype}",
        [*(sweep.varied or sweep.grid), "loss (½·MSE)", "± standard error", "as good"],
        left=0,
    )
    good = [s for s in settings if not s.diverged]
    alike = as_good_as_best(good) if good else []
    for setting in good[:SHOWN]:
        table.row(
            *(f"{setting.hyperparams[n]:.4g}" for n in sweep.varied or sweep.grid),
            loss_text(setting.mean),
            "–" if setting.error is None else f"{setting.error:.1e}",
            "yes" if setting in alike else "",
        )
    for note in notes(sweep, settings):
        table.note(note)
    return table


def notes(sweep: Sweep, settings: Sequence[Setting]) -> list[str]:
    """Sentences: how sure the best is, whether to look further, what diverged."""
    sentences = []
    good = [s for s in settings if not s.diverged]
    if not good:
        sentences.append("Every setting diverged: try a smaller lr.")
    elif sweep.seeds == 1:
        sentences.append("One seed gives no uncertainty: --seeds 8 would.")
    elif len(good) > 1:
        others = len(as_good_as_best(good)) - 1
        sentences.append(
            f"Not told apart from the best (as good): {others} of the others. Seed by "
            f"seed, the log ratio of the losses is within {TOLD_APART:g} of its "
            "standard errors."
            if others
            else "The best is told apart from every other setting. Seed by seed, the "
            f"log ratio of the losses is above {TOLD_APART:g} of its standard errors."
        )
    if good:
        for name in at_the_edge(sweep, good[0]):
            sentences.append(
                f"The best {name}, {good[0].hyperparams[name]:.4g}, is at the end of "
                "its range: a wider one may have a better."
            )
    ended = [s.diverged for s in settings if s.diverged]
    if ended:
        partly = sum(n < sweep.seeds for n in ended)
        sentences.append(
            f"{len(ended)} of {len(settings)} settings diverged"
            + (f", {partly} of them with some seeds only." if partly else ".")
        )
    return sentences


def as_json(sweep: Sweep, settings: Sequence[Setting]) -> dict[str, Any]:
    """The summary as a JSON object."""
    good = [s for s in settings if not s.diverged]
    alike = as_good_as_best(good) if good else []
    return {
        "sweep": sweep.as_json(),
        "runs": sum(s.seeds for s in settings),
        "settings": len(settings),
        "diverged_settings": len(settings) - len(good),
        "diverged_runs": sum(s.diverged for s in settings),
        "as_good_as_best": len(alike),
        "best": [
            {
                "hyperparams": s.hyperparams,
                "loss": s.mean,
                "standard_error": s.error,
                "losses": list(s.losses),
                "as_good_as_best": s in alike,
            }
            for s in good[:SHOWN]
        ],
        "notes": notes(sweep, settings),
    }
