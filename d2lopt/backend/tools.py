"""What framework modules need alike: a plain loop, a clock, the programs they keep."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..errors import InputError, unknown
from .contract import State, Step, Tensor, Watch


def cpu_only(title: str, device: str) -> None:
    """`use_device` for a framework that has no other here."""
    if device != "cpu":
        raise InputError(f"{title} computes on the CPU only, not on {device}.")


def builtin_from(home: Any, path: str) -> Any:
    """What the framework has at the dotted `path` below its module `home`."""
    *folders, name = path.split(".")
    for folder in folders:
        home = getattr(home, folder)
    try:
        return getattr(home, name)
    except AttributeError:
        known = [n for n in dir(home) if callable(getattr(home, n)) and n[0] != "_"]
        raise unknown("built-in optimizer", name, known) from None


def loop(
    step: Step,
    state: State,
    batches: Sequence[Sequence[Tensor]],
    watch: Watch | None = None,
) -> None:
    """`fold` as a Python loop, for the frameworks where that is the way."""
    for batch in zip(*batches, strict=True):
        output = step(state, batch)
        if watch is not None and output is not None:
            watch(output)


class Stopwatch:
    """Seconds spent inside its `running()` blocks, and how many came to their end."""

    seconds = 0.0
    times = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
            self.times += 1
        finally:
            self.seconds += time.perf_counter() - start


compile_clock = Stopwatch()  # tracing and compiling programs, in this process


class Recording:
    """Whether a step is being recorded for a program: what runs then, runs only once.

    A rule that counts in a plain number has to know, as the program would go on with
    the number that was recorded.
    """

    depth = 0  # a recorded step may record another

    @contextmanager
    def going_on(self) -> Iterator[None]:
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1


recording = Recording()  # in this process


def kind(x: Any) -> tuple[Any, ...]:
    """What a program is compiled for: the type of x, and an array's shape and dtype."""
    return (type(x), tuple(x.shape), x.dtype) if hasattr(x, "shape") else (type(x),)


class Programs:
    """The programs that a framework has compiled in this process, each once.

    Beyond `most` of them, the one that has not run for longest goes: a notebook makes a
    new rule whenever a cell runs again, and each program holds on to its rule.
    """

    def __init__(self, most: int = 128) -> None:
        self.most = most
        self._programs: dict[Hashable, Any] = {}  # the one that ran last stands last

    def get(self, key: Hashable, compile: Callable[[], Any]) -> Any:
        """The program of that key, which is compiled if there is none."""
        program = self._programs.pop(key) if key in self._programs else compile()
        self._programs[key] = program
        if len(self._programs) > self.most:
            del self._programs[next(iter(self._programs))]
        return program
