"""What an optimizer keeps for a parameter: flat for PyTorch, nested for the rule."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch

from ..backend.contract import Backend, Tensor
from ..errors import InputError
from ..rules import native
from ..rules.checks import leaves
from ..rules.forms import as_rule, is_named
from ..rules.pieces import Chain
from ..rules.rule import Rule
from ..rules.state_names import refilled, state_names

_HALVES = (torch.float16, torch.bfloat16)


def as_real(x: Tensor) -> Tensor:
    """x, or if it is complex its real and imaginary parts, in the shape (…, 2)."""
    return torch.view_as_real(x.resolve_conj()) if x.is_complex() else x


def start(d2l: Backend, rule: Rule, params: Sequence[Tensor]) -> list[Any]:
    """The states of the rule for these parameters, as the rule has them."""
    states = native.start(d2l, rule, [as_real(p) for p in params])
    return [_refined(state) for state in states]


def _refined(state: Any) -> Any:
    """The state with its numbers in float32, where its parameter has 16 bits.

    In bfloat16, 1 − 0.999ᵗ would stay at 0.7 and a count of steps at 256. A number of
    shape () leaves the dtype of a tensor that it meets as it is.
    """
    variables = iter([_number_refined(x) for x in leaves(state)])
    return refilled(state, lambda: next(variables))


def _number_refined(x: Any) -> Any:
    is_number = isinstance(x, torch.Tensor) and x.dim() == 0 and x.dtype in _HALVES
    return x.float() if is_number else x


def flat(rule: Rule, state: Any) -> tuple[Any, dict[str, Any]]:
    """The names of a rule's state, nested as it is, and the state as a flat dict.

    A learner's state that is a dict has its names, and stays as it is: None for them.
    """
    if isinstance(state, dict):
        return None, state
    names = state_names(rule, state)
    return names, dict(zip(leaves(names), leaves(state), strict=True))


def nested(names: Any, kept: dict[str, Any]) -> Any:
    """The state as the rule has it, of what `flat` gave."""
    if names is None:
        return kept
    values = (kept[name] for name in leaves(names))
    return refilled(names, lambda: next(values))


def names_in(
    d2l: Backend, rule: Rule, kept: Mapping[Tensor, dict[str, Any]]
) -> dict[Tensor, Any]:
    """The names in the state of each parameter, as `flat` has them.

    Raises an InputError for states that cannot be this rule's.
    """
    # What a rule keeps is known from a start of its own, one parameter at a time, to
    # hold no second state of all; only a learner's may need to see all parameters.
    usual, each = rule, [list(kept)] if kept else []
    if isinstance(rule.step, Chain) or is_named(rule):
        usual, each = as_rule(rule.step), [[p] for p in kept]
    names = {}
    for params in each:
        for p, state in zip(params, start(d2l, usual, params), strict=True):
            names[p], fresh = flat(rule, state)
            if names[p] is not None and _shapes(kept[p]) != _shapes(fresh):
                raise InputError(
                    "these states are of another rule or another net: they have "
                    f"{_said(kept[p])} where {_said(fresh)} is needed."
                )
    return names


def _shapes(state: Mapping[str, Any]) -> dict[str, Any]:
    return {name: getattr(x, "shape", None) for name, x in state.items()}


def _said(state: Mapping[str, Any]) -> str:
    shapes = _shapes(state).items()
    said = (name if s is None else f"{name} {tuple(s)}" for name, s in shapes)
    return ", ".join(said) or "nothing"


def restore_numbers(
    state: Mapping[Tensor, dict[str, Any]],
    groups: Iterable[Mapping[str, Any]],
    saved: Mapping[str, Any],
) -> None:
    """Undo that loading `saved` has rounded numbers to a parameter's 16 bits."""
    keys = [key for group in saved["param_groups"] for key in group["params"]]
    params = [p for group in groups for p in group["params"]]
    for key, p in zip(keys, params, strict=True):
        for name, x in saved["state"].get(key, {}).items():
            rounded = state.get(p, {}).get(name)
            if rounded is not None and _number_refined(rounded) is not rounded:
                state[p][name] = x.to(p.device, torch.float32, copy=True)
