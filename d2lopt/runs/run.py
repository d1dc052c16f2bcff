"""One run in one process of its own, and the record that it leaves.

The parent asks for a `Spec`; each of its implementations gives one `Record`, whatever
happens to the child: a framework that is missing, a crash, a signal or a time limit
passed is a record that says so.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from ..backend.environment import how_to_install, is_installed
from ..backend.processes import stream
from ..conventions.table import nearest, written
from ..train.record import Record, Spec, blank

# ------------------------------------------------------------------------- in the child


def execute(emit: Callable[[dict[str, Any]], None], spec: dict[str, Any]) -> None:
    """Run what the spec says in this process; emit each record when it is there.

    On the way, {"progress": [implementation, steps done, steps in all]} is emitted, ten
    times a second at most. Raises MissingBackend or BrokenBackend.
    """
    from .. import rules
    from ..backend import load
    from ..train import built_in, from_scratch

    spec["implementations"] = tuple(spec["implementations"])
    asked = Spec(**spec)
    start = time.perf_counter()
    d2l = load(asked.backend)
    importing = time.perf_counter() - start
    data_iter, feature_dim = d2l.get_data_ch11(
        asked.batch_size, seed=asked.seed, source=asked.data, dtype=asked.dtype
    )
    native = nearest(asked.backend, asked.optimizer, asked.hyperparams)
    rule = rules.find(asked.optimizer)
    for implementation in asked.implementations:
        record = replace(
            blank(asked, implementation, "ok", ""),
            version=d2l.version,
            seconds_importing=importing,
        )
        common = (data_iter, feature_dim, asked.epochs)
        progress = _reporter(emit, implementation)
        if implementation == "scratch":
            curve = from_scratch(
                d2l,
                getattr(d2l, rule.step.__name__),
                None,
                asked.hyperparams,
                *common,
                compile=asked.compile,
                progress=progress,
            )
        elif native is None:
            message = f"it has no {asked.optimizer} of its own"
            emit({"record": asdict(replace(record, status="missing", message=message))})
            continue
        else:
            row, settings = native
            record = replace(record, call=written(asked.backend, row, settings))
            trainer, numbers = row.resolve(d2l, settings)
            curve = built_in(d2l, trainer, numbers, *common, progress=progress)
        record = replace(
            record,
            loss=None if curve.diverged else curve.losses[-1],
            losses=curve.losses,
            steps=curve.steps,
            num_steps=curve.num_steps,
            seconds_per_epoch=None if curve.diverged else curve.seconds_per_epoch,
            seconds_compiling=curve.seconds_compiling,
            peak_memory_mb=peak_memory_mb(),
            status="diverged" if curve.diverged else "ok",
            message=curve.diverged or "",
        )
        emit({"record": asdict(record)})


def _reporter(
    emit: Callable[[dict[str, Any]], None], implementation: str
) -> Callable[[int, int], None]:
    """A progress callback that emits an event, ten times a second at most."""
    last = 0.0

    def report(done: int, of: int) -> None:
        nonlocal last
        if time.monotonic() - last > 0.1 or done == of:
            last = time.monotonic()
            emit({"progress": [implementation, done, of]})

    return report


def peak_memory_mb() -> float | None:
    """The most memory that this process has held, where the system counts it."""
    try:
        import resource
    except ImportError:  # not a Unix
        return None
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)


# ------------------------------------------------------------------------ in the parent

# Called with the backend, the implementation, the steps done and those in all.
Tell = Callable[[str, str, int, int], None]


async def in_child(
    spec: Spec,
    tell: Tell,
    keep: Callable[[Record], None],
    limit: float = 600.0,
    start: Callable[..., Any] = stream,
) -> None:
    """Run the spec in a process of its own; `keep` gets each record as it comes."""
    if not is_installed(spec.backend):
        for implementation in spec.implementations:
            keep(blank(spec, implementation, "missing", how_to_install(spec.backend)))
        return
    left = list(spec.implementations)

    def hear(event: dict[str, Any]) -> None:
        if "progress" in event:
            tell(spec.backend, *event["progress"])
        else:
            record = Record(**event["record"])
            left.remove(record.implementation)
            keep(record)

    reason = await start(f"{__name__}:execute", {"spec": asdict(spec)}, hear, limit)
    for implementation in left:
        keep(blank(spec, implementation, "failed", reason))
