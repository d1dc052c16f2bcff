"""The grader's side of its servers: started in a folder of their own, and asked.

A server that dies is replaced, and its question asked once more.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from ...data.fetch import description_file
from ...errors import BrokenBackend
from . import sandbox
from .sandbox import Limits

PACKAGE = Path(__file__).parents[2]
# With root's rights, each server's children have a user of their own, from this up.
FIRST_USER = 61000
LINE = 2**28  # bytes in a request or an answer


@contextmanager
def room() -> Iterator[Path]:
    """A folder with a copy of the package in it, and nothing else of the checkout.

    The servers import from it: no path that a submission finds in its process leads to
    the chapters, the solutions or the submissions.
    """
    with tempfile.TemporaryDirectory(prefix="lab-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        shutil.copytree(PACKAGE, folder / PACKAGE.name)
        described = description_file("airfoil.json")
        shutil.copy(described, folder / PACKAGE.name / "data")
        yield folder


class Server:
    """A server process; it is started when it is first asked, and again if it dies."""

    def __init__(
        self, folder: Path, number: int, lab: str, backend: str, limits: Limits
    ) -> None:
        self.folder, self.number, self.limits = folder, number, limits
        self.greeting = {
            "lab": lab,
            "backend": backend,
            "warm": True,
            "uid": FIRST_USER + number if _is_root() else None,
            "hide": [str(PACKAGE.parent), "", "."],
        }
        self.process: asyncio.subprocess.Process | None = None

    async def ask(self, exercise: str, text: str, notebook: bool) -> dict[str, Any]:
        """The result of one question, whatever happens to the server.

        If the server dies, the question gets a second chance, as it may not have been
        at fault; raises BrokenBackend if the framework cannot be used.
        """
        request = {
            "exercise": exercise,
            "text": text,
            "notebook": notebook,
            "seconds": self.limits.seconds,
            "memory": self.limits.memory_mb,
        }
        for _ in range(2):
            await self._start()
            answer = await self._exchange(request, self.limits.wall + 60)
            if answer is not None:
                return answer
            await self.close()
        return {
            "exercise": exercise,
            "passed": False,
            "mistake": "crashed",
            "hint": "It ended the process that was to check it.",
        }

    async def _start(self) -> None:
        while self.process is None:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-P", "-m", f"{PACKAGE.name}.lab.grading.server"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                cwd=self.folder,
                env={
                    **sandbox.environment(str(self.folder)),
                    "PYTHONPATH": str(self.folder),
                    "TMPDIR": tempfile.gettempdir(),
                },
                limit=LINE,
                start_new_session=True,  # Ctrl-C is the grader's
            )
            answer = await self._exchange(self.greeting, 300)
            if answer and answer.get("ready"):
                return
            await self.close()
            if answer and "error" in answer:
                raise BrokenBackend(answer["error"])
            if not self.greeting["warm"]:
                raise BrokenBackend(
                    "the framework does not work in a process with limits; try "
                    "`d2lopt doctor`."
                )
            self.greeting["warm"] = False

    async def _exchange(
        self, request: dict[str, Any], patience: float
    ) -> dict[str, Any] | None:
        """The answer; None if the server is dead, or as good as."""
        process = self.process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            await process.stdin.drain()
            line = await asyncio.wait_for(process.stdout.readline(), patience)
            answer = json.loads(line)
        except (OSError, TimeoutError, ValueError):
            return None
        return answer if isinstance(answer, dict) else None

    async def close(self) -> None:
        """End the server, and what a submission that killed it may have left."""
        process, self.process = self.process, None
        if process is None:
            return
        for child in _descendants(process.pid):
            with contextlib.suppress(psutil.Error):
                child.kill()
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        await process.wait()


def _descendants(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        return list(psutil.Process(pid).children(recursive=True))
    return []


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0
