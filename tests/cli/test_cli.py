"""The command line as a person or a script meets it, in processes of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from d2lopt.backend.frameworks import FRAMEWORKS

pytestmark = pytest.mark.processes

SMALL = ["--data", "stand-in", "--epochs", "1", "--batch-size", "500"]
FIELDS = {
    "backend",
    "version",
    "optimizer",
    "implementation",
    "hyperparams",
    "data",
    "dtype",
    "seed",
    "epochs",
    "batch_size",
    "loss",
    "losses",
    "seconds_per_epoch",
    "seconds_compiling",
    "peak_memory_mb",
    "status",
    "message",
}


def d2lopt(*arguments, **more):
    return subprocess.run(
        [sys.executable, "-m", "d2lopt", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=250,
        **more,
    )


def records_of(text):
    return [json.loads(line) for line in text.splitlines()]


# ------------------------------------------------------------------------ what it gives


@pytest.mark.slow
def test_compare_runs_every_backend_and_leaves_records_and_figures(tmp_path):
    run = d2lopt(
        "compare", "rmsprop", "--data", "stand-in", "--out", tmp_path / "deep/out"
    )
    assert run.returncode == 0, run.stderr
    folder = tmp_path / "deep" / "out"
    assert {p.name for p in folder.iterdir()} == {
        "compare.jsonl",
        "compare.png",
        "compare.svg",
    }
    found = records_of((folder / "compare.jsonl").read_text())
    assert len(found) == 2 * len(FRAMEWORKS)
    for record in found:
        assert set(record) >= FIELDS
        missing = (
            record["backend"] == "numpy" and record["implementation"] == "built-in"
        )
        assert record["status"] == ("missing" if missing else "ok")
        if not missing:
            assert record["losses"][-1] == record["loss"]
            assert len(record["losses"]) == len(record["steps"]) == 16
            assert record["seconds_per_epoch"] > 0
            assert record["seconds_compiling"] >= 0
            assert record["peak_memory_mb"] > 10
            assert record["data"] == "stand-in"
    scratch = [r["loss"] for r in found if r["implementation"] == "scratch"]
    assert max(scratch) / min(scratch) - 1 < 1e-6
    for framework in FRAMEWORKS.values():
        assert framework.title in run.stdout
    assert "spread across backends" in run.stdout
    assert "stand-in" in run.stderr.splitlines()[0]
    assert (folder / "compare.png").stat().st_size > 20_000


def test_run_prints_one_record_a_line():
    run = d2lopt(
        "run", "rmsprop", "--backend", "numpy", "--json", *SMALL, "--gamma", 0.8
    )
    assert run.returncode == 0
    scratch, built_in = records_of(run.stdout)
    assert scratch["hyperparams"] == {"lr": 0.01, "gamma": 0.8, "eps": 1e-6}
    assert (scratch["status"], built_in["status"]) == ("ok", "missing")
    assert "no rmsprop of its own" in built_in["message"]


def test_run_options_reach_the_run():
    options = ["--seed", 3, "--dtype", "float64", "--implementation", "scratch"]
    run = d2lopt("run", "rmsprop", "--json", *SMALL, *options)
    (record,) = records_of(run.stdout)
    found = {k: record[k] for k in ("seed", "dtype", "epochs", "batch_size", "data")}
    assert found == {
        "seed": 3,
        "dtype": "float64",
        "epochs": 1,
        "batch_size": 500,
        "data": "stand-in",
    }
    assert record["steps"] == [0, 3]


def test_a_diverged_run_keeps_its_record():
    run = d2lopt("run", "rmsprop", "--json", "--data", "stand-in", "--lr", "1e30")
    (record, _) = records_of(run.stdout)
    assert record["status"] == "diverged"
    assert record["loss"] is None
    assert len(record["losses"]) == 1
    assert "by step 20 of 300" in record["message"]


def test_a_comparison_that_diverges_at_once_still_has_its_table_and_figure(tmp_path):
    arguments = ["--backends", "numpy", "--lr", "1e30", "--data", "stand-in"]
    run = d2lopt("compare", "rmsprop", *arguments, "--out", tmp_path)
    assert run.returncode == 0, run.stderr
    assert "diverged" in run.stdout
    assert (tmp_path / "compare.png").exists()
    (record, _) = records_of((tmp_path / "compare.jsonl").read_text())
    assert record["seconds_per_epoch"] is None
    assert record["num_steps"] == 300


def test_run_on_a_broken_backend_is_one_sentence_and_status_2(stub):
    stub("torch", "raise RuntimeError('no driver')")
    run = d2lopt("run", "rmsprop", "--backend", "torch", *SMALL)
    assert run.returncode == 2
    assert "is installed but its import fails: RuntimeError: no driver" in run.stderr
    assert run.stdout == ""


def test_limits_are_seconds_above_0():
    for command in (["doctor"], ["run", "rmsprop"], ["conformance"]):
        for limit in ("0", "-1", "nan"):
            run = d2lopt(*command, "--limit", limit)
            assert run.returncode == 2
            assert "--limit" in run.stderr


@pytest.mark.slow
def test_doctor_says_that_each_backend_works():
    run = d2lopt("doctor", "--json")
    assert run.returncode == 0
    found = {answer["backend"]: answer for answer in records_of(run.stdout)}
    assert list(found) == list(FRAMEWORKS)
    assert {answer["status"] for answer in found.values()} == {"works"}


@pytest.mark.slow
def test_doctor_says_what_is_broken_and_what_mends_it(stub):
    stub("torch", "raise OSError('libfoo.so: cannot open')")
    run = d2lopt("doctor", "--json")
    assert run.returncode == 1
    (answer,) = [a for a in records_of(run.stdout) if a["backend"] == "torch"]
    assert answer["status"] == "broken"
    assert "libfoo.so" in answer["cause"]
    assert "pip install" in answer["remedy"]
    assert "torch" in answer["remedy"]


def test_the_real_file_is_read_where_the_user_says(airfoil):
    run = d2lopt("run", "rmsprop", "--json", "--data", airfoil)
    scratch, _ = records_of(run.stdout)
    assert scratch["data"] == "airfoil"
    assert 0.2417 < scratch["loss"] < 0.255


# ---------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "rmsprop", "--backend", "torhc"], "Did you mean 'torch'?"),
        (["run", "rmspropp"], "Did you mean 'rmsprop'?"),
        (["compare", "rmsprop", "--backends", "numpy,tensorlow"], "'tensorflow'?"),
        (["compare", "rmsprop", "--backends", ","], "unknown backend ''"),
        (["run", "rmsprop", "--lr", "fast"], "'fast' is not a valid float"),
        (["run", "rmsprop", "--lr", "-1"], "lr must be a number from 0 upwards"),
        (["run", "rmsprop", "--lr", "nan"], "lr must be a number"),
        (["run", "rmsprop", "--gamma", "1.5"], "gamma must be a number from 0 to 1"),
        (["run", "rmsprop", "--momentom", "1"], "No such option"),
        (
            ["run", "rmsprop", "--batch-size", "0"],
            "--batch-size must be from 1 to 1500",
        ),
        (["run", "rmsprop", "--batch-size", "1501"], "--batch-size must be from 1 to"),
        (["run", "rmsprop", "--epochs", "0"], "--epochs must be from 1 up"),
        (["run", "rmsprop", "--epochs", "two"], "is not a valid integer"),
        (["run", "rmsprop", "--dtype", "int8"], "'int8' is not one of"),
        (["run", "rmsprop", "--data", "no/such.dat"], "cannot read no/such.dat"),
        (["run", "rmsprop", "--implementation", "built-in"], "no optimizer of its own"),
        (["rnu"], "No such command"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(arguments, words):
    stand_in = [] if "--data" in arguments or len(arguments) < 2 else SMALL[:2]
    run = d2lopt(*arguments, *stand_in)
    assert run.returncode == 2
    assert words in run.stderr
    assert "Traceback" not in run.stderr
    assert run.stdout == ""


def test_a_file_that_is_not_the_airfoil_file(tmp_path):
    page = tmp_path / "page.dat"
    page.write_text("<html>404</html>")
    run = d2lopt("compare", "rmsprop", "--data", page)
    assert run.returncode == 2
    assert "it is a web page" in run.stderr


def test_an_unwritable_folder_is_found_before_anything_runs(tmp_path):
    (tmp_path / "file").write_text("")
    run = d2lopt("compare", "rmsprop", "--out", tmp_path / "file" / "out", *SMALL)
    assert run.returncode == 2
    assert "cannot write into" in run.stderr


@pytest.mark.slow
def test_a_backend_that_is_named_but_missing_is_status_2(tmp_path):
    code = (
        "from importlib import util; real = util.find_spec\n"
        "util.find_spec = lambda n, *a: None if n == 'mxnet' else real(n, *a)\n"
        "from d2lopt.cli import main; main()"
    )
    for command in (
        ["run", "rmsprop", "--backend"],
        ["compare", "rmsprop", "--backends"],
    ):
        run = subprocess.run(
            [sys.executable, "-c", code, *command, "mxnet", *SMALL],
            capture_output=True,
            text=True,
        )
        assert run.returncode == 2
        assert "MXNet is not installed. Install it with: " in run.stderr
        assert "mxnet==1.9.1" in run.stderr
    # Unnamed, it is a row that says so, and no failure.
    run = subprocess.run(
        [sys.executable, "-c", code, "compare", "rmsprop", "--json", *SMALL],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0
    rows = [r for r in records_of(run.stdout) if r["backend"] == "mxnet"]
    assert [r["status"] for r in rows] == ["missing", "missing"]
    assert "pip install" in rows[0]["message"]


# -------------------------------------------------------------- processes that go wrong


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
            "killed by SIGSEGV",
        ),
        (
            "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
            "killed by SIGKILL",
        ),
        ("import os; os._exit(3)", "exit status 3"),
        ("import sys; sys.exit('the licence has expired')", "the licence has expired"),
        ("raise RuntimeError('no driver')", "RuntimeError: no driver"),
        ("import time; time.sleep(600)", "passed its limit of 6 s"),
    ],
)
def test_a_process_that_goes_wrong_is_a_row_and_the_others_stand(
    stub, tmp_path, body, words
):
    stub("mxnet", body)
    run = d2lopt(
        *["compare", "rmsprop", "--backends", "numpy,mxnet", "--out", tmp_path / "out"],
        *["--limit", "6", *SMALL],
    )
    assert run.returncode == 1
    found = records_of((tmp_path / "out" / "compare.jsonl").read_text())
    status = {(r["backend"], r["implementation"]): r["status"] for r in found}
    assert status == {
        ("numpy", "scratch"): "ok",
        ("numpy", "built-in"): "missing",
        ("mxnet", "scratch"): "failed",
        ("mxnet", "built-in"): "failed",
    }
    assert words in run.stdout
    assert (tmp_path / "out" / "compare.png").exists()


def children_of(pid):
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True
    )
    return [int(p) for p in listed.stdout.split()]


def is_alive(pid):
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def wait_until(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_children_end_with_their_parent_and_finished_records_stay(stub, tmp_path, how):
    stub("mxnet", "import time; time.sleep(600)")
    out = tmp_path / "out"
    process = subprocess.Popen(
        [
            *[sys.executable, "-m", "d2lopt", "compare", "rmsprop", "--out", str(out)],
            *["--backends", "numpy,mxnet", *SMALL],
        ],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    lines = out / "compare.jsonl"
    assert wait_until(
        lambda: lines.exists() and len(lines.read_text().splitlines()) == 2
    )
    children = children_of(process.pid)
    assert children
    os.kill(process.pid, how)
    _, errors = process.communicate(timeout=30)
    assert wait_until(lambda: not any(map(is_alive, children)))
    assert [r["backend"] for r in records_of(lines.read_text())] == ["numpy", "numpy"]
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert "Traceback" not in errors
        assert "stopped; finished records are kept" in errors


# ------------------------------------------------------------------------------ chatter


@pytest.mark.slow
def test_only_progress_reaches_the_terminal(tmp_path):
    run = d2lopt("compare", "rmsprop", "--out", tmp_path, *SMALL)
    lines = run.stderr.splitlines()
    assert len(lines) == 2 + 2 * len(FRAMEWORKS)  # the data, each run, the figure
    assert lines[0] == "These numbers are from the generated stand-in, as asked."
    assert lines[-1].startswith("figure: ")


def test_help_has_examples():
    for command in ([], ["run"], ["compare"], ["doctor"]):
        run = d2lopt(*command, "--help")
        assert run.returncode == 0
        assert f"d2lopt {' '.join(command)}" in run.stdout.split("Options")[0]
