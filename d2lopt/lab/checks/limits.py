"""A limit on the time of a call, for a notebook; grading has limits of its own.

SIGALRM interrupts Python code in the main thread, which is where a notebook runs its
cells. Elsewhere (Windows, other threads, inside a long call into a framework) there is
no way to stop a function, and it runs to its end.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SECONDS = 20.0  # for one call of a student's function


class OutOfTime(BaseException):
    """The limit passed. No Exception, so that a student's `except` lets it through."""


@contextmanager
def limit() -> Iterator[None]:
    """Raise OutOfTime in the block after SECONDS, where that can be done."""
    can = hasattr(signal, "setitimer") and (
        threading.current_thread() is threading.main_thread()
    )
    if not can:
        yield
        return

    def stop(*_: Any) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, stop)
    remaining, _ = signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, remaining)
        signal.signal(signal.SIGALRM, before)
