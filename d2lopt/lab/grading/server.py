"""A process that has a framework loaded and forks a child for each question.

`python -m d2lopt.lab.grading.server` reads a greeting and requests from its standard
input and writes answers, all one JSON object a line; it ends when its input does.

To import a framework takes seconds, to fork milliseconds. Where a framework does not
work in a forked child, the answer to the greeting says so, and `room.py` starts the
server again with "warm": false: then each child imports the framework.
"""

from __future__ import annotations

import gc
import inspect
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy

from ...backend.load import load
from ...errors import InputError
from . import sandbox
from .sandbox import Limits, Outcome

TRIAL = Limits(seconds=120, memory_mb=4096)


def serve() -> None:
    """Answer requests until there are no more."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a framework prints on import is no answer
    greeting = json.loads(sys.stdin.readline())
    # These paths lead to the checkout, and to the solutions in it.
    sys.path = [path for path in sys.path if path not in greeting["hide"]]
    # Processes that a submission leaves behind become children of this one, which can
    # find and end them.
    sandbox.prctl(sandbox.PR_SET_CHILD_SUBREAPER, 1)

    def say(answer: dict[str, Any]) -> None:
        print(json.dumps(answer), file=answers, flush=True)

    from . import question

    backend = greeting["backend"]
    try:
        loaded = load(backend) if greeting["warm"] else None
    except (ImportError, InputError) as error:
        return say({"error": str(error)})

    changed = question.changes()
    # A garbage collection writes to every object that it looks at. In a child it would
    # copy all memory that the child shares with this process, for each question anew;
    # it leaves frozen objects alone.
    gc.collect()
    gc.freeze()

    def trial() -> bool:
        """Whether a child can read Python's files, compute, and answer a question."""
        for file in (os.__file__, inspect.__file__, numpy.__file__):
            Path(file).read_bytes()  # root may read them, another user perhaps not
        d2l = loaded or load(backend)
        two = d2l.numpy(d2l.sqrt(d2l.tensor([4.0])))
        question.answer("def f(): pass", False, greeting["lab"], "f", d2l)
        return bool(two[0] == 2.0)

    uid = greeting["uid"]
    ready = sandbox.run(trial, TRIAL, uid).value is True
    if not ready and uid is not None:  # that user cannot read the installation
        uid = None
        ready = sandbox.run(trial, TRIAL).value is True
    say({"ready": ready, "own_user": uid is not None})
    while ready and (line := sys.stdin.readline()):
        request = json.loads(line)
        limits = Limits(seconds=request["seconds"], memory_mb=request["memory"])

        def work(request: dict[str, Any] = request) -> dict[str, Any]:
            return question.answer(
                request["text"],
                request["notebook"],
                greeting["lab"],
                request["exercise"],
                loaded or load(backend),
                changed,
            )

        outcome = sandbox.run(work, limits, uid, lifeline=0)
        if outcome.reason == "parent gone":
            return
        say(outcome.value or verdict(request["exercise"], outcome, limits))


def verdict(exercise: str, outcome: Outcome, limits: Limits) -> dict[str, Any]:
    """The result of a question that gave no answer."""
    mistake, hint = {
        "time": (
            "timeout",
            f"It took more than {limits.seconds:g} s. Does a loop end?",
        ),
        "memory": ("too-much-memory", f"It took more than {limits.memory_mb} MB."),
        "output": (
            "too-much-output",
            f"It printed more than {limits.output_bytes // 10**6} MB.",
        ),
        "processes": ("too-many-processes", "It started too many processes."),
        "died": ("crashed", f"Its process ended {outcome.words}."),
    }[outcome.reason]
    return {"exercise": exercise, "passed": False, "mistake": mistake, "hint": hint}


if __name__ == "__main__":
    serve()
