"""Figures: curves, traces over contours, loss curves; shown where people work.

In a notebook a figure appears inline. In a script it opens in a window if there is a
display, and is saved to `out/` (SVG and PNG) if there is none, or if the chapter says
so. matplotlib is imported when the first figure is begun, and not before.
"""

from __future__ import annotations

import atexit
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet

import numpy as np

from ..backend.arrays import number, numpy_of
from ..backend.contract import Backend
from ..show.figures import has_window, in_kernel, in_notebook, pyplot, save
from .pyplot import Pyplot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


SIZE = (4.5, 3.0)  # inches
LINES = ("-", "m--", "g-.", "r:")


class Studio:
    """Where this process's figures go: the one that is drawn on, and the folder.

    A lesson may also draw with pyplot itself, which `share` hands out; the figures that
    it makes there are then saved as well.
    """

    def __init__(self) -> None:
        self.folder: Path | None = None  # None: saved only where nothing can show them
        self.prefix = _script()
        self.current: Figure | None = None
        self.name: str | None = None
        self.count = 0
        self._opened = self._shared = False
        self._done: WeakSet[Figure] = WeakSet()  # those in windows that stay open
        self._drawings: WeakKeyDictionary[Figure, Callable[[], None]]
        self._drawings = WeakKeyDictionary()

    def begin(self, name: str | None = None) -> Figure:
        """Finish the current figure, and begin one called `name`."""
        plt = self._open()
        self.finish()
        self.count += 1
        figure: Figure = plt.figure(layout="constrained")
        self.current, self.name = figure, name
        if name and figure.canvas.manager:
            figure.canvas.manager.set_window_title(name)
        return figure

    def share(self) -> Pyplot:
        """pyplot, for a lesson's own use."""
        self._shared = True
        self._open()
        return Pyplot(self.show)

    def show(self, *args: Any, **more: Any) -> None:
        """What `plt.show` does; where there is nothing to show on, save instead."""
        if has_window() or in_kernel():
            pyplot().show(*args, **more)
        else:
            self.finish()

    def axes(self, figsize: tuple[float, float] | None = None) -> Axes:
        """The axes for a new picture: those that wait for one, or of a new figure."""
        plt = self._open()
        figure = plt.gcf() if plt.get_fignums() else self.begin()
        if figure.axes and figure.gca().has_data():
            figure = self.begin()
        if figsize is not None:
            figure.set_size_inches(figsize)
        return figure.gca()

    def before_saving(self, figure: Figure, draw: Callable[[], None]) -> None:
        """Leave the drawing of `figure` until it is finished."""
        self._drawings[figure] = draw

    def turn_page(self) -> None:
        """Let what is drawn next with pyplot be a new figure, in a script."""
        if not in_notebook() and self._opened:
            self.finish()
            if has_window():
                pyplot().figure(layout="constrained")

    def finish(self) -> None:
        """Draw what was left for later, and save it if this is where it is seen."""
        current, self.current = self.current, None
        name, self.name = self.name, None
        if in_notebook():
            return
        for figure in self._unfinished(current):
            try:
                self._drawings.pop(figure, lambda: None)()
                if figure.axes and (self.folder or not has_window()):
                    self.count += figure is not current
                    own = name if figure is current else None
                    stem = f"{self.prefix}-{own or self.count}"
                    path = save(figure, self.folder or Path("out"), stem)[-1]
                    print(f"figure: {path}")
            finally:  # one that cannot be drawn is an error now, and not again later
                self._done.add(figure)
                if not has_window() or not figure.axes:
                    pyplot().close(figure)

    def _open(self) -> Any:
        """pyplot, with everything ready for a first figure."""
        plt = pyplot()
        if not self._opened:
            self._opened = True
            # Only now: pyplot closes every window at the end of the process, and what
            # is registered last runs first.
            atexit.register(self.close)
            plt.rcParams["figure.figsize"] = SIZE
            plt.rcParams["figure.max_open_warning"] = 0  # windows stay open to the end
            # Said where the machine is slow, not where the legend is wrong.
            warnings.filterwarnings("ignore", "Creating legend with loc")
        return plt

    def _unfinished(self, current: Figure | None) -> list[Figure]:
        """The current figure, and what a lesson drew with pyplot since."""
        plt = pyplot()
        found = [] if current is None else [current]
        if self._shared:
            found += [plt.figure(number) for number in plt.get_fignums()]
        return [f for f in dict.fromkeys(found) if f not in self._done]

    def close(self) -> None:
        """At the end of a script: save the last figure, keep the windows open."""
        self.finish()
        if has_window() and not in_notebook() and pyplot().get_fignums():
            pyplot().show()


