"""One optimizer on many backends: a table, a figure and a file of records.

Each backend runs in a process of its own, as many at a time as there are cores. Records
are written as they come, so that nothing is lost if the comparison is stopped: neither
what it has finished, nor what the comparison before it left.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..backend.frameworks import FRAMEWORKS
from ..backend.processes import all_at_once
from ..files import append_lines, only_one, try_writing, writing
from ..show.figures import mark_stand_in, pyplot
from ..show.numbers import loss_text
from ..show.screen import Progress
from ..show.table import Table
from ..train.record import IMPLEMENTATIONS, Record, Spec
from .run import in_child

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Rows = dict[str, dict[str, Record]]  # backend → implementation → record


class Kept:
    """The records of one comparison in its folder, on the disk as they come.

    They go into compare.jsonl if that has none yet. Else they go into a file of their
    own, compare-part1.jsonl or the next number that is free, which takes its place when
    the comparison is complete.
    """

    def __init__(self, folder: Path) -> None:
        self._whole = folder / "compare.jsonl"
        self.path, self._count = self._whole, 0
        if self._whole.exists() and self._whole.stat().st_size > 0:
            parts = (folder / f"compare-part{n}.jsonl" for n in itertools.count(1))
            self.path = next(part for part in parts if not part.exists())

    def append(self, record: Record) -> None:
        """Keep the record; InputError if the disk does not take it."""
        with writing(f"into {self.path.parent}"):
            append_lines(self.path, [asdict(record)])
        self._count += 1

    def complete(self) -> None:
        """Let the records take the place of those of the comparison before."""
        if self._count:
            with writing(f"into {self.path.parent}"):
                self.path = self.path.replace(self._whole)

    def where(self) -> str:
        """For a comparison that was stopped, what there is, and in which file."""
        before = self.path != self._whole
        if not self._count:
            rest = f": {self._whole} is as it was" if before else ""
            return f"no record was finished{rest}."
        rest = f", those of the one before in {self._whole}" if before else ""
        return f"finished records are kept in {self.path}{rest}."


@contextmanager
def kept_in(folder: Path) -> Iterator[Kept]:
    """The records of a comparison that begins now, with no other one in the folder.

    Raises an InputError if there is one, or if nothing can be written there.
    """
    with only_one(folder / "compare.lock", "comparison"):
        with writing(folder / "compare.jsonl"):
            try_writing(folder / "compare.jsonl")
        yield Kept(folder)


def run_all(
    spec: Spec,
    backends: Sequence[str],
    *,
    limit: float,
    progress: Progress,
    kept: Kept | None = None,
) -> list[Record]:
    """Run the spec on each backend; return the records in the order of `backends`.

    With `kept`, each record is on the disk as soon as it is there.
    """
    records: list[Record] = []

    def keep(record: Record) -> None:
        records.append(record)
        if kept is not None:
            kept.append(record)
        loss = record.loss
        result = record.status if loss is None else f"loss {loss_text(loss)}"
        progress.ended(record.backend, record.implementation, result)

    async def one(backend: str, start: Callable[..., Any]) -> None:
        progress.begin(backend)
        on_backend = replace(spec, backend=backend)
        await in_child(on_backend, progress.tell, keep, limit, start)

    all_at_once(backends, one)
    if kept is not None:
        kept.complete()
    wanted = [(b, i) for b in backends for i in spec.implementations]
    return sorted(records, key=lambda r: wanted.index((r.backend, r.implementation)))


def by_backend(records: Sequence[Record]) -> Rows:
    """The records as rows of a table."""
    rows: Rows = {}
    for record in records:
        rows.setdefault(record.backend, {})[record.implementation] = record
    return rows


def spread(records: Sequence[Record], implementation: str) -> float | None:
    """(greatest − least) / least of the final losses; None with fewer than two."""
    losses = [
        r.loss
        for r in records
        if r.implementation == implementation and r.loss is not None
    ]
    return (max(losses) - min(losses)) / min(losses) if len(losses) > 1 else None


def table(records: Sequence[Record]) -> Table:
    """Backend and version, both losses, their difference, what an epoch takes."""
    first = records[0]
    settings = ", ".join(f"{k} {v:g}" for k, v in first.hyperparams.items())
    table = Table(
        f"{first.optimizer}: {settings}; {first.epochs} epochs of {first.data}, "
        f"batch size {first.batch_size}, {first.dtype}, seed {first.seed}",
        [
            "backend",
            "scratch loss",
            "built-in loss",
            "built-in − scratch",
            "scratch s/epoch",
            "built-in s/epoch",
        ],
    )
    for backend, row in by_backend(records).items():
        scratch, built_in = (row.get(name) for name in IMPLEMENTATIONS)
        both = [
            r.loss for r in (scratch, built_in) if r is not None and r.loss is not None
        ]
        any_record = next(iter(row.values()))
        table.row(
            f"{FRAMEWORKS[backend].title} {any_record.version or ''}".strip(),
            _loss(scratch),
            _loss(built_in),
            f"{both[1] - both[0]:+.1e}" if len(both) == 2 else "–",
            _seconds(scratch),
            _seconds(built_in),
        )
        for message in dict.fromkeys(r.message for r in row.values() if r.message):
            table.note(f"{FRAMEWORKS[backend].title}: {message}")
    spreads = [spread(records, name) for name in IMPLEMENTATIONS]
    if any(s is not None for s in spreads):
        cells = ["–" if s is None else f"{s:.1e} relative" for s in spreads]
        table.section()
        table.row("spread across backends", *cells, "", "", "")
    return table


def _loss(record: Record | None) -> str:
    if record is None:
        return "–"
    if record.loss is not None:
        return loss_text(record.loss)
    return "none" if record.status == "missing" else record.status


def _seconds(record: Record | None) -> str:
    if record is None or record.seconds_per_epoch is None:
        return "–"
    return f"{record.seconds_per_epoch:.4f}"


def figure(records: Sequence[Record]) -> Figure:
    """The loss curves, and beside them how far each lies from the first one."""
    import numpy as np

    shown = [r for r in records if len(r.losses) > 0]
    figure: Figure
    figure, (left, right) = pyplot().subplots(
        1, 2, figsize=(9, 3.6), layout="constrained"
    )
    if not shown:
        return figure
    reference = shown[0]
    rounding = float(np.finfo(reference.dtype).eps)
    floor = rounding / 100  # where equal numbers are drawn
    for i, record in enumerate(shown):
        scratch = record.implementation == "scratch"
        place = list(FRAMEWORKS).index(record.backend)
        style = {
            "color": f"C{place}",
            "linestyle": "-" if scratch else "--",
            "marker": "o" if scratch else "x",
            "markersize": 3,
            "label": f"{FRAMEWORKS[record.backend].title}, {record.implementation}",
        }
        epochs = record.at_epochs
        # The curves lie upon each other: each is drawn thinner than the one before.
        left.plot(
            epochs, record.losses, linewidth=1 + 6 * (1 - i / len(shown)), **style
        )
        if record is not reference:
            pairs = zip(record.losses, reference.losses, strict=False)
            gaps = [max(abs(a - b) / b, floor) for a, b in pairs]
            right.plot(epochs[: len(gaps)], gaps, linewidth=1, **style)
    right.axhspan(floor / 2, 2 * rounding, color="0.92")
    right.text(
        0.02, 0.02, "grey: rounding", fontsize="x-small", transform=right.transAxes
    )
    left.set(xlabel="epoch", ylabel="loss (½·MSE)", title=f"{reference.optimizer}")
    title = f"|loss / loss of {FRAMEWORKS[reference.backend].title} from scratch − 1|"
    right.set(xlabel="epoch", yscale="log", ylim=(floor / 2, None), title=title)
    left.legend(fontsize="x-small")
    for axes in (left, right):
        axes.grid(alpha=0.4)
    mark_stand_in(figure, reference.data)
    return figure
