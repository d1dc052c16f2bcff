"""How a sweep is written, kept in its folder, stopped and gone on with."""

import itertools
import json
import math
import os
import random
import shutil
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
    curve = {"loss": 0.5, "losses": [0.5], "steps": [0], "num_steps": 1}
    return {"hyperparams": {"lr": lr}, "seed": seed, **curve}


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


@pytest.mark.parametrize(
    "line",
    [
        '{"hyperparams": {"lr": 0.3}, "seed": Infinity}',
        '{"hyperparams": {"lr": 1' + "0" * 400 + '}, "seed": 0}',
        '{"hyperparams": {"lr": NaN}, "seed": 0}',
        '{"hyperparams": 0.3, "seed": 0}',
        '"records"',
        "null",
    ],
    ids=["inf", "too large", "nan", "no name", "a text", "null"],
)
def test_a_line_that_is_no_record_of_it_is_one_sentence(half, line):
    with (half / "records.jsonl").open("a") as file:
        file.write(line + "\n")
    before = lines_of(half)
    with pytest.raises(InputError, match="not of this sweep"), opened(half, SWEEP):
        pass
    assert lines_of(half) == before


@pytest.mark.parametrize(
    "damage",
    [
        *({name: ...} for name in ("loss", "losses", "steps", "num_steps")),
        {"loss": "0.5"},
        {"loss": math.nan},
        {"losses": 0.5},
        {"losses": [0.5, None]},
        {"losses": [0.5, math.inf], "steps": [0, 1]},
        {"steps": []},
        {"steps": [10**400]},
        {"num_steps": None},
    ],
    ids=lambda damage: str(damage)[:40],
)
def test_a_record_that_lacks_something_is_run_again(half, damage):
    damaged = {
        name: value
        for name, value in (record(0.3, 1) | damage).items()
        if value is not ...
    }
    with (half / "records.jsonl").open("a") as file:
        file.write(json.dumps(damaged) + "\n")
    with opened(half, SWEEP) as store:
        assert len(store.records) == 2
        assert store.lacks([{"lr": 0.3}], 1)
        store.append([record(0.3, 1)])
    assert [json.loads(line) for line in lines_of(half)][2:] == [record(0.3, 1)]


@pytest.mark.parametrize("name", ["sweep.lock", "sweep.json", "records.jsonl"])
def test_a_folder_in_the_place_of_a_file_is_one_sentence(half, name):
    (half / name).unlink(missing_ok=True)
    (half / name).mkdir()
    message = rf"^cannot (read|write) {half / name}: Is a directory\.$"
    with pytest.raises(InputError, match=message), opened(half, SWEEP):
        pass


WITHOUT_RIGHTS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]


@pytest.mark.processes
@pytest.mark.parametrize("mode", [0o444, 0o000], ids=["unwritable", "unreadable"])
@pytest.mark.parametrize("name", ["sweep.lock", "sweep.json", "records.jsonl"])
def test_a_file_without_rights_is_one_sentence(tmp_path, name, mode):
    as_user = WITHOUT_RIGHTS if os.geteuid() == 0 else []
    if as_user and not shutil.which(as_user[0]):
        pytest.skip("root may do all, and there is no setpriv to take that away")
    words = [*as_user, sys.executable, "-m", "d2lopt", "sweep", "sgd", "--out", "here"]
    words += ["--lr", "0.1,0.2", "--data", "stand-in", "--jobs", "1"]
    folder = tmp_path / "here"
    assert subprocess.run(words, capture_output=True).returncode == 0
    records = lines_of(folder)
    (folder / "records.jsonl").write_bytes(records[0])
    (folder / name).touch()
    (folder / name).chmod(mode)
    run = subprocess.run(words, capture_output=True, text=True)
    (folder / name).chmod(0o644)
    if (name, mode) == ("sweep.json", 0o444):  # which is only read
        assert (run.returncode, len(lines_of(folder))) == (0, 2)
        return
    assert run.returncode == 2
    assert "Traceback" not in run.stderr
    assert "Permission denied" in run.stderr.splitlines()[-1]
    assert lines_of(folder) == records[:1]


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b"\xff\xfe", b"[" * 100_000],
    ids=["open", "a list", "no UTF-8", "deep"],
)
def test_what_is_no_description_of_a_sweep_is_one_sentence(half, content):
    (half / "sweep.json").write_bytes(content)
    with pytest.raises(InputError, match="cannot be read: mend"), opened(half, SWEEP):
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
