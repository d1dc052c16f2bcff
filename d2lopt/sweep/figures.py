"""The figures of a sweep: the final loss over the grid, and the best settings' curves.

Two hyperparameters that vary make a heat map; one, a curve with a band; more than two,
a heat map for each value of the others, or for their best values alone where those
would be too many.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..show.figures import mark_stand_in, pyplot
from ..show.numbers import loss_text
from .grid import Sweep
from .summary import Setting, written

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = 12  # heat maps in a figure, at most
CURVES = 4  # settings whose curves are drawn
HATCH = {"every seed diverged": "xxx", "some seeds diverged": "//"}

Key = tuple[float, ...]


def _start(settings: Sequence[Setting]) -> float:
    """The loss before the first step: the mean over the seeds."""
    return float(np.mean([r["losses"][0] for r in settings[0].records if r["losses"]]))


def _about(sweep: Sweep) -> str:
    epochs = "1 epoch" if sweep.epochs == 1 else f"{sweep.epochs} epochs"
    seeds = "1 seed" if sweep.seeds == 1 else f"mean of {sweep.seeds} seeds"
    return f"{sweep.optimizer} on {sweep.backend}, {epochs}, {seeds}"


def final_losses(sweep: Sweep, settings: Sequence[Setting]) -> Figure | None:
    """The final loss of every setting; None where only one was tried."""
    if not sweep.varied:
        return None
    draw = _over_one if len(sweep.varied) == 1 else _heat_maps
    with np.errstate(over="ignore"):  # as where it is saved
        return draw(sweep, settings)


# ------------------------------------------------------------------ one hyperparameter


def _over_one(sweep: Sweep, settings: Sequence[Setting]) -> Figure:
    """The final loss over the one that varies; the band goes over the seeds."""
    (name,) = sweep.varied
    ordered = sorted(settings, key=lambda s: s.hyperparams[name])
    figure: Figure
    figure, axes = pyplot().subplots(figsize=(5.5, 3.6), layout="constrained")
    good = [s for s in ordered if not s.diverged]
    x = [s.hyperparams[name] for s in good]
    axes.plot(x, [s.mean for s in good], "o-", markersize=3, label="mean of the seeds")
    if sweep.seeds > 1:
        low, high = [min(s.losses) for s in good], [max(s.losses) for s in good]
        axes.fill_between(x, low, high, alpha=0.25, label="least to greatest seed")
    start = _start(settings)
    axes.axhline(start, color="0.4", linestyle=":", label="before the first step")
    for setting in ordered:
        if setting.diverged:
            every_seed = setting.diverged == setting.seeds
            axes.plot(
                setting.hyperparams[name],
                0.97,  # of the axes' height
                linestyle="",
                marker="x" if every_seed else "+",
                color="#d62728",
                label=list(HATCH)[0 if every_seed else 1],
                clip_on=False,
                transform=axes.get_xaxis_transform(),
            )
    if _is_log(sweep.grid[name]):
        axes.set_xscale("log")
    finite = [s.mean for s in good]
    if finite and max(finite) > 4 * start:
        axes.set_yscale("log")
    axes.set(xlabel=name, ylabel="final loss (½·MSE)", title=_about(sweep))
    axes.grid(alpha=0.4)
    handles, labels = axes.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    axes.legend(once.values(), once.keys(), fontsize="x-small")
    mark_stand_in(figure, sweep.data)
    return figure


def _is_log(values: Sequence[float]) -> bool:
    """Whether the values lie more evenly on a logarithmic axis than on a linear one."""
    if values[0] <= 0 or len(values) < 3:
        return values[0] > 0 and values[-1] / values[0] >= 10
    linear, logarithmic = np.diff(values), np.diff(np.log(values))
    return bool(max(logarithmic) / min(logarithmic) < max(linear) / min(linear))


# ------------------------------------------------------------- two and more: heat maps


def _heat_maps(sweep: Sweep, settings: Sequence[Setting]) -> Figure:
    """A heat map over the two with the most values, one for each value of the rest."""
    by_length = sorted(sweep.varied, key=lambda n: -len(sweep.grid[n]))
    across, up = by_length[:2]
    rest = by_length[2:]
    wanted: list[Key] = list(itertools.product(*(sweep.grid[n] for n in rest)))
    only_best = len(wanted) > PANELS
    if only_best:
        wanted = [tuple(settings[0].hyperparams[n] for n in rest)]
    columns = min(len(wanted), 4)
    rows = -(-len(wanted) // columns)
    size = (6.5, 3.8) if len(wanted) == 1 else (1.2 + 2.9 * columns, 1.0 + 2.4 * rows)
    figure: Figure
    figure, panels = pyplot().subplots(
        rows, columns, figsize=size, layout="constrained",
        squeeze=False, sharex=True, sharey=True,
    )  # fmt: skip
    colours = _colours(settings)
    marked: set[str] = set()
    best = settings[0]
    for axes, key in itertools.zip_longest(panels.flat, wanted):
        if key is None:
            axes.set_visible(False)
            continue
        place = dict(zip(rest, key, strict=True))
        here = [s for s in settings if place.items() <= s.hyperparams.items()]
        image = _heat_map(axes, sweep, here, across, up, colours, marked)
        if best in here and not best.diverged:
            spot = [
                sweep.grid[n].index(best.hyperparams[n]) + 0.5 for n in (across, up)
            ]
            axes.plot(*spot, "*", color="white", markeredgecolor="black", markersize=11)
        axes.set_title(
            ", ".join(f"{n} {v:.4g}" for n, v in place.items())
            + (" (the best)" if only_best else ""),
            fontsize="small",
        )
    for axes in panels[-1]:
        axes.set_xlabel(across)
    for axes in panels[:, 0]:
        axes.set_ylabel(up)
    bar = figure.colorbar(image, ax=panels, extend="max")
    bar.set_label("final loss (½·MSE)")
    figure.suptitle(_about(sweep), fontsize="medium")
    _legend(figure, best, marked, colours)
    mark_stand_in(figure, sweep.data)
    return figure


def _colours(settings: Sequence[Setting]) -> tuple[Any, Any]:
    """(colours, scale): from the best to the loss before the first step, and above."""
    from matplotlib import colors

    means = [s.mean for s in settings if not s.diverged] or [0.0]
    start = max(_start(settings), min(means) * 1.001)
    chosen = pyplot().get_cmap("viridis_r").with_extremes(over="#c44e52", bad="0.88")
    return chosen, colors.PowerNorm(0.5, vmin=min(means), vmax=start)


def _heat_map(
    axes: Axes,
    sweep: Sweep,
    settings: Sequence[Setting],
    across: str,
    up: str,
    colours: tuple[Any, Any],
    marked: set[str],
) -> Any:
    """One heat map; the kinds of hatched cells that it has are added to `marked`."""
    from matplotlib.patches import Rectangle

    x, y = sweep.grid[across], sweep.grid[up]
    means = np.full((len(y), len(x)), np.nan)
    for s in settings:
        column, row = x.index(s.hyperparams[across]), y.index(s.hyperparams[up])
        if not s.diverged:
            means[row, column] = s.mean
            continue
        kind = list(HATCH)[0 if s.diverged == s.seeds else 1]
        marked.add(kind)
        cell = Rectangle((column, row), 1, 1, hatch=HATCH[kind], zorder=2, **EMPTY)
        axes.add_patch(cell)
    colour, scale = colours
    image = axes.pcolormesh(means, cmap=colour, norm=scale)
    axes.set(xlim=(0, len(x)), ylim=(0, len(y)), facecolor="0.88")
    for values, axis in ((x, axes.xaxis), (y, axes.yaxis)):
        every = max(1, math.ceil(len(values) / 8))
        shown = range(0, len(values), every)
        digits = 2 if every > 1 else 4
        labels = [f"{values[i]:.{digits}g}" for i in shown]
        axis.set_ticks([i + 0.5 for i in shown], labels)
        axis.set_tick_params(labelsize="x-small")
    return image


EMPTY: dict[str, Any] = {"facecolor": "0.88", "edgecolor": "0.45", "linewidth": 0}


def _legend(
    figure: Figure, best: Setting, marked: set[str], colours: tuple[Any, Any]
) -> None:
    """What the star, the hatches and the darkest colour stand for."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    star: dict[str, Any] = {
        "marker": "*",
        "color": "white",
        "markeredgecolor": "black",
        "markersize": 11,
        "linestyle": "",
    }
    shown: list[Any] = []
    if not best.diverged:
        shown.append(Line2D([], [], label="best", **star))
    above = colours[0].get_over()
    shown.append(Patch(color=above, label="above the loss before the first step"))
    for kind, hatch in HATCH.items():
        if kind in marked:
            shown.append(Patch(hatch=hatch, label=kind, **EMPTY))
    figure.legend(
        handles=shown, loc="outside lower center", ncols=len(shown), fontsize="x-small"
    )


