"""How a sweep is written, kept in its folder, stopped and gone on with."""

import itertools
import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from d2lopt.errors import InputError
from d2lopt.sweep.grid import SLICE, Sweep, grid_of, values_of
from d2lopt.sweep.store import opened

# ------------------------------------------------------------------------- the ranges

numbers = st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: x + 0.0)
positive = st.floats(1e-12, 1e6)
counts = st.integers(2, 200)


@given(st.lists(numbers, min_size=1, max_size=20, unique=True))
def test_numbers_with_commas_are_those_numbers(values):
    assert values_of("lr", ",".join(map(repr, values))) == sorted(values)


@given(positive, st.floats(1.001, 1e6), counts)
def test_log_has_both_ends_and_equal_ratios(first, factor, count):
    last = first * factor
    found = values_of("lr", f"{first!r}:{last!r}:log:{count}")
    assert (found[0], found[-1], len(found)) == (first, last, count)
    ratio = factor ** (1 / (count - 1))
    for one, other in itertools.pairwise(found):
        assert other / one == pytest.approx(ratio, rel=1e-9)
    assert found == values_of("lr", f" {last!r} : {first!r} : log : {count} ")


@given(numbers, st.floats(1e-3, 1e6), counts)
def test_lin_has_both_ends_and_equal_differences(first, span, count):
    last = first + span
    found = values_of("lr", f"{first!r}:{last!r}:lin:{count}")
    assert (found[0], found[-1], len(found)) == (first, last, count)
    step = (last - first) / (count - 1)
    for i, value in enumerate(found):
        near = 1e-9 * (abs(first) + abs(last))
        assert value == pytest.approx(first + i * step, abs=near)


words = st.text("0123456789.,:eE+-_ linogaf", max_size=20) | st.text(max_size=12)
parts = st.sampled_from(["1", "0.1", "-1", "0", "1e-4", "nan", "inf", "log", "lin", ""])
forms = st.lists(parts, max_size=5).map(":".join) | st.lists(parts).map(",".join)


@given(words | forms)
def test_any_text_is_numbers_or_one_sentence_with_the_remedy(text):
    try:
        found = values_of("weight_decay", text)
    except InputError as error:
        said = str(error)
    else:
        said = None
    if said is not None:
        assert said.startswith("--weight-decay")
        assert said.endswith(".")
        return
    assert found == sorted(set(found))
    assert all(map(math.isfinite, found))
    assert found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "--lr must be a number, v1,v2,…, a:b:log:n or a:b:lin:n; '' is no"),
        ("0.1,,0.2", "'' is no finite number"),
        ("1:2", "--lr must be a number, v1,v2,…, a:b:log:n or a:b:lin:n; got '1:2'"),
        ("1:2:cubic:3", "got '1:2:cubic:3'"),
        ("0:1:log:3", "need numbers above 0; got '0:1:log:3': write lin for log"),
        ("1:2:log:1", "must be a whole number from 2 to"),
        ("1:2:lin:2.5", "got '2.5'"),
        ("1:2:lin:-3", "got '-3'"),
        ("0.1,0.10", "has 0.1 twice: give each number once"),
        ("1:1:log:4", "has 1 twice"),
        ("-1e308:1e308:lin:4", "spans too much: choose nearer ends"),
        ("nan", "'nan' is no finite number"),
    ],
)
def test_what_is_no_range_says_so(text, message):
    with pytest.raises(InputError) as error:
        values_of("lr", text)
    assert message in str(error.value)


def test_what_is_not_given_stays_at_the_default():
    grid = grid_of("rmsprop", {"lr": "0.1,0.2"})
    assert grid == {"lr": [0.1, 0.2], "gamma": [0.9], "eps": [1e-6]}


@given(st.integers(1, 5000), st.integers(1, 5))
def test_tasks_have_every_run_once_and_one_shape(size, seeds):
    sweep = Sweep("sgd", "numpy", {"lr": [float(i) for i in range(size)]}, seeds)
    tasks = list(sweep.tasks())
    runs = Counter((t.seed, i) for t in tasks for i in range(t.start, t.stop))
    assert len(runs) == size * seeds
    assert set(runs.values()) == {1}
    assert sweep.slice <= SLICE
    wasted = sum(sweep.slice - (t.stop - t.start) for t in tasks)
    assert wasted < len(tasks)


