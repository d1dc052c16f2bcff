"""One question to a submission: one of its functions is extracted, run and checked.

This is what the forked child does. A submission shares the process with the check, so
what the check relies on is compared before and after: a submission that replaced some
of it does not pass.
"""

from __future__ import annotations

import codeop
import linecache
import sys
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from ..checks.check import check_function
from .extract import Extract, NotReadable, extract

WATCHED = ("d2lopt", "numpy", "math", "builtins", "json", "os")
LONGEST = 4000  # characters of a hint


def answer(
    text: str,
    notebook: bool,
    lab: str,
    exercise: str,
    d2l: Any,
    changed: Callable[[], str] | None = None,
) -> dict[str, Any]:
    """The result of the exercise as JSON has it, whatever the submission does.

    `changed` is what `changes` gave before the process was forked.
    """
    check = check_function  # taken before the submission could replace it
    changed = changed or changes()
    try:
        found = extract(text, notebook, exercise)
    except NotReadable as error:
        return _failed(exercise, "not-readable", str(error)[:LONGEST])
    if found.problem:
        return _failed(exercise, "not-implemented", found.problem)
    result = _checked(found, exercise, lab, d2l, check)
    replaced = changed()
    if replaced:
        words = f"The submission replaced {replaced}, which the check relies on."
        return _failed(exercise, "tampered", words)
    return {**result, "hint": result["hint"][:LONGEST]}


def _checked(
    found: Extract, exercise: str, lab: str, d2l: Any, check: Callable[..., Any]
) -> dict[str, Any]:
    """The result of the check; what escapes it is the submission's doing."""
    try:
        function, problem = define(found, exercise, d2l)
        if function is None and not problem:
            words = "It is not defined when the file is imported: is it under an `if`?"
            return _failed(exercise, "not-implemented", words)
        if function is None:
            return _failed(exercise, "raises", problem)
        result: dict[str, Any] = check(function, exercise, d2l, lab).as_json()
    except SystemExit as error:
        words = f"It ended the program (SystemExit: {error}); it should return."
        return _failed(exercise, "raises", words)
    except MemoryError:
        return _failed(exercise, "too-much-memory", "It ran out of memory.")
    except BaseException as error:  # KeyboardInterrupt, and errors made up to escape
        return _failed(exercise, "raises", f"{type(error).__name__}: {error}")
    if problem and not result["passed"]:
        result["hint"] += f"\nBefore that, something it needs failed: {problem}"
    return result


def _failed(exercise: str, mistake: str, hint: str) -> dict[str, Any]:
    return {
        "exercise": exercise,
        "passed": False,
        "mistake": mistake,
        "hint": hint,
    }


def define(found: Extract, name: str, d2l: Any) -> tuple[Any, str]:
    """Run the statements; the function or None, and the first error, or ""."""
    module = ModuleType("submission")
    sys.modules["submission"] = module  # where dataclasses look up their module
    space = vars(module)
    space["d2l"] = d2l
    compile_ = codeop.Compile()  # which remembers `from __future__ import …`
    problem = ""
    for statement in found.statements:
        code = "\n" * (statement.line - 1) + statement.text
        file = f"<submission, {statement.where}>"
        lines = [line + "\n" for line in code.split("\n")]
        linecache.cache[file] = (len(code), None, lines, file)  # for tracebacks
        try:
            exec(compile_(code, file, "exec"), space)
        except Exception as error:
            problem = problem or (f"{statement.where}: {type(error).__name__}: {error}")
    space["d2l"] = d2l
    return space.get(name), problem


def changes() -> Callable[[], str]:
    """A function that names what was replaced since this call, or returns "".

    Functions, classes and their methods in the modules of WATCHED are compared.
    """
    kinds = (FunctionType, BuiltinFunctionType, type)
    # Kept here, as a submission may replace those of `builtins`.
    list_, tuple_, isinstance_, vars_, callable_ = (
        list,
        tuple,
        isinstance,
        vars,
        callable,
    )

    def parts() -> dict[tuple[str, str], tuple[Any, Any]]:
        found = {}
        for name, module in list_(sys.modules.items()):
            if name.split(".")[0] not in WATCHED or not isinstance_(module, ModuleType):
                continue
            for key, value in list_(vars_(module).items()):
                if not callable_(value):
                    continue
                code = value.__code__ if isinstance_(value, FunctionType) else None
                found[name, key] = (value, code)
                own = isinstance_(value, type) and name.startswith("d2lopt")
                for inner, method in list_(vars_(value).items()) if own else ():
                    if isinstance_(method, kinds):
                        found[name, f"{key}.{inner}"] = (method, None)
        return found

    before = parts()

    def changed() -> str:
        after = parts()
        for place, (value, code) in before.items():
            now = after.get(place, (None, None))
            if now[0] is not value or now[1] is not code:
                return ".".join(tuple_(place))
        return ""

    return changed
