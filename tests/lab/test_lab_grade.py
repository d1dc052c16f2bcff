"""Grading: whatever a submission does, it costs its own question and no other."""

import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from browser import overflow
from lab_samples import GOOD, HOSTILE, NOT_READABLE, ODD, RIGHT, hostile, odd

from d2lopt.errors import InputError
from d2lopt.lab.checks.exercises import EXERCISES
from d2lopt.lab.grading import grade
from d2lopt.lab.grading.sandbox import Limits

NAMES = [exercise.name for exercise in EXERCISES["rmsprop"]]
BATCH = grade.Batch("rmsprop", "numpy", Limits(seconds=2, memory_mb=512))
PATIENT = grade.Batch("rmsprop", "numpy", Limits(seconds=20, memory_mb=512))
pytestmark = pytest.mark.slow
processes = pytest.mark.processes


def d2lopt(*arguments, **more):
    return subprocess.run(
        [sys.executable, "-m", "d2lopt", "lab", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=280,
        **more,
    )


def answers(text, name="x.py", batch=BATCH):
    """The result of each exercise of one submission."""
    content = text if isinstance(text, bytes) else text.encode()
    handed_in = grade.received("x", Path(name), content)
    found = {}
    asked = list(grade.questions(batch, [handed_in]).values())
    grade.answer_all(
        batch, asked, 2, lambda q, result: found.update({q.exercise: result})
    )
    return found


def others(found):
    return [found[name].passed for name in NAMES if name != "gamma_one"]


@processes
def test_a_result_that_cannot_be_kept_is_one_sentence(tmp_path):
    handed_in = grade.received("x", Path("x.py"), b"")
    asked = list(grade.questions(BATCH, [handed_in]).values())

    def keep(question, result):
        raise InputError("cannot write into grades: No space left on device.")

    with pytest.raises(InputError, match="No space left"):
        grade.answer_all(BATCH, asked, 2, keep)
    (tmp_path / grade.RECORDS).mkdir()
    with pytest.raises(InputError, match="cannot read .*: Is a directory"):
        grade.grade_all(BATCH, [handed_in], tmp_path, 1, print, print)


# ----------------------------------------------------------------- hostile submissions


@processes
@pytest.mark.parametrize("name", HOSTILE)
def test_harm_costs_its_own_question(name):
    body, mistakes = HOSTILE[name]
    # What is not about time gets enough of it, so that a busy machine cannot decide.
    batch = BATCH if "timeout" in mistakes else PATIENT
    found = answers(hostile(body), batch=batch)
    assert others(found) == [True] * (len(NAMES) - 1)
    assert not found["gamma_one"].passed
    assert found["gamma_one"].mistake in mistakes
    assert found["gamma_one"].hint


@processes
@pytest.mark.parametrize("name", ODD)
def test_mischief_that_is_right_all_the_same_costs_nothing(name):
    found = answers(odd(ODD[name]))
    assert [result.hint for result in found.values() if not result.passed] == []


@processes
@pytest.mark.parametrize("name", NOT_READABLE)
def test_what_cannot_be_read_fails_with_the_reason(name):
    found = answers(NOT_READABLE[name], name)
    assert {result.mistake for result in found.values()} == {"not-readable"}


@processes
def test_nothing_that_was_started_is_left():
    mark = f"lab-{os.getpid()}"
    body = f"""
        import ctypes, os, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                ctypes.CDLL(None).prctl(15, b"{mark}", 0, 0, 0)
                os.closerange(0, 4096)
                time.sleep(600)
            os._exit(0)
        found, until = [], time.monotonic() + 3
        while not found and time.monotonic() < until:
            time.sleep(0.1)
            for pid in filter(str.isdigit, os.listdir("/proc")):
                try: name = open(f"/proc/{{pid}}/comm").read()
                except OSError: continue
                found += [1] * ("{mark}" in name)
        raise RuntimeError(found)
    """
    found = answers(hostile(body))
    assert "RuntimeError: [1]" in found["gamma_one"].hint  # there was one
    assert [p for p in psutil.process_iter(["name"]) if p.info["name"] == mark] == []


@processes
def test_a_server_that_is_killed_is_replaced():
    found = answers(hostile("import os; os.kill(os.getppid(), 9)"))
    assert others(found) == [True] * (len(NAMES) - 1)
    assert found["gamma_one"].mistake == "crashed"


@processes
def test_no_path_leads_to_the_submissions_or_to_the_chapters(tmp_path):
    folder = tmp_path / "handed-in"
    folder.mkdir()
    checkout = str(Path(grade.__file__).parents[3])
    body = f"""
        import os, sys, d2lopt
        from d2lopt.backend.environment import CHECKOUT
        seen = [*sys.path, *sys.argv, os.getcwd(), *os.environ.values()]
        seen += d2lopt.__path__
        seen += open("/proc/self/environ").read().split("\\0")
        seen += open("/proc/self/cmdline").read().split("\\0")
        seen += [m.__file__ for m in sys.modules.values() if getattr(m, "__file__", 0)]
        seen += [os.readlink(f"/proc/self/fd/{{n}}") for n in range(3)]
        roots = [{checkout!r} + os.sep + n for n in ("chapters", "d2lopt", "tests")]
        bad = [s for s in seen if "handed-in" in s or s == {checkout!r}
               or s.startswith(tuple(roots))]
        bad += os.listdir()
        bad += [n for n in os.listdir(CHECKOUT) if n != "d2lopt"]
        raise RuntimeError(f"found: {{bad}}")
    """
    (folder / "me.py").write_text(hostile(body))
    d2lopt("grade", folder, "--lab", "rmsprop", "--out", tmp_path / "out")
    row = json.loads((tmp_path / "out/me/results.json").read_text())
    (told,) = [t["output"] for t in row["tests"] if t["name"] == "gamma_one"]
    assert "RuntimeError: found: []" in told


# ------------------------------------------------------------------------------ a class


HARMFUL = [
    *("loop.py", "prose.py", "exit.py", "cut.ipynb", "latin.py", "stubborn_loop.py"),
    *("loop_in_c.py", "sleep.py", "sys_exit.py", "segfault.py", "output.py", "file.py"),
    *("memory_in_pieces.py", "fork.py", "bomb.py", "closes_files.py", "nested.py"),
    *("patches_numpy.py", "kills_itself.py", "empty.ipynb"),
]


def hand_in(folder, good, harmful):
    """A folder with so many right submissions, no two the same, and harmful ones."""
    folder.mkdir()
    for i in range(good):
        wrong = i % 10 == 0
        text = GOOD.replace(RIGHT, "return lr * g / eps") if wrong else GOOD
        (folder / f"student{i:03}.py").write_text(f"# the work of {i}\n{text}")
    for name in HARMFUL[:harmful]:
        content = NOT_READABLE.get(name) or hostile(HOSTILE[name[:-3]][0]).encode()
        (folder / f"harm-{name}").write_bytes(content)


def table(out):
    with (out / "grades.csv").open(newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


@processes
def test_two_hundred_submissions_of_which_twenty_do_harm(tmp_path):
    hand_in(tmp_path / "in", 180, 20)
    start = time.monotonic()
    run = d2lopt(
        *("grade", tmp_path / "in", "--lab", "rmsprop", "--out", tmp_path / "out"),
        *("--seconds", 2),
    )
    print(f"{time.monotonic() - start:.1f} s")
    assert run.returncode == 0, run.stderr
    assert "of 1400 questions" in run.stderr
    rows = table(tmp_path / "out")
    assert len(rows) == 200
    for i in range(180):
        row = rows[f"student{i:03}"]
        assert row["score"] == str(len(NAMES) - (i % 10 == 0))
        if i % 10 == 0:
            assert row["mistakes"] == "gamma_one: root-missing"
    for student, row in rows.items():
        assert row["out_of"] == "7"
        folder = tmp_path / "out" / student
        told = json.loads((folder / "results.json").read_text())
        assert told["score"] == int(row["score"])
        assert len(told["tests"]) == 7
        assert (folder / "index.html").exists()
        if student.startswith("harm-"):
            name = row["file"].removeprefix("harm-")
            assert row["gamma_one"] == "0"
            assert row["score"] == ("0" if name in NOT_READABLE else "6")


@processes
def test_a_batch_that_was_killed_goes_on_and_the_grades_are_the_same(tmp_path):
    hand_in(tmp_path / "in", 25, 2)
    command = ["grade", tmp_path / "in", "--lab", "rmsprop", "--seconds", 2, "--out"]
    records = tmp_path / "stopped" / grade.RECORDS
    process = subprocess.Popen(
        [sys.executable, "-m", "d2lopt", "lab", *map(str, command), records.parent],
        stderr=subprocess.DEVNULL,
    )
    while not records.exists() or records.read_bytes().count(b'"key"') < 20:
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    cut = records.read_bytes()[:-30]
    records.write_bytes(cut)
    kept = len(grade.read_records(records))
    assert 10 < kept < 27 * 7
    again = d2lopt(*command, records.parent)
    assert f"{kept} of {27 * 7} questions were done before" in again.stderr
    assert d2lopt(*command, tmp_path / "whole").returncode == 0
    for name in ("grades.csv", "index.html", "student003/results.json"):
        stopped, whole = records.parent / name, tmp_path / "whole" / name
        assert stopped.read_bytes() == whole.read_bytes()


@processes
def test_what_changed_is_graded_again_and_nothing_else(tmp_path):
    hand_in(tmp_path / "in", 2, 0)
    command = ["grade", tmp_path / "in", "--lab", "rmsprop", "--out", tmp_path / "out"]
    d2lopt(*command)
    (tmp_path / "in/student000.py").write_text(GOOD)
    run = d2lopt(*command)
    assert "7 of 14 questions were done before" in run.stderr
    assert table(tmp_path / "out")["student000"]["score"] == "7"


@processes
def test_folders_names_and_files_of_all_kinds(tmp_path):
    handed_in = tmp_path / "in"
    (handed_in / "ann").mkdir(parents=True)
    (handed_in / "ann/rmsprop.py").write_text(GOOD)
    (handed_in / "ann/notes.py").write_text("x = 1")
    (handed_in / "bob/deep").mkdir(parents=True)
    cells = [{"cell_type": "code", "source": GOOD, "metadata": {}, "outputs": []}]
    (handed_in / "bob/deep/lab.ipynb").write_text(json.dumps({"cells": cells}))
    (handed_in / "eve").mkdir()
    for name in ("one.py", "two.py"):
        (handed_in / "eve" / name).write_text(GOOD)
    (handed_in / "=cmd|'x'!A1 <b>.py").write_text(GOOD)
    (handed_in / "same.py").write_text(GOOD)
    (handed_in / "same.ipynb").write_text("{")
    (handed_in / "link.py").symlink_to("/etc/passwd")
    (handed_in / "essay.pdf").write_bytes(b"%PDF")
    (handed_in / ".hidden.py").write_text(GOOD)
    run = d2lopt(
        *("grade", handed_in, "--lab", "rmsprop", "--out", tmp_path / "out"), "--json"
    )
    found = {line["student"]: line for line in map(json.loads, run.stdout.splitlines())}
    scores = {student: line["score"] for student, line in found.items()}
    assert scores == {
        "=cmd|'x'!A1 <b>": 7,
        **{"ann": 7, "bob": 7, "eve": 0, "link": 0, "same": 0, "same.py": 7},
    }
    assert "one.py, two.py" in found["eve"]["results"][0]["hint"]
    assert "left aside, as no .py or .ipynb: essay.pdf" in run.stderr
    assert "'=cmd" in (tmp_path / "out/grades.csv").read_text()
    assert "<b>" not in (tmp_path / "out/index.html").read_text()


@processes
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere", "--lab", "rmsprop"], "nowhere is no folder of submissions"),
        ([".", "--lab", "rmsprop"], "there is no .py or .ipynb file in ."),
        ([".", "--lab", "rmsprob"], "unknown lab 'rmsprob'. Did you mean 'rmsprop'?"),
        ([".", "--lab", "rmsprop", "--backend", "numpi"], "Did you mean 'numpy'?"),
    ],
)
def test_a_command_that_cannot_be_done_says_why(arguments, words):
    run = d2lopt("grade", *arguments)
    assert run.returncode == 2
    assert words in run.stderr
    assert len(run.stderr.splitlines()) == 1


