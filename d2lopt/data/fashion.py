"""Fashion-MNIST as NumPy arrays: find its four files, verify, download and read them.

70 000 grey images of 28 by 28 pixels in ten classes, in the IDX format of MNIST.
`data/fashion_mnist.json` describes the files: source, hashes, addresses. A folder that
you name is taken as it is, if its files have the right form; what lies elsewhere, or
comes from an address, is used only if it is what was published.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from ..backend.environment import CHECKOUT
from ..errors import InputError
from .fetch import (
    CONNECT,
    READ,
    Most,
    cache_dir,
    content_of,
    describe,
    fetch,
    first,
)

Array = np.ndarray[Any, Any]

VARIABLE = "D2LOPT_FASHION_MNIST"  # the environment variable that names the folder
SIDE, CLASSES = 28, 10
MOST = Most(size=64 * 2**20, seconds=300)  # the largest has 26 MB, unpacked 47


@cache
def description() -> dict[str, Any]:
    """What `data/fashion_mnist.json` says."""
    return describe("fashion_mnist.json")


def names() -> list[str]:
    """The four files: images and labels for training, then those for testing."""
    return list(description()["md5"])


@dataclass(frozen=True)
class Images:
    """Images X (n, 28, 28) and their classes y (n,), 0 to 9; both uint8."""

    X: Array
    y: Array


# -------------------------------------------------------------------------- the content


def parse(content: bytes, origin: str, axes: int) -> Array:
    """The array in an IDX file of bytes with so many axes, packed by gzip or not.

    The format: two zeros, 8 for bytes, the number of axes; the length of each axis in
    four bytes, the highest first; the bytes. Raises an InputError that says what is
    wrong with content that is not such a file.
    """
    try:
        plain = content
        if content[:2] == b"\x1f\x8b":
            with gzip.open(BytesIO(content)) as packed:
                plain = packed.read(MOST.size + 1)
    except (OSError, EOFError, zlib.error):
        raise InputError(f"{origin}: it is cut off or damaged (gzip).") from None
    if len(plain) > MOST.size:
        raise InputError(f"{origin}: {MOST.too_large}.")
    reason = _what_is_wrong(plain, axes)
    if reason:
        raise InputError(f"{origin}: {reason}.")
    return np.frombuffer(plain, np.uint8, offset=4 + 4 * axes).reshape(_shape(plain))


def _shape(plain: bytes) -> list[int]:
    """The lengths of the axes, which an IDX file has after its first four bytes."""
    return [
        int.from_bytes(plain[i : i + 4], "big") for i in range(4, 4 + 4 * plain[3], 4)
    ]


def _what_is_wrong(plain: bytes, axes: int) -> str | None:
    """Why the content is no IDX file of bytes with so many axes; None if it is one."""
    head = 4 + 4 * axes
    if not plain.strip():
        return "it is empty"
    if plain.lstrip()[:1] == b"<":
        return "it is a web page (an error page saved as data?)"
    if len(plain) < head or plain[:4] != bytes([0, 0, 8, axes]):
        return f"it does not begin as an IDX file with {axes} axes does"
    have, want = len(plain) - head, prod(_shape(plain))
    if have != want:
        cut = " (it is cut off?)" if have < want else ""
        return f"it has {have} bytes where {want} belong{cut}"
    return None


def read(path: Path, verify: bool) -> Array:
    """The array in one of the four files: (n, 28, 28) for images, (n,) for labels.

    Raises an InputError that says what is wrong with it; with `verify`, that is also
    any content which is not the published one.
    """
    content = content_of(path, MOST, "a file of Fashion-MNIST")
    name = path.name.removesuffix(".gz") + ".gz"
    published = description()["md5"][name]
    origin = f"{path} is not a file of Fashion-MNIST"
    array = parse(content, origin, axes=3 if "images" in name else 1)
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if verify and md5 != published:
        raise InputError(f"{origin}: its bytes are others (MD5 {md5}).")
    if array.ndim == 3 and array.shape[1:] != (SIDE, SIDE):
        raise InputError(
            f"{origin}: its images are {array.shape[1]} by {array.shape[2]}."
        )
    if array.ndim == 1 and array.max(initial=0) >= CLASSES:
        raise InputError(f"{origin}: it has the label {array.max()}, not 0 to 9.")
    return array.copy()  # what is read is read-only


# --------------------------------------------------------------------------- finding it


def candidates() -> list[Path]:
    """The folders that may have the files, in the order in which they are looked at."""
    places = [CHECKOUT / "data" / "fashion-mnist"]
    with suppress(InputError):  # a user without a home has no cache
        places.append(cache_dir() / "fashion-mnist")
    return places


def download(addresses: list[str] | None = None, to: Path | None = None) -> Path:
    """Fetch the files that are not there yet; return the folder.

    One address after the other is tried, and left at the first file that it does not
    give. Raises an InputError with what each of them answered.
    """
    folder = to or cache_dir() / "fashion-mnist"

    def get(address: str) -> None:
        for name in names():
            if not (folder / name).exists():
                try:
                    check = lambda path: read(path, verify=True)
                    timeouts = (CONNECT, READ)
                    fetch(address + name, folder / name, check, MOST, timeouts)
                except InputError as error:  # the host is enough to tell them apart
                    host = urlsplit(address).netloc
                    answer = str(error).replace(address + name, host)
                    raise InputError(answer) from error

    first(addresses or description()["addresses"], get, "its files")
    return folder


def locate() -> Path:
    """The folder with the files that were found or downloaded; not yet verified."""
    whole = (f for f in candidates() if all((f / name).exists() for name in names()))
    there = next(whole, None)
    try:
        return there or download()
    except InputError as error:
        raise InputError(
            f"Fashion-MNIST is not here, and {str(error).rstrip('.')}: put all "
            f"four ({names()[0]} and so on) into {candidates()[-1]}, or set {VARIABLE} "
            "to the folder that has them."
        ) from error


def load() -> tuple[Images, Images]:
    """The images for training and for testing: 60 000 and 10 000.

    They are looked for in the folder that $D2LOPT_FASHION_MNIST names, which is never
    replaced by another and may have the files unpacked; else in data/fashion-mnist of
    the checkout, in the cache, and at the known addresses.

    Raises:
        InputError: a file is missing, damaged or another one, or no address answers;
            the message says what is wrong and what to do.
    """
    given = os.environ.get(VARIABLE)
    folder = Path(given).expanduser() if given else locate()
    arrays = []
    for name in names():
        path = folder / name
        if given and not path.exists():
            plain = path.with_suffix("")
            path = plain if plain.exists() else path
        try:
            arrays.append(read(path, verify=not given))
        except InputError as error:
            remedy = (
                f"{VARIABLE} must name the folder that has the four files of "
                "Fashion-MNIST"
                if given
                else "remove it, and the next call downloads it again"
            )
            raise InputError(f"{str(error).rstrip('.')}; {remedy}.") from error
    train, test = Images(*arrays[:2]), Images(*arrays[2:])
    for images in (train, test):
        if not 0 < len(images.X) == len(images.y):
            raise InputError(
                f"{folder} has {len(images.X)} images and {len(images.y)} labels for "
                "them, where each image needs one: fetch the files again."
            )
    return train, test
