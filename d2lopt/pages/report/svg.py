"""Line charts as SVG text, for a page that has no network and no script.

A chart is drawn at the width at which it is shown, so that its text is as large as the
page's. Colours are classes, `c0` and so on, which the page's styles give a value.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np

from .digits import power_of_ten

LEFT, RIGHT, TOP, BOTTOM = 62, 12, 10, 44  # pixels around the plot
POINTS = 240  # of a line, at most, that are drawn
MARKS = 20  # of these, at most, that are marked

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Line:
    """A curve, its name, and how it looks."""

    name: str
    points: Points
    look: str  # classes: a colour, and "dashed" or "dotted"
    mark: str = ""  # "ring", "cross", or none
    width: float = 1.5
    title: str = ""  # what is shown where the mouse rests, if not the name


@dataclass(frozen=True)
class Area:
    """A band between two curves: (x, least, greatest)."""

    name: str
    points: Sequence[tuple[float, float, float]]
    look: str


@dataclass(frozen=True)
class Chart:
    """What is drawn, in this order: areas, then lines. With `log`, y is logarithmic."""

    label: str  # what a screen reader says
    x: str
    y: str
    lines: list[Line]
    areas: list[Area] = field(default_factory=list)
    log: bool = False
    floor: float = 0.0  # with `log`: what is less is drawn here


def thinned(length: int, most: int) -> list[int]:
    """At most `most` places of a list, evenly spread, both ends among them."""
    if length <= most:
        return list(range(length))
    return sorted({round(i * (length - 1) / (most - 1)) for i in range(most)})


def legend(line: Line | Area) -> str:
    """A short piece of a line or an area, for a legend."""
    if isinstance(line, Area):
        shape = f'<rect class="{line.look}" x="2" y="2" width="32" height="12"/>'
    else:
        width = line.width if not line.mark else 2
        path = f'<path class="line {line.look}" d="M2 8H34"'
        shape = f'{path} stroke-width="{width:.1f}"/>'
        shape += _mark(line, 18, 8)
    return f'<svg width="36" height="16" aria-hidden="true">{shape}</svg>'


def draw(chart: Chart, width: int, height: int) -> str:
    """The chart as an <svg> element of that size, in pixels."""
    return _Drawing(chart, width, height).text()


def _mark(line: Line, x: float, y: float) -> str:
    if line.mark == "ring":
        return f'<circle class="mark {line.look}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>'
    if line.mark == "cross":
        cross = f"M{x - 3:.1f} {y - 3:.1f}l6 6m0 -6l-6 6"
        return f'<path class="mark {line.look}" d="{cross}"/>'
    return ""


class _Drawing:
    """A chart at a size in pixels: its scales, and its parts as SVG text."""

    def __init__(self, chart: Chart, width: int, height: int) -> None:
        self.chart, self.width, self.height = chart, width, height
        shapes: list[Line | Area] = [*chart.lines, *chart.areas]
        xs = [point[0] for shape in shapes for point in shape.points]
        ys = [y for shape in shapes for point in shape.points for y in point[1:]]
        self.x_ticks = _ticks(min(xs), max(xs), max(2, width // 70))
        self.x_range = min(xs), max(max(xs), min(xs) + 1e-9)
        if chart.log:
            low, high = self.power(min(ys)), self.power(max(ys))
            low, high = math.floor(low), math.ceil(high + 1e-9)
            # So many powers of ten apart that a label has 34 pixels.
            step = max(1, math.ceil((high - low) * 34 / height))
            powers = range(low, min(high, sys.float_info.max_10_exp) + 1)
            self.y_ticks = [10.0**k for k in powers if k % step == 0]
        else:
            self.y_ticks = _ticks(min(ys), max(ys), height // 50)
            low, high = min(ys), max(ys)
            room = 0.04 * (high - low) or 0.5
            low, high = low - room, high + room
        self.y_range = low, high

    def power(self, y: float) -> float:
        """log10 of y, from the floor up; what is beyond all floats is at their end."""
        return math.log10(min(max(y, self.chart.floor), sys.float_info.max))

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point lies, in pixels."""
        if self.chart.log:
            y = self.power(y)
        across = (x - self.x_range[0]) / (self.x_range[1] - self.x_range[0])
        up = (y - self.y_range[0]) / (self.y_range[1] - self.y_range[0])
        return (
            LEFT + across * (self.width - LEFT - RIGHT),
            self.height - BOTTOM - up * (self.height - TOP - BOTTOM),
        )

    def text(self) -> str:
        size = f'width="{self.width}" height="{self.height}"'
        box = f'viewBox="0 0 {self.width} {self.height}"'
        label = escape(self.chart.label)
        parts = [f'<svg {size} {box} role="img" aria-label="{label}">']
        parts += self.axes()
        parts += [self.area(a) for a in self.chart.areas if a.points]
        parts += [self.line(x) for x in self.chart.lines if x.points]
        return "\n".join([*parts, "</svg>"])

    def axes(self) -> list[str]:
        right, bottom = self.width - RIGHT, self.height - BOTTOM
        parts = []
        for tick in self.x_ticks:
            x, _ = self.at(tick, 1.0)
            parts.append(f'<path class="grid" d="M{x:.1f} {TOP}V{bottom}"/>')
            parts.append(f'<text x="{x:.1f}" y="{bottom + 17}">{tick:g}</text>')
        for tick in self.y_ticks:
            _, y = self.at(self.x_range[0], tick)
            parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{right}"/>')
            named = f"{tick:g}" if not self.chart.log else _power(tick)
            text = f'<text class="end" x="{LEFT - 6}" y="{y + 4:.1f}">{named}</text>'
            parts.append(text)
        frame = f"M{LEFT} {TOP}V{bottom}H{right}"
        parts.append(f'<path class="axis" d="{frame}"/>')
        middle = (LEFT + right) / 2
        name = escape(self.chart.x)
        parts.append(f'<text x="{middle:.1f}" y="{self.height - 8}">{name}</text>')
        y, name = (TOP + bottom) / 2, escape(self.chart.y)
        turn = f'transform="translate(13 {y:.1f}) rotate(-90)"'
        parts.append(f"<text {turn}>{name}</text>")
        return parts

    def area(self, area: Area) -> str:
        kept = [area.points[i] for i in thinned(len(area.points), POINTS)]
        over = [self.at(x, high) for x, _, high in kept]
        under = [self.at(x, low) for x, low, _ in reversed(kept)]
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in (*over, *under)) + "Z"
        title = f"<title>{escape(area.name)}</title>"
        return f'<path class="{area.look}" d="{path}">{title}</path>'

    def line(self, line: Line) -> str:
        kept = [self.at(*line.points[i]) for i in thinned(len(line.points), POINTS)]
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in kept)
        marks = "".join(_mark(line, *kept[i]) for i in thinned(len(kept), MARKS))
        drawn = f'<path class="line {line.look}" d="{path}"'
        return (
            f"<g><title>{escape(line.title or line.name)}</title>"
            f'{drawn} stroke-width="{line.width:.1f}"/>{marks}</g>'
        )


def _ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers between two ends."""
    from matplotlib.ticker import MaxNLocator

    locator = MaxNLocator(nbins=max(2, most), steps=[1, 2, 5, 10])
    slack = 1e-9 * (high - low)
    ticks = locator.tick_values(low, high)
    return [float(t) for t in ticks if low - slack <= t <= high + slack]


def _power(tick: float) -> str:
    """A power of ten as a tick: in digits while they are few."""
    power = int(np.rint(math.log10(tick)))
    if -3 <= power <= 3:
        return f"{tick:g}"
    return power_of_ten(power)
