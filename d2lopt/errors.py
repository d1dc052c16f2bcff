"""What can go wrong that is not a bug: each message is one sentence with its remedy."""

from collections.abc import Iterable
from difflib import get_close_matches


class InputError(ValueError):
    """The caller gave something that cannot be used; the command line exits with 2."""


class MissingBackend(ImportError):
    """The framework of a backend is not installed, or not to be had here."""


class BrokenBackend(ImportError):
    """The framework of a backend is installed, but its import fails."""

    MARK = "is installed but its import fails"


class Diverged(ArithmeticError):
    """The loss became inf or NaN; the run stops and keeps what it has."""


def unknown(kind: str, name: object, known: Iterable[str]) -> InputError:
    """An InputError for a misspelt `name`: the nearest known one, and all if few."""
    spellings = {str(k).lower(): str(k) for k in known}
    near = get_close_matches(str(name).lower(), spellings, n=1)
    hint = f"Did you mean {spellings[near[0]]!r}? " if near else ""
    listed = f"Known: {', '.join(spellings.values())}." if len(spellings) < 20 else ""
    return InputError(f"unknown {kind} {name!r}. {hint}{listed}".strip())