def _script() -> str:
    """The name of this process's script, for its figures; "figure" if it has none."""
    started = sys.argv[0] if sys.argv else ""
    return "figure" if started in ("", "-", "-c", "-m") else Path(started).stem


studio = Studio()


def figure(name: str) -> None:
    """Begin a figure that is saved as `name`; the next plot draws on it."""
    studio.begin(name)


def set_figsize(figsize: tuple[float, float] = SIZE) -> None:
    """The size, in inches, of the figures to come that name none.

    What a script draws next, be it with pyplot, is on a new figure.
    """
    pyplot().rcParams["figure.figsize"] = figsize
    studio.turn_page()


def use_svg_display() -> None:
    """Show figures as SVG in a notebook; elsewhere there is nothing to choose."""
    if in_notebook():
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("svg")


def set_axes(
    axes: Axes,
    xlabel: str | None = None,
    ylabel: str | None = None,
    xlim: Sequence[float] | None = None,
    ylim: Sequence[float] | None = None,
    xscale: str = "linear",
    yscale: str = "linear",
    legend: Sequence[str] | None = None,
) -> None:
    """Labels, limits (None: as the curves need), scales, legend and grid of `axes`."""
    axes.set(xlabel=xlabel, ylabel=ylabel, xscale=xscale, yscale=yscale)
    if xlim is not None:
        axes.set_xlim(*xlim)
    if ylim is not None:
        axes.set_ylim(*ylim)
    if legend:
        axes.legend(legend)
    axes.grid(alpha=0.4)


def annotate(text: str, xy: tuple[float, float], xytext: tuple[float, float]) -> None:
    """Write `text` at `xytext` into the current picture, with an arrow to `xy`."""
    axes = studio.share().gca()
    axes.annotate(text, xy=xy, xytext=xytext, arrowprops={"arrowstyle": "->"})


def plot(
    X: Any,
    Y: Any = None,
    xlabel: str | None = None,
    ylabel: str | None = None,
    legend: Sequence[str] | None = None,
    xlim: Sequence[float] | None = None,
    ylim: Sequence[float] | None = None,
    xscale: str = "linear",
    yscale: str = "linear",
    fmts: Sequence[str] = LINES,
    figsize: tuple[float, float] | None = None,
    axes: Axes | None = None,
) -> None:
    """Draw one curve or several: `plot(y)`, `plot(x, y)`, `plot(x, [y1, y2])`.

    X and Y are sequences of numbers, or lists of such sequences: arrays of any
    framework, in a graph of gradients or not. A shared X is given once. `axes`, if
    given, is cleared first; otherwise the picture is a new one.
    """
    xs, ys = (_curves(X), _curves(Y)) if Y is not None else ([], _curves(X))
    if not xs:
        xs = [np.arange(len(y)) for y in ys]
    if len(xs) == 1:
        xs = xs * len(ys)
    if axes is None:
        axes = studio.axes(figsize)
    else:
        axes.clear()
    for i, (x, y) in enumerate(zip(xs, ys, strict=True)):
        axes.plot(x, y, fmts[i % len(fmts)])
    set_axes(axes, xlabel, ylabel, xlim, ylim, xscale, yscale, legend)


def _curves(values: Any) -> list[np.ndarray[Any, Any]]:
    """One curve or several, as a list of arrays."""
    if isinstance(values, list | tuple):
        curves = [numpy_of(curve) for curve in values]
        several = any(curve.ndim for curve in curves)
        return curves if several else [np.array(curves)]
    array = numpy_of(values)
    return [array] if array.ndim < 2 else list(array)


def show_trace_2d(
    d2l: Backend, f: Callable[[Any, Any], Any], results: Sequence[tuple[Any, Any]]
) -> None:
    """Draw the points of `results` over the contours of f(x1, x2).

    f is called with tensors of the framework, a grid of each coordinate.
    """
    points = [(number(x1), number(x2)) for x1, x2 in results]
    x1, x2 = np.array(points, dtype=float).T
    # The picture holds the whole trace, and the valley around the origin.
    wide = np.linspace(min(-5.5, x1.min() * 1.1), max(1.0, x1.max() * 1.1), 200)
    high = np.linspace(min(-3.0, x2.min() * 1.1), max(1.0, x2.max() * 1.1), 200)
    grid = np.meshgrid(wide, high)
    axes = studio.axes()
    heights = numpy_of(f(*map(d2l.tensor, grid)))
    axes.contour(*grid, heights, levels=12, colors="#1f77b4", linewidths=0.8)
    axes.plot(x1, x2, "-o", color="#ff7f0e", markersize=4)
    axes.set(xlabel="x1", ylabel="x2")
