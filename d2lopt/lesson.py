"""How a chapter begins: it asks for its framework here, and names none itself.

As a script, `python chapters/rmsprop.py --backend torch --out out`; as a notebook, the
backend is `$D2LOPT_BACKEND`, or NumPy.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from .backend.frameworks import FRAMEWORKS
from .backend.load import load
from .book import plot
from .conventions.table import nearest
from .errors import BrokenBackend, InputError, MissingBackend
from .show.figures import in_kernel
from .show.plain import make_output_plain
from .show.screen import say


def start(chapter: str, backend: str = "") -> Any:
    """The framework module that this run of the chapter uses, as `d2l`.

    It is the one that was asked for; then that of $D2LOPT_BACKEND; then `backend`,
    which a copy made for a class names; then NumPy's.

    From a script, reads `--backend` and `--out` from the command line; figures are
    saved as out/<chapter>-<backend>-<figure>.svg and .png. Ends the script with status
    2 and a sentence if the backend cannot be used.
    """
    default = os.environ.get("D2LOPT_BACKEND") or backend or "numpy"
    if in_kernel():
        return load(default)
    example = list(FRAMEWORKS)[1]
    parser = argparse.ArgumentParser(
        description=f"Run the chapter {chapter} on one framework.",
        epilog=f"example: python chapters/{chapter}.py --backend {example}",
    )
    parser.add_argument("--backend", default=default, help=", ".join(FRAMEWORKS))
    parser.add_argument("--out", type=Path, default=Path("out"), help="for the figures")
    given = parser.parse_args()
    plot.studio.folder = given.out
    plot.studio.prefix = f"{chapter}-{given.backend}"
    sys.excepthook = _one_sentence
    make_output_plain()
    return load(given.backend)


def _one_sentence(kind: Any, error: Any, trace: Any) -> None:
    """Report an error that is no bug without its traceback."""
    if issubclass(kind, InputError | MissingBackend | BrokenBackend):
        say(f"{Path(sys.argv[0]).name}: {error}")
        plot.studio.close()
        sys.stderr.flush()
        os._exit(2)
    sys.__excepthook__(kind, error, trace)


def builtin(d2l: Any, optimizer: str, hyperparams: dict[str, Any]) -> Any:
    """(trainer, its hyperparameters) of the framework's own optimizer, from our words.

    None if the framework has no optimizer of that kind.
    """
    native = nearest(d2l.name, optimizer, hyperparams)
    return native and native[0].resolve(d2l, native[1])


def title(trainer: Any) -> str:
    """The name of what `builtin` found, to be printed: no address in memory."""
    return str(getattr(trainer, "__name__", trainer))
