"""One process for each framework, because several in one process crash it.

A child (`python -m d2lopt.backend.processes`) reads from its standard input which
function to call, and with what; what the function emits, JSON objects, the child writes
as lines. Whatever happens to a child, its parent hears why it ended.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from io import TextIOWrapper
from typing import IO, Any

from ..errors import BrokenBackend, InputError, MissingBackend
from .environment import cores

Event = dict[str, Any]
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
COMMAND = [sys.executable, "-m", "d2lopt.backend.processes"]  # a child


class ChildLost(RuntimeError):
    """A child ended before its work did; the message says why."""


# ------------------------------------------------------------------------ in the parent


async def stream(
    job: str,
    arguments: Mapping[str, Any],
    hear: Callable[[Event], None],
    limit: float = 600.0,
    threads: int = 1,
) -> str:
    """Call the function `job` ("module:function") in a child; `hear` each event.

    The function is called as `job(emit, **arguments)`, all of it JSON. Returns
    "" if it came to its end, else in one sentence why it did not: its error, a signal,
    or `limit` seconds passed. `threads` is how many cores the child may use.
    """
    with tempfile.TemporaryFile() as chatter:
        try:
            async with (
                asyncio.timeout(limit),
                _process(job, arguments, chatter, threads) as process,
            ):
                assert process.stdout is not None
                async for line in process.stdout:
                    event = json.loads(line)
                    if "end" in event:
                        await process.wait()
                        return str(event["end"])
                    hear(event)
                return _last_words(await process.wait(), chatter)
        except TimeoutError:
            return passed(limit)


def passed(limit: float, what: str = "it") -> str:
    """Why `what` was stopped: it took more than `limit` seconds."""
    return f"stopped: {what} passed its limit of {limit:g} s (--limit)"


def events(
    job: str, arguments: Mapping[str, Any], limit: float
) -> Generator[Event, None, None]:
    """The events of one child, for a caller that waits for no other and has no loop.

    As `stream`, but each event, and not the whole, may take `limit` seconds. Raises
    BrokenBackend with the child's error, ChildLost with a signal or the limit passed.
    """
    with (
        tempfile.TemporaryFile() as chatter,
        subprocess.Popen(
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=chatter,
            env=_environment(threads=1),
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            with suppress(BrokenPipeError):  # it is dead already: why is said below
                process.stdin.write(_request(job, arguments))
                process.stdin.flush()
            while True:
                alarm = threading.Timer(limit, process.kill)
                alarm.start()
                try:
                    line = process.stdout.readline()
                    was_late = alarm.finished.is_set()
                finally:
                    alarm.cancel()
                if was_late:
                    raise ChildLost(passed(limit))
                if not line:
                    raise ChildLost(_last_words(process.wait(), chatter))
                event = json.loads(line)
                if "end" not in event:
                    yield event
                elif event["end"]:
                    raise BrokenBackend(event["end"])
                else:
                    return
        finally:
            process.kill()


@asynccontextmanager
async def _process(
    job: str, arguments: Mapping[str, Any], chatter: IO[bytes], threads: int
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The child at work; killed, if it still lives, when the block is left."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=chatter,
        env=_environment(threads),
        limit=2**26,  # bytes in a line: a record of many losses
    )
    try:
        assert process.stdin is not None
        process.stdin.write(_request(job, arguments))
        yield process
    finally:
        if process.returncode is None:
            # Not process.kill(): it polls the child first, and would take the exit
            # status that asyncio waits for.
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
            await process.wait()


def _environment(threads: int) -> dict[str, str]:
    return {**dict.fromkeys(THREADS, str(threads)), **os.environ}


def _request(job: str, arguments: Mapping[str, Any]) -> bytes:
    return json.dumps({"job": job, "arguments": arguments}).encode() + b"\n"


def _last_words(code: int, chatter: IO[bytes]) -> str:
    """Why a child ended early: its signal, or the last line that it printed."""
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    chatter.seek(0)
    lines = chatter.read().decode("utf-8", "replace").strip().splitlines()
    return lines[-1].strip() if lines else f"it ended with exit status {code}"


def all_at_once(
    backends: Sequence[str],
    one: Callable[[str, Callable[..., Any]], Any],
) -> None:
    """Await `one(backend, stream)` for each backend, as many at a time as cores.

    `stream` is the function above, with the cores shared out among the children.
    """
    at_once = max(1, min(cores(), len(backends)))
    sharing = partial(stream, threads=cores() // at_once)

    async def every() -> None:
        places = asyncio.Semaphore(at_once)

        async def in_its_turn(backend: str) -> None:
            async with places:
                await one(backend, sharing)

        async with asyncio.TaskGroup() as group:
            for backend in backends:
                group.create_task(in_its_turn(backend))

    try:
        asyncio.run(every())
    except ExceptionGroup as errors:  # the first ended the other tasks
        raise errors.exceptions[0] from None


# ------------------------------------------------------------------------- in the child


def child() -> None:
    """The child's main: a request in, events out; it ends when its parent does."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a framework prints goes where it is kept apart
    for chatter in (sys.stdout, sys.stderr):
        assert isinstance(chatter, TextIOWrapper)
        chatter.reconfigure(
            encoding="utf-8", errors="replace"
        )  # as its parent reads it
    request = json.loads(sys.stdin.readline())

    def end_with_parent() -> None:
        sys.stdin.read()  # returns when the parent is gone
        os._exit(1)

    def emit(event: Event) -> None:
        print(json.dumps(event), file=events, flush=True)

    threading.Thread(target=end_with_parent, daemon=True).start()
    module, _, function = request["job"].partition(":")
    job = getattr(importlib.import_module(module), function)
    end = ""
    try:
        job(emit, **request["arguments"])
    except (InputError, MissingBackend, BrokenBackend) as error:
        end = str(error)
    emit({"end": end})
    os._exit(0)  # some frameworks crash while they shut down


if __name__ == "__main__":
    child()