# ------------------------------------------------------------------------- the folder

SWEEP = Sweep("sgd", "numpy", {"lr": [0.1, 0.2, 0.3]}, 2)


def record(lr: float, seed: int) -> dict:
    return {"hyperparams": {"lr": lr}, "seed": seed, "losses": [0.5]}


def lines_of(folder: Path) -> list[bytes]:
    return (folder / "records.jsonl").read_bytes().splitlines(True)


@pytest.fixture
def half(tmp_path: Path) -> Path:
    """A folder with two records of SWEEP."""
    with opened(tmp_path, SWEEP) as store:
        store.append([record(0.1, 0), record(0.2, 0)])
    return tmp_path


@pytest.mark.parametrize(
    "tail",
    [
        b'{"hyperparams": {"lr": 0.3}, "se',
        json.dumps(record(0.3, 0)).encode(),  # whole, but for its end of line
        b"\0\0\0\0\0\0",
        json.dumps(record(0.1, 0)).encode() + b"\n",  # there already
        b'{"a": 1\n{"hyperparams"',
    ],
)
def test_a_torn_tail_is_mended(half, tail):
    before = lines_of(half)
    with (half / "records.jsonl").open("ab") as file:
        file.write(tail)
    with opened(half, SWEEP) as store:
        assert len(store.records) == 2
        assert store.lacks([{"lr": 0.3}], 0)
        assert not store.lacks([{"lr": 0.1}, {"lr": 0.2}], 0)
        assert lines_of(half) == before
        store.append([record(0.2, 0), record(0.3, 0)])
    assert [json.loads(x)["hyperparams"]["lr"] for x in lines_of(half)] == [
        0.1,
        0.2,
        0.3,
    ]


def test_a_prefix_of_any_length_is_mended(half):
    """Wherever a write was cut, what comes after is the records in full."""
    whole = (half / "records.jsonl").read_bytes()
    for cut in range(len(whole)):
        (half / "records.jsonl").write_bytes(whole[:cut])
        with opened(half, SWEEP) as store:
            store.append([record(0.1, 0), record(0.2, 0)])
        assert (half / "records.jsonl").read_bytes() == whole


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"grid": {"lr": [0.1, 0.2]}}, "grid"),
        ({"seeds": 3}, "seeds"),
        ({"backend": "torch", "batch_size": 20}, "backend, batch size"),
    ],
)
def test_another_sweep_does_not_mix_in(half, changed, words):
    before = lines_of(half)
    other = Sweep(**{**SWEEP.as_json(), **changed})
    message = f"holds another sweep, of different {words}: give this one another folder"
    with pytest.raises(InputError, match=message), opened(half, other):
        pass
    assert lines_of(half) == before
    with opened(half, SWEEP) as store:
        assert len(store.records) == 2


def test_records_of_something_else_are_left_alone(half):
    with (half / "records.jsonl").open("a") as file:
        file.write('{"optimizer": "sgd"}\n')
    before = lines_of(half)
    with pytest.raises(InputError, match="not of this sweep"), opened(half, SWEEP):
        pass
    assert lines_of(half) == before
    (half / "sweep.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read: mend"), opened(half, SWEEP):
        pass
    (half / "sweep.json").unlink()
    with pytest.raises(InputError, match="no sweep.json"), opened(half, SWEEP):
        pass


def test_two_at_once_are_kept_apart(half):
    with (
        opened(half, SWEEP),
        pytest.raises(InputError, match="a sweep is at work in .*: wait"),
        opened(half, SWEEP),
    ):
        pass
    with opened(half, SWEEP):
        pass


def test_a_full_disk_is_one_sentence(half):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with opened(half, SWEEP) as store:
        (half / "records.jsonl").unlink()
        (half / "records.jsonl").symlink_to("/dev/full")
        with pytest.raises(InputError, match="cannot write into .* No space left"):
            store.append([record(0.3, 0)])
        assert len(store.records) == 2


def test_a_sweep_that_left_no_record_does_not_keep_its_folder(tmp_path):
    with opened(tmp_path, SWEEP):
        pass
    with opened(tmp_path, replace(SWEEP, epochs=SWEEP.epochs + 1)) as store:
        assert store.records == {}


