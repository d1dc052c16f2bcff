"""The chapters of the checkout: run on every backend, or written as notebooks.

A run is a process of its own, in which the chapter does what it does as a script: its
figures go to a folder, and no window opens.
"""

from __future__ import annotations

import os
import runpy
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..backend.environment import CHECKOUT
from ..backend.frameworks import FRAMEWORKS
from ..backend.processes import all_at_once
from ..errors import InputError, unknown
from ..files import write_whole, writing
from ..show.table import Table

ORDER = (
    "gradient_descent",
    "sgd",
    "minibatch_sgd",
    "momentum",
    "adagrad",
    "rmsprop",
    "linear_regression",
    "adadelta",
    "adam",
    "schedules",
)


@dataclass(frozen=True)
class Visit:
    """One chapter on one backend: how long it took, and what went wrong, if anything.

    The seconds include the start of the process and the import of the framework.
    """

    chapter: str
    backend: str
    seconds: float
    problem: str = ""

    @property
    def line(self) -> str:
        """The visit as a line for people: its seconds, or its problem."""
        result = self.problem or f"{self.seconds:.1f} s"
        return f"{self.chapter}, {FRAMEWORKS[self.backend].title}: {result}"


def chapters(folder: Path = CHECKOUT / "chapters") -> dict[str, Path]:
    """The chapters by name, in the order of reading; those that ORDER lacks, last."""
    paths = {path.stem: path for path in sorted(folder.glob("*.py"))}
    if not paths:
        raise InputError(
            f"there are no chapters in {folder}: they come with a checkout of the "
            "repository, not with the installed package."
        )
    known = [name for name in ORDER if name in paths]
    return {name: paths[name] for name in [*known, *(paths.keys() - known)]}


def choose(names: Sequence[str] | None) -> dict[str, Path]:
    """The chapters of these names, or all; InputError for one that there is not."""
    known = chapters()
    for name in names or ():
        if name not in known:
            raise unknown("chapter", name, known)
    return {name: path for name, path in known.items() if not names or name in names}


# --------------------------------------------------------------------------- as scripts


def run_script(
    emit: Callable[[dict[str, Any]], None], path: str, backend: str, out: str
) -> None:
    """Run the chapter at `path` as a script: what a child of `visit_all` does."""
    os.environ["MPLBACKEND"] = "Agg"
    sys.argv = [path, "--backend", backend, "--out", out]
    runpy.run_path(path, run_name="__main__")
    from ..book.plot import studio

    # A child ends by os._exit, which skips atexit: this saves the figures instead.
    studio.close()


def visit_all(
    chosen: Mapping[str, Path],
    backends: Sequence[str],
    out: Path,
    limit: float,
    tell: Callable[[Visit], None],
) -> list[Visit]:
    """Run the chapters on each backend, as many at a time as there are cores.

    A chapter may take `limit` seconds. `tell` hears of each one when it has ended.
    """
    visits: list[Visit] = []
    job = f"{__name__}:run_script"

    async def one(backend: str, stream: Callable[..., Any]) -> None:
        for chapter, path in chosen.items():
            arguments = {"path": str(path), "backend": backend, "out": str(out)}
            start = time.perf_counter()
            problem = await stream(job, arguments, lambda event: None, limit=limit)
            seconds = time.perf_counter() - start
            visits.append(Visit(chapter, backend, seconds, problem))
            tell(visits[-1])

    all_at_once(backends, one)
    return visits


def table(visits: Sequence[Visit], backends: Sequence[str]) -> Table:
    """Chapter by backend: seconds, or a note below that says what went wrong."""
    table = Table(
        "chapters, in seconds", ["chapter", *(FRAMEWORKS[b].title for b in backends)]
    )
    visit_of = {(visit.chapter, visit.backend): visit for visit in visits}
    for chapter in sorted({v.chapter for v in visits}, key=list(chapters()).index):
        row = [visit_of[chapter, backend] for backend in backends]
        table.row(
            chapter, *("failed" if v.problem else f"{v.seconds:.1f}" for v in row)
        )
        for visit in row:
            if visit.problem:
                table.note(visit.line)
    return table


# ------------------------------------------------------------------------- as notebooks


def write_notebook(
    chapter: str, path: Path, backend: str, out: Path, limit: float
) -> Visit:
    """Execute the chapter as a notebook and write it to out/<chapter>-<backend>.ipynb.

    A cell may take `limit` seconds. If one fails, the notebook is written all the same,
    with the error below the cell.
    """
    jupytext, nbclient = notebook_tools()
    notebook = jupytext.read(path)
    notebook.metadata.pop("jupytext", None)  # it is not paired with the script
    environment = {**os.environ, "D2LOPT_BACKEND": backend}
    environment.pop("MPLBACKEND", None)  # figures are to appear inline
    start, problem = time.perf_counter(), ""
    client = nbclient.NotebookClient(
        notebook,
        timeout=max(1, round(limit)),
        extra_arguments=["--log-level=ERROR"],  # no warnings of the kernel's own
    )
    try:
        client.execute(env=environment)
    except nbclient.exceptions.CellTimeoutError:
        problem = f"stopped: a cell passed its limit of {limit:g} s (--limit)"
    except nbclient.exceptions.CellExecutionError as error:
        problem = f"{error.ename}: {error.evalue}"
    except nbclient.exceptions.DeadKernelError as error:
        problem = str(error)
    with writing(f"into {out}"):
        text = jupytext.writes(notebook, fmt="ipynb") + "\n"
        write_whole(out / f"{chapter}-{backend}.ipynb", text.encode())
    return Visit(chapter, backend, time.perf_counter() - start, problem)


def notebook_tools() -> tuple[Any, Any]:
    """jupytext and nbclient; an InputError if one is missing, or what they need."""
    try:
        import ipykernel  # noqa: F401  what nbclient starts
        import jupytext
        import nbclient
    except ModuleNotFoundError as error:
        raise InputError(
            f"notebooks need jupytext, nbclient and ipykernel ({error.name} is "
            f"missing): {sys.executable} -m pip install jupytext nbclient ipykernel"
        ) from error
    try:
        Path.home()
    except RuntimeError as error:
        raise InputError(
            "notebooks need a home folder, where Jupyter looks for its settings, and "
            "this user has none: set HOME to one."
        ) from error
    return jupytext, nbclient
