"""What stays on the disk: folders, files that are whole or as they were, JSON lines.

JSON lines are a file with one JSON object in each line. It only grows, so that a kill
or a full disk costs the last line at most.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from .errors import InputError


@contextmanager
def writing(where: Path | str, remedy: str = "") -> Iterator[None]:
    """Say what could not be written, and why, if the system refuses it in the block.

    `where` is a file's path, or f"into {folder}". Raises an InputError in the place of
    the OSError: "cannot write <where>: <why>. <remedy>"

    >>> with writing("into out", "Choose another with --out."):
    ...     raise OSError(28, "No space left on device")
    Traceback (most recent call last):
        ...
    d2lopt.errors.InputError: cannot write into out: No space left on device. \
Choose another with --out.
    """
    try:
        yield
    except OSError as error:
        raise _refused(f"write {where}", error, remedy) from error


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """The same for a file that cannot be read: "cannot read <path>: <why>." """
    try:
        yield
    except OSError as error:
        raise _refused(f"read {path}", error, "") from error


def _refused(what: str, error: OSError, remedy: str) -> InputError:
    why = error.strerror or str(error)
    return InputError(f"cannot {what}: {why}. {remedy}".rstrip())


def make_folder(folder: Path) -> Path:
    """Make the folder if need be, and return it once a file could be written into it.

    Several processes may do so at once: each tries with a nameless file of its own.
    Raises an InputError if nothing can be written there.
    """
    with writing(f"into {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    return folder


def try_writing(path: Path) -> None:
    """Make the folder of the file; OSError if the file could not be written there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        path.open("a").close()
    else:
        with TemporaryFile(dir=path.parent):
            pass


# ------------------------------------------------------------------ one at a time


@contextmanager
def only_one(lock: Path, what: str) -> Iterator[None]:
    """Keep other processes out of the folder of `lock` until the block is left.

    A kill leaves the file behind, but not the lock: the next one takes it. Raises an
    InputError if another process is in such a block ("a <what> is at work in …"), or
    if the file cannot be written.
    """
    from filelock import Timeout

    with ExitStack() as held:
        try:
            held.enter_context(_locked(lock, patience=0))
        except Timeout:
            raise InputError(
                f"a {what} is at work in {lock.parent}: wait until it has ended, or "
                "give another folder with --out."
            ) from None
        except OSError as error:
            raise _refused(f"write {lock}", error, "") from error
        yield


@contextmanager
def _locked(lock: Path, patience: float = -1) -> Iterator[None]:
    """Hold the lock, after so many seconds of waiting or else a Timeout; -1: any."""
    from filelock import FileLock

    holder = FileLock(lock)
    with holder.acquire(timeout=patience):
        try:
            yield
        finally:
            # While it is held, so that who comes meanwhile sees that it is gone.
            with suppress(OSError):
                lock.unlink()


# -------------------------------------------------------------------------- whole files


def write_whole(path: Path, content: bytes) -> None:
    """Let the file have the content, or what it had before, and nothing in between.

    The content is on the disk when this returns. Of several writers at once, the last
    one's stays; what a killed one leaves, .<name>.draft, the next one takes over. A
    link stays a link; what is no regular file, such as /dev/stdout, is written to.
    Raises OSError.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    file = path.resolve()
    draft = file.with_name(f".{file.name}.draft")
    with _locked(file.with_name(f".{file.name}.lock")):
        try:
            with draft.open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(file)
        finally:
            draft.unlink(missing_ok=True)


# -------------------------------------------------------------------------- JSON lines


def json_lines(objects: Iterable[Any]) -> bytes:
    """Each object as a line of JSON, with its line end."""
    return b"".join(json.dumps(value).encode() + b"\n" for value in objects)


def append_lines(path: Path, objects: Iterable[Any]) -> None:
    """Add the objects as lines to the file, which is made if need be.

    They are on the disk when this returns. Raises OSError.
    """
    content = json_lines(objects)
    with path.open("a+b", buffering=0) as file:
        # A last line that was cut short gets its end, or it would swallow the next. So
        # does one that another process is at: it makes a blank line.
        if file.seek(0, os.SEEK_END) > 0:
            file.seek(-1, os.SEEK_END)
            content = content if file.read(1) == b"\n" else b"\n" + content
        # One write: lines of two processes do not mix. On a disk that is nearly full
        # it takes a part only, and the next one says why.
        while content:
            content = content[file.write(content) :]
        os.fsync(file.fileno())


def read_lines(path: Path) -> tuple[list[Any], bool]:
    """(the objects in the file's whole lines, whether all its lines are whole).

    A line that is damaged or has no line end is left out; a blank one does not count. A
    file that is not there has no lines. Raises OSError.
    """
    if not path.exists():
        return [], True
    *lines, rest = path.read_bytes().split(b"\n")
    objects, whole = [], not rest
    for line in filter(None, lines):
        try:
            objects.append(json.loads(line))
        except (ValueError, RecursionError):
            whole = False
    return objects, whole
