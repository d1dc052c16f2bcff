"""The exercise functions of a submission, with what they need, and nothing else.

The submission is read, not run: of the statements at the top level of its cells, those
are kept that define what an exercise function names, and what these need in turn. A
damaged cell costs its own statements only.
"""

from __future__ import annotations

import ast
import json
import re
import symtable
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..handout.source import CELL

# The grader's own, in the place of what the submission binds to the name.
GIVEN = frozenset({"d2l"})
# Names that no statement of the submission is looked for. Python's own are not among
# them: a submission may well have a `max` or a `sum` that is its own.
IGNORED = GIVEN | {"__name__"}

PYTHON = ("time", "timeit", "capture", "prun")  # magics of cells that are Python


class NotReadable(ValueError):
    """The submission as a whole cannot be read; the message is for the student."""


@dataclass(frozen=True)
class Statement:
    """One top-level statement of a submission: where it stands, and its names."""

    where: str  # "cell 3, line 2"
    line: int  # of its first line, within the cell
    text: str
    binds: frozenset[str]
    needs: frozenset[str]
    changes: frozenset[str]  # names whose objects it changes: x[0] = 1, x.append(1)
    always: bool  # kept for every function: `from math import *`, `from __future__ …`


@dataclass(frozen=True)
class Extract:
    """What to run for one function, in order; or why there is none of that name."""

    statements: tuple[Statement, ...]
    problem: str = ""


# ----------------------------------------------------------------------- bytes to cells


def decode(content: bytes) -> str:
    """The text of a submission; NotReadable if it is not UTF-8."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotReadable(
            f"The file is not UTF-8 text (byte {error.start}): save it as UTF-8."
        ) from error
    if "\0" in text:
        raise NotReadable("The file is not text: it has zero bytes in it.")
    return text


def cells_of(text: str, notebook: bool) -> list[tuple[str, str]]:
    """(name, code) of each code cell; a script without `# %%` lines is one cell."""
    if not notebook:
        return _script_cells(text)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotReadable(
            f"The notebook is damaged: it is not valid JSON ({error}). Open it in "
            "Jupyter, save it, and hand it in again."
        ) from error
    cells = content.get("cells") if isinstance(content, dict) else None
    if not isinstance(cells, list):
        raise NotReadable("The notebook is damaged: it has no list of cells.")
    found = []
    for number, cell in enumerate(cells, 1):
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            code = cell.get("source", "")
            code = "".join(map(str, code)) if isinstance(code, list) else str(code)
            found.append((f"cell {number}", _without_magics(code)))
    if not any(code.strip() for _, code in found):
        raise NotReadable("The notebook is empty: it has no code.")
    return found


def _script_cells(text: str) -> list[tuple[str, str]]:
    if not text.strip():
        raise NotReadable("The file is empty.")
    lines = text.split("\n")
    starts = [0, *(i for i, line in enumerate(lines) if i and CELL.match(line))]
    cells = []
    for first, following in pairwise([*starts, len(lines)]):
        # Lines before the cell are blank, so that line numbers are those of the file.
        cells.append(("", "\n" * first + "\n".join(lines[first:following])))
    return cells


def _without_magics(code: str) -> str:
    """The cell with IPython's own lines (%, !, ?) blank: they are no Python."""
    magic = re.match(r"\s*%%(\w*)", code)
    if magic and magic[1] not in PYTHON:
        return ""
    return "\n".join(
        "" if re.match(r"[%!?]", line) else re.sub(r"^(\s+)[%!].*", r"\1pass", line)
        for line in code.split("\n")
    )


# ------------------------------------------------------------------ cells to statements


def statements_of(text: str, notebook: bool) -> tuple[list[Statement], list[str]]:
    """All top-level statements that are Python, and a sentence for each that is not.

    Raises NotReadable if nothing is.
    """
    found: list[Statement] = []
    problems: list[str] = []
    for name, code in cells_of(text, notebook):
        tree, problem = _parse(code)
        if tree is not None:
            found += _statements(name, code, tree.body)
            continue
        problems.append(f"{name}, {problem}" if name else problem)
        # Whole cell damaged: keep what stands by itself in it.
        for piece in _pieces(code):
            tree, _ = _parse(piece)
            if tree is not None:
                found += _statements(name, piece, tree.body)
    if problems and not any(s.binds for s in found):
        raise NotReadable(f"This is not Python: {problems[0]}.")
    return found, problems


