"""A lab's source: a chapter script whose solutions stand between nbgrader's markers.

Lines are exchanged and inserted; cells are not parsed and written out again. So what
students get is the chapter byte for byte, but for solutions, checks and the backend.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from ...errors import InputError
from ...files import reading

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
PLACEHOLDER = 'raise NotImplementedError("YOUR CODE HERE")'
CHECK_TAG = "d2lopt-check"
CHECK_CELL = f'# %% tags=["{CHECK_TAG}"]'

# A cell of the percent format begins with such a line.
CELL = re.compile(r"#\s*%%")
START = re.compile(r'(lesson\.start\("\w+")(?:, "\w+")?\)')


@dataclass(frozen=True)
class Solution:
    """A region between markers: the lines first to last, the markers among them."""

    first: int
    last: int
    text: str

    @property
    def placeholder(self) -> str:
        """The line that takes the region's place: as far in, with the same ending."""
        indent = re.match(r"\s*", self.text)
        assert indent is not None
        return indent[0] + PLACEHOLDER + "\r" * self.text.endswith("\r")


@dataclass(frozen=True)
class Cell:
    """The lines first to last of the script, with the solutions among them."""

    first: int
    last: int
    solutions: tuple[Solution, ...]
    functions: tuple[str, ...]  # those that the student is to write

    def __post_init__(self) -> None:
        assert self.first <= self.last


@dataclass(frozen=True)
class Source:
    """A script and its cells; what comes before the first cell is the header."""

    text: str
    cells: tuple[Cell, ...]

    @property
    def functions(self) -> tuple[str, ...]:
        """The names of the functions that the student is to write, in their order."""
        return tuple(name for cell in self.cells for name in cell.functions)


def read(path: Path) -> Source:
    """The lab in the file; InputError if it is none, or its markers do not match."""
    with reading(path):
        content = path.read_bytes()
    try:
        return parse(content.decode(), path.name)
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text: save it as UTF-8.") from error


def parse(text: str, name: str = "the source") -> Source:
    """The cells and solutions of a percent-format script.

    Raises InputError with the line if a marker has no partner in its cell or stands in
    text, or if the script has a placeholder or a check cell already.
    """
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if line.strip() == PLACEHOLDER or line.strip() == CHECK_CELL:
            raise InputError(
                f"{name}, line {number}: this is a student's version, not the source "
                f"(it has {line.strip()!r})."
            )
    starts = [i for i, line in enumerate(lines) if CELL.match(line)]
    cells = []
    for first, following in pairwise([*starts, len(lines)]):
        code = not re.search(r"\[(markdown|md|raw)\]", lines[first])
        solutions = _solutions(lines, first, following, name)
        if solutions and not code:
            where = solutions[0].first + 1
            raise InputError(f"{name}, line {where}: a solution cannot stand in text.")
        functions = _functions(lines, first, following, solutions, name)
        cells.append(Cell(first, following - 1, solutions, functions))
    inside = _solutions(lines, 0, starts[0] if starts else len(lines), name)
    if inside:
        raise InputError(
            f"{name}, line {inside[0].first + 1}: a solution stands before the first "
            "`# %%` line; a lab is a script in cells."
        )
    return Source(text, tuple(cells))


def _solutions(
    lines: Sequence[str], first: int, following: int, name: str
) -> tuple[Solution, ...]:
    """The regions between markers in the lines from `first` to before `following`."""
    solutions: list[Solution] = []
    begun: int | None = None
    for i in range(first, following):
        marker = lines[i].strip()
        if marker == BEGIN:
            if begun is not None:
                raise InputError(
                    f"{name}, line {i + 1}: a solution begins within the one that "
                    f"began in line {begun + 1}."
                )
            begun = i
        elif marker == END:
            if begun is None:
                raise InputError(f"{name}, line {i + 1}: {END!r} without a beginning.")
            solutions.append(Solution(begun, i, "\n".join(lines[begun : i + 1])))
            begun = None
    if begun is not None:
        raise InputError(
            f"{name}, line {begun + 1}: this solution has no {END!r} in its cell."
        )
    return tuple(solutions)


def _functions(
    lines: Sequence[str],
    first: int,
    following: int,
    solutions: tuple[Solution, ...],
    name: str,
) -> tuple[str, ...]:
    """The functions of a cell that have a solution in them, or are in one."""
    if not solutions:
        return ()
    try:
        tree = ast.parse("\n".join(lines[first:following]))
    except SyntaxError as error:
        where = first + (error.lineno or 1)
        raise InputError(f"{name}, line {where}: {error.msg}.") from error
    return tuple(
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and any(
            first + node.lineno - 1 <= s.last
            and s.first <= first + (node.end_lineno or node.lineno) - 1
            for s in solutions
        )
    )


# ----------------------------------------------------------------------- to the student


def with_checks(source: Source, backend: str, placeholders: bool = True) -> str:
    """The script with a check after each exercise, for one backend.

    With `placeholders`, the solutions are replaced by them.
    """
    lines = source.text.split("\n")
    for cell in reversed(source.cells):
        if cell.functions:
            lines[cell.last + 1 : cell.last + 1] = _check_cell(cell.functions)
        if placeholders:
            for solution in reversed(cell.solutions):
                lines[solution.first : solution.last + 1] = [solution.placeholder]
    return START.sub(rf'\1, "{backend}")', "\n".join(lines))


def _check_cell(functions: Sequence[str]) -> list[str]:
    """The lines of the cell that checks these functions, the last of them blank."""
    checks = (f"_ = lab.check({name})" for name in functions)
    return [CHECK_CELL, "from d2lopt import lab", "", *checks, ""]
