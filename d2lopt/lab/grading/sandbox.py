"""Work in a forked child with limits: whatever it does, nothing of it is left behind.

The limits keep a mistake, or mischief, from costing more than its own question. They
are no wall against an attacker: docs/instructors.md says what they leave open, and how
to run the batch in a container.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import math
import os
import resource
import secrets
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
KEPT_OUTPUT = 4000  # characters of what was printed that are kept
TICK = 0.05  # seconds between looks at the time and the memory of the child itself
SCAN = 0.25  # and of all that it started, which takes longer


@dataclass(frozen=True)
class Limits:
    """What a piece of work may take; the seconds are of processor time.

    The time on the clock is limited to twice as much, for work that only sleeps.
    """

    seconds: float = 10.0
    memory_mb: int = 1024  # more than the process had at its start
    output_bytes: int = 10_000_000
    file_bytes: int = 16_000_000
    processes: int = 32

    @property
    def wall(self) -> float:
        return 2 * self.seconds


@dataclass(frozen=True)
class Outcome:
    """What the work returned, or else the limit that it passed or how it died."""

    value: Any = None
    reason: str = ""  # "" | time | memory | output | processes | died | parent gone
    words: str = ""  # for "died": how
    printed: str = ""


def prctl(option: int, value: int) -> None:
    """Linux's prctl; nothing elsewhere."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def run(
    work: Callable[[], Any],
    limits: Limits,
    uid: int | None = None,
    lifeline: int | None = None,
) -> Outcome:
    """Call `work` in a forked child, in an empty folder, and return what became of it.

    Args:
        work: returns what JSON can hold. It must not depend on threads of the caller.
        uid: the user that the child becomes, if the caller is root.
        lifeline: a file descriptor; when its other end is closed, the work is given up.
    """
    folder = tempfile.mkdtemp(prefix="question-")
    if uid is not None:
        os.chown(folder, uid, uid)
    token = secrets.token_hex(16)  # an answer without it is not the check's
    answers, answering = os.pipe()
    printed, printing = os.pipe()
    pid = os.fork()
    if pid == 0:
        # It ends by os._exit: what the parent has to do at its end is not the child's.
        try:
            _enter(folder, limits, uid, answering, printing)
            answer = json.dumps([token, work()])
            os.write(answering, answer.encode() + b"\n")
        except BaseException:
            os._exit(70)
        os._exit(0)
    os.close(answering)
    os.close(printing)
    try:
        return _Watch(pid, limits, token, answers, printed, lifeline).wait()
    finally:
        _end(pid, uid)
        os.close(answers)
        os.close(printed)
        _remove(folder)


# ------------------------------------------------------------------------- in the child


def _enter(
    folder: str, limits: Limits, uid: int | None, answering: int, printing: int
) -> None:
    """Leave the parent's files, folder, variables and user; take on the limits."""
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (printing, 1), (printing, 2)):
        os.dup2(source, target)
    highest = os.sysconf("SC_OPEN_MAX")
    os.closerange(3, answering)
    os.closerange(answering + 1, min(highest, 4096))
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment(folder))
    tempfile.tempdir = folder
    _limit(resource.RLIMIT_CPU, math.ceil(limits.seconds) + 1)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, limits.file_bytes)
    _limit(resource.RLIMIT_NOFILE, 256)
    _limit(resource.RLIMIT_DATA, _data_bytes() + limits.memory_mb * 2**20)
    if uid is not None:
        _limit(resource.RLIMIT_NPROC, limits.processes)
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # after setuid, which would clear it


def environment(folder: str) -> dict[str, str]:
    """All variables that the work sees: none of the caller's."""
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": folder,
        "TMPDIR": folder,
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": folder,
        "PYTHONHASHSEED": "0",
        **dict.fromkeys(threads, "1"),
    }


def _limit(which: int, value: int) -> None:
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    with contextlib.suppress(ValueError, OSError):  # macOS has not every limit
        resource.setrlimit(which, (value, value))