# ------------------------------------------------------------------------------ curves


def curves(sweep: Sweep, settings: Sequence[Setting]) -> Figure:
    """The loss over the epochs of the best settings, with a band over the seeds."""
    figure: Figure
    figure, axes = pyplot().subplots(figsize=(5.5, 3.6), layout="constrained")
    chosen = [s for s in settings if not s.diverged][:CURVES]
    for i, setting in enumerate(chosen):
        losses = np.array([r["losses"] for r in setting.records])
        first = setting.records[0]
        epochs = np.array(first["steps"]) * sweep.epochs / first["num_steps"]
        error = "" if setting.error is None else f" ± {setting.error:.1g}"
        label = f"{written(sweep, setting)}: {loss_text(setting.mean, 5)}{error}"
        axes.plot(epochs, losses.mean(0), color=f"C{i}", linewidth=1.2, label=label)
        if len(losses) > 1:
            axes.fill_between(
                epochs, losses.min(0), losses.max(0), color=f"C{i}", alpha=0.2, lw=0
            )
    axes.set(xlabel="epoch", ylabel="loss (½·MSE)", yscale="log")
    band = "; band: least to greatest seed" if sweep.seeds > 1 else ""
    axes.set_title(f"{_about(sweep)}{band}", fontsize="small")
    axes.yaxis.set_major_formatter("{x:.3g}")
    axes.yaxis.set_minor_formatter("{x:.3g}")
    axes.tick_params(which="both", labelsize="x-small")
    axes.grid(alpha=0.4, which="both")
    if chosen:
        axes.legend(fontsize="x-small")
    else:
        axes.text(0.5, 0.5, "every setting diverged", transform=axes.transAxes)
    mark_stand_in(figure, sweep.data)
    return figure
