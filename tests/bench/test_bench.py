"""The bench: every task gives its timings, and says what it could not time.

Nothing here asserts how fast something is: that is for a person to read.
"""

import json
import os
import subprocess
import sys

import pytest

from d2lopt.backend.frameworks import FRAMEWORKS
from d2lopt.backend.load import DEVICE, load
from d2lopt.bench import run as bench
from d2lopt.bench import show as bench_show
from d2lopt.conventions.table import ROWS
from d2lopt.errors import InputError


def timings_of(backend, task, **request):
    events = []
    defaults = {"repeat": 1, "sizes": [2000], "compile": False, "data": "stand-in"}
    bench.execute(events.append, backend, [task], **{**defaults, **request})
    return [bench.Timing(**e["timing"]) for e in events if "timing" in e]


@pytest.mark.slow
def test_an_epoch_is_timed_in_every_variant(backend, d2l):
    found = timings_of(backend, "epoch")
    own = ["built-in"] if ROWS[backend] else []
    assert [t.variant for t in found] == ["step by step", "library rule", *own]
    for timing in found:
        assert timing.version == d2l.version
        assert min(timing.floor, timing.seconds, timing.seconds_first) > 0
        assert timing.times_floor == timing.seconds / timing.floor


def test_many_configurations_are_timed_at_three_sizes(backend, d2l):
    found = timings_of(backend, "many")
    assert [t.size for t in found] == [1, 64, 1024]
    assert all(t.seconds > 0 for t in found)


def test_a_large_step_is_timed_beside_the_floor(backend, d2l):
    found = timings_of(backend, "large", sizes=[1000, 3000])
    assert {t.size for t in found} == {1000, 3000}
    assert all(t.seconds > 0 and t.floor > 0 for t in found)
    assert found[0].as_json()["gigabytes_per_second"] > 0


def test_a_backend_that_fails_leaves_the_others(monkeypatch):
    made = []
    found, failed = bench.time_all(
        ["numpy"],
        lambda backend, task: made.append(task),
        60.0,
        tasks=["no such task"],
        repeat=1,
        sizes=[],
        compile=False,
        data="stand-in",
    )
    assert found == []
    assert "no such task" in failed["numpy"]


@pytest.mark.slow
@pytest.mark.processes
def test_the_command_prints_writes_and_draws(tmp_path):
    command = [*(sys.executable, "-m", "d2lopt", "bench"), "--backends", "numpy"]
    command += ["--tasks", "epoch,many", "--repeat", "1", "--data", "stand-in"]
    told = subprocess.run(
        [*command, "--json", "--out", tmp_path / "out"], capture_output=True, text=True
    )
    assert told.returncode == 0, told.stderr
    rows = [json.loads(line) for line in told.stdout.splitlines()]
    assert {row["task"] for row in rows} == {"epoch", "many"}
    assert (tmp_path / "out" / "bench.png").exists()
    assert (tmp_path / "out" / "bench.jsonl").read_text() == told.stdout
    for row in rows:
        row.pop("times_floor")
    tables = bench_show.tables([bench.Timing(**row) for row in rows])
    assert len(tables) == 2


@pytest.mark.processes
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tasks", "epochs"], "unknown task 'epochs'. Did you mean 'epoch'?"),
        (["--sizes", "10", "--tasks", "large"], "from 1000 to 1e9; got '10'"),
        (["--backends", "torhc"], "Did you mean 'torch'?"),
    ],
)
def test_bad_input_ends_in_a_sentence(options, message):
    told = subprocess.run(
        [sys.executable, "-m", "d2lopt", "bench", *options],
        capture_output=True,
        text=True,
    )
    assert told.returncode == 2
    assert message in told.stderr
    assert len(told.stderr.strip().splitlines()) == 1


# ------------------------------------------------------------------------ the device


def test_a_backend_without_a_gpu_says_so(backend, d2l, monkeypatch):
    monkeypatch.setenv(DEVICE, "cuda")
    try:
        load(backend)
    except InputError as error:
        said = str(error)
    else:
        load(backend).use_device("cpu")
        pytest.skip("there is a GPU, and it is used")
    assert FRAMEWORKS[backend].title in said
    assert "--device cpu" in said or "CPU only" in said


@pytest.mark.processes
def test_the_device_reaches_the_process_of_a_run():
    told = subprocess.run(
        [sys.executable, "-m", "d2lopt", "run", "sgd", "--data", "stand-in"],
        capture_output=True,
        text=True,
        env={**os.environ, DEVICE: "cuda"},
    )
    assert told.returncode == 1
    assert "NumPy computes on the CPU only, not on cuda." in told.stdout
