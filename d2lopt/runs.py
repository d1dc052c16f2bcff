"""One run in one process of its own, and the record that it leaves.

Several frameworks in one process crash it, so whatever spans frameworks starts one
process for each. The child (`python -m d2lopt.runs`) reads a `Spec` from its standard
input and writes events, one JSON object a line: {"progress": …} and {"record": …}.
Whatever happens to the child, the parent gets one record for each run it asked for.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import IO, Any

from .conventions import FRAMEWORKS
from .environment import how_to_install, installed_version, is_installed
from .errors import BrokenBackend, MissingBackend

IMPLEMENTATIONS = ("scratch", "built-in")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Spec:
    """What to run, on one backend. `data` is "stand-in" or the path of the file."""

    backend: str
    optimizer: str
    hyperparams: dict[str, float]
    implementations: tuple[str, ...] = IMPLEMENTATIONS
    data: str = "stand-in"
    dtype: str = "float32"
    seed: int = 0
    epochs: int = 2
    batch_size: int = 10


@dataclass(frozen=True)
class Record:
    """One run. Losses are ½·MSE over all data; times are in seconds."""

    backend: str
    version: str | None
    optimizer: str
    implementation: str
    hyperparams: dict[str, float]
    data: str
    dtype: str
    seed: int
    epochs: int
    batch_size: int
    call: str | None = None  # a built-in optimizer's, as a person would write it
    loss: float | None = None
    losses: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)  # of the losses
    seconds_per_epoch: float | None = None  # true wall time, evaluation included
    seconds_compiling: float | None = None
    seconds_importing: float | None = None
    peak_memory_mb: float | None = None  # of the process, so far
    status: str = "ok"  # or "diverged", "missing", "failed"
    message: str = ""


def blank(spec: Spec, implementation: str, status: str, message: str) -> Record:
    """The record of a run that has no losses, and why."""
    return Record(
        backend=spec.backend,
        version=installed_version(spec.backend),
        optimizer=spec.optimizer,
        implementation=implementation,
        hyperparams=spec.hyperparams,
        data="stand-in" if spec.data == "stand-in" else "airfoil",
        dtype=spec.dtype,
        seed=spec.seed,
        epochs=spec.epochs,
        batch_size=spec.batch_size,
        status=status,
        message=message,
    )


# ------------------------------------------------------------------------- in the child


def execute(spec: Spec, progress: Callable[[str, int, int], None]) -> Iterator[Record]:
    """Run what the spec says in this process; yield each record when it is there.

    `progress(implementation, steps done, steps in all)` is called on the way. Raises
    MissingBackend or BrokenBackend.
    """
    from . import backend, rules, train

    begun = time.perf_counter()
    d2l = backend.load(spec.backend)
    importing = time.perf_counter() - begun
    data_iter, feature_dim = d2l.get_data_ch11(
        spec.batch_size, seed=spec.seed, source=spec.data, dtype=spec.dtype
    )
    framework = FRAMEWORKS[spec.backend]
    native = framework.native(spec.optimizer, spec.hyperparams)
    rule = rules.find(spec.optimizer)
    for implementation in spec.implementations:
        record = replace(
            blank(spec, implementation, "ok", ""),
            version=d2l.version,
            seconds_importing=importing,
        )

        def report(done: int, of: int, name: str = implementation) -> None:
            progress(name, done, of)

        if implementation == "scratch":
            curve = train.from_scratch(
                d2l,
                getattr(d2l, rule.step.__name__),
                lambda params: rule.init_states(d2l, params),
                spec.hyperparams,
                data_iter,
                feature_dim,
                spec.epochs,
                progress=report,
            )
        elif native is None:
            message = f"it has no {spec.optimizer} of its own"
            yield replace(record, status="missing", message=message)
            continue
        else:
            name, words = native
            record = replace(record, call=framework.written(name, words))
            curve = train.built_in(
                d2l,
                d2l.builtin(name),
                words,
                data_iter,
                feature_dim,
                spec.epochs,
                progress=report,
            )
        yield replace(
            record,
            loss=None if curve.diverged else curve.losses[-1],
            losses=curve.losses,
            steps=curve.steps,
            seconds_per_epoch=curve.seconds_per_epoch,
            seconds_compiling=curve.seconds_compiling,
            peak_memory_mb=peak_memory_mb(),
            status="diverged" if curve.diverged else "ok",
            message=curve.diverged or "",
        )


def peak_memory_mb() -> float | None:
    """The most memory that this process has held, where the system counts it."""
    try:
        import resource
    except ImportError:  # not a Unix
        return None
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)


def child() -> None:
    """The child's main: spec in, events out; it ends when its parent does."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a framework prints goes where it is kept apart
    spec = json.loads(sys.stdin.readline())
    spec["implementations"] = tuple(spec["implementations"])

    def end_with_parent() -> None:
        sys.stdin.read()  # returns when the parent is gone
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
    told = 0.0

    def progress(implementation: str, done: int, of: int) -> None:
        nonlocal told
        if time.monotonic() - told > 0.1 or done == of:
            told = time.monotonic()
            send({"progress": [implementation, done, of]})

    def send(event: dict[str, Any]) -> None:
        print(json.dumps(event), file=events, flush=True)

    try:
        for record in execute(Spec(**spec), progress):
            send({"record": asdict(record)})
    except (MissingBackend, BrokenBackend) as error:
        send({"error": str(error)})
    events.flush()
    os._exit(0)  # some frameworks crash while they shut down


