"""The folder of a sweep: what it is to run, and the records that it has so far.

`sweep.json` says what the folder's sweep is; `records.jsonl` has one record a line.
The records of a task are appended in one write and brought to the disk. When the sweep
goes on, a line that a kill or a full disk cut short, and a record that lacks something,
are dropped, and run again.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files import (
    append_lines,
    json_lines,
    only_one,
    read_lines,
    reading,
    write_whole,
    writing,
)
from .grid import Sweep

Key = tuple[tuple[float, ...], int]  # the hyperparameters' values, the seed
LINES, SPEC, LOCK = "records.jsonl", "sweep.json", "sweep.lock"


def key_of(sweep: Sweep, record: dict[str, Any]) -> Key:
    """Which run of the sweep the record is of; some error if it is no record."""
    values = record["hyperparams"]
    return tuple(float(values[name]) for name in sweep.grid), int(record["seed"])


def is_whole(record: dict[str, Any]) -> bool:
    """Whether a record has all that the summary and the figures take from it."""
    try:
        loss, losses, steps = record["loss"], record["losses"], record["steps"]
        numbers = [*losses, *steps, record["num_steps"]]
        numbers += [] if loss is None else [loss]
        return len(losses) == len(steps) and all(map(math.isfinite, numbers))
    except (KeyError, TypeError, OverflowError):
        return False


@contextmanager
def opened(folder: Path, sweep: Sweep) -> Iterator[Store]:
    """The folder's store, with no other process in it.

    Raises an InputError if another sweep is at work in the folder, or has left its
    records there.
    """
    with only_one(folder / LOCK, "sweep"):
        yield Store(folder, sweep)


class Store:
    """The records of one sweep in its folder."""

    def __init__(self, folder: Path, sweep: Sweep) -> None:
        self.folder, self.sweep = folder, sweep
        self._path = folder / LINES
        self._runs = {
            (tuple(configuration.values()), seed)
            for configuration in sweep.configurations
            for seed in range(sweep.seeds)
        }
        self._claim()
        self.records: dict[Key, dict[str, Any]] = {}
        with reading(self._path):
            lines, whole = read_lines(self._path)
        for record in lines:
            key = self._checked_key(record)
            if is_whole(record):
                self.records.setdefault(key, record)
        if not whole or len(self.records) < len(lines):  # damaged, or there twice
            with writing(self._path):
                write_whole(self._path, json_lines(self.records.values()))

    def _claim(self) -> None:
        """Write into the folder what its sweep is; an InputError if it has another."""
        path, asked = self.folder / SPEC, self.sweep.as_json()
        another = "give this one another folder with --out"
        has_lines = self._path.exists()
        if path.exists():
            with reading(path):
                content = path.read_bytes()
            try:
                there = json.loads(content)
                differ = [name for name in asked if there.get(name) != asked[name]]
            except (ValueError, AttributeError, RecursionError):
                raise InputError(
                    f"{path} cannot be read: mend or remove it, or {another}."
                ) from None
            with reading(self._path):
                has_lines = has_lines and bool(self._path.read_bytes().strip())
            if differ and has_lines:
                raise InputError(
                    f"{self.folder} holds another sweep, of different "
                    f"{', '.join(differ).replace('_', ' ')}: {another}."
                )
            if not differ:
                return
        elif has_lines:
            raise InputError(
                f"{self.folder} has records and no {SPEC} that says of what: {another}."
            )
        with writing(path):
            write_whole(path, json.dumps(asked, indent=1).encode() + b"\n")

    def _checked_key(self, record: Any) -> Key:
        """The key of a record in the file; an InputError if it is not of this sweep."""
        try:
            key = key_of(self.sweep, record)
        except (KeyError, TypeError, ValueError, OverflowError):
            key = None
        if key is None or key not in self._runs:
            raise InputError(
                f"{self._path} has a record that is not of this sweep: give it another "
                "folder with --out."
            )
        return key

    def append(self, records: Iterable[dict[str, Any]]) -> None:
        """Keep those records that are not there yet: on the disk, when it returns.

        Raises an InputError if the disk does not take them.
        """
        new = {key_of(self.sweep, record): record for record in records}
        new = {key: record for key, record in new.items() if key not in self.records}
        remedy = "Once that is mended, the same command goes on from there."
        with writing(f"into {self.folder}", remedy):
            append_lines(self._path, new.values())
        self.records.update(new)

    def lacks(self, configurations: Sequence[dict[str, float]], seed: int) -> bool:
        """Whether a run of these configurations with the seed has no record."""
        return any(
            (tuple(c.values()), seed) not in self.records for c in configurations
        )

    def in_order(self) -> list[dict[str, Any]]:
        """All records: configuration by configuration, seed by seed."""
        return [self.records[key] for key in sorted(self.records)]


def count(folder: Path) -> int:
    """How many whole records the folder has."""
    path = folder / LINES
    return path.read_bytes().count(b"\n") if path.exists() else 0
