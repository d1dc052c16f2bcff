"""The playground: one page, in one file, on which optimizers run in the browser.

Its parts, beside this file, are put together here. The page needs no network and no
library. Its numbers are those of `rules/optimizers.py`, computed again in JavaScript;
tests/pages/test_playground.py holds one against the other.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from ... import __version__
from ...files import write_whole, writing

# In this order: each uses only what stands before it.
SCRIPTS = [
    *("rules.js", "settings.js", "plots.js", "show.js", "controls.js"),
    *("play.js", "link.js", "page.js"),
]


def page() -> str:
    """The page as HTML, with its styles and scripts inside."""
    folder = files(__package__)

    def read(name: str) -> str:
        return (folder / name).read_text(encoding="utf-8").strip()

    script = "\n\n".join(read(name) for name in SCRIPTS)
    return (
        read("page.html")
        .replace("{{version}}", __version__)
        .replace("{{style}}", read("page.css"))
        # A function around all of it keeps its names out of the browser's own.
        .replace("{{script}}", f'(() => {{\n"use strict";\n\n{script}\n}})();')
        + "\n"
    )


def write(path: Path) -> Path:
    """Write the page to `path`, whole or not at all; return the path.

    Its folder is made if need be. Raises InputError if the file cannot be written.
    """
    with writing(path, "Choose another file with --out."):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, page().encode())
    return path
