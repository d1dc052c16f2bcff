"""The children in which frameworks run: their events, and why they ended."""

import asyncio
import os
import signal
import time

import pytest

from d2lopt.backend.processes import ChildLost, all_at_once, events, stream
from d2lopt.errors import BrokenBackend, InputError

pytestmark = pytest.mark.processes

JOB = """
import os, signal, sys, time
from d2lopt.errors import InputError
def job(emit, end):
    for i in range(4):
        time.sleep(0.5)
        emit({"i": i, "pid": os.getpid()})
    exec(end)
"""
ENDS = [
    ("time.sleep(600)", ChildLost, r"^stopped: it passed its limit of 1\.5 s"),
    ("os.kill(os.getpid(), signal.SIGSEGV)", ChildLost, "^killed by SIGSEGV$"),
    ("sys.exit(0)", ChildLost, "^it ended with exit status 0$"),
    ("sys.exit('no licence')", ChildLost, "^no licence$"),
    ("1 / 0", ChildLost, "^ZeroDivisionError: division by zero$"),
    ("raise InputError('No such thing.')", BrokenBackend, r"^No such thing\.$"),
]


@pytest.fixture
def job(stub) -> str:
    stub("some_job", JOB)
    return "some_job:job"


def test_each_event_comes_as_it_is_and_has_the_limit_to_itself(job):
    start, seen = time.monotonic(), []
    for event in events(job, {"end": ""}, limit=1.5):
        seen.append((event["i"], time.monotonic() - start))
    assert [i for i, _ in seen] == [0, 1, 2, 3]
    assert seen[3][1] > 1.5  # the limit of each, not of all
    assert seen[0][1] < seen[3][1] - 1  # not all of them at the end


@pytest.mark.parametrize(("end", "kind", "words"), ENDS, ids=[e for e, _, _ in ENDS])
def test_why_a_child_ended_is_said_after_its_events(job, end, kind, words):
    seen = []
    with pytest.raises(kind, match=words):
        seen.extend(event["i"] for event in events(job, {"end": end}, limit=1.5))
    assert seen == [0, 1, 2, 3]


def test_a_child_ends_when_nobody_waits_for_it(job):
    answers = events(job, {"end": "time.sleep(600)"}, limit=60)
    pid = next(answers)["pid"]
    answers.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def test_an_error_among_several_children_is_itself():
    """Not in a group of errors, which the command line would not know."""

    async def one(backend, start):
        await asyncio.sleep(0)
        raise InputError("The disk is full.")

    with pytest.raises(InputError, match="The disk is full"):
        all_at_once(["numpy", "numpy"], one)


def test_a_child_that_dies_at_once_is_no_broken_pipe(stub):
    stub("dead", "import os; os._exit(7)")
    for arguments in ({}, {"more": "x" * 10**6}):
        with pytest.raises(ChildLost, match="^it ended with exit status 7$"):
            list(events("dead:job", arguments, 60))
        why = asyncio.run(stream("dead:job", arguments, print))
        assert why == "it ended with exit status 7"
