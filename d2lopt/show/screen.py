"""What people see in a terminal: lines and progress, by rich; plain lines in a pipe.

Results go to standard output, progress to standard error. Texts go through `plain`, so
that every terminal can show them.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import UnsupportedOperation
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

from ..backend.frameworks import FRAMEWORKS
from ..errors import InputError
from .plain import make_output_plain, plain

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress


def say(text: str) -> None:
    """A line for people, beside the results; where it cannot be written, none."""
    with suppress(OSError):
        print(plain(text, sys.stderr), file=sys.stderr, flush=True)


def print_line(text: str) -> None:
    """A line of the results."""
    print(plain(text, sys.stdout), flush=True)


# What a write says where nothing more fits: a disk, a quota, a terminal that is gone.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


@contextmanager
def whole_output() -> Iterator[None]:
    """Around a program: its output suits the terminal, and all of it is written.

    Raises InputError where nothing more fits, and BrokenPipeError if nobody reads on.
    (What cannot be written to a file is an InputError by itself: `files.writing`.)
    """
    make_output_plain()
    try:
        try:
            yield
        finally:  # Python would do it at its end, where nobody can say what failed
            for stream in _streams():
                stream.flush()
    except OSError as error:
        if error.errno not in (*FULL, errno.EPIPE) or error.filename is not None:
            raise
        _drop_output()
        if error.errno == errno.EPIPE:
            raise BrokenPipeError from error
        raise InputError(f"cannot write what it prints: {error.strerror}.") from error


def _streams() -> list[TextIO]:
    """Standard output and standard error; either may be closed."""
    return [stream for stream in (sys.stdout, sys.stderr) if stream is not None]


def _drop_output() -> None:
    """Let what cannot be written go nowhere, or it would be an error once more."""
    for stream in _streams():
        try:
            stream.flush()
        except OSError:
            with suppress(UnsupportedOperation):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class _Bars:
    """Bars on a terminal, which are gone when the block ends; elsewhere none."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._bars: RichProgress | None = None

    def _columns(self) -> list[Any]:
        """What a line shows, as rich's columns: what it is, a bar, numbers."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        from rich.console import Console

        console = Console(stderr=True)
        if console.is_interactive and not self._quiet:
            from rich.progress import Progress as RichProgress

            columns = self._columns()
            if console.width < 60:  # else the numbers would be cut
                columns = (
                    columns[:1] if console.width < 40 else columns[:1] + columns[2:]
                )
            self._bars = RichProgress(*columns, console=console, transient=True)
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bars is not None:
            self._bars.stop()


class Progress(_Bars):
    """A bar for each backend on a terminal; elsewhere a line when a run is done."""

    def __init__(self, quiet: bool = False) -> None:
        super().__init__(quiet)
        self._tasks: dict[str, int] = {}

    def _columns(self) -> list[Any]:
        from rich import progress

        title = progress.TextColumn("{task.description:<24}")
        return [title, progress.BarColumn(), progress.TimeElapsedColumn()]

    def begin(self, backend: str) -> None:
        """The backend's process has been started."""
        if self._bars is not None:
            title = f"{FRAMEWORKS[backend].title}: importing"
            self._tasks[backend] = self._bars.add_task(title, total=None)

    def tell(self, backend: str, implementation: str, done: int, of: int) -> None:
        """So many steps are done."""
        if self._bars is not None:
            title = f"{FRAMEWORKS[backend].title}: {implementation}"
            task = self._bars.tasks[self._tasks[backend]].id
            self._bars.update(task, description=title, completed=done, total=of)

    def ended(self, backend: str, implementation: str, result: str) -> None:
        """A run has ended, with this result: its loss, say."""
        if self._bars is None and not self._quiet:
            say(f"{FRAMEWORKS[backend].title}, {implementation}: {result}")


class Bar(_Bars):
    """One bar for many equal pieces; elsewhere than on a terminal, a line at tenths."""

    def __init__(self, title: str, quiet: bool = False) -> None:
        super().__init__(quiet)
        self._title = title
        self._of, self._done = 0, 0

    def _columns(self) -> list[Any]:
        from rich import progress

        return [
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TimeRemainingColumn(),
        ]

    def begin(self, of: int, done: int = 0) -> None:
        """There are so many pieces, and so many of them are done already."""
        self._of, self._done = of, done
        if self._bars is not None:
            self._bars.add_task(self._title, total=of, completed=done)
        elif done and not self._quiet:
            say(f"{done} of {of} {self._title} were done before")

    def step(self) -> None:
        """One more is done."""
        self._done += 1
        if self._bars is not None:
            self._bars.update(self._bars.tasks[0].id, completed=self._done)
        elif not self._quiet and self._done * 10 // self._of > (
            (self._done - 1) * 10 // self._of
        ):
            say(f"{self._done} of {self._of} {self._title}")
