"""What an instructor hands out: the student's version, and the solved one."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ...errors import InputError
from ...files import write_whole, writing
from ...runs.chapters import Visit, choose, notebook_tools, write_notebook
from .source import Source, read, with_checks


def find(lab: str) -> tuple[str, Source]:
    """The lab's name and source, by the name of a chapter or the path of a script.

    Raises InputError if there is none, or if it has no exercise.
    """
    path = Path(lab) if lab.endswith(".py") else choose([lab])[lab]
    source = read(path)
    if not source.functions:
        raise InputError(
            f"{path} has no exercise: put '### BEGIN SOLUTION' and '### END SOLUTION' "
            "around the part of a function that students are to write."
        )
    return path.stem, source


def notebook_of(script: str) -> Any:
    """The script as a notebook, not paired with a file."""
    jupytext, _ = notebook_tools()
    notebook = jupytext.reads(script, fmt="py:percent")
    notebook.metadata.pop("jupytext", None)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"  # the same source gives the same file
    return notebook


def write_student(lab: str, backend: str, out: Path) -> list[Path]:
    """Write out/<lab>.py and out/<lab>.ipynb for students; return their paths."""
    jupytext, _ = notebook_tools()
    name, source = find(lab)
    script = with_checks(source, backend)
    paths = [out / f"{name}.py", out / f"{name}.ipynb"]
    notebook = jupytext.writes(notebook_of(script), fmt="ipynb")
    with writing(f"into {out}", "Choose another with --out."):
        out.mkdir(parents=True, exist_ok=True)
        for path, text in zip(paths, (script, notebook + "\n"), strict=True):
            write_whole(path, text.encode())
    return paths


def write_solution(lab: str, backend: str, out: Path, limit: float) -> Visit:
    """Write the solved lab with its checks, executed: <lab>-solution-<backend>.ipynb.

    A cell may take `limit` seconds. The solutions keep their markers.
    """
    name, source = find(lab)
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.py"
        path.write_text(with_checks(source, backend, False), encoding="utf-8")
        return write_notebook(f"{name}-solution", path, backend, out, limit)
