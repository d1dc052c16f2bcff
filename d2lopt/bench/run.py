"""How fast each backend is here: variants of one task, in turns, in one process each.

The frameworks run one after the other, since two at once would disturb each other. In
each, the variants of a task take turns, and the median of each one's turns counts. Only
ratios within one run of the bench say much: machines drift.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..backend.environment import cores
from ..backend.processes import stream
from ..conventions.table import nearest

TASKS = ("epoch", "batch1", "large", "many")
OPTIMIZER = "rmsprop"
MANY = (1, 64, 1024)  # configurations at once
LEAST = 0.1  # seconds that a turn should take at least


@dataclass(frozen=True)
class Timing:
    """One variant of a task on a backend. All times are medians, in seconds."""

    backend: str
    version: str
    task: str  # one of TASKS
    size: int  # batch size, parameters, or configurations at once
    variant: str
    seconds: float  # of an epoch; for "large" of a step
    seconds_first: float | None = None  # the first two epochs, compiling included
    seconds_compiling: float | None = None
    floor: float | None = None  # seconds, of a plain loop over the same numbers

    @property
    def times_floor(self) -> float | None:
        """How many times the floor it takes."""
        return None if self.floor is None else self.seconds / self.floor

    @property
    def gigabytes_per_second(self) -> float:
        """The traffic of a step that reads p, g, s and writes p, s once, in float32."""
        return 20e-9 * self.size / self.seconds

    def as_json(self) -> dict[str, Any]:
        """The timing as a JSON object; for "large", with the memory traffic as well."""
        about = {**asdict(self), "times_floor": self.times_floor}
        if self.task == "large":
            about["gigabytes_per_second"] = self.gigabytes_per_second
        return about


# ------------------------------------------------------------------------- in the child


def execute(
    emit: Callable[[dict[str, Any]], None],
    backend: str,
    tasks: Sequence[str],
    repeat: int,
    sizes: Sequence[int],
    compile: bool,
    data: str,
) -> None:
    """Time the tasks on one backend; emit each Timing when it is there."""
    from ..backend import load

    d2l = load(backend)
    timers: dict[str, Callable[[], Iterator[dict[str, Any]]]] = {
        "epoch": lambda: epochs(d2l, 10, repeat, compile, data),
        "batch1": lambda: epochs(d2l, 1, repeat, compile, data),
        "large": lambda: large(d2l, sizes, repeat),
        "many": lambda: many(d2l, repeat, data),
    }
    for task in tasks:
        emit({"task": task})
        for timing in timers[task]():
            common = {"backend": backend, "version": d2l.version, "task": task}
            emit({"timing": {**common, **timing}})


def epochs(
    d2l: Any, batch_size: int, repeat: int, compile: bool, data: str
) -> Iterator[dict[str, Any]]:
    """An epoch of the harnesses, evaluation included: by steps, compiled, built in."""
    from ..rules.optimizers import RULES
    from ..train import built_in, from_scratch
    from .epoch import seconds_of_an_epoch

    rule = RULES[OPTIMIZER]
    numbers = {"lr": 0.01, "gamma": 0.9}
    data_iter, feature_dim = d2l.get_data_ch11(batch_size, source=data, quiet=True)

    def scratch(compile: bool | None) -> Callable[[int], Any]:
        step = getattr(d2l, rule.step.__name__)
        common = (step, None, numbers, data_iter, feature_dim)
        return lambda num_epochs: from_scratch(
            d2l, *common, num_epochs, compile=compile
        )

    runs = {"step by step": scratch(False), "library rule": scratch(None)}
    if compile:
        runs["compiled on request"] = scratch(True)
    native = nearest(d2l.name, OPTIMIZER, numbers)
    if native is not None:
        row, settings = native
        trainer, settings = row.resolve(d2l, settings)
        runs["built-in"] = lambda num_epochs: built_in(
            d2l, trainer, settings, data_iter, feature_dim, num_epochs
        )
    first = {name: timed(run, 2) for name, run in runs.items()}  # with compiling
    floor = seconds_of_an_epoch(batch_size, repeat, data)
    second = {name: timed(run, 2)[0] for name, run in runs.items()}
    # As many epochs as fill a turn, so that what a run costs besides does not count.
    lengths = {
        name: max(1, min(40, round(2 * LEAST / seconds)))
        for name, seconds in second.items()
    }
    turns: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeat):
        for name, run in runs.items():
            seconds, curve = timed(run, lengths[name])
            turns[name].append((seconds - curve.seconds_compiling) / lengths[name])
    for name, (seconds, curve) in first.items():
        yield {
            "size": batch_size,
            "variant": name,
            "seconds": statistics.median(turns[name]),
            "seconds_first": seconds,
            "seconds_compiling": curve.seconds_compiling,
            "floor": floor,
        }


def timed(run: Callable[[int], Any], num_epochs: int) -> tuple[float, Any]:
    """(the seconds that it took, its curve)."""
    start = time.perf_counter()
    curve = run(num_epochs)
    return time.perf_counter() - start, curve


def large(d2l: Any, sizes: Sequence[int], repeat: int) -> Iterator[dict[str, Any]]:
    """One step over many parameters: plain, compiled, and the framework's own."""
    from .large import measure

    for size in sizes:
        timings = measure(d2l, size, repeat)
        for name, variant in timings.variants.items():
            yield {
                "size": size,
                "variant": name,
                "seconds": variant.seconds,
                "seconds_compiling": variant.seconds_compiling,
                "floor": timings.floor,
            }


def many(d2l: Any, repeat: int, data: str) -> Iterator[dict[str, Any]]:
    """An epoch of one, 64 and 1024 configurations at once."""
    import numpy as np

    from ..rules.optimizers import RULES
    from ..train.batches import unwrapped
    from ..train.many import run_many

    rule = RULES[OPTIMIZER]
    minibatches = unwrapped(d2l.get_data_ch11(10, source=data, quiet=True)[0])

    def sweep(size: int) -> float:
        rates = np.geomspace(1e-4, 1e-2, size)
        numbers = [{**rule.hyperparams, "lr": float(lr)} for lr in rates]
        start = time.perf_counter()
        run_many(d2l, rule, numbers, ["lr"], minibatches, 2)
        return (time.perf_counter() - start) / 2

    first = {size: sweep(size) for size in MANY}
    turns: dict[int, list[float]] = {size: [] for size in MANY}
    for _ in range(repeat):
        for size in MANY:
            turns[size].append(sweep(size))
    for size in MANY:
        yield {
            "size": size,
            "variant": "library rule",
            "seconds": statistics.median(turns[size]),
            "seconds_first": 2 * first[size],
        }


# ------------------------------------------------------------------------ in the parent


def time_all(
    backends: Sequence[str],
    tell: Callable[[str, str], None],
    limit: float,
    **request: Any,
) -> tuple[list[Timing], dict[str, str]]:
    """Time each backend in its turn: (timings, backend → why it did not end)."""
    timings: list[Timing] = []
    failed: dict[str, str] = {}

    async def every() -> None:
        for backend in backends:

            def hear(event: Mapping[str, Any], backend: str = backend) -> None:
                if "timing" in event:
                    timings.append(Timing(**event["timing"]))
                else:
                    tell(backend, event["task"])

            why = await stream(
                f"{__name__}:execute",
                {"backend": backend, **request},
                hear,
                limit,
                threads=cores(),
            )
            if why:
                failed[backend] = why

    asyncio.run(every())
    return timings, failed
