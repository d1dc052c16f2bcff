"""The airfoil data: find it, verify it, download it, or stand in for it.

`data/airfoil.json` describes the file: columns, source, hashes, addresses, and the 27
figures from which the stand-in is generated. A file is used only if its content is the
published one, with either line end.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

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

MOST = Most(size=2**20, seconds=20)  # the file has 60 000 bytes


@cache
def description() -> dict[str, Any]:
    """What `data/airfoil.json` says."""
    return describe("airfoil.json")


@dataclass(frozen=True)
class Dataset:
    """Whitened features X (n, 5) and label y (n,), float64, and their origin."""

    X: Array
    y: Array
    name: str  # "airfoil" or "stand-in"
    origin: str  # a path, or how it was generated

    @property
    def source(self) -> str:
        """What `load` takes to give the same data again, in another process say."""
        return self.origin if self.name == "airfoil" else self.name

    @property
    def note(self) -> str | None:
        """What everyone who reads a result must know of the data, if anything."""
        if self.name == "airfoil":
            return None
        if self.origin == "asked for":
            return "These numbers are from the generated stand-in, as asked."
        return (
            "The airfoil file is not here: these numbers are from the generated "
            "stand-in, which has the airfoil's mean and covariance."
        )


# -------------------------------------------------------------------------- the content


def parse(content: bytes, origin: str = "the data") -> Array:
    """The table (1503, 6) of the file's content, float64.

    Raises an InputError that says what is wrong with content that is not the published
    one: not a table, a line that is not six numbers, too few or too many lines, or
    other numbers.
    """
    about = description()
    normal = content.replace(b"\r\n", b"\n")
    if hashlib.sha256(normal).hexdigest() != about["sha256"]["LF"]:
        raise InputError(f"{origin} is not the airfoil file: {_what_is_wrong(normal)}.")
    return np.array([line.split(b"\t") for line in normal.splitlines()], dtype=float)


def _what_is_wrong(content: bytes) -> str:
    """Why content with a wrong hash is not the file: the first reason."""
    about = description()
    if not content.strip():
        return "it is empty"
    if content.lstrip()[:1] == b"<":
        return "it is a web page (an error page saved as data?)"
    columns = len(about["columns"])
    lines = content.splitlines()
    tabbed = b"".join(
        b"\t".join(re.split(rb"[\s,;]+", line.strip())) + b"\n" for line in lines
    )
    if hashlib.sha256(tabbed).hexdigest() == about["sha256"]["LF"]:
        return (
            "its numbers are right, but one tab belongs between two of them, and a "
            "line end after each line"
        )
    for number, line in enumerate(lines, start=1):
        cells = line.split()
        last = number == len(lines)
        cut = " (the file is cut off there?)" if last and number < about["rows"] else ""
        if len(cells) != columns:
            return f"line {number} has {len(cells)} columns, not {columns}{cut}"
        for cell in cells:
            if not _is_number(cell):
                shown = cell[:20].decode("utf-8", "replace")
                return f"line {number} has {shown!r} where a number belongs"
    if len(lines) < about["rows"]:
        return f"it is cut off after {len(lines)} of {about['rows']} lines"
    if len(lines) > about["rows"]:
        return f"it has {len(lines)} lines, not {about['rows']}"
    sha1 = hashlib.sha1(content).hexdigest()
    return f"its numbers are others (SHA-1 {sha1}, not {about['sha1']['LF']})"


def _is_number(cell: bytes) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def read(path: Path) -> Array:
    """The table in the file at `path`; InputError if it is missing or not the file."""
    return parse(content_of(path, MOST, "the airfoil file"), str(path))


def whiten(table: Array) -> tuple[Array, Array]:
    """X (1500, 5), y (1500,): columns of mean 0, variance 1 over all 1503 rows."""
    white = (table - table.mean(0)) / table.std(0)
    white = white[: description()["whitened"]["rows"]]
    return white[:, :-1], white[:, -1]


def stand_in(origin: str = "generated") -> Dataset:
    """Gaussian rows with exactly the mean and covariance of the whitened airfoil rows.

    ½·MSE of a linear model depends on nothing else, so its full-data surface and its
    optimum, 0.241688, are the airfoil's own. The same rows every time.
    """
    figures = description()["whitened"]
    mean = np.array(figures["mean"])
    lower = np.zeros((len(mean), len(mean)))
    for i, row in enumerate(figures["covariance"]):
        lower[i, : i + 1] = row
    covariance = lower + np.tril(lower, -1).T
    Z = np.random.default_rng(0).normal(size=(figures["rows"], len(mean)))
    Z -= Z.mean(0)
    # Z has covariance LLᵀ: Z L⁻ᵀ has the identity, and times Cᵀ has C Cᵀ.
    Z = np.linalg.solve(np.linalg.cholesky(Z.T @ Z / len(Z)), Z.T).T
    rows = mean + Z @ np.linalg.cholesky(covariance).T
    return Dataset(rows[:, :-1], rows[:, -1], "stand-in", origin)


# --------------------------------------------------------------------------- finding it


def candidates() -> list[Path]:
    """Where the file may lie already, in the order in which it is looked for."""
    name = description()["name"]
    places = [CHECKOUT / "data" / name]
    with suppress(InputError):  # a user without a home has no cache
        places.append(cache_dir() / name)
    return places


def download(addresses: list[str] | None = None, to: Path | None = None) -> Path:
    """Fetch the file from the first address that has it; return where it now lies.

    Raises an InputError with what each address answered.
    """
    goal = to or cache_dir() / description()["name"]
    first(
        addresses or description()["addresses"],
        lambda address: fetch(address, goal, read, MOST, (CONNECT, READ)),
        "the airfoil file",
    )
    return goal


def locate(source: str = "airfoil") -> Path:
    """Where the file that `source` names should be: see `load`; not yet verified.

    Raises an InputError if it has to be downloaded and cannot be.
    """
    if source not in ("auto", "airfoil"):
        return Path(source)
    given = os.environ.get("D2LOPT_DATA")
    there = (
        Path(given) if given else next((p for p in candidates() if p.exists()), None)
    )
    try:
        return there or download()
    except InputError as error:
        raise InputError(
            f"{error} Put the file at {candidates()[-1]}, or name it with --data PATH "
            "or $D2LOPT_DATA; --data stand-in does without it."
        ) from error


def load(source: str = "auto") -> Dataset:
    """The data set that `source` names.

    Args:
        source: "airfoil" (the file, from `$D2LOPT_DATA`, the checkout's data/, the
            cache, or a download), "stand-in" (generated), "auto" (the file if it can be
            had, else the stand-in), or the path of the file.

    Raises:
        InputError: the file is missing, damaged or another one; the message says what
            is wrong and what to do. A file that was named is never replaced silently.
    """
    if source == "stand-in":
        return stand_in("asked for")
    try:
        path = locate(source)
    except InputError:
        if source != "auto":
            raise
        return stand_in()
    return Dataset(*whiten(read(path)), "airfoil", str(path))