# ------------------------------------------------------------------------ in the parent

Tell = Callable[[str, str, int, int], None]  # backend, implementation, done, of


async def in_child(
    spec: Spec,
    tell: Tell,
    keep: Callable[[Record], None],
    limit: float = 600.0,
    threads: int = 1,
) -> None:
    """Run the spec in a process of its own; `keep` gets each record as it comes.

    Every implementation asked for gives one record: a missing framework, a crash, a
    signal or `limit` seconds passed is a record that says so. `threads` is how many
    cores the child may use.
    """
    if not is_installed(spec.backend):
        for implementation in spec.implementations:
            keep(blank(spec, implementation, "missing", how_to_install(spec.backend)))
        return
    left = list(spec.implementations)
    reason = ""
    with tempfile.TemporaryFile() as chatter:
        try:
            async with (
                asyncio.timeout(limit),
                _process(spec, chatter, threads) as process,
            ):
                assert process.stdout is not None
                async for line in process.stdout:
                    event = json.loads(line)
                    if "progress" in event:
                        tell(spec.backend, *event["progress"])
                    elif "record" in event:
                        record = Record(**event["record"])
                        left.remove(record.implementation)
                        keep(record)
                    else:
                        reason = event["error"]
                reason = reason or _last_words(await process.wait(), chatter)
        except TimeoutError:
            reason = f"stopped: it passed its limit of {limit:g} s (--limit)"
    for implementation in left:
        keep(blank(spec, implementation, "failed", reason))


@asynccontextmanager
async def _process(
    spec: Spec, chatter: IO[bytes], threads: int
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The child at work; killed, if it still lives, when the block is left."""
    environment = {**dict.fromkeys(THREADS, str(threads)), **os.environ}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "d2lopt.runs",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=chatter,
        env=environment,
        limit=2**26,  # bytes in a line: a record of many losses
    )
    try:
        assert process.stdin is not None
        process.stdin.write(json.dumps(asdict(spec)).encode() + b"\n")
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _last_words(code: int, chatter: IO[bytes]) -> str:
    """Why a child ended early: its signal, or the last line that it printed."""
    chatter.seek(0)
    lines = chatter.read().decode("utf-8", "replace").strip().splitlines()
    last = lines[-1].strip() if lines else f"it ended with exit status {code}"
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return last


if __name__ == "__main__":
    child()
