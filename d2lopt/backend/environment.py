"""What is installed here, and how to install what is not, without importing it.

The answers come from the installed packages' metadata and from this package's own
extras, so that pyproject.toml stays the one place where requirements stand.
"""

from __future__ import annotations

import os
import platform
import shlex
import sys
from collections.abc import Mapping
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING

from .frameworks import FRAMEWORKS

if TYPE_CHECKING:
    from packaging.requirements import Requirement

CHECKOUT = Path(__file__).resolve().parents[2]  # the repository, in an editable install


def installed_version(name: str) -> str | None:
    """The installed version of a backend's framework, or None."""
    for distribution in FRAMEWORKS[name].distributions:
        try:
            return metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
    return None


def optimizers_version(name: str) -> str | None:
    """The installed version of what a framework's own optimizers come in, or None.

    That may be another distribution than the framework's: see `Framework.optimizers`.
    """
    if not FRAMEWORKS[name].optimizers:
        return installed_version(name)
    try:
        return metadata.version(FRAMEWORKS[name].optimizers)
    except metadata.PackageNotFoundError:
        return None


def is_installed(name: str) -> bool:
    """Whether `import` would find the framework; it may still be broken."""
    return util.find_spec(FRAMEWORKS[name].module) is not None


def installed() -> list[str]:
    """The backends whose framework is installed, in the order of the table."""
    return [name for name in FRAMEWORKS if is_installed(name)]


def requirements(name: str) -> list[Requirement]:
    """What this package's extra for the backend asks pip for."""
    from packaging.requirements import Requirement  # as long as all other imports here

    every = [Requirement(text) for text in metadata.requires("d2lopt") or []]
    return [r for r in every if f'extra == "{name}"' in str(r.marker)]


def unavailable(name: str, environment: Mapping[str, str] | None = None) -> str | None:
    """Why this Python or platform has no wheel of the framework; None if it has one.

    `environment` overrides markers, to ask about another machine.

    >>> unavailable("mxnet", {"python_version": "3.13"}) is None
    False
    """
    for requirement in requirements(name):
        marker = requirement.marker
        if marker and not marker.evaluate({**(environment or {}), "extra": name}):
            needs = str(marker).replace(f' and extra == "{name}"', "")
            return (
                f"{FRAMEWORKS[name].title} has no wheel for Python "
                f"{platform.python_version()} on {platform.system()} "
                f"{platform.machine()}: it needs {needs}."
            )
    return None


def pip_command(name: str, mend: bool = False) -> str:
    """The command that installs a backend's framework, at the tested version if known.

    With `mend`, it installs again what is there already.
    """
    words = [sys.executable, "-m", "pip", "install"] + ["--force-reinstall"] * mend
    if (CHECKOUT / "constraints.txt").exists():
        words += ["-c", str(CHECKOUT / "constraints.txt")]
    wanted = [f"{r.name}{r.specifier}" for r in requirements(name)]
    words += wanted or [FRAMEWORKS[name].distributions[0]]
    return shlex.join(words)


def how_to_install(name: str) -> str:
    """One sentence: what is missing, and the command, or why there is none."""
    title = FRAMEWORKS[name].title
    return (
        unavailable(name)
        or f"{title} is not installed. Install it with: {pip_command(name)}"
    )


def cores() -> int:
    """How many cores this process may use; of 64, a scheduler may have left it two."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1
