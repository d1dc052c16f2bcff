"""Grade a folder of submissions: every question in a process of its own, in parallel.

A question is one exercise asked of one submission. Its result is appended to
records.jsonl, a whole line at a time, under a key made of the submission's content, the
question, the checks and the limits. A batch that was stopped goes on from there, and
the same input gives the same grades.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ... import __version__
from ...errors import InputError, unknown
from ...files import append_lines, read_lines, reading, writing
from ..checks.exercises import EXERCISES, Exercise
from ..checks.result import Result
from .extract import NotReadable, decode
from .room import PACKAGE, Server, room
from .sandbox import Limits

SUFFIXES = (".py", ".ipynb")
LARGEST = 50 * 2**20  # bytes of a submission; notebooks have figures in them
RECORDS = "records.jsonl"


@dataclass(frozen=True)
class Submission:
    """What a student handed in: the name, the file, and its content or the problem."""

    student: str
    path: Path
    content: bytes = field(repr=False, default=b"")
    problem: str = ""

    @property
    def notebook(self) -> bool:
        return self.path.suffix.lower() == ".ipynb"


@dataclass(frozen=True)
class Batch:
    """What is asked of each submission, and within which limits."""

    lab: str
    backend: str
    limits: Limits

    @property
    def exercises(self) -> list[Exercise]:
        return EXERCISES[self.lab]

    def key(self, submission: Submission, exercise: str) -> str:
        """What identifies a result: it changes with all that could change it."""
        parts = (
            *(self.lab, exercise, self.backend, submission.path.suffix),
            *(str(self.limits), _checks_version()),
        )
        digest = hashlib.sha256(json.dumps(parts).encode())
        digest.update(submission.problem.encode(errors="surrogateescape"))
        digest.update(submission.content)
        return digest.hexdigest()


@dataclass(frozen=True)
class Grade:
    """A submission with its results, in the order of the exercises."""

    submission: Submission
    results: list[Result]

    @property
    def score(self) -> int:
        return sum(result.passed for result in self.results)


_version: list[str] = []


def _checks_version() -> str:
    """This package's version, and a hash of its modules."""
    if not _version:
        digest = hashlib.sha256(__version__.encode())
        for path in sorted(PACKAGE.rglob("*.py")):
            digest.update(path.read_bytes())
        _version.append(digest.hexdigest())
    return _version[0]


def find_lab(name: str) -> str:
    """The name, if a lab has it; InputError with the near one if not."""
    if not EXERCISES.get(name):
        raise unknown("lab", name, [lab for lab, found in EXERCISES.items() if found])
    return name


# --------------------------------------------------------------------- the submissions


