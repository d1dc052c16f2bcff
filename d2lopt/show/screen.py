"""What people see in a terminal: tables and progress, by rich; plain lines in a pipe.

Results go to standard output, progress to standard error.
"""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from ..backend.frameworks import FRAMEWORKS

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress


def say(text: str) -> None:
    """A line for people, beside the results."""
    print(text, file=sys.stderr, flush=True)


class Table:
    """A table with notes under it; all but the first `left` columns right-aligned."""

    def __init__(
        self, title: str, columns: list[str], left: int = 1, lines: bool = False
    ) -> None:
        self._table = RichTable(
            title=escape(title), title_justify="left", show_lines=lines
        )
        self._notes: list[str] = []
        for i, column in enumerate(columns):
            self._table.add_column(column, justify="right" if i >= left else "left")

    def row(self, *cells: str) -> None:
        self._table.add_row(*map(escape, cells))

    def section(self) -> None:
        """A line before the rows to come."""
        self._table.add_section()

    def note(self, text: str) -> None:
        self._notes.append(text)

    def print(self) -> None:
        """To standard output; as wide as it needs to be where that is no terminal."""
        console = Console()
        if not console.is_terminal:
            console = Console(width=200)
        console.print(self._table)
        for note in self._notes:
            console.print(note, markup=False, highlight=False, soft_wrap=True)


class Progress:
    """A bar for each backend on a terminal; elsewhere a line when a run is done."""

    def __init__(self, quiet: bool = False) -> None:
        self._console = Console(stderr=True)
        self._quiet = quiet
        self._bars: RichProgress | None = None
        self._tasks: dict[str, int] = {}

    def __enter__(self) -> Progress:
        if self._console.is_terminal and not self._quiet:
            from rich import progress

            self._bars = progress.Progress(
                progress.TextColumn("{task.description:<32}"),
                progress.BarColumn(),
                progress.TimeElapsedColumn(),
                console=self._console,
                transient=True,
            )
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


class Bar:
    """One bar for many equal pieces; elsewhere than on a terminal, a line at tenths."""

    def __init__(self, title: str, quiet: bool = False) -> None:
        self._console = Console(stderr=True)
        self._title, self._quiet = title, quiet
        self._bar: RichProgress | None = None
        self._of, self._done = 0, 0

    def __enter__(self) -> Bar:
        if self._console.is_terminal and not self._quiet:
            from rich import progress

            self._bar = progress.Progress(
                progress.TextColumn("{task.description}"),
                progress.BarColumn(),
                progress.MofNCompleteColumn(),
                progress.TimeRemainingColumn(),
                console=self._console,
                transient=True,
            )
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def begin(self, of: int, done: int = 0) -> None:
        """There are so many pieces, and so many of them are done already."""
        self._of, self._done = of, done
        if self._bar is not None:
            self._bar.add_task(self._title, total=of, completed=done)
        elif done and not self._quiet:
            say(f"{done} of {of} {self._title} were done before")

    def step(self) -> None:
        """One more is done."""
        self._done += 1
        if self._bar is not None:
            self._bar.update(self._bar.tasks[0].id, completed=self._done)
        elif not self._quiet and self._done * 10 // self._of > (
            (self._done - 1) * 10 // self._of
        ):
            say(f"{self._done} of {self._of} {self._title}")
