"""Whether the table's defaults are those in the signatures of what is installed."""

import functools
import inspect

import pytest

from d2lopt.backend.frameworks import FRAMEWORKS
from d2lopt.conventions.table import ROWS
from d2lopt.conventions.traits import NEUTRAL

PACKAGES = {
    "torch": "torch",
    "tensorflow": "tensorflow",
    "jax": "optax",
    "paddle": "paddle",
}


def signature(backend, row):
    """Every argument's default, by its name."""
    if backend == "mxnet":
        import mxnet

        kind = mxnet.optimizer.Optimizer.opt_registry[row.name]
        found = {}
        for base in (mxnet.optimizer.Optimizer, kind):
            found |= defaults(base.__init__)
        # Its signature has None, for what is set further down.
        return found | {"learning_rate": kind().learning_rate}
    module = __import__(PACKAGES[backend])
    return defaults(functools.reduce(getattr, row.name.split("."), module))


def defaults(function):
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters}


def default_of(found, keyword):
    name, *place = keyword.split(".")
    value = found[name]
    return value[int(place[0])] if place else value


def test_defaults_are_those_of_the_signatures(d2l, backend):
    if not ROWS[backend]:
        pytest.skip(f"{FRAMEWORKS[backend].title} has no optimizer of its own")
    wrong = []
    for row in ROWS[backend]:
        found = signature(backend, row)
        for ours, keyword in row.keywords.items():
            in_table = row.defaults.get(
                ours, NEUTRAL.get(ours, inspect.Parameter.empty)
            )
            theirs = default_of(found, keyword)
            # None is an option that is not used; or a rate that has to be given, as
            # optax' adadelta would ascend.
            unused = theirs is None and in_table in (0.0, inspect.Parameter.empty)
            if in_table != theirs and not unused:
                wrong.append((row.name, row.kind, keyword, in_table, theirs))
    assert wrong == []