def submissions(folder: Path, lab: str) -> tuple[list[Submission], list[str]]:
    """The submissions in a folder, by student, and the names of files left aside.

    A file is the submission of the student that it is named after; so is a folder, with
    one file in it, or one that is named as the lab. Raises InputError if there is none.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder of submissions.")
    found: list[Submission] = []
    aside: list[str] = []
    taken: set[str] = set()
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "__")):
            continue
        if path.is_dir() and not path.is_symlink():
            submission = _of_folder(path, lab)
        elif path.suffix.lower() in SUFFIXES:
            student = path.name if path.stem in taken else path.stem
            submission = read(student, path)
        else:
            aside.append(path.name)
            continue
        taken.add(submission.student)
        found.append(submission)
    if not found:
        raise InputError(f"there is no .py or .ipynb file in {folder}.")
    return found, aside


def _of_folder(folder: Path, lab: str) -> Submission:
    files = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in SUFFIXES
        and not any(part.startswith((".", "__")) for part in path.parts[-3:])
    ]
    named = [path for path in files if path.stem == lab]
    if len(named or files) == 1:
        return read(folder.name, (named or files)[0])
    listed = ", ".join(str(path.relative_to(folder)) for path in files[:5]) or "none"
    problem = f"One .py or .ipynb file is expected; these were handed in: {listed}."
    return Submission(
        folder.name, folder, listed.encode(errors="surrogateescape"), problem
    )


def read(student: str, path: Path) -> Submission:
    """The submission in a file; one that cannot be used says why in `problem`."""
    if path.is_symlink() or not path.is_file():
        return Submission(student, path, b"", "This is no file.")
    try:
        if path.stat().st_size > LARGEST:
            most = f"The file is larger than {LARGEST // 2**20} MB."
            return Submission(student, path, str(path.stat().st_size).encode(), most)
        content = path.read_bytes()
    except OSError as error:
        return Submission(student, path, b"", f"It cannot be read: {error.strerror}.")
    return received(student, path, content)


def received(student: str, path: Path, content: bytes) -> Submission:
    """The submission with this content, with the problem if it is no text."""
    try:
        decode(content)
    except NotReadable as error:
        return Submission(student, path, content, str(error))
    return Submission(student, path, content)


# -------------------------------------------------------------------------- the records


def read_records(path: Path) -> dict[str, Result]:
    """What an earlier batch has found, by key; a line cut short counts for nothing."""
    results: dict[str, Result] = {}
    with reading(path):
        records, _ = read_lines(path)
    for record in records:
        with suppress(KeyError, TypeError):  # it is no record
            results[record["key"]] = _result(str(record["exercise"]), record)
    return results


def _result(exercise: str, answer: dict[str, Any]) -> Result:
    """The result in an answer, which a forged one may not even have."""
    mistake = answer.get("mistake")
    return Result(
        exercise,
        answer.get("passed") is True,
        None if mistake is None else str(mistake),
        str(answer.get("hint", "")),
    )


# ---------------------------------------------------------------------------- the batch


@dataclass(frozen=True)
class Question:
    """An exercise of a content, which several students may have handed in."""

    key: str
    exercise: str
    submission: Submission


def questions(batch: Batch, found: Sequence[Submission]) -> dict[str, Question]:
    """Every question of the batch by its key, in the order of the students."""
    every = (
        Question(batch.key(submission, exercise.name), exercise.name, submission)
        for submission in found
        for exercise in batch.exercises
    )
    return {question.key: question for question in every}


def answer_all(
    batch: Batch,
    asked: Sequence[Question],
    jobs: int,
    tell: Callable[[Question, Result], None],
) -> None:
    """Answer the questions, `jobs` at a time; `tell` hears of each one when it is."""

    async def every(folder: Path) -> None:
        waiting = iter(asked)
        servers = [
            Server(folder, number, batch.lab, batch.backend, batch.limits)
            for number in range(min(jobs, len(asked)))
        ]

        async def one_after_another(server: Server) -> None:
            try:
                for question in waiting:
                    tell(question, await _answer(server, question))
            finally:
                await server.close()

        async with asyncio.TaskGroup() as group:
            for server in servers:
                group.create_task(one_after_another(server))

    if not asked:
        return
    with room() as folder:
        try:
            asyncio.run(every(folder))
        except ExceptionGroup as errors:  # the first ended the others
            raise errors.exceptions[0] from None


async def _answer(server: Server, question: Question) -> Result:
    submission = question.submission
    if submission.problem:
        return Result(question.exercise, False, "not-readable", submission.problem)
    text = decode(submission.content)
    answer = await server.ask(question.exercise, text, submission.notebook)
    return _result(question.exercise, answer)


def grade_all(
    batch: Batch,
    found: Sequence[Submission],
    out: Path,
    jobs: int,
    begin: Callable[[int, int], None],
    tell: Callable[[], None],
) -> list[Grade]:
    """The grades of the submissions; what is new goes to out/records.jsonl as it comes.

    `begin` hears how many questions there are and how many of them were answered
    before, `tell` of each answer.
    """
    every = questions(batch, found)
    results = read_records(out / RECORDS)
    asked = [question for key, question in every.items() if key not in results]
    begin(len(every), len(every) - len(asked))

    def keep(question: Question, result: Result) -> None:
        remedy = "Once that is mended, the same command goes on from there."
        with writing(f"into {out}", remedy):
            append_lines(out / RECORDS, [{"key": question.key, **result.as_json()}])
        results[question.key] = result
        tell()

    answer_all(batch, asked, jobs, keep)
    return [
        Grade(s, [results[batch.key(s, e.name)] for e in batch.exercises])
        for s in found
    ]
