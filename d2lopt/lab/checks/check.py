"""Run a student's function beside the reference, and say what is wrong with it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from ...backend.frameworks import FRAMEWORKS
from ...backend.load import load
from ...errors import InputError
from ..catalogue.hints import HINTS
from . import exercises
from .result import Result
from .rule import ORACLE


def check_function(
    function: Any, exercise: str, d2l: Any, lab: str | None = None
) -> Result:
    """The result of one exercise of EXERCISES, by its name; prints nothing.

    Never raises for what the student's function does, short of ending the process;
    `InputError` if there is no exercise of that name (in that lab, if given). A
    `function` that is None is `not-implemented`.
    """
    found = exercises.find(exercise, lab)
    if function is None:
        return Result(exercise, False, "not-implemented", HINTS["not-implemented"])
    if not callable(function):
        text = f"{exercise} should be a function; it is {function!r}."
        return Result(exercise, False, "wrong-arguments", text)
    return found.checker(function, exercise, d2l)


def check(function: Any, d2l: Any = None, *, exercise: str | None = None) -> Result:
    """Check a function in a notebook: print the result, and return it.

    Args:
        function: what the exercise asks for; its name says which exercise it is.
        d2l: the framework module, or its name. Left out, it is the one that the
            function's own module uses, or the only one that is loaded.
        exercise: the name of the exercise, where the function has another.

    A function that never ends is stopped after 20 seconds, where that can be done: in
    the main thread of a system with SIGALRM.

    Raises InputError if there is no such exercise, or the framework is not clear.
    """
    name = exercise or name_of(function, sys._getframe(1).f_globals)
    found = load(d2l) if isinstance(d2l, str) else d2l or framework_of(function)
    result = check_function(function, name, found)
    print(result)
    return result


def name_of(function: Any, home: Mapping[str, Any]) -> str:
    """Its own name, if an exercise has it; else the one that it has in `home`.

    A function that another one made may be called anything within.
    """
    inner = getattr(function, "func", function)  # of a functools.partial
    own = getattr(function, "__name__", getattr(inner, "__name__", None))
    known = exercises.names()
    if own in known:
        return str(own)
    for name in known:
        if function is not None and home.get(name) is function:
            return name
    if own is None:
        raise InputError("say which exercise this is: check(function, exercise='…').")
    return str(own)


def framework_of(function: Any) -> Any:
    """The framework module that the function's own module uses, or the one loaded."""
    loaded = {
        name: sys.modules[f"d2lopt.{name}"]
        for name in FRAMEWORKS
        if f"d2lopt.{name}" in sys.modules
    }
    home = getattr(function, "__globals__", {})
    used = [
        module
        for module in [home.get("d2l"), *list(home.values())]
        if isinstance(module, ModuleType) and module in loaded.values()
    ]
    if used:
        return used[0]
    if len(loaded) > 1:
        loaded.pop(ORACLE, None)  # which a check loads beside the student's own
    if len(loaded) == 1:
        return next(iter(loaded.values()))
    raise InputError(
        "say which framework to check on, as in check(rmsprop, d2l) or "
        f"check(rmsprop, {next(iter(FRAMEWORKS))!r})."
    )
