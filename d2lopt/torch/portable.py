"""A portable rule as a `torch.optim.Optimizer`."""

import copyreg
import importlib
import pickle
from typing import Any, NamedTuple

from .. import fuse
from ..backend.contract import Backend
from ..errors import InputError
from ..rules import native
from ..rules.forms import as_rule
from ..rules.groups import needs_all, over_groups
from ..rules.optimizers import RULES
from .optim import Portable
from .param_groups import check, without_ways


class Recipe(NamedTuple):
    """The arguments of `optimizer`; a rule of this library by its name."""

    rule: Any
    init_states: Any
    hyperparams: dict[str, Any]


class Made(type):
    """The type of the classes that `optimizer` makes.

    Pickle looks for a class under its name in a module, where these are not to be
    found. `_reduced`, which is registered for this type, gives it the recipe instead;
    without it, no optimizer could be pickled.
    """

    recipe: Recipe


def optimizer(
    d2l: Backend, rule: Any, init_states: Any = None, **hyperparams: Any
) -> Any:
    """A class, called as torch.optim.RMSprop is: Opt(net.parameters(), lr=0.1).

    Beside the rule's hyperparameters, it takes PyTorch's `maximize`. adadelta, or a
    chain without `ByLr`, has an `lr` that multiplies its steps, 1 if it is not given,
    for schedules to set; a rule of yours has one if you give it. Raises an InputError
    for a rule, a hyperparameter or an option that cannot be.
    """
    found = native.rule_of(d2l, rule, init_states)
    numbers = without_ways(hyperparams)
    if native.lacks_rate(found):
        found, numbers = native.with_rate(found), {"lr": 1.0, **numbers}
    check(found, numbers, partly=True)
    as_run = over_groups(found) if needs_all(found) else found
    members = {
        "d2l": d2l,
        "rule": found,
        "hyperparams": numbers,
        "step_of_rule": staticmethod(fuse.for_size(d2l, as_run)),
        "recipe": Recipe(_written(rule), init_states, hyperparams),
    }
    return Made("Portable", (Portable,), members)


def _written(rule: Any) -> Any:
    """A rule of this library by its name, as a file can have it; any other as it is."""
    known = as_rule(rule)
    return next((name for name, found in RULES.items() if found == known), rule)


def _made_again(*recipe: Any) -> Any:
    rule, init_states, hyperparams = recipe
    d2l = importlib.import_module(__package__)
    rule = getattr(d2l, rule) if isinstance(rule, str) else rule
    return optimizer(d2l, rule, init_states, **hyperparams)


def _reduced(kind: Made) -> Any:
    """How pickle writes a class: by its recipe, or by the name that a module has."""
    if "recipe" not in vars(kind):  # Portable, or what a caller derived from a class
        return kind.__qualname__
    try:
        pickle.dumps(kind.recipe)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise InputError(
            "a pickled optimizer has its rule in it: define yours and its init_states "
            "at the top of a module, write it as a pieces.Chain, or save state_dict()."
        ) from error
    return _made_again, kind.recipe


copyreg.pickle(Made, _reduced)
