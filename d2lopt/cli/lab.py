"""The commands about labs: lab student, lab solution, lab check, lab grade."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..backend.environment import cores
from ..errors import InputError
from ..files import make_folder
from ..show.screen import print_line, say
from .checks import installed_backend
from .commands import Commands
from .options import BACKEND, SECONDS, json_option, limit_option, out_option, together

if TYPE_CHECKING:
    from ..lab.checks.result import Result
    from ..lab.grading.grade import Batch, Question

LAB = click.option("--lab", required=True, help="The chapter, such as rmsprop.")
LIMITS = together(
    click.option(
        "--seconds",
        type=SECONDS,
        default=10.0,
        show_default=True,
        help="Processor time that a question may take; twice as much on the clock.",
    ),
    click.option(
        "--memory",
        type=click.IntRange(min=64),
        default=1024,
        show_default=True,
        help="Megabytes that a question may take.",
    ),
)


@click.group(cls=Commands)
def lab() -> None:
    """Hand out a chapter's exercises, check them, and grade a class.

    \b
    d2lopt lab student rmsprop --backend numpy --out handout
    d2lopt lab check my_rmsprop.ipynb --lab rmsprop
    d2lopt lab grade submissions --lab rmsprop --out grades
    """


@lab.command()
@click.argument("lab")
@BACKEND
@out_option("handout", "Folder for the two files.")
def student(lab: str, backend: str, out: Path) -> None:
    """Write the student's version of LAB: solutions out, a check after each exercise.

    LAB is the name of a chapter, or the path of a script of your own.

    \b
    d2lopt lab student rmsprop
    """
    from ..lab.handout.student import write_student

    for path in write_student(lab, installed_backend(backend), out):
        print_line(str(path))


@lab.command()
@click.argument("lab")
@BACKEND
@out_option("solutions", "Folder for the notebook.")
@limit_option(120.0, "a cell")
def solution(lab: str, backend: str, out: Path, limit: float) -> None:
    """Write LAB solved, with its checks, as an executed notebook.

    \b
    d2lopt lab solution rmsprop
    """
    from ..lab.handout.student import write_solution

    installed_backend(backend)
    make_folder(out)
    visit = write_solution(lab, backend, out, limit)
    say(visit.line)
    print_line(str(out / f"{visit.chapter}-{backend}.ipynb"))
    if visit.problem:
        sys.exit(1)


@lab.command()
@click.argument("file", type=click.Path(path_type=Path))
@LAB
@BACKEND
@LIMITS
@json_option("Print one object for each exercise.")
def check(
    file: Path, lab: str, backend: str, seconds: float, memory: int, as_json: bool
) -> None:
    """Check the exercises of LAB in FILE, a script or a notebook.

    Exits with 1 if one is not right.

    \b
    d2lopt lab check rmsprop.ipynb --lab rmsprop
    d2lopt lab check rmsprop.py --lab rmsprop --json
    """
    batch = checked_batch(lab, backend, seconds, memory)
    from ..lab.grading.grade import SUFFIXES, answer_all, questions, read

    if not file.is_file():
        raise InputError(f"there is no file {file}: name what you hand in.")
    if file.suffix.lower() not in SUFFIXES:
        raise InputError(f"{file} is no .py or .ipynb file: name what you hand in.")
    asked = questions(batch, [read(file.stem, file)])
    results: dict[str, Result] = {}

    def keep(question: Question, result: Result) -> None:
        results[question.key] = result

    answer_all(batch, list(asked.values()), 1, keep)
    for key in asked:
        result = results[key]
        print_line(json.dumps(result.as_json()) if as_json else str(result))
    if not all(result.passed for result in results.values()):
        sys.exit(1)


@lab.command()
@click.argument("folder", type=click.Path(path_type=Path))
@LAB
@BACKEND
@out_option("grades", "Folder for the grades; a stopped batch goes on there.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=cores,
    show_default="the cores",
    help="Questions at a time.",
)
@LIMITS
@json_option("Print one object for each submission.")
def grade(
    folder: Path,
    lab: str,
    backend: str,
    out: Path,
    jobs: int,
    seconds: float,
    memory: int,
    as_json: bool,
) -> None:
    """Grade every .py and .ipynb in FOLDER: a page each, and grades.csv.

    Every question runs in a process of its own, with limits; these are no protection
    against an attacker (docs/instructors.md says what is).

    \b
    d2lopt lab grade submissions --lab rmsprop --out grades
    """
    batch = checked_batch(lab, backend, seconds, memory)
    from ..lab.grading.grade import grade_all, submissions
    from ..lab.grading.pages import write_all
    from ..show.screen import Bar

    handed_in, aside = submissions(folder, lab)
    if aside:
        listed = ", ".join(aside[:5]) + ", …" * (len(aside) > 5)
        say(f"left aside, as no .py or .ipynb: {listed}")
    make_folder(out)
    try:
        with Bar("questions", quiet=as_json) as bar:
            grades = grade_all(batch, handed_in, out, jobs, bar.begin, bar.step)
    except KeyboardInterrupt:
        say(
            f"d2lopt: stopped; finished records are kept in {out}: the same command "
            "goes on from there."
        )
        sys.exit(130)
    write_all(batch, grades, out)
    for graded in grades if as_json else ():
        answer = {
            "student": graded.submission.student,
            "score": graded.score,
            "out_of": len(graded.results),
            "results": [result.as_json() for result in graded.results],
        }
        print_line(json.dumps(answer))
    if not as_json:
        right = sum(graded.score == len(graded.results) for graded in grades)
        print_line(f"{len(grades)} submissions, {right} of them all right")
        print_line(str(out / "grades.csv"))
        print_line(str(out / "index.html"))


def checked_batch(lab: str, backend: str, seconds: float, memory: int) -> Batch:
    """What is asked of each file, once lab, backend and system are known to be fit."""
    installed_backend(backend)
    if not hasattr(os, "fork"):
        raise InputError(
            "checking files needs a system with fork, such as Linux or macOS; in a "
            "notebook, d2lopt.lab.check works everywhere."
        )
    try:
        import psutil  # noqa: F401  what watches the processes
    except ModuleNotFoundError as error:
        raise InputError(
            "checking files needs psutil, which is not installed: "
            f"{sys.executable} -m pip install 'd2lopt[lab]'"
        ) from error
    from ..lab.grading.grade import Batch, find_lab
    from ..lab.grading.sandbox import Limits

    return Batch(find_lab(lab), backend, Limits(seconds=seconds, memory_mb=memory))