def _data_bytes() -> int:
    """What RLIMIT_DATA counts already: the private writable memory."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[5]) * os.sysconf(
            "SC_PAGE_SIZE"
        )
    except OSError:
        return 2**30


# ------------------------------------------------------------------------ in the parent


class _Watch:
    """Listens to a child until it has answered, died, or passed a limit."""

    def __init__(
        self,
        pid: int,
        limits: Limits,
        token: str,
        answers: int,
        printed: int,
        lifeline: int | None,
    ) -> None:
        self.pid, self.limits, self.token = pid, limits, token
        self.answers, self.printed, self.lifeline = answers, printed, lifeline
        self.answer, self.text, self.output = b"", b"", 0  # output: bytes printed
        # With more processes than this on the machine, the child's are counted.
        self.crowd = len(psutil.pids()) + limits.processes
        self.base = psutil.Process().memory_info().rss
        self.start = time.monotonic()
        self.scanned = self.start
        for pipe in (answers, printed):
            os.set_blocking(pipe, False)

    def wait(self) -> Outcome:
        poll = select.poll()
        for pipe in (self.answers, self.printed):
            poll.register(pipe, select.POLLIN)
        if self.lifeline is not None:
            poll.register(self.lifeline, select.POLLIN)
        while True:
            for pipe, _ in poll.poll(TICK * 1000):
                if pipe == self.lifeline:
                    return Outcome(reason="parent gone")
                if not self._read(pipe):
                    poll.unregister(pipe)
            if b"\n" in self.answer:
                return self._answered()
            if self.output > self.limits.output_bytes:
                return self._outcome("output")
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                self._read(self.answers)
                self._read(self.printed)
                return self._answered() if b"\n" in self.answer else self._died(status)
            passed = self._passed()
            if passed:
                return self._outcome(passed)

    def _read(self, pipe: int) -> bool:
        """Take what there is; False at the end of the pipe."""
        try:
            block = os.read(pipe, 2**16)
        except BlockingIOError:
            return True
        if pipe == self.printed:
            self.output += len(block)
            self.text += block[: max(0, 4 * KEPT_OUTPUT - len(self.text))]
        elif len(self.answer) < 2**20:
            self.answer += block
        return bool(block)

    def _answered(self) -> Outcome:
        try:
            token, value = json.loads(self.answer.split(b"\n")[0])
        except (ValueError, TypeError):
            token = value = None
        if token != self.token:
            return self._outcome("died", "with an answer that is not the check's")
        self._read(self.printed)
        return Outcome(value=value, printed=self._words())

    def _died(self, status: int) -> Outcome:
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            if number == signal.SIGXCPU or (
                number == signal.SIGKILL and self._seconds() >= self.limits.seconds
            ):
                return self._outcome("time")
            return self._outcome("died", f"by {_name(number)}, before it answered")
        code = os.WEXITSTATUS(status)
        return self._outcome("died", f"with exit status {code}, before it answered")

    def _seconds(self) -> float:
        return time.monotonic() - self.start

    def _passed(self) -> str:
        """The limit that the child, with all that it started, has passed, or ""."""
        if self._seconds() > self.limits.wall:
            return "time"
        try:
            family = [psutil.Process(self.pid)]
            crowded = len(psutil.pids()) > self.crowd
            if crowded or time.monotonic() - self.scanned > SCAN:
                self.scanned = time.monotonic()
                family = psutil.Process().children(recursive=True)
        except psutil.Error:
            return ""
        if len(family) > self.limits.processes:
            return "processes"
        memory, seconds = 0, 0.0
        for process in family:
            with contextlib.suppress(psutil.Error):
                memory += max(0, process.memory_info().rss - self.base)
                times = process.cpu_times()
                seconds += times.user + times.system
        if memory > self.limits.memory_mb * 2**20:
            return "memory"
        return "time" if seconds > self.limits.seconds else ""

    def _outcome(self, reason: str, words: str = "") -> Outcome:
        return Outcome(reason=reason, words=words, printed=self._words())

    def _words(self) -> str:
        return self.text.decode("utf-8", "replace")[:KEPT_OUTPUT]


def _name(number: int) -> str:
    """The signal's name; one of the unnamed real-time signals has its number."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _end(pid: int, uid: int | None) -> None:
    """Kill the child and all that it started, also what has left its group.

    As the caller is a subreaper, orphans become its children: it is done when it has
    none. Children are stopped before they are killed, as a bomb forks on meanwhile.
    """
    patience = time.monotonic() + 30
    while time.monotonic() < patience:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        if not _reap():
            return
        if uid is not None:
            _kill_all_of(uid)
        family = psutil.Process().children(recursive=True)
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for process in family:
                with contextlib.suppress(psutil.Error):
                    process.send_signal(number)
        time.sleep(0.002)


def _reap() -> bool:
    """Take leave of children that have ended; whether there are others."""
    while True:
        try:
            ended, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if not ended:
            return True


def _kill_all_of(uid: int) -> None:
    """End every process of a user; only root can, and only for users of its own."""
    pid = os.fork()
    if pid == 0:
        os.setuid(uid)
        if os.getuid() == uid:
            with contextlib.suppress(OSError):
                os.kill(-1, signal.SIGKILL)
        os._exit(0)


def _remove(folder: str) -> None:
    """The folder and what is in it; what its owner made unreadable, too."""

    def allow(function: Any, path: str, error: Any) -> None:
        with contextlib.suppress(OSError):
            Path(path).parent.chmod(0o700)
            if not Path(path).is_symlink():
                Path(path).chmod(0o700)
            function(path)

    shutil.rmtree(folder, onerror=allow)
