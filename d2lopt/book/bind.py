"""Binds the portable functions to a framework module, under the names of the book.

`bind` gives a module the names that a lesson uses beside the framework's own functions:
the harnesses and the rules with their first argument filled in, the plots, and helpers
for cells that write a harness of their own. A name that there is not says why.

One name has two meanings in the book: `d2l.sgd` here is this chapter's rule, (params,
grads, states, hyperparams), not the function (params, lr, batch_size) of the chapter on
linear regression. A call in that form says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import ModuleType
from typing import Any

from .. import rules
from ..data import airfoil
from ..errors import InputError
from . import animator, measure, missing, plot, words
from .chapter7 import get_data_ch7, train_ch7, train_pytorch_ch7
from .regression import (
    DATA_URL,
    download,
    evaluate_loss,
    get_data_ch11,
    linreg,
    load_array,
    squared_loss,
)
from .training import train_2d, train_ch11, train_concise_ch11


class BoundRule(partial[None]):
    """A rule of the library for one framework: (params, grads, states, hyperparams)."""

    def __call__(self, /, *args: Any, **more: Any) -> None:
        if not more and (len(args) != 4 or not isinstance(args[3], Mapping)):
            name = self.func.__name__
            raise InputError(
                f"d2l.{name} takes (params, grads, states, hyperparams), the last a "
                "dict; an sgd(params, lr, batch_size), as in the book's chapter on "
                "linear regression, is to be defined in a cell."
            )
        super().__call__(*args, **more)


def bind(module: ModuleType, home: Any) -> None:
    """Complete the namespace of a framework module with the portable names.

    `home` is where the framework keeps its own functions of tensors.
    """
    portable: list[Callable[..., Any]] = [
        *(get_data_ch11, linreg, squared_loss, evaluate_loss),
        *(train_ch11, train_concise_ch11),
        *(get_data_ch7, train_ch7, train_pytorch_ch7),
    ]
    free: list[Callable[..., Any]] = [
        *(plot.figure, plot.plot, plot.set_figsize, plot.set_axes, plot.annotate),
        *(plot.use_svg_display, train_2d, download),
        *(animator.Animator, measure.Accumulator, measure.Timer),
    ]
    names = vars(module)
    words.complete(module, home)
    names.setdefault("load_array", partial(load_array, module))
    names.update({f.__name__: partial(f, module) for f in portable})
    steps = [rule.step for rule in rules.RULES.values()]
    names.update({f.__name__: BoundRule(f, module) for f in steps})
    names.update({f.__name__: f for f in free})
    names["show_trace_2d"] = partial(plot.show_trace_2d, tensor=module.tensor)
    published = airfoil.description()
    names["DATA_URL"] = DATA_URL
    names["DATA_HUB"] = {
        "airfoil": (DATA_URL + published["name"], published["sha1"]["CRLF"])
    }
    names["__getattr__"] = partial(missing.lookup, module)
