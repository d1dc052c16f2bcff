"""The curves of a report: two charts, and their numbers as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...backend.frameworks import FRAMEWORKS
from ...conventions.conformance import BOUNDS
from ...conventions.reasons import Findings
from ...train.record import Record
from .svg import Area, Chart, Line, thinned

ROWS = 41  # of the table of numbers
WORDS = {"scratch": "from scratch", "built-in": "built in"}


def _look(record: Record) -> str:
    place = list(FRAMEWORKS).index(record.backend) % 8
    return f"c{place}" + ("" if record.implementation == "scratch" else " dashed")


def _label(record: Record) -> str:
    return f"{FRAMEWORKS[record.backend].title}, {WORDS[record.implementation]}"


def _epochs(record: Record) -> list[float]:
    return [step * record.epochs / record.num_steps for step in record.steps]


def charts(
    records: Sequence[Record], found: Findings | None
) -> list[tuple[str, Chart]]:
    """The loss curves, and how far each lies from the first; none if no run has one."""
    shown = [r for r in records if len(r.losses) > 1]
    if not shown:
        return []
    longest = max(shown, key=lambda r: len(r.steps))
    epochs = _epochs(longest)
    curves, areas = [], []
    for i, record in enumerate(shown):
        # The curves lie upon each other: each is drawn thinner than the one before.
        width = 1.2 + 4 * (1 - i / len(shown))
        points = list(zip(_epochs(record), record.losses, strict=True))
        mark = "ring" if record.implementation == "scratch" else "cross"
        final = "diverged" if record.loss is None else f"{record.loss:.6g}"
        name = _label(record)
        title = f"{name}: {final}"
        curves.append(Line(name, points, _look(record), mark, width, title))
    most = max(max(record.losses) for record in shown)
    if found:
        band = [
            (x, low, high)
            for x, (low, _, high) in zip(epochs, found.rule.band(), strict=False)
            if high < 1000 * most
        ]
        name = f"{len(found.seeds)} seeds, from the least loss to the greatest"
        areas.append(Area(name, band, "band"))
    label = "Loss curves of every run; the table of numbers below has the values"
    loss = _scaled(Chart(label, "epoch", "loss (½·MSE)", curves, areas))
    late = _later(loss, epochs[len(epochs) // 2])
    apart = _apart(shown, epochs, found)
    pictures = [
        ("Loss", loss),
        ("Loss, the second half enlarged", late),
        (f"How far each is from {_label(shown[0])}", apart),
    ]
    return [(title, chart) for title, chart in pictures if chart.lines]


def _later(chart: Chart, since: float) -> Chart:
    """The part of a chart from x = since on."""
    lines = [replace(x, points=[p for p in x.points if p[0] >= since], width=1.5)
             for x in chart.lines]  # fmt: skip
    areas = [replace(a, points=[p for p in a.points if p[0] >= since])
             for a in chart.areas]  # fmt: skip
    lines = [line for line in lines if len(line.points) > 1]
    label = f"{chart.label} (enlarged)"
    return _scaled(replace(chart, lines=lines, areas=areas, label=label))


def _scaled(chart: Chart) -> Chart:
    """The chart, logarithmic if its lines need it: if one diverges."""
    every = [y for line in chart.lines for _, y in line.points]
    return replace(chart, log=bool(every) and max(every) > 100 * min(every) > 0)


def _apart(
    shown: Sequence[Record], epochs: Sequence[float], found: Findings | None
) -> Chart:
    """|loss / the first record's loss − 1|, and beside it what is known of that."""
    reference = shown[0]
    floor = float(np.finfo(reference.dtype).eps) / 100  # where equal numbers are drawn
    lines = []
    for record in shown[1:]:
        pairs = zip(_epochs(record), record.losses, reference.losses, strict=False)
        points = [(x, abs(a / b - 1)) for x, a, b in pairs]
        mark = "ring" if record.implementation == "scratch" else "cross"
        lines.append(Line(_label(record), points, _look(record), mark))
    for name, reason in (found.reasons if found else {}).items():
        if found and reason.parts:
            pairs = zip(
                epochs, reason.formula.curves[0], found.rule.curves[0], strict=False
            )
            points = [(x, abs(a / b - 1)) for x, a, b in pairs if np.isfinite(a + b)]
            words = f"what {FRAMEWORKS[name].title}’s formula does, by calculation"
            lines.append(Line(words, points, "formula", width=6))
    if found:
        steps = zip(epochs, zip(*found.rule.curves, strict=False), strict=False)
        points = [
            (x, float(np.std(y, ddof=1) / np.median(y)))
            for x, y in steps
            if np.isfinite(y).all()
        ]
        words = "what another seed does: one standard deviation"
        lines.append(Line(words, points, "seeds", width=2))
    span = epochs[0], epochs[-1]
    rounding = [(x, floor, BOUNDS[reference.dtype]) for x in span]
    return Chart(
        "Relative distance of every run from the first; the table has the losses",
        "epoch",
        "relative distance",
        sorted(lines, key=lambda line: line.look != "formula"),  # below the others
        [Area("rounding", rounding, "rounding")],
        log=True,
        floor=floor,
    )


def shapes(pictures: Sequence[tuple[str, Chart]]) -> list[Line | Area]:
    """Each line and area of the charts once, in their order."""
    found: dict[str, Line | Area] = {}
    for _, chart in pictures:
        drawn: list[Line | Area] = [*chart.lines, *chart.areas]
        for shape in drawn:
            found.setdefault(shape.name, shape)
    return list(found.values())


def numbers(
    records: Sequence[Record], found: Findings | None
) -> dict[str, list[Any]] | None:
    """The curves as a table: its columns, and a row for each recorded step shown."""
    shown = [r for r in records if r.losses]
    if not shown:
        return None
    longest = max(shown, key=lambda r: len(r.steps))
    columns = [_label(r) for r in shown]
    band = found.rule.band() if found else []
    rows = []
    for i in thinned(len(longest.steps), ROWS):
        losses = [r.losses[i] if i < len(r.losses) else None for r in shown]
        seeds = [*band[i]] if i < len(band) else [None] * 3 if band else []
        rows.append((longest.steps[i], _epochs(longest)[i], [*losses, *seeds]))
    words = ["least", "median", "greatest"] if band else []
    return {"columns": columns + [f"{w} of the seeds" for w in words], "rows": rows}
