"""The curves of a report: two charts, one of them also enlarged, and their numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...backend.frameworks import FRAMEWORKS
from ...conventions.conformance import BOUNDS
from ...conventions.curves import gaps
from ...conventions.reasons import Findings
from ...train.record import Record
from .svg import Area, Chart, Line, thinned

ROWS = 41  # of the table of numbers
WORDS = {"scratch": "from scratch", "built-in": "built in"}


def charts(
    records: Sequence[Record], findings: Findings | None
) -> list[tuple[str, Chart]]:
    """Titles and charts: the losses, and how far each run is from the first.

    There are none if no run has a curve.
    """
    shown = [r for r in records if len(r.losses) > 1]
    if not shown:
        return []
    epochs = _longest(shown).at_epochs
    loss = _losses(shown, epochs, findings)
    titled = [
        ("Loss", loss),
        ("Loss, the second half enlarged", _later(loss, epochs[len(epochs) // 2])),
        (f"How far each is from {_label(shown[0])}", _apart(shown, epochs, findings)),
    ]
    return [(title, chart) for title, chart in titled if chart.lines]


# --------------------------------------------------------------------- how a run looks


def _label(record: Record) -> str:
    return f"{FRAMEWORKS[record.backend].title}, {WORDS[record.implementation]}"


def _look(record: Record) -> str:
    """Classes: a colour for each backend, dashed for the built-in."""
    colour = f"c{list(FRAMEWORKS).index(record.backend) % 8}"
    return colour if record.implementation == "scratch" else f"{colour} dashed"


def _mark(record: Record) -> str:
    return "ring" if record.implementation == "scratch" else "cross"


def _longest(records: Sequence[Record]) -> Record:
    """The run with most recorded steps: others may have diverged before its end."""
    return max(records, key=lambda r: len(r.steps))


# --------------------------------------------------------------------------- the charts


def _losses(
    shown: Sequence[Record], epochs: Sequence[float], findings: Findings | None
) -> Chart:
    """The loss curves, before the band of the seeds."""
    lines = []
    for i, record in enumerate(shown):
        # The curves lie upon each other: each is drawn thinner than the one before.
        width = 1.2 + 4 * (1 - i / len(shown))
        points = list(zip(record.at_epochs, record.losses, strict=True))
        name = _label(record)
        final = "diverged" if record.loss is None else f"{record.loss:.6g}"
        title = f"{name}: {final}"
        lines.append(Line(name, points, _look(record), _mark(record), width, title))
    areas = []
    if findings:
        greatest = max(max(record.losses) for record in shown)
        band = [
            (x, least, most)
            for x, (least, _, most) in zip(epochs, findings.rule.band(), strict=False)
            if most < 1000 * greatest
        ]
        name = f"{len(findings.seeds)} seeds, from the least loss to the greatest"
        areas.append(Area(name, band, "band"))
    label = "Loss curves of every run; the table of numbers below has the values"
    return _scaled(Chart(label, "epoch", "loss (½·MSE)", lines, areas))


def _later(chart: Chart, since: float) -> Chart:
    """The part of a chart from x = since on."""

    def kept(points: Sequence[Any]) -> list[Any]:
        return [point for point in points if point[0] >= since]

    lines = [replace(x, points=kept(x.points), width=1.5) for x in chart.lines]
    return _scaled(
        replace(
            chart,
            lines=[line for line in lines if len(line.points) > 1],
            areas=[replace(a, points=kept(a.points)) for a in chart.areas],
            label=f"{chart.label} (enlarged)",
        )
    )


def _scaled(chart: Chart) -> Chart:
    """The chart, logarithmic if its lines need it: if one diverges, or is huge."""
    every = [y for line in chart.lines for _, y in line.points]
    log = bool(every) and min(every) > 0
    return replace(chart, log=log and max(every) > min(100 * min(every), 1e100))


def _apart(
    shown: Sequence[Record], epochs: Sequence[float], findings: Findings | None
) -> Chart:
    """|loss / the first record's loss − 1|, and beside it what is known of that."""
    reference = shown[0]
    floor = float(np.finfo(reference.dtype).eps) / 100  # where equal numbers are drawn
    lines = []
    for record in shown[1:]:
        apart = gaps(record.losses, reference.losses)
        points = list(zip(record.at_epochs, apart, strict=False))
        lines.append(Line(_label(record), points, _look(record), _mark(record)))
    if findings:
        lines = [*_by_calculation(findings, epochs), *lines]  # below the others
        lines.append(_by_seed(findings, epochs))
    rounding = [(x, floor, BOUNDS[reference.dtype]) for x in (epochs[0], epochs[-1])]
    return Chart(
        "Relative distance of every run from the first; the table has the losses",
        "epoch",
        "relative distance",
        lines,
        [Area("rounding", rounding, "rounding")],
        log=True,
        floor=floor,
    )


def _by_calculation(findings: Findings, epochs: Sequence[float]) -> Iterator[Line]:
    """For each built-in with another formula: how far that takes it from the rule."""
    for name, reason in findings.reasons.items():
        if reason.parts:
            apart = gaps(reason.formula.curves[0], findings.rule.curves[0])
            points = list(zip(epochs, apart, strict=False))
            words = f"what {FRAMEWORKS[name].title}’s formula does, by calculation"
            yield Line(words, points, "formula", width=6)


def _by_seed(findings: Findings, epochs: Sequence[float]) -> Line:
    """The standard deviation over the seeds, relative to their median."""
    steps = zip(epochs, zip(*findings.rule.curves, strict=False), strict=False)
    points = [
        # The ratios first: the squares of large losses would overflow.
        (x, float(np.std(np.divide(losses, np.median(losses)), ddof=1)))
        for x, losses in steps
        if np.isfinite(losses).all()
    ]
    words = "what another seed does: one standard deviation"
    return Line(words, points, "seeds", width=2)


def shapes(titled: Sequence[tuple[str, Chart]]) -> list[Line | Area]:
    """Each line and area of the charts once, in their order, for the legend."""
    by_name: dict[str, Line | Area] = {}
    for _, chart in titled:
        drawn: list[Line | Area] = [*chart.lines, *chart.areas]
        for shape in drawn:
            by_name.setdefault(shape.name, shape)
    return list(by_name.values())


# ----------------------------------------------------------------------------- a table


def numbers(
    records: Sequence[Record], findings: Findings | None
) -> dict[str, list[Any]] | None:
    """The curves as a table: its columns, and a row for each recorded step shown."""
    shown = [r for r in records if r.losses]
    if not shown:
        return None
    longest = _longest(shown)
    band = findings.rule.band() if findings else []
    rows = []
    for i in thinned(len(longest.steps), ROWS):
        losses = [r.losses[i] if i < len(r.losses) else None for r in shown]
        seeds = [*band[i]] if i < len(band) else [None] * 3 if band else []
        rows.append((longest.steps[i], longest.at_epochs[i], [*losses, *seeds]))
    words = ["least", "median", "greatest"] if band else []
    columns = [*map(_label, shown), *(f"{word} of the seeds" for word in words)]
    return {"columns": columns, "rows": rows}
