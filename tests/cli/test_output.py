"""A command without room, home or shared memory: one sentence, and exit status 2."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from d2lopt.data.airfoil import candidates

pytestmark = pytest.mark.processes

SMALL = ["--data", "stand-in", "--epochs", "1", "--batch-size", "500"]
COMMANDS = [
    ["--help"],
    ["sweep", "--help"],
    ["run", "sgd", *SMALL],
    ["run", "sgd", "--json", *SMALL],
    ["compare", "sgd", "--backends", "numpy", *SMALL],
    ["sweep", "sgd", *SMALL],
    ["explain", "sgd"],
    ["translate", "sgd", "--from", "torch", "--to", "jax", "lr=0.1", *SMALL[:2]],
    ["playground"],
]


def d2lopt(words, code="from d2lopt.cli import main; main()", **more):
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        stderr=subprocess.PIPE,
        text=True,
        timeout=200,
        **more,
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_where_nothing_more_fits_it_says_so(words, unbuffered, monkeypatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    with Path("/dev/full").open("w") as full:
        run = d2lopt(words, stdout=full)
    assert run.returncode == 2
    assert "Traceback" not in run.stderr
    assert "Exception ignored" not in run.stderr
    said = "d2lopt: cannot write what it prints: No space left on device."
    assert run.stderr.splitlines()[-1] == said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize(("words", "status"), [([], 0), (["--lr", "-1"], 2)])
def test_where_not_even_that_fits_the_status_says_it(words, status):
    """Remarks beside the results may be lost; what went wrong may not."""
    with Path("/dev/full").open("w") as full:
        run = subprocess.run(
            [sys.executable, "-m", "d2lopt", "run", "sgd", *SMALL, *words],
            stdout=subprocess.DEVNULL,
            stderr=full,
            timeout=200,
        )
    assert run.returncode == status


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_reader_that_has_enough_is_no_error(words):
    reader, writer = os.pipe()
    os.close(reader)
    run = d2lopt(words, stdout=writer)
    os.close(writer)
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert "Exception ignored" not in run.stderr


HOMELESS = """
import os, pwd
def nobody(uid): raise KeyError(uid)
pwd.getpwuid = nobody
for name in ("HOME", "XDG_CACHE_HOME", "D2LOPT_DATA"): os.environ.pop(name, None)
from d2lopt.cli import main; main()
"""


def test_a_user_without_a_home_can_do_without_the_cache():
    words = ["run", "sgd", "--epochs", "1", "--batch-size", "500"]
    run = d2lopt(words, HOMELESS, stdout=subprocess.PIPE)
    assert run.returncode == 0, run.stderr
    assert not Path("~").exists()
    if not any(place.exists() for place in candidates()[:1]):
        run = d2lopt([*words, "--data", "airfoil"], HOMELESS)
        assert run.returncode == 2
        assert run.stderr.startswith("d2lopt: this user has no home folder")
        assert len(run.stderr.splitlines()) == 1


def test_a_user_without_a_home_cannot_have_notebooks():
    run = d2lopt(["notebooks", "--chapters", "sgd"], HOMELESS)
    assert run.returncode == 2
    (said,) = run.stderr.splitlines()
    assert said.startswith("d2lopt: notebooks need a home folder")


def test_a_system_without_shared_memory_has_one_process_at_a_time():
    code = (
        "import _multiprocessing, errno, os\n"
        "class Refused(_multiprocessing.SemLock):\n"
        "    def __new__(cls, *arguments, **more):\n"
        "        raise OSError(errno.EROFS, os.strerror(errno.EROFS))\n"
        "_multiprocessing.SemLock = Refused\n"
        "import multiprocessing.synchronize; from d2lopt.cli import main; main()"
    )
    words = ["sweep", "sgd", "--lr", "0.1,0.2", "--seeds", "2", *SMALL, "--json"]
    run = d2lopt([*words, "--jobs", "2"], code)
    assert run.returncode == 2
    assert run.stderr.splitlines()[1:] == [
        "d2lopt: several processes need shared memory (on Linux, /dev/shm), and this "
        "system refuses it: Read-only file system. Take one process: --jobs 1."
    ]
    assert (
        d2lopt([*words, "--jobs", "1"], code, stdout=subprocess.DEVNULL).returncode == 0
    )
