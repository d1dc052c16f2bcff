"""The namespace `d2l`: every name that a lesson finds on every framework.

`Namespace` lists them once. A framework module brings the functions of the contract,
and `bind` gives it the others, with the module as their first argument. An editor reads
the same list: `d2lopt/__init__.py` declares each framework module to be a `Namespace`.

One name has two meanings in the book: `d2l.sgd` here is this chapter's rule, (params,
grads, states, hyperparams), not the function (params, lr, batch_size) of the chapter on
linear regression. A call in that form says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial, wraps
from types import FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any

from ..backend.contract import Backend
from ..errors import InputError
from ..rules import optimizers
from . import animator, chapter7, measure, missing, plot, regression, training, words


class Namespace(Backend):
    """What `d2l` has on every framework: the contract, and the portable names.

    A function that takes `d2l` first has it already: `d2l.train_ch11(rule, …)`.
    """

    # The rules: (params, grads, states, hyperparams).
    sgd = optimizers.sgd
    momentum = optimizers.momentum
    nesterov = optimizers.nesterov
    adagrad = optimizers.adagrad
    rmsprop = optimizers.rmsprop
    adadelta = optimizers.adadelta
    adam = optimizers.adam
    adamw = optimizers.adamw
    yogi = optimizers.yogi

    # The harnesses.
    train_ch11 = training.train_ch11
    train_concise_ch11 = training.train_concise_ch11
    train_2d = staticmethod(training.train_2d)

    # The data, the model, the loss.
    DATA_URL = regression.DATA_URL
    DATA_HUB = regression.DATA_HUB
    download = staticmethod(regression.download)
    get_data_ch11 = regression.get_data_ch11
    load_array = regression.load_array
    linreg = regression.linreg
    squared_loss = regression.squared_loss
    evaluate_loss = regression.evaluate_loss

    # Figures.
    figure = staticmethod(plot.figure)
    show_trace_2d = plot.show_trace_2d
    set_figsize = staticmethod(plot.set_figsize)
    set_axes = staticmethod(plot.set_axes)
    annotate = staticmethod(plot.annotate)
    use_svg_display = staticmethod(plot.use_svg_display)
    plot = staticmethod(plot.plot)  # last: from here on the name hides the module
    Animator = animator.Animator

    # What a loop of one's own measures.
    Timer = measure.Timer
    Accumulator = measure.Accumulator

    # Further words for tensors, where the framework has none of its own.
    linspace = words.linspace
    meshgrid = words.meshgrid
    normal = words.normal
    rand = words.rand
    randn = words.randn
    reduce_sum = words.reduce_sum
    reduce_mean = words.reduce_mean
    astype = words.astype
    transpose = words.transpose
    size = words.size

    # The names of the edition in which this is chapter 7.
    get_data_ch7 = chapter7.get_data_ch7
    train_ch7 = chapter7.train_ch7
    train_pytorch_ch7 = chapter7.train_pytorch_ch7

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """What one framework alone has, or its cells with images bring."""


def bind(module: ModuleType, home: Any) -> None:
    """Give a framework module the names of `Namespace` that it lacks.

    `home` is where the framework keeps its functions of tensors: its own words for
    tensors come before those of `words.py`.
    """
    names = vars(module)
    for word in words.OF_THE_FRAMEWORK:
        if hasattr(home, word):
            names.setdefault(word, getattr(home, word))
    for name, value in vars(Namespace).items():
        if name.startswith("_"):
            continue
        if name in optimizers.RULES:
            value = _called_as_a_rule(value)
        if isinstance(value, FunctionType):
            value = MethodType(value, module)
        elif isinstance(value, staticmethod):
            value = value.__func__
        names.setdefault(name, value)
    names["__getattr__"] = partial(missing.lookup, module)


def _called_as_a_rule(step: Callable[..., None]) -> Callable[..., None]:
    """`step`, which refuses the arguments of the book's other functions of its name."""

    @wraps(step)
    def rule(d2l: Backend, *args: Any, **more: Any) -> None:
        if not more and (len(args) != 4 or not isinstance(args[3], Mapping)):
            raise InputError(
                f"d2l.{step.__name__} takes (params, grads, states, hyperparams), the "
                "last a dict; an sgd(params, lr, batch_size), as in the book's chapter "
                "on linear regression, is to be defined in a cell."
            )
        step(d2l, *args, **more)

    return rule
