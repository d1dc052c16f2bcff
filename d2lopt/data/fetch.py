"""Published data files: what describes them, where they are kept, how they come here.

A download is checked before it is moved into place: one that is interrupted or wrong
leaves nothing behind. Neither a file nor a server is trusted to come to an end.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import IO, Any

from ..backend.environment import CHECKOUT
from ..errors import InputError
from ..files import reading

CONNECT, READ = 3.0, 5.0  # seconds to wait for an address, and between two of its bytes


def description_file(file: str) -> Path:
    """Where a description is: in the top folder data/, or, in a wheel, beside this."""
    packaged = Path(__file__).parent / file
    return packaged if packaged.is_file() else CHECKOUT / "data" / file


def describe(file: str) -> dict[str, Any]:
    """What the JSON file of that name says."""
    content: dict[str, Any] = json.loads(
        description_file(file).read_text(encoding="utf-8")
    )
    return content


def cache_dir() -> Path:
    """The user's cache folder for this package; InputError if there is no home."""
    import pooch

    try:
        return Path(pooch.os_cache("d2lopt")).expanduser()
    except RuntimeError as error:
        raise InputError(
            "this user has no home folder, where data would be kept: set HOME to one."
        ) from error


@dataclass(frozen=True)
class Most:
    """What is too much for one file, wherever it comes from."""

    size: int  # bytes
    seconds: float  # of a download, from its first byte to its last

    @property
    def too_large(self) -> str:
        """What is said of a larger one."""
        return f"it is larger than {self.size / 2**20:g} MB"


def content_of(path: Path, most: Most, what: str) -> bytes:
    """The bytes of a file.

    Raises an InputError if there is none, if it is no regular file (a pipe would be
    waited for, a device may never end), or "… is not <what>: …" if it is too large.
    """
    with reading(path):
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise InputError(f"cannot read {path}: it is a pipe or a device, no file.")
        with path.open("rb") as file:
            content = file.read(most.size + 1)
    if len(content) > most.size:
        raise InputError(f"{path} is not {what}: {most.too_large}.")
    return content


class _Part:
    """The file that a download writes; it takes so many bytes, and no more."""

    def __init__(self, file: IO[bytes], most: Most) -> None:
        self._file, self._most = file, most
        self.flush = file.flush

    def write(self, block: bytes) -> None:
        self._file.write(block)
        if self._file.tell() > self._most.size:
            raise InputError(self._most.too_large)


def fetch(
    address: str,
    to: Path,
    check: Callable[[Path], object],
    most: Most,
    timeout: tuple[float, float] = (CONNECT, READ),
) -> None:
    """Download one file to `to`, once `check` has accepted it.

    Raises an InputError with what the address answered: what `check` says after its
    first colon, that it was too much or took too long, or the name of the error on the
    way.
    """
    import pooch

    get = pooch.HTTPDownloader(
        progressbar=os.isatty(2),
        timeout=timeout,
        # As it is: a packed file must not be unpacked on its way.
        headers={"Accept": "*/*", "Accept-Encoding": "identity"},
    )
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=to.parent, ignore_cleanup_errors=True) as folder:
            part = Path(folder) / to.name
            with part.open("wb") as file:
                within(most.seconds, lambda: get(address, _Part(file, most), None))
            check(part)
            part.replace(to)
    except InputError as error:
        reason = str(error).split(": ", 1)[-1].rstrip(".")
        raise InputError(f"{address}: {reason}") from error
    except (OSError, ValueError) as error:  # requests' errors are OSErrors
        raise InputError(f"{address}: {type(error).__name__}") from error


def within(seconds: float, work: Callable[[], object]) -> None:
    """Do the work in a thread, and raise an InputError if it takes longer.

    The timeouts of a connection begin anew with each byte, so that they never end what
    comes byte by byte. The thread is left to itself then: it ends when it writes to the
    file that is closed by now, or with the process.
    """
    done: Future[object] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except Exception as error:
            done.set_exception(error)

    Thread(target=run, daemon=True).start()
    try:
        done.result(seconds)
    except TimeoutError as error:
        if done.done():  # a timeout of the connection
            raise
        raise InputError(f"it took more than {seconds:g} s") from error


def first(addresses: Iterable[str], get: Callable[[str], None], what: str) -> None:
    """Call get(address) until one succeeds.

    Raises an InputError with what each of them answered.
    """
    answers = []
    for address in addresses:
        try:
            return get(address)
        except InputError as error:
            answers.append(str(error))
    raise InputError(f"no address gave {what} ({'; '.join(answers)}).")
