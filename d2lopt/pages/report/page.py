"""The report of a comparison: one page, in one file, to read, print or pass on.

`page` makes the text from records and findings, and does nothing else. The page needs
no network and no script. Its template and styles are page.html and page.css, beside
this file.
"""

from __future__ import annotations

import os
import platform
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from ... import __version__
from ...backend.environment import cores, optimizers_version
from ...backend.frameworks import FRAMEWORKS
from ...backend.load import DEVICE
from ...conventions.conformance import BOUNDS
from ...conventions.formulas import SYMBOLS, formula
from ...conventions.reasons import SEEDS, Findings, Reason, measure
from ...conventions.table import CHECKED, nearest
from ...data.airfoil import description
from ...files import try_writing, write_whole, writing
from ...runs.compare import by_backend, spread
from ...show.plain import cleared
from ...show.screen import Progress
from ...train.record import IMPLEMENTATIONS, Record, Spec
from .curves import charts, numbers, shapes
from .digits import sci, six_decimals
from .sentences import Verdict, summary, verdict
from .svg import draw, legend

SIZE = 328, 280  # pixels of a chart: as wide as a phone


@dataclass(frozen=True)
class Circumstances:
    """When, where and with what a comparison was run."""

    when: str
    python: str
    platform: str
    cores: int
    versions: dict[str, str]  # backend → what its optimizers come in, if not itself
    command: str


def circumstances(
    spec: Spec,
    backends: Sequence[str],
    path: Path,
    given: Mapping[str, Any] | None = None,
) -> Circumstances:
    """Those of this process, for a comparison that begins now; `given` as below."""
    versions = {
        name: f"{FRAMEWORKS[name].optimizers} {version}"
        for name in backends
        if FRAMEWORKS[name].optimizers and (version := optimizers_version(name))
    }
    return Circumstances(
        when=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        python=platform.python_version(),
        platform=platform.platform(),
        cores=cores(),
        versions=versions,
        command=command(spec, backends, path, given),
    )


def command(
    spec: Spec,
    backends: Sequence[str],
    path: Path,
    given: Mapping[str, Any] | None = None,
) -> str:
    """The command line that makes this comparison again, every setting written out.

    `given` has the options that are not in a Spec as somebody gave them, by their names
    with dashes. A data file is named only if it was given: where it was found without,
    the page of another machine need not know.
    """
    more = dict(given or {})
    words = ["d2lopt", "compare", spec.optimizer]
    if list(backends) != list(FRAMEWORKS):
        words += ["--backends", ",".join(backends)]
    for name, value in spec.hyperparams.items():
        words += [f"--{name.replace('_', '-')}", repr(value)]
    words += ["--epochs", str(spec.epochs), "--batch-size", str(spec.batch_size)]
    words += ["--dtype", spec.dtype, "--seed", str(spec.seed)]
    if spec.compile is not None:
        words.append("--compile" if spec.compile else "--no-compile")
    named = more.pop("--data", "auto")
    data = "stand-in" if spec.data == "stand-in" else "airfoil"
    words += ["--data", data if named == "auto" else named]
    if (device := os.environ.get(DEVICE, "cpu")) != "cpu":
        words += ["--device", device]
    for option, value in more.items():
        words += [option] if value is True else [option, str(value)]
    return shlex.join([*words, "--html", path.name])


def measured(spec: Spec, backends: Sequence[str], progress: Progress) -> Findings:
    """The findings for a report, with a bar for the ten seeds."""
    progress.begin("numpy")
    tell = partial(progress.tell, "numpy", f"{SEEDS} seeds")
    return measure(spec, backends, tell)


# ----------------------------------------------------------------------------- the page


def page(
    records: Sequence[Record], findings: Findings | None, run: Circumstances
) -> str:
    """The page as HTML. Without findings, it has no band of seeds and no reasons."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    folder = files(__package__)
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"sci": sci, "loss": six_decimals}
    template = environment.from_string((folder / "page.html").read_text("utf-8"))
    rows, first = by_backend(records), records[0]
    reasons = findings.reasons if findings else {}
    rule = findings.rule if findings else None
    verdicts = {n: verdict(row, reasons.get(n), rule) for n, row in rows.items()}
    pictures = charts(records, findings)
    text = template.render(
        style=Markup((folder / "page.css").read_text("utf-8").strip()),
        version=__version__,
        first=first,
        run=run,
        about=description(),
        findings=findings,
        settings=[
            (f"{SYMBOLS.get(n, '')} {n}".strip(), f"{value:g}")
            for n, value in first.hyperparams.items()
        ],
        summary=summary(rows, verdicts, findings),
        rows=[_row(n, row, verdicts[n], run) for n, row in rows.items()],
        spreads=[spread(records, name) for name in IMPLEMENTATIONS],
        pictures=[(title, Markup(draw(chart, *SIZE))) for title, chart in pictures],
        legend=[(Markup(legend(shape)), shape.name) for shape in shapes(pictures)],
        numbers=numbers(records, findings),
        explained=[
            _explained(n, row, verdicts[n], reasons.get(n)) for n, row in rows.items()
        ],
        bound=BOUNDS[first.dtype],
        title=lambda name: FRAMEWORKS[name].title,
    )
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def _row(
    name: str, row: dict[str, Record], verdict: Verdict, run: Circumstances
) -> dict[str, Any]:
    """A row of the table of results."""
    scratch, built_in = (row.get(implementation) for implementation in IMPLEMENTATIONS)
    difference = None
    if scratch and built_in and scratch.loss is not None and built_in.loss is not None:
        difference = built_in.loss - scratch.loss
    version = next((r.version for r in row.values() if r.version), None)
    return {
        "title": FRAMEWORKS[name].title,
        "version": version,
        "with": run.versions.get(name, ""),
        "cells": [
            {"record": r, "word": word}
            for r, word in ((scratch, "from scratch"), (built_in, "built in"))
        ],
        "difference": difference,
        "verdict": verdict,
        "anchor": name,
    }


def _explained(
    name: str, row: dict[str, Record], verdict: Verdict, reason: Reason | None
) -> dict[str, Any]:
    """What stands under a backend's heading."""
    built_in = row.get("built-in")
    native = None
    if built_in is not None and reason is not None:
        native = nearest(name, built_in.optimizer, built_in.hyperparams)
    return {
        "title": FRAMEWORKS[name].title,
        "anchor": name,
        "verdict": verdict,
        "call": built_in.call if built_in else None,
        "formula": "\n".join(formula(native[0])) if native else "",
        "reason": reason,
        "checked": CHECKED[name],
        "optimizers": FRAMEWORKS[name].optimizers_title,
        "options": any(r.status in ("ok", "diverged") for r in row.values()),
    }


# ---------------------------------------------------------------------------- the file

ANOTHER = "Choose another file with --html."


def check_writable(path: Path) -> None:
    """Make the folder of `path`; InputError if no file can be written there."""
    with writing(path, ANOTHER):
        try_writing(path)


def write(path: Path, text: str) -> Path:
    """Write the page to `path`, whole or not at all, and return the path.

    Raises InputError if that fails.
    """
    with writing(path, ANOTHER):
        write_whole(path, cleared(text).encode())
    return path
