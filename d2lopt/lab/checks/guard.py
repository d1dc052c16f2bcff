"""How a student's function is called: guarded, timed, and explained when it fails."""

from __future__ import annotations

import copy
import linecache
import traceback
import types
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from ...errors import InputError
from ..catalogue.hints import HINTS
from .limits import OutOfTime, limit
from .result import Result


def guarded(
    name: str,
    function: Any,
    numbers: Mapping[str, Any],
    check: Callable[[], Result],
) -> Result:
    """The result of `check`, or of what the student's function raised on the way.

    While it runs, the function finds `numbers` among its globals.
    """
    try:
        with (
            quiet(),
            globals_kept(function),
            globals_set(function, numbers),
        ):
            return check()
    except NotImplementedError:
        return Result(name, False, "not-implemented", HINTS["not-implemented"])
    except OutOfTime:
        return Result(name, False, "timeout", HINTS["timeout"])
    except InputError as error:
        return Result(name, False, "wrong-arguments", str(error))
    except (Exception, SystemExit) as error:
        told = explained(error, function)
        return Result(name, False, "raises", f"{HINTS['raises']} {told}")


def called(function: Any, *arguments: Any) -> Any:
    """What the student's function returns for these arguments.

    Raises OutOfTime if it takes too long, NotImplementedError if it returns nothing.
    """
    with limit():
        value = function(*arguments)
    if value is None or is_placeholder(value):
        raise NotImplementedError
    return value


def is_placeholder(returned: Any) -> bool:
    """Whether a function returned what stands for something to be written."""
    return returned is NotImplemented or returned is Ellipsis


# -------------------------------------------------------------------- around the call


@contextmanager
def quiet() -> Iterator[None]:
    """No warnings about numbers out of range: wrong rules make many."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


@contextmanager
def globals_set(function: Any, numbers: Mapping[str, Any]) -> Iterator[None]:
    """Give names that the function may read as globals the values of the exercise."""
    home = getattr(function, "__globals__", {})
    missing = object()
    before = {name: home.get(name, missing) for name in numbers}
    home.update(numbers)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is missing:
                home.pop(name, None)
            else:
                home[name] = value


@contextmanager
def globals_kept(function: Any) -> Iterator[None]:
    """Put the numbers and containers back that the function changes in its module.

    A rule may count its steps in a global or on itself. So each run starts anew, and a
    check leaves a notebook as it was.
    """
    home = getattr(function, "__globals__", {})
    code = getattr(function, "__code__", None)
    names = code.co_names if code else ()
    kinds = (int, float, list, dict, set)
    before = {}
    for name in names:
        if name in home and isinstance(home[name], kinds):
            try:
                before[name] = copy.deepcopy(home[name])
            except Exception:  # what cannot be copied stays as it becomes
                continue
    attributes = dict(getattr(function, "__dict__", {}))
    try:
        yield
    finally:
        for name, value in before.items():
            if isinstance(value, list | dict | set):
                _refill(home[name], value)
            else:
                home[name] = value
        if isinstance(function, types.FunctionType):
            function.__dict__.clear()
            function.__dict__.update(attributes)


def _refill(container: Any, value: Any) -> None:
    """Give the container its former contents, and leave it the same object."""
    if type(container) is not type(value):
        return
    container.clear()
    (container.extend if isinstance(value, list) else container.update)(value)


# ---------------------------------------------------------------------- after a failure


def explained(error: BaseException, function: Any) -> str:
    """The student's own error, with the line of their code at which it arose."""
    line, text = _place(error, function)
    words = str(error).strip().splitlines()
    told = f"{type(error).__name__}: {words[0]}" if words else type(error).__name__
    if isinstance(error, KeyError):
        told = f"{type(error).__name__}: {error}"
    at = f" in line {line}, `{text}`" if line and text else ""
    at = f" in line {line}" if line and not text else at
    return f"{told}{at}."


def _place(error: BaseException, function: Any) -> tuple[int | None, str]:
    """(number, text) of the last line of the student's that the error came through."""
    code = getattr(function, "__code__", None)
    file = code.co_filename if code else None
    place: tuple[int | None, str] = (None, "")
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == file and frame.lineno is not None:
            text = frame.line or linecache.getline(frame.filename, frame.lineno)
            place = frame.lineno, text.strip()
    return place
