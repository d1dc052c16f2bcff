"""A framework that ends, kills or holds up its process: what a sweep says of it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.processes

WORDS = [sys.executable, "-m", "d2lopt", "sweep", "sgd", "--lr", "0.01,0.1"]
WORDS += ["--seeds", "2", "--data", "stand-in"]
STAND_IN = "These numbers are from the generated stand-in, as asked."
GOES_ON = "0 of 4 records are kept in out: the same command goes on from there."


def sweep(*words: str, out: str = "out") -> subprocess.CompletedProcess:
    return subprocess.run(
        [*WORDS, *words, "--out", out], capture_output=True, text=True, timeout=200
    )


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize(
    ("body", "in_one", "in_several"),
    [
        (
            "import sys; sys.exit(0)",
            "MXNet: it ended with exit status 0",
            "MXNet: it ended with exit status 0",
        ),
        (
            "import sys; sys.exit('the licence has expired')",
            "MXNet: the licence has expired",
            "MXNet: the licence has expired",
        ),
        (
            "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
            "MXNet: killed by SIGSEGV",
            "the processes that ran the tasks died 3 times: killed by SIGSEGV",
        ),
        (
            "import os; os._exit(3)",
            "MXNet: it ended with exit status 3",
            "the processes that ran the tasks died 3 times: exit status 3",
        ),
        (
            "import time; time.sleep(600)",
            "MXNet: stopped: it passed its limit of 4 s (--limit)",
            "stopped: a task passed its limit of 4 s (--limit)",
        ),
    ],
    ids=["exit 0", "exit with words", "segfault", "os exit", "hang"],
)
def test_an_import_that_goes_wrong_is_one_sentence(
    stub, jobs, body, in_one, in_several
):
    stub("mxnet", body)
    limit = "4" if "limit" in in_one else "200"  # a busy machine takes its time
    run = sweep("--backend", "mxnet", "--jobs", jobs, "--limit", limit)
    said = {"1": in_one, "2": in_several}[jobs]
    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr.splitlines()[-1] == f"d2lopt: {said}; {GOES_ON}"
    if "died" not in said:  # where joblib's processes have left their tracebacks
        assert run.stderr.splitlines()[:-1] == [STAND_IN]


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_broken_import_is_bad_input(stub, jobs):
    stub("mxnet", "raise RuntimeError('no driver')")
    run = sweep("--backend", "mxnet", "--jobs", jobs)
    assert run.returncode == 2
    (_, said) = run.stderr.splitlines()
    assert said.endswith("is installed but its import fails: RuntimeError: no driver")


def test_one_process_gives_the_records_of_several():
    records = []
    for jobs in ("1", "2"):
        run = sweep("--jobs", jobs, "--json", out=jobs)
        assert run.returncode == 0, run.stderr
        lines = (Path(jobs) / "records.jsonl").read_text().splitlines()
        records.append(sorted(lines))
        assert len(records[-1]) == json.loads(run.stdout)["runs"] == 4
    assert records[0] == records[1]
