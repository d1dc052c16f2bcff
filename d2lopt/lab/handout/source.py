"""A lab's source: a chapter script whose solutions stand between nbgrader's markers.

Everything works on lines, not on parsed cells written out again, so that putting the
solutions back gives the source byte for byte.
"""

from __future__ import annotations

import ast
import re
import textwrap
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
    code: bool
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

    @property
    def solutions(self) -> tuple[str, ...]:
        """The text of each region, with its markers: what `put_back` takes."""
        return tuple(s.text for cell in self.cells for s in cell.solutions)


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
        cells.append(Cell(first, following - 1, code, solutions, functions))
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
    found: list[Solution] = []
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
            found.append(Solution(begun, i, "\n".join(lines[begun : i + 1])))
            begun = None
    if begun is not None:
        raise InputError(
            f"{name}, line {begun + 1}: this solution has no {END!r} in its cell."
        )
    return tuple(found)


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


# ------------------------------------------------------------- to the student, and back


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
    checks = "\n".join(f"_ = lab.check({name})" for name in functions)
    text = f"""\
        {CHECK_CELL}
        from d2lopt import lab

        """
    return [*textwrap.dedent(text).split("\n")[:-1], *checks.split("\n"), ""]


def put_back(text: str, solutions: Sequence[str]) -> str:
    """The source again, from a student's script and the solutions, in their order.

    Undoes `with_checks`. Raises InputError if there are more placeholders than
    solutions or fewer, as in a file that a student has changed.
    """
    kept: list[str] = []
    inside = False
    for line in text.split("\n"):
        if CELL.match(line):
            inside = line.rstrip() == CHECK_CELL
        if not inside:
            kept.append(line)
    places = [i for i, line in enumerate(kept) if line.strip() == PLACEHOLDER]
    if len(places) != len(solutions):
        raise InputError(
            f"there are {len(places)} placeholders for {len(solutions)} solutions: "
            "put the solutions into the file as it was handed out."
        )
    for place, solution in zip(places, solutions, strict=True):
        kept[place] = solution
    return START.sub(r"\1)", "\n".join(kept))
