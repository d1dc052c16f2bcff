"""The folder of a sweep: what it is to run, and the records that it has so far.

`sweep.json` says what the folder's sweep is; `records.jsonl` has one record a line.
What a task gives is appended in one write and brought to the disk; a line that a kill
or a full disk cut short is dropped, and run again, when the sweep goes on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import InputError
from .grid import Sweep

Key = tuple[tuple[float, ...], int]  # the hyperparameters' values, the seed
LINES, SPEC, LOCK = "records.jsonl", "sweep.json", "sweep.lock"


def key_of(sweep: Sweep, record: dict[str, Any]) -> Key:
    """Which run of the sweep the record is of; KeyError or TypeError if it is none."""
    values = record["hyperparams"]
    return tuple(float(values[name]) for name in sweep.grid), int(record["seed"])


@contextmanager
def opened(folder: Path, sweep: Sweep) -> Iterator[Store]:
    """The folder's store, with no other process in it.

    Raises an InputError if another sweep is at work in the folder, or has left its
    records there.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(
            f"a sweep is at work in {folder}: wait until it has ended, or give another "
            "folder with --out."
        ) from None
    try:
        store = Store(folder, sweep)
        yield store
        store.close()
    finally:
        lock.release()


class Store:
    """The records of one sweep in its folder."""

    def __init__(self, folder: Path, sweep: Sweep) -> None:
        self.folder, self.sweep = folder, sweep
        self._runs = {
            (tuple(configuration.values()), seed)
            for configuration in sweep.configurations
            for seed in range(sweep.seeds)
        }
        self._claim()
        self.records: dict[Key, dict[str, Any]] = {}
        kept, whole = [], True
        path = folder / LINES
        for line in path.read_bytes().splitlines(True) if path.exists() else []:
            record = self._read(line)
            if record is None or key_of(sweep, record) in self.records:
                whole = False  # cut short, or there already
                continue
            self.records[key_of(sweep, record)] = record
            kept.append(line)
        if not whole:
            _replace(path, b"".join(kept))
        self._file = path.open("ab", buffering=0)

    def _claim(self) -> None:
        """Say in the folder whose it is; an InputError if it is another's."""
        path, asked = self.folder / SPEC, self.sweep.as_json()
        another = "give this one another folder with --out"
        if path.exists():
            try:
                found = json.loads(path.read_text(encoding="utf-8"))
                differ = [n for n in asked if found.get(n) != asked[n]]
            except (ValueError, AttributeError):
                raise InputError(
                    f"{path} cannot be read: mend or remove it, or {another}."
                ) from None
            there = self.folder / LINES
            if differ and there.exists() and there.read_bytes().strip():
                raise InputError(
                    f"{self.folder} holds another sweep, of different "
                    f"{', '.join(differ).replace('_', ' ')}: {another}."
                )
            if not differ:
                return
        elif (self.folder / LINES).exists():
            raise InputError(
                f"{self.folder} has records and no {SPEC} that says of what: {another}."
            )
        _replace(path, json.dumps(asked, indent=1).encode() + b"\n")

    def _read(self, line: bytes) -> dict[str, Any] | None:
        """The record in a line; None for a line that was cut short."""
        try:
            record: dict[str, Any] = json.loads(line)
        except ValueError:
            return None
        try:
            ours = key_of(self.sweep, record) in self._runs
        except (KeyError, TypeError, ValueError):
            ours = False
        if not ours:
            raise InputError(
                f"{self.folder / LINES} has a record that is not of this sweep: give "
                "it another folder with --out."
            )
        return record if line.endswith(b"\n") else None

    def append(self, records: Iterable[dict[str, Any]]) -> None:
        """Keep those records that are not there yet: on the disk, when it returns.

        Raises an InputError if the disk does not take them.
        """
        new = {key_of(self.sweep, r): r for r in records}
        new = {key: r for key, r in new.items() if key not in self.records}
        text = b"".join(json.dumps(r).encode() + b"\n" for r in new.values())
        try:
            if self._file.write(text) != len(text):
                raise OSError("the disk is full")
            os.fsync(self._file.fileno())
        except OSError as error:
            raise InputError(
                f"cannot write into {self.folder}: {error.strerror or error}; make "
                "room, and the same command goes on from there."
            ) from error
        self.records.update(new)

    def lacks(self, configurations: Sequence[dict[str, float]], seed: int) -> bool:
        """Whether a run of these configurations with the seed has no record."""
        return any(
            (tuple(c.values()), seed) not in self.records for c in configurations
        )

    def in_order(self) -> list[dict[str, Any]]:
        """All records: configuration by configuration, seed by seed."""
        return [self.records[key] for key in sorted(self.records)]

    def close(self) -> None:
        self._file.close()


def count(folder: Path) -> int:
    """How many whole records the folder has."""
    path = folder / LINES
    return path.read_bytes().count(b"\n") if path.exists() else 0


def _replace(path: Path, content: bytes) -> None:
    """Let the file have the content, or what it had, and nothing between them."""
    draft = path.with_name(f".{path.name}.new")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
