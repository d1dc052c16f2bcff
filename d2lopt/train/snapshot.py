"""A rule with all that it reads beside its arguments, as it is now.

A compiled loop has what its rule reads from outside (a global of the notebook, say) as
constants. So a loop is compiled for one snapshot of its rule, and anew if a cell has
changed a number since, which would else stay in the loop as it was, silently.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from functools import partial
from types import CodeType, FunctionType, MethodType, SimpleNamespace
from typing import Any

from ..rules.forms import as_rule, is_library_rule
from ..rules.pieces import PIECES, Chain


class Snapshot:
    """A rule, equal to another snapshot of it if all that it reads is equal too.

    Numbers, text, and lists, tuples, dicts and sets of them are compared by what they
    hold; functions, classes and objects that are defined beside the rule, by what they
    read in turn. Anything else (an array, a module) is equal to itself alone: what is
    changed in place inside it goes unnoticed.
    """

    def __init__(self, rule: Any) -> None:
        self.rule = rule
        self.reads = _reads(rule)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Snapshot) and self.reads == other.reads

    def __hash__(self) -> int:
        return hash(self.reads)


class _Itself:
    """An object that is equal to itself alone, whether or not it has a hash."""

    def __init__(self, thing: Any) -> None:
        self.thing = thing

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and self.thing is other.thing

    def __hash__(self) -> int:
        return id(self.thing)


def _reads(rule: Any) -> Hashable:
    """The rule and what it reads, in a form that can be compared and hashed."""
    if type(rule) is Chain:
        return Chain, *map(_reads, rule.pieces)
    if is_library_rule(rule):
        return as_rule(rule).step
    home = _home(rule)
    things = [rule]  # what is found in one joins the end, and has its turn later
    places = {id(rule): 0}

    def part(x: Any) -> Hashable:
        """What stands for x in the thing that it is found in."""
        if x is None or isinstance(x, int | float | complex | str | bytes):
            return type(x), x
        if id(x) not in places:
            places[id(x)] = len(things)
            things.append(x)
        return places[id(x)]

    return tuple(_described(x, home, part) for x in things)


def _described(x: Any, home: Any, part: Callable[[Any], Hashable]) -> Hashable:
    """What x holds or reads; x itself, if it is of no kind that can be looked into."""
    if isinstance(x, list | tuple):
        return type(x), *map(part, x)
    if isinstance(x, set | frozenset):
        return type(x), frozenset(map(part, x))
    if isinstance(x, dict):
        return type(x), *((part(name), part(value)) for name, value in x.items())
    if isinstance(x, SimpleNamespace) or type(x) in PIECES.values():
        return type(x), part(vars(x))
    if isinstance(x, partial):
        return partial, part(x.func), part(x.args), part(x.keywords)
    if isinstance(x, MethodType):
        return MethodType, part(x.__func__), part(x.__self__)
    if _home(x) != home:
        return _Itself(x)
    if isinstance(x, FunctionType):
        return _Itself(x), *map(part, _outside(x))
    if isinstance(x, type):
        return _Itself(x), part(dict(vars(x))), *map(part, x.__bases__)
    return _Itself(x), part(getattr(x, "__dict__", None)), part(type(x))


def _home(x: Any) -> Any:
    """The name of the module that defines a function, or the class of an object."""
    if isinstance(x, partial):
        return _home(x.func)
    if isinstance(x, MethodType):
        return _home(x.__func__)
    if isinstance(x, FunctionType):
        return x.__globals__.get("__name__")
    return (x if isinstance(x, type) else type(x)).__module__


def _outside(function: FunctionType) -> Iterator[Any]:
    """What a function may read beside its arguments: globals, closure and defaults."""
    home = function.__globals__
    yield {n: home[n] for n in _names(function.__code__) if n in home}
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # it has none yet
            yield None
    yield from (function.__defaults__, function.__kwdefaults__, vars(function))


def _names(code: CodeType) -> Iterator[str]:
    """The names of the globals in a function and in those that are defined within it.

    (Names of attributes are among them, which does no harm.)
    """
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
