"""Run a student's function beside the reference, and say what is wrong with it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from ...backend.frameworks import FRAMEWORKS
from ...backend.load import load
from ...errors import InputError
from ...show.screen import print_line
from ..catalogue.hints import HINTS
from . import exercises
from .naming import ORACLE
from .result import Result


def check_function(
    function: Any, exercise: str, d2l: Any, lab: str | None = None
) -> Result:
    """The result of one exercise of EXERCISES, by its name; prints nothing.

    Never raises for what the student's function does, short of ending the process;
    `InputError` if there is no exercise of that name (in that lab, if given). A
    `function` that is None is `not-implemented`.
    """
    wanted = exercises.find(exercise, lab)
    if function is None:
        return Result(exercise, False, "not-implemented", HINTS["not-implemented"])
    if not callable(function):
        text = f"{exercise} should be a function; it is {function!r}."
        return Result(exercise, False, "wrong-arguments", text)
    return wanted.checker(function, exercise, d2l)


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
    # The notebook's names are in the frame that calls this. Without them, a function
    # that another one made (`rmsprop = functools.partial(…)`) would have to be named.
    notebook = sys._getframe(1).f_globals
    name = exercise or name_of(function, notebook)
    framework = load(d2l) if isinstance(d2l, str) else d2l or framework_of(function)
    result = check_function(function, name, framework)
    print_line(str(result))
    return result


def name_of(function: Any, notebook: Mapping[str, Any]) -> str:
    """The exercise that a function is for: its `__name__`, or that of a global.

    A function that another one made has that one's `__name__` ("<lambda>", "wrapper"):
    then the exercise is the name under which `notebook` holds it.
    """
    inner = getattr(function, "func", function)  # of a functools.partial
    given = getattr(function, "__name__", getattr(inner, "__name__", None))
    known = exercises.names()
    if given in known:
        return str(given)
    for name in known:
        if function is not None and notebook.get(name) is function:
            return name
    if given is None:
        raise InputError("say which exercise this is: check(function, exercise='…').")
    return str(given)


def framework_of(function: Any) -> Any:
    """The framework module that the function's notebook uses, or the one loaded."""
    loaded = {
        name: sys.modules[f"d2lopt.{name}"]
        for name in FRAMEWORKS
        if f"d2lopt.{name}" in sys.modules
    }
    notebook = getattr(function, "__globals__", {})
    used = [
        module
        for module in [notebook.get("d2l"), *notebook.values()]
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
