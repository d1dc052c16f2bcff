"""Figures: curves, traces over contours, loss curves; shown where people work.

In a notebook a figure appears inline. In a script it opens in a window if there is a
display, and is saved to `out/` (SVG and PNG) if there is none, or if the chapter says
so. matplotlib is imported when the first figure is begun, and not before.
"""

from __future__ import annotations

import atexit
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .descend import Curve

SIZE = (4.5, 3.0)  # inches
LINES = ("-", "m--", "g-.", "r:")


class Studio:
    """Where this process's figures go: the one that is drawn on, and the folder."""

    def __init__(self) -> None:
        self.folder: Path | None = None  # None: saved only where nothing can show them
        self.prefix = Path(sys.argv[0]).stem if sys.argv[0] else "figure"
        self.current: Figure | None = None
        self.name: str | None = None
        self.count = 0

    def begin(self, name: str | None = None) -> Figure:
        """Finish the current figure, and begin one called `name`."""
        plt = pyplot()
        if self.count == 0:
            atexit.register(self.close)
            set_figsize()
        self.finish()
        self.count += 1
        self.current, self.name = plt.figure(layout="constrained"), name
        return self.current

    def axes(self, figsize: tuple[float, float] | None = None) -> Axes:
        """The axes for a new picture: of the figure just begun, or of a new one."""
        figure = self.current
        if figure is None or figure.axes:
            figure = self.begin()
        if figsize is not None:
            figure.set_size_inches(figsize)
        return figure.gca()

    def finish(self) -> None:
        """Save the current figure, if this is where it is to be seen."""
        figure, self.current = self.current, None
        if figure is None or not figure.axes or in_notebook():
            return
        if self.folder or not has_window():
            stem = f"{self.prefix}-{self.name or self.count}"
            paths = save(figure, self.folder or Path("out"), stem)
            print(f"figure: {paths[-1]}")
        if not has_window():
            pyplot().close(figure)

    def close(self) -> None:
        """At the end of a script: save the last figure, keep the windows open."""
        self.finish()
        if has_window() and not in_notebook() and pyplot().get_fignums():
            pyplot().show()


studio = Studio()


def pyplot() -> Any:
    """matplotlib.pyplot, imported now."""
    import matplotlib.pyplot as plt

    return plt


def in_kernel() -> bool:
    """Whether this process runs a notebook's cells."""
    return "ipykernel" in sys.modules


def in_notebook() -> bool:
    """Whether figures appear inline, below the cell that draws them."""
    return in_kernel() and "inline" in pyplot().get_backend()


def has_window() -> bool:
    """Whether matplotlib can open a window here."""
    from matplotlib.backends import BackendFilter, backend_registry

    interactive = backend_registry.list_builtin(BackendFilter.INTERACTIVE)
    return pyplot().get_backend().lower() in interactive


def save(figure: Figure, folder: Path, stem: str) -> list[Path]:
    """Write folder/stem.svg and .png; InputError if the folder cannot be written."""
    paths = [folder / f"{stem}.{kind}" for kind in ("svg", "png")]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in paths:
            figure.savefig(path, dpi=160)
    except OSError as error:
        raise InputError(f"cannot write {error.filename}: {error.strerror}.") from error
    return paths


def figure(name: str) -> None:
    """Begin a figure that is saved as `name`; the next plot draws on it."""
    studio.begin(name)


def set_figsize(figsize: tuple[float, float] = SIZE) -> None:
    """The size, in inches, of the figures to come that name none."""
    pyplot().rcParams["figure.figsize"] = figsize


def plot(
    X: Any,
    Y: Any = None,
    xlabel: str | None = None,
    ylabel: str | None = None,
    legend: Sequence[str] | None = None,
    xlim: tuple[float, float] | None = None,
    ylim: tuple[float, float] | None = None,
    xscale: str = "linear",
    yscale: str = "linear",
    fmts: Sequence[str] = LINES,
    figsize: tuple[float, float] | None = None,
    axes: Axes | None = None,
) -> None:
    """Draw one curve or several: `plot(y)`, `plot(x, y)`, `plot(x, [y1, y2])`.

    X and Y are sequences of numbers, or lists of such sequences; arrays of any
    framework that NumPy can read. A shared X is given once.
    """
    xs, ys = (_curves(X), _curves(Y)) if Y is not None else ([], _curves(X))
    if not xs:
        xs = [np.arange(len(y)) for y in ys]
    if len(xs) == 1:
        xs = xs * len(ys)
    axes = axes or studio.axes(figsize)
    for i, (x, y) in enumerate(zip(xs, ys, strict=True)):
        axes.plot(x, y, fmts[i % len(fmts)])
    axes.set(xlabel=xlabel, ylabel=ylabel, xscale=xscale, yscale=yscale)
    if xlim is not None:
        axes.set_xlim(xlim)
    if ylim is not None:
        axes.set_ylim(ylim)
    if legend:
        axes.legend(legend)
    axes.grid(alpha=0.4)


def _curves(values: Any) -> list[np.ndarray[Any, Any]]:
    """One curve or several, as a list of arrays."""
    several = isinstance(values, list | tuple) and np.ndim(values[0]) > 0
    if not several and np.ndim(values) < 2:
        values = [values]
    return [np.asarray(curve) for curve in values]


def show_trace_2d(
    f: Callable[[Any, Any], Any], results: Sequence[tuple[float, float]]
) -> None:
    """Draw the points of `results` over the contours of f(x1, x2)."""
    x1, x2 = np.array(results, dtype=float).T
    # The picture holds the whole trace, and the valley around the origin.
    wide = np.linspace(min(-5.5, x1.min() * 1.1), max(1.0, x1.max() * 1.1), 200)
    high = np.linspace(min(-3.0, x2.min() * 1.1), max(1.0, x2.max() * 1.1), 200)
    grid = np.meshgrid(wide, high)
    axes = studio.axes()
    axes.contour(*grid, f(*grid), levels=12, colors="#1f77b4", linewidths=0.8)
    axes.plot(x1, x2, "-o", color="#ff7f0e", markersize=4)
    axes.set(xlabel="x1", ylabel="x2")


def loss_curves(curves: Mapping[str, Curve], note: str | None = None) -> None:
    """Draw the loss over the epochs of each curve, under its label; `note` below."""
    axes = studio.axes()
    for label, curve in curves.items():
        axes.plot(curve.epochs, curve.losses, label=label)
    axes.set(xlabel="epoch", ylabel="loss (½·MSE)")
    axes.grid(alpha=0.4)
    if any(curves):
        axes.legend()
    if note:
        axes.set_title(note, fontsize="x-small")