# ------------------------------------------------------------------- the other commands


@processes
def test_check_prints_a_line_for_each_exercise(tmp_path):
    (tmp_path / "mine.py").write_text(
        GOOD.replace("s + eps", "s) + eps").replace(
            "d2l.sqrt(s) + eps)", "(d2l.sqrt(s) + eps)"
        )
    )
    run = d2lopt("check", "mine.py", "--lab", "rmsprop", "--json", cwd=tmp_path)
    found = [json.loads(line) for line in run.stdout.splitlines()]
    assert run.returncode == 1
    assert [set(line) for line in found] == [
        {"exercise", "passed", "mistake", "hint"}
    ] * len(NAMES)
    assert [line["exercise"] for line in found] == NAMES
    wrong = [line for line in found if not line["passed"]]
    assert [line["mistake"] for line in wrong] == ["epsilon-outside-root"]
    plain = d2lopt("check", "mine.py", "--lab", "rmsprop", cwd=tmp_path)
    assert "rmsprop: not yet (epsilon-outside-root)" in plain.stdout
    assert "gamma_one: right." in plain.stdout


@processes
def test_the_checks_run_on_every_framework(tmp_path, backend):
    (tmp_path / "mine.py").write_text(GOOD)
    run = d2lopt(
        *("check", tmp_path / "mine.py", "--lab", "rmsprop", "--backend", backend),
        *("--seconds", 60, "--memory", 4096),
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count(": right.") == len(NAMES)


@processes
def test_the_commands_for_a_handout_and_for_the_solutions(tmp_path):
    run = d2lopt("student", "rmsprop", "--backend", "numpy", "--out", "o", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == ["o/rmsprop.py", "o/rmsprop.ipynb"]
    for path in run.stdout.split():
        found = d2lopt("check", path, "--lab", "rmsprop", "--json", cwd=tmp_path)
        mistakes = [json.loads(line)["mistake"] for line in found.stdout.splitlines()]
        assert mistakes == ["not-implemented"] * len(NAMES)
    run = d2lopt("solution", "rmsprop", "--out", "s", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "s/rmsprop-solution-numpy.ipynb"
    notebook = json.loads((tmp_path / run.stdout.strip()).read_text())
    said = [
        "".join(output.get("text", ""))
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
    ]
    assert "".join(said).count(": right.") == len(NAMES)
    found = d2lopt("check", run.stdout.strip(), "--lab", "rmsprop", cwd=tmp_path)
    assert found.stdout.count(": right.") == len(NAMES)


@processes
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["student", "rmsprob"], "unknown chapter 'rmsprob'. Did you mean 'rmsprop'?"),
        (["student", "none.py"], "cannot read none.py"),
        (["check", "none.py", "--lab", "rmsprop"], "there is no file none.py"),
    ],
)
def test_a_file_or_lab_that_there_is_not(arguments, words):
    run = d2lopt(*arguments)
    assert run.returncode == 2
    assert words in run.stderr


# ---------------------------------------------------------------------------- the pages


@processes
def test_the_pages_fit_a_telephone(tmp_path, page):
    hand_in(tmp_path / "in", 11, 3)
    d2lopt(
        *("grade", tmp_path / "in", "--lab", "rmsprop", "--out", tmp_path / "out"),
        *("--seconds", 2),
    )
    for path in ("index.html", "student000/index.html"):
        page.goto((tmp_path / "out" / path).as_uri())
        assert overflow(page, 360) == 0
        assert overflow(page, 1280) == 0
    assert "root-missing" in page.inner_text("body")
    page.goto((tmp_path / "out/index.html").as_uri())
    page.click("text=student003")
    assert "7 of 7" in page.inner_text("body")
