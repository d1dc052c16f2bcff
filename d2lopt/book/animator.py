"""Animator: curves that grow while a loop runs.

In a notebook the picture below the cell is redrawn in place, a few times a second and
once more at the end of the cell. A script only records, and draws when its figure is
finished: a thousand `add`s cost one drawing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from ..backend.arrays import number, numpy_of
from ..show.figures import in_notebook, pyplot
from . import plot

PAUSE = 0.2  # seconds, at least, between two drawings in a notebook


class Animator:
    """Curves X[i], Y[i], one for each number that `add` is given.

    The arguments are those of `plot`, and `nrows`, `ncols` for a grid of axes, of which
    the first is drawn on. `fig`, `axes` (a list) and `X`, `Y` (a list for each curve,
    None before the first `add`) are there to be read.
    """

    def __init__(
        self,
        xlabel: str | None = None,
        ylabel: str | None = None,
        legend: Sequence[str] | None = None,
        xlim: Sequence[float] | None = None,
        ylim: Sequence[float] | None = None,
        xscale: str = "linear",
        yscale: str = "linear",
        fmts: Sequence[str] = plot.LINES,
        nrows: int = 1,
        ncols: int = 1,
        figsize: tuple[float, float] = (3.5, 2.5),
    ) -> None:
        self._look = xlabel, ylabel, xlim, ylim, xscale, yscale, legend
        self.fmts = fmts
        self.X: list[list[float]] | None = None
        self.Y: list[list[float]] | None = None
        self.fig = plot.studio.begin()
        self.fig.set_size_inches(figsize)
        self.axes = list(self.fig.subplots(nrows, ncols, squeeze=False).flat)
        self._live = in_notebook()
        self._handle: Any = None
        self._next = 0.0  # when it may be drawn again
        if self._live:
            pyplot().close(self.fig)  # or the cell's end would show it once more
        else:
            plot.studio.before_saving(self.fig, self.draw)

    def add(self, x: Any, y: Any) -> None:
        """Add a point to each curve: y is a number for each, or None for no point.

        x is one number, or one for each curve. All may be tensors.
        """
        ys = _entries(y)
        xs = _entries(x)
        xs = xs * len(ys) if len(xs) == 1 else xs
        if self.X is None or self.Y is None:
            self.X, self.Y = [[] for _ in ys], [[] for _ in ys]
        for a, b, curve_x, curve_y in zip(xs, ys, self.X, self.Y, strict=True):
            if a is not None and b is not None:
                curve_x.append(number(a))
                curve_y.append(number(b))
        if self._live and time.monotonic() >= self._next:
            self._show()

    def draw(self) -> None:
        """Draw what has been added, now."""
        axes = self.axes[0]
        axes.clear()
        for i, (x, y) in enumerate(zip(self.X or [], self.Y or [], strict=True)):
            axes.plot(x, y, self.fmts[i % len(self.fmts)])
        plot.set_axes(axes, *self._look)

    def _show(self) -> None:
        """Draw, and put the picture where the last one was."""
        from IPython import get_ipython
        from IPython.display import display

        self.draw()
        if self._handle is None:
            self._handle = display(self.fig, display_id=True)
            get_ipython().events.register("post_run_cell", self._finish)
        else:
            self._handle.update(self.fig)
        self._next = time.monotonic() + PAUSE

    def _finish(self, *_: Any) -> None:
        """At the end of the cell: draw what came since the last drawing."""
        from IPython import get_ipython

        self.draw()
        self._handle.update(self.fig)
        self._handle, self._next = None, 0.0
        get_ipython().events.unregister("post_run_cell", self._finish)


def _entries(y: Any) -> list[Any]:
    """The numbers in y: a list, an array with one axis, or a single number."""
    if isinstance(y, list | tuple):
        return list(y)
    return [y] if y is None else list(numpy_of(y).reshape(-1))
