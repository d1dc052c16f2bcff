"""Published data files: what describes them, where they are kept, how they come here.

A download is checked before it is moved into place: one that is interrupted or wrong
leaves nothing behind.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ..backend.environment import CHECKOUT
from ..errors import InputError

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


def fetch(
    address: str,
    to: Path,
    check: Callable[[Path], object],
    timeout: tuple[float, float] = (CONNECT, READ),
) -> None:
    """Download one file to `to`, once `check` has accepted it.

    Raises an InputError with what the address answered: what `check` says after its
    first colon, or the name of the error on the way.
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
        with tempfile.TemporaryDirectory(dir=to.parent) as folder:
            part = Path(folder) / to.name
            get(address, str(part), None)
            check(part)
            part.replace(to)
    except InputError as error:
        reason = str(error).split(": ", 1)[-1].rstrip(".")
        raise InputError(f"{address}: {reason}") from error
    except (OSError, ValueError) as error:  # requests' errors are OSErrors
        raise InputError(f"{address}: {type(error).__name__}") from error


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