def _parse(code: str) -> tuple[ast.Module | None, str]:
    """The code as a tree, or None and what is wrong with it."""
    try:
        tree = ast.parse(code)
        symtable.symtable(code, "submission", "exec")  # finds what ast.parse does not
        return tree, ""
    except SyntaxError as error:
        return None, f"line {error.lineno}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return None, f"it cannot be parsed ({type(error).__name__})"


def _pieces(code: str) -> Iterator[str]:
    """The code cut where a line at the left margin begins a statement."""
    lines = code.split("\n")
    begins = re.compile(r"(@|def |class |import |from |async def |[A-Za-z_][\w, ]*=)")
    starts = [
        i
        for i, line in enumerate(lines)
        if begins.match(line) and not (i and lines[i - 1].startswith("@"))
    ]
    for first, following in pairwise([*starts, len(lines)]):
        yield "\n" * first + "\n".join(lines[first:following])


def _statements(name: str, code: str, body: Sequence[ast.stmt]) -> Iterator[Statement]:
    """The statements of a cell of that name, whose code was parsed to `body`."""
    lines = code.split("\n")
    for node in body:
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(d.lineno for d in decorators)])
        text = ast.get_source_segment(code, node) or ""
        if first < node.lineno:
            text = "\n".join([*lines[first - 1 : node.lineno - 1], text])
        table = symtable.symtable(text, "submission", "exec")
        binds = {s.get_name() for s in table.get_symbols() if s.is_assigned()}
        binds |= {s.get_name() for s in table.get_symbols() if s.is_imported()}
        always = isinstance(node, ast.ImportFrom) and (
            node.names[0].name == "*" or node.module == "__future__"
        )
        where = f"{name}, line {first}" if name else f"line {first}"
        yield Statement(
            where=where,
            line=first,
            text=text,
            binds=frozenset(binds | _declared_global(table)),
            needs=frozenset(_globals(table)),
            changes=frozenset(_changed(node)),
            always=always,
        )


def _globals(table: symtable.SymbolTable) -> set[str]:
    """The global names that a statement reads, in its functions too."""
    top = table.get_type() == "module"
    found = {
        symbol.get_name()
        for symbol in table.get_symbols()
        if symbol.is_referenced() and (top or symbol.is_global())
    }
    return found.union(*map(_globals, table.get_children()))


def _declared_global(table: symtable.SymbolTable) -> set[str]:
    """Names that functions in a statement bind by `global`."""
    found = {
        symbol.get_name()
        for symbol in table.get_symbols()
        if symbol.is_declared_global() and symbol.is_assigned()
    }
    return found.union(*map(_declared_global, table.get_children()))


def _changed(node: ast.stmt) -> Iterator[str]:
    """The names x of `x[…] = …`, `x.a = …`, `x += …` and of the call `x.method(…)`."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AugAssign | ast.AnnAssign):
        targets = [node.target]
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        targets = [node.value.func]
    for target in targets:
        inner = target
        while isinstance(inner, ast.Attribute | ast.Subscript):
            inner = inner.value
        if isinstance(inner, ast.Name) and inner is not target:
            yield inner.id


# ------------------------------------------------------------- statements to an extract


def extract(text: str, notebook: bool, function: str) -> Extract:
    """What has to run to have the function; raises NotReadable.

    Names that are bound several times keep all their statements, so that the last one
    wins, as when the notebook runs from top to bottom.
    """
    statements, problems = statements_of(text, notebook)
    if not any(function in s.binds for s in statements):
        damaged = f" This part cannot be read: {problems[0]}." if problems else ""
        return Extract((), f"There is no function {function} to be found.{damaged}")
    imported = {n for s in statements if s.text.startswith(_IMPORT) for n in s.binds}
    kept = {i for i, s in enumerate(statements) if s.always}
    wanted, seen = {function}, set[str]()
    while wanted:
        name = wanted.pop()
        seen.add(name)
        for i, statement in enumerate(statements):
            changed = name in statement.changes and name not in imported
            if i not in kept and (name in statement.binds or changed):
                kept.add(i)
                wanted |= statement.needs - IGNORED - seen
    return Extract(tuple(_without_given(statements[i] for i in sorted(kept))))


_IMPORT = ("import ", "from ")


def _without_given(statements: Iterable[Statement]) -> Iterator[Statement]:
    for statement in statements:
        if not (statement.binds and statement.binds <= GIVEN):
            yield statement
