"""The timings of the bench, as tables and as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

from ..backend.frameworks import FRAMEWORKS
from ..show.figures import pyplot
from ..show.table import Table
from .run import Timing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLES = {
    "epoch": "An epoch of the airfoil problem, batch size 10, evaluation included",
    "batch1": "The same with batch size 1",
    "large": "One step over N parameters, float32",
    "many": "An epoch of K configurations at once, batch size 10",
}


def title_of(timing: Timing) -> str:
    return f"{FRAMEWORKS[timing.backend].title} {timing.version}"


def tables(timings: Sequence[Timing]) -> list[Table]:
    """One table for each task that was timed."""
    return [
        table(task, [t for t in timings if t.task == task])
        for task in TITLES
        if any(t.task == task for t in timings)
    ]


def table(task: str, timings: Sequence[Timing]) -> Table:
    """The timings of one task, a backend's variants below one another."""
    if task == "many":
        return _many(timings)
    step = task == "large"
    size = ["N"] if step else []
    more = ["GB/s", "compiling s"] if step else ["first two epochs s", "compiling s"]
    table = Table(
        TITLES[task],
        [*("backend", "variant"), *size, "ms", "× floor", *more],
        left=2,
    )
    before = ""
    for t in timings:
        if before not in ("", t.backend):
            table.section()
        seconds = t.seconds_compiling
        table.row(
            title_of(t) if t.backend != before else "",
            t.variant,
            *([f"{t.size:,}"] if step else []),
            f"{t.seconds * 1e3:.3g}",
            "–" if t.times_floor is None else f"{t.times_floor:.3g}",
            f"{t.gigabytes_per_second:.1f}" if step else f"{t.seconds_first:.2f}",
            "–" if not seconds else f"{seconds:.2f}",
        )
        before = t.backend
    floors = sorted(t.floor for t in timings if t.floor is not None)
    if floors:
        table.note(
            f"The floor is a plain compiled loop over the same numbers, timed beside "
            f"each backend: here {floors[0] * 1e3:.3g} to {floors[-1] * 1e3:.3g} ms."
        )
    return table


def _many(timings: Sequence[Timing]) -> Table:
    sizes = sorted({t.size for t in timings})
    ratios = [f"{size:,} / 1" for size in sizes[1:]]
    columns = [f"K = {size:,}: ms" for size in sizes]
    table = Table(TITLES["many"], ["backend", *columns, *ratios])
    for backend in dict.fromkeys(t.backend for t in timings):
        by_size = {t.size: t for t in timings if t.backend == backend}
        seconds = [by_size[size].seconds for size in sizes if size in by_size]
        table.row(
            title_of(next(iter(by_size.values()))),
            *(f"{s * 1e3:.3g}" for s in seconds),
            *(f"{s / seconds[0]:.1f}" for s in seconds[1:]),
        )
    return table


def figure(timings: Sequence[Timing]) -> Figure:
    """Panels with milliseconds on a logarithmic axis, and the floor.

    There is one for each task, and one for each number of parameters.
    """
    panels: list[tuple[str, list[Timing]]] = []
    for task, title in TITLES.items():
        of_task = [t for t in timings if t.task == task]
        if task == "large":
            for size in sorted({t.size for t in of_task}):
                title = f"One step over {size:,} parameters, float32"
                panels.append((title, [t for t in of_task if t.size == size]))
        elif of_task:
            panels.append((title, of_task))
    figure: Figure
    figure, grid = pyplot().subplots(
        len(panels),
        1,
        figsize=(8, 0.6 + 2.4 * len(panels)),
        squeeze=False,
        layout="constrained",
    )
    for axes, (title, shown) in zip(grid[:, 0], panels, strict=True):
        _panel(axes, title, shown)
    return figure


def _panel(axes: Any, title: str, timings: Sequence[Timing]) -> None:
    backends = list(dict.fromkeys(t.backend for t in timings))
    place = {backend: i for i, backend in enumerate(backends)}
    many = timings[0].task == "many"
    kinds: dict[str, list[Timing]] = {}
    for t in timings:
        kinds.setdefault(f"K = {t.size:,}" if many else t.variant, []).append(t)
    for marker, (label, alike) in zip(cycle("osD^vPX*"), kinds.items(), strict=False):
        axes.plot(
            [t.seconds * 1e3 for t in alike],
            [place[t.backend] for t in alike],
            marker=marker,
            linestyle="none",
            alpha=0.8,
            label=label,
        )
    floors = {t.backend: t.floor * 1e3 for t in timings if t.floor is not None}
    if floors:
        axes.plot(
            list(floors.values()),
            [place[backend] for backend in floors],
            marker="|",
            markersize=10,
            linestyle="none",
            color="0.3",
            label="floor",
        )
    axes.set_title(title, loc="left", fontsize="medium")
    axes.set(xscale="log", xlabel="ms", ylim=(len(backends) - 0.5, -0.5))
    axes.set_yticks(range(len(backends)), [FRAMEWORKS[b].title for b in backends])
    axes.grid(axis="x", alpha=0.4)
    axes.legend(fontsize="x-small", loc="center left", bbox_to_anchor=(1, 0.5))
