"""What the bench has found, as tables and as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .bench import Timing, gigabytes_per_second
from .conventions import FRAMEWORKS
from .screen import Table

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
    made = Table(
        TITLES[task],
        [*("backend", "variant"), *size, "ms", "× floor", *more],
        left=2,
    )
    before = ""
    for t in timings:
        if before not in ("", t.backend):
            made.section()
        seconds = t.seconds_compiling
        made.row(
            title_of(t) if t.backend != before else "",
            t.variant,
            *([f"{t.size:,}"] if step else []),
            f"{t.seconds * 1e3:.3g}",
            "–" if t.times_floor is None else f"{t.times_floor:.3g}",
            f"{gigabytes_per_second(t):.1f}" if step else f"{t.seconds_first:.2f}",
            "–" if not seconds else f"{seconds:.2f}",
        )
        before = t.backend
    floors = sorted(t.floor for t in timings if t.floor is not None)
    if floors:
        made.note(
            f"The floor is a plain compiled loop over the same numbers, timed beside "
            f"each backend: here {floors[0] * 1e3:.3g} to {floors[-1] * 1e3:.3g} ms."
        )
    return made


def _many(timings: Sequence[Timing]) -> Table:
    sizes = sorted({t.size for t in timings})
    ratios = [f"{size:,} / 1" for size in sizes[1:]]
    columns = [f"K = {size:,}: ms" for size in sizes]
    made = Table(TITLES["many"], ["backend", *columns, *ratios])
    for backend in dict.fromkeys(t.backend for t in timings):
        own = {t.size: t for t in timings if t.backend == backend}
        seconds = [own[size].seconds for size in sizes if size in own]
        made.row(
            title_of(next(iter(own.values()))),
            *(f"{s * 1e3:.3g}" for s in seconds),
            *(f"{s / seconds[0]:.1f}" for s in seconds[1:]),
        )
    return made


def figure(timings: Sequence[Timing]) -> Figure:
    """A panel for each task: milliseconds on a logarithmic axis, and the floor."""
    from . import plot

    tasks = [task for task in TITLES if any(t.task == task for t in timings)]
    made: Figure
    made, grid = plot.pyplot().subplots(
        len(tasks),
        1,
        figsize=(8, 0.6 + 2.6 * len(tasks)),
        squeeze=False,
        layout="constrained",
    )
    for axes, task in zip(grid[:, 0], tasks, strict=True):
        _panel(axes, task, [t for t in timings if t.task == task])
    return made


def _panel(axes: Any, task: str, timings: Sequence[Timing]) -> None:
    backends = list(dict.fromkeys(t.backend for t in timings))
    place = {backend: i for i, backend in enumerate(backends)}
    kinds = list(dict.fromkeys((t.variant, t.size) for t in timings))
    sizes = len({t.size for t in timings}) > 1
    for k, (variant, size) in enumerate(kinds):
        own = [t for t in timings if (t.variant, t.size) == (variant, size)]
        label = {"large": f"{variant}, {size:,}", "many": f"K = {size:,}"}.get(task)
        axes.plot(
            [t.seconds * 1e3 for t in own],
            [place[t.backend] for t in own],
            marker="osD^vPX*"[k % 8],
            linestyle="none",
            alpha=0.8,
            label=label if sizes else variant,
        )
    floors: dict[int, list[float]] = {}
    for t in timings:
        if t.floor is not None:
            floors.setdefault(t.size, []).append(t.floor * 1e3)
    for i, found in enumerate(floors.values()):
        middle = sorted(found)[len(found) // 2]
        label = "floor" if i == 0 else None
        axes.axvline(middle, color="0.4", linestyle=":", label=label)
    axes.set(
        xscale="log", xlabel="ms", title=TITLES[task], ylim=(len(backends) - 0.5, -0.5)
    )
    axes.set_yticks(range(len(backends)), [FRAMEWORKS[b].title for b in backends])
    axes.grid(axis="x", alpha=0.4)
    axes.legend(fontsize="x-small", loc="center left", bbox_to_anchor=(1, 0.5))
