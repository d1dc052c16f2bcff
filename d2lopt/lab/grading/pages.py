"""What a batch leaves: grades.csv, and for each student a page and a results.json.

The JSON file is what Gradescope's autograder reads. The pages need no network and are
laid out for a telephone too.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

from ...files import write_whole, writing
from ..checks.result import Result
from .grade import Batch, Grade

SCALE = 1  # points for an exercise


def write_all(batch: Batch, grades: Sequence[Grade], out: Path) -> None:
    """Write grades.csv, index.html, and <student>/results.json and index.html.

    Each file appears whole or not at all. Raises InputError if one cannot be written.
    """
    with writing(f"into {out}", "Choose another with --out."):
        _write(out / "grades.csv", _csv(batch, grades))
        _write(out / "index.html", overview(batch, grades))
        for grade in grades:
            folder = out / grade.submission.student
            folder.mkdir(parents=True, exist_ok=True)
            text = json.dumps(gradescope(grade), indent=2, ensure_ascii=False)
            _write(folder / "results.json", text + "\n")
            _write(folder / "index.html", page(batch, grade))


def _write(path: Path, text: str) -> None:
    # A file name that is not UTF-8 has surrogates, which become question marks.
    write_whole(path, text.encode(errors="replace"))


def _csv(batch: Batch, grades: Sequence[Grade]) -> str:
    text = io.StringIO(newline="")
    names = [exercise.name for exercise in batch.exercises]
    writer = csv.writer(text)
    writer.writerow(["student", "file", "score", "out_of", *names, "mistakes"])
    for grade in grades:
        mistakes = "; ".join(
            f"{r.exercise}: {r.mistake or 'other'}"
            for r in grade.results
            if not r.passed
        )
        row = [grade.submission.student, grade.submission.path.name]
        points = [SCALE * result.passed for result in grade.results]
        writer.writerow(
            [
                *map(_harmless, row),
                *(SCALE * grade.score, SCALE * len(names), *points, mistakes),
            ]
        )
    return text.getvalue()


def _harmless(text: str) -> str:
    """A name that a spreadsheet does not take for a formula."""
    return "'" + text if text.startswith(("=", "+", "-", "@")) else text


def gradescope(grade: Grade) -> dict[str, object]:
    """The content of a results.json, by Gradescope's specification for autograders."""
    return {
        "score": SCALE * grade.score,
        "visibility": "visible",
        "output": f"{grade.score} of {len(grade.results)} exercises are right.",
        "tests": [
            {
                "name": result.exercise,
                "score": SCALE * result.passed,
                "max_score": SCALE,
                "status": "passed" if result.passed else "failed",
                "output": "" if result.passed else _words(result),
                "visibility": "visible",
            }
            for result in grade.results
        ],
    }


def _words(result: Result) -> str:
    return f"{result.mistake}: {result.hint}" if result.mistake else result.hint


# ---------------------------------------------------------------------------- the pages


def page(batch: Batch, grade: Grade) -> str:
    """A student's page: what is right, and a hint for what is not."""
    wanted = {exercise.name: exercise for exercise in batch.exercises}
    parts = []
    for result in grade.results:
        exercise = wanted[result.exercise]
        state = "right" if result.passed else "wrong"
        mark = "✓" if result.passed else "✗"
        asked = (
            f"<p>Takes: {escape(exercise.takes)}.<br>"
            f"Gives: {escape(exercise.gives)}.</p>"
        )
        hint = f"<pre>{escape(result.hint)}</pre>" if not result.passed else ""
        name = f"<p><code>{escape(result.mistake)}</code></p>" if result.mistake else ""
        parts.append(
            f'<section class="{state}">\n<h2><span>{mark}</span> '
            f"{escape(result.exercise)}</h2>\n{asked}\n{name}{hint}\n</section>"
        )
    total = len(grade.results)
    return _filled(
        f"{batch.lab}: {grade.submission.student}",
        f"<p>{grade.score} of {total} exercises are right "
        f"({escape(grade.submission.path.name)}).</p>\n" + "\n".join(parts),
    )


def overview(batch: Batch, grades: Sequence[Grade]) -> str:
    """The instructor's page: all students, and how often each mistake was made."""
    names = [escape(exercise.name) for exercise in batch.exercises]
    head = _row("th", ["student", "score", *names])
    rows = [
        _row(
            "td",
            [
                f'<a href="{quote(os.fsencode(grade.submission.student))}/index.html">'
                f"{escape(grade.submission.student)}</a>",
                f"{grade.score}/{len(names)}",
                *map(_cell, grade.results),
            ],
        )
        for grade in grades
    ]
    count: dict[str, int] = {}
    for grade in grades:
        for result in grade.results:
            if not result.passed:
                key = f"{result.exercise}: {result.mistake or 'other'}"
                count[key] = count.get(key, 0) + 1
    common = sorted(count.items(), key=lambda item: (-item[1], item[0]))[:20]
    listed = "".join(f"<li>{number} × {escape(key)}</li>" for key, number in common)
    return _filled(
        f"{batch.lab}: {len(grades)} submissions",
        f'<div class="wide"><table>{head}{"".join(rows)}</table></div>\n'
        f"<h2>The most frequent mistakes</h2>\n<ul>{listed}</ul>",
    )


def _row(kind: str, cells: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<{kind}>{cell}</{kind}>" for cell in cells) + "</tr>\n"


def _cell(result: Result) -> str:
    return "✓" if result.passed else f"<small>{escape(result.mistake or '✗')}</small>"


def _filled(title: str, content: str) -> str:
    template = files(__package__) / "grade.html"
    return (
        template.read_text(encoding="utf-8")
        .replace("{{title}}", escape(title))
        .replace("{{content}}", content)
    )
