"""Tables in a terminal, by rich; where one is too wide, its rows stand as lists.

A number is never cut: a loss without its exponent is another loss.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import zip_longest

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from .plain import plain
from .screen import print_line

IN_A_PIPE = 200  # characters that a line may have at least
LONG_WORD = 24  # a longer one may go on in the next line, if it is no number

Row = tuple[str, ...]


class Table:
    """A table with notes under it; all but the first `left` columns right-aligned."""

    def __init__(
        self, title: str, columns: list[str], left: int = 1, lines: bool = False
    ) -> None:
        self._title, self._columns = _shown(title), tuple(map(_shown, columns))
        self._left, self._lines = left, lines
        self._sections: list[list[Row]] = [[]]
        self._notes: list[str] = []

    def row(self, *cells: str) -> None:
        self._sections[-1].append(tuple(map(_shown, cells)))

    def section(self) -> None:
        """A line before the rows to come."""
        self._sections.append([])

    def note(self, text: str) -> None:
        self._notes.append(text)

    def print(self) -> None:
        """To standard output; as wide as it needs to be where that is no terminal.

        Where the longest words of all columns do not fit beside one another, each row
        becomes a list.
        """
        console = Console()
        rows = [self._columns, *(row for section in self._sections for row in section)]
        columns = list(zip_longest(*rows, fillvalue=""))
        least = [max(map(_longest_word, column)) for column in columns]
        least[: self._left] = [min(width, LONG_WORD) for width in least[: self._left]]
        whole = [max(map(_longest_line, column)) for column in columns]
        between = 3 * len(columns) + 1  # a line and two spaces for each column
        width = console.width
        if not console.is_terminal:
            width = max(IN_A_PIPE, sum(least) + between)
        if sum(least) + between <= width:
            widths = _fitted(whole, least, width - between)
            Console(width=width).print(self._boxes(widths))
        else:
            for line in self._lists():
                print_line(line)
        for note in self._notes:
            print_line(note)

    def _boxes(self, widths: list[int]) -> RichTable:
        """The table with columns of these widths."""
        table = RichTable(
            title=escape(self._title), title_justify="left", show_lines=self._lines
        )
        for i, (column, width) in enumerate(zip(self._columns, widths, strict=True)):
            table.add_column(
                escape(column),
                justify="right" if i >= self._left else "left",
                width=width,
                overflow="fold",
            )
        for i, section in enumerate(self._sections):
            if i:
                table.add_section()
            for row in section:
                table.add_row(*map(escape, row))
        return table

    def _lists(self) -> Iterator[str]:
        """The lines of the rows as lists: "column: cell", but for empty cells."""
        yield self._title
        for row in (row for section in self._sections for row in section):
            indent = ""
            for column, cell in zip(self._columns, row, strict=False):
                if cell:
                    first, *more = cell.splitlines()
                    yield f"{indent}{column}: {first}"
                    yield from (f"{indent}  {line}" for line in more)
                    indent = "  "


def _shown(text: str) -> str:
    return plain(text, sys.stdout)


def _longest_line(text: str) -> int:
    return max(map(cell_len, text.splitlines()), default=0)


def _longest_word(text: str) -> int:
    return max(map(cell_len, text.split()), default=0)


def _fitted(whole: list[int], least: list[int], room: int) -> list[int]:
    """Widths of columns that fit the room: the widest give way, down to their least."""
    widths = list(whole)
    while sum(widths) > room:
        spare = [i for i in range(len(widths)) if widths[i] > least[i]]
        widths[max(spare, key=lambda i: widths[i])] -= 1
    return widths
