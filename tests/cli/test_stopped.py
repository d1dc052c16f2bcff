"""A comparison that is stopped, killed or not alone: nothing is lost or mixed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from d2lopt.errors import InputError
from d2lopt.runs.compare import Kept, kept_in
from d2lopt.train.record import Spec, blank

WORDS = [sys.executable, "-m", "d2lopt", "compare", "sgd", "--data", "stand-in"]
WORDS += ["--epochs", "1", "--batch-size", "500", "--out", "out"]
HANGS = "import time; time.sleep(600)"


@pytest.fixture
def start():
    """start(*words): a comparison that begins; none is left when the test ends."""
    started = []

    def begin(*words: object) -> subprocess.Popen:
        process = subprocess.Popen(
            [*WORDS, *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def end(process: subprocess.Popen, how: signal.Signals) -> str:
    """Send the signal; what it said last on standard error."""
    os.kill(process.pid, how)
    return process.communicate(timeout=30)[1].strip().splitlines()[-1]


def rates(path: Path) -> list[tuple[str, float]]:
    """(backend, learning rate) of each record in the file."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [(r["backend"], r["hyperparams"]["lr"]) for r in lines]


def wait_for(path: Path, num_lines: int) -> None:
    limit = time.monotonic() + 30
    while not path.exists() or path.read_bytes().count(b"\n") < num_lines:
        assert time.monotonic() < limit
        time.sleep(0.02)


OUT, WHOLE, PART = (
    Path("out"),
    Path("out/compare.jsonl"),
    Path("out/compare-part1.jsonl"),
)
BEFORE = [("numpy", 0.1)] * 2


@pytest.fixture
def before(start):
    """The records and the figure of a comparison in the folder."""
    assert start("--lr", "0.1", "--backends", "numpy").wait(60) == 0
    assert rates(WHOLE) == BEFORE
    return {path.name: path.read_bytes() for path in OUT.iterdir()}


@pytest.mark.processes
def test_one_that_is_stopped_at_once_leaves_all_as_it_was(stub, start, before):
    stub("mxnet", HANGS)
    process = start("--lr", "0.2", "--backends", "mxnet")
    wait_for(OUT / "compare.lock", 0)
    said = end(process, signal.SIGINT)
    assert process.returncode == 130
    assert said == f"d2lopt: stopped; no record was finished: {WHOLE} is as it was."
    assert {path.name: path.read_bytes() for path in OUT.iterdir()} == before


@pytest.mark.processes
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_one_that_is_stopped_keeps_its_records_beside_the_others(
    stub, start, before, how
):
    stub("mxnet", HANGS)
    for number, part in enumerate([PART, OUT / "compare-part2.jsonl"]):
        process = start("--lr", 2 + number, "--backends", "numpy,mxnet")
        wait_for(part, 2)
        said = end(process, how)
        if how == signal.SIGINT:
            assert said == (
                f"d2lopt: stopped; finished records are kept in {part}, those of the "
                f"one before in {WHOLE}."
            )
        assert rates(part) == [("numpy", 2 + number)] * 2
    assert rates(WHOLE) == BEFORE
    # A whole one takes the place of the one before, and of nothing else.
    assert start("--lr", "0.3", "--backends", "numpy").wait(60) == 0
    assert rates(WHOLE) == [("numpy", 0.3)] * 2
    assert rates(PART) == [("numpy", 2)] * 2
    assert not (OUT / "compare.lock").exists()


@pytest.mark.processes
def test_two_at_once_into_one_folder_do_not_mix(stub, start, before):
    stub("mxnet", HANGS)
    first = start("--lr", "0.2", "--backends", "numpy,mxnet", "--limit", "8")
    wait_for(PART, 2)
    second = start("--lr", "0.3", "--backends", "numpy")
    _, errors = second.communicate(timeout=60)
    assert second.returncode == 2
    assert errors.splitlines()[-1] == (
        "d2lopt: a comparison is at work in out: wait until it has ended, or give "
        "another folder with --out."
    )
    assert rates(WHOLE) == BEFORE
    assert first.wait(60) == 1  # its limit passed: that is a record too
    assert rates(WHOLE) == [("numpy", 0.2)] * 2 + [("mxnet", 0.2)] * 2
    assert {p.name for p in OUT.iterdir()} == before.keys()


RECORD = blank(Spec("numpy", "sgd", {"lr": 0.1}), "scratch", "ok", "")


def test_the_first_comparison_grows_in_its_place(tmp_path):
    with kept_in(tmp_path) as kept:
        kept.append(RECORD)
        assert rates(tmp_path / "compare.jsonl") == [("numpy", 0.1)]
        with pytest.raises(InputError, match="a comparison is at work"):
            kept_in(tmp_path).__enter__()
    assert kept.where() == f"finished records are kept in {tmp_path}/compare.jsonl."
    assert Kept(tmp_path / "new").where() == "no record was finished."


def test_a_folder_that_takes_no_records_is_one_sentence(tmp_path):
    for name in ("compare.jsonl", "compare.lock"):
        folder = tmp_path / f"has {name}"
        (folder / name).mkdir(parents=True)
        message = rf"^cannot write {folder / name}: Is a directory\.$"
        with pytest.raises(InputError, match=message), kept_in(folder):
            pass


def test_a_disk_that_fills_up_is_one_sentence_and_keeps_the_one_before(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    (tmp_path / "compare.jsonl").write_text("{}\n")
    with kept_in(tmp_path) as kept:
        kept.path.symlink_to("/dev/full")
        with pytest.raises(InputError, match="cannot write into .*: No space left"):
            kept.append(RECORD)
    assert (tmp_path / "compare.jsonl").read_text() == "{}\n"