# ------------------------------------------------------------------ stopped, and again

SEEDS = 24
WORDS = ["sgd", "--lr", "1e-3:0.1:log:32", "--seeds", str(SEEDS)]
WORDS += ["--data", "stand-in", "--jobs", "2", "--json"]


def start(out: Path, num_epochs: int = 60) -> subprocess.Popen:
    words = [*WORDS, "--epochs", str(num_epochs), "--out", str(out)]
    return subprocess.Popen(
        [sys.executable, "-m", "d2lopt", "sweep", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_records(process: subprocess.Popen, out: Path, more_than: int) -> int:
    """Wait until there are more whole records than that, or the sweep has ended."""
    path, limit = out / "records.jsonl", time.monotonic() + 60
    while process.poll() is None and time.monotonic() < limit:
        found = path.read_bytes().count(b"\n") if path.exists() else 0
        if found > more_than:
            return found
        time.sleep(0.01)
    return -1


def check_complete(out: Path) -> dict:
    """Every run has its one whole record; returns the losses."""
    records = [json.loads(x) for x in lines_of(out)]
    keys = Counter((r["hyperparams"]["lr"], r["seed"]) for r in records)
    assert len(keys) == 32 * SEEDS
    assert set(keys.values()) == {1}
    return {(r["hyperparams"]["lr"], r["seed"]): r["losses"] for r in records}


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.parametrize("delay", [0.0, 0.1, 0.2, 0.4])
def test_workers_end_with_their_parent_while_they_start(tmp_path, delay):
    """`delay` seconds after the first of them is there."""
    process = start(tmp_path)
    parent, workers, limit = psutil.Process(process.pid), [], time.monotonic() + 60
    while not workers and time.monotonic() < limit:
        workers = parent.children(recursive=True)
    time.sleep(delay)
    workers = parent.children(recursive=True)
    process.kill()
    _, alive = psutil.wait_procs(workers, timeout=20)
    for worker in alive:
        worker.kill()
    assert workers
    assert alive == []
    process.communicate(timeout=20)  # nobody holds its output open


@pytest.mark.slow
@pytest.mark.processes
def test_killed_at_any_moment_and_started_again_it_has_the_same_records(tmp_path):
    undisturbed, killed = tmp_path / "a", tmp_path / "b"
    there, rng = 0, random.Random(int.from_bytes(os.urandom(4)))
    for attempt in range(3):
        process = start(killed)
        there = wait_for_records(process, killed, there)
        time.sleep(rng.uniform(0, 0.15))
        process.kill()
        process.communicate()
        if attempt == 0:
            assert 0 < there < 32 * SEEDS
        with (killed / "records.jsonl").open("ab") as file:
            file.write(lines_of(killed)[0][: rng.randrange(200)])
    for out in (killed, undisturbed):
        output, errors = start(out).communicate(timeout=120)
        assert json.loads(output)["runs"] == 32 * SEEDS, errors
    assert check_complete(killed) == check_complete(undisturbed)


@pytest.mark.slow
@pytest.mark.processes
def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(tmp_path):
    process = start(tmp_path, num_epochs=600)  # it takes far longer than the wait
    wait_for_records(process, tmp_path, 0)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to all of them
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert output == ""
    assert "the same command goes on from there" in errors
    sentences = [x for x in errors.splitlines() if "stand-in" not in x]
    assert len(sentences) == 1, errors
    kept = int(sentences[0].split("stopped; ")[1].split()[0])
    assert kept == len(lines_of(tmp_path)) > 0


@pytest.mark.slow
@pytest.mark.processes
def test_a_local_worker_that_dies_costs_only_its_tasks(tmp_path):
    psutil = pytest.importorskip("psutil", reason="psutil tells a process's children")
    process = start(tmp_path)
    wait_for_records(process, tmp_path, 0)
    workers = [
        child
        for child in psutil.Process(process.pid).children()
        if "LokyProcess" in " ".join(child.cmdline())
    ]
    assert workers
    workers[0].kill()
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert json.loads(output)["runs"] == 32 * SEEDS
    check_complete(tmp_path)
