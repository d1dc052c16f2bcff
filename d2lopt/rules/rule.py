"""What a rule is to a caller: its step, how its states start, its hyperparameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from ..backend.contract import Backend, Tensor, Variable

Params = Sequence["Variable"]

Grads = Sequence["Tensor"]

States = Sequence[Any]

Hyperparams = Mapping[str, Any]


def nothing(d2l: Backend, params: Params) -> States:
    """No state for any parameter."""
    return [() for _ in params]


def zeros_for_each(d2l: Backend, params: Params) -> States:
    """One state for each parameter, of its shape and dtype, zero at the start."""
    return [d2l.variable(d2l.zeros_like(p)) for p in params]


def several_for_each(
    d2l: Backend, params: Params, tensors: int, numbers: int = 0
) -> States:
    """For each parameter so many zero tensors of its shape, and of shape ()."""

    def zeros(p: Variable) -> tuple[Variable, ...]:
        zero = d2l.zeros_like(p)
        wanted = [zero] * tensors + [d2l.sum(zero)] * numbers
        return tuple(d2l.variable(x) for x in wanted)

    return [zeros(p) for p in params]


class Rule(NamedTuple):
    """A rule with what a caller needs to start it."""

    step: Callable[..., None]
    init_states: Callable[[Backend, Params], States]
    hyperparams: Mapping[str, float]  # every name, with its default


@dataclass(frozen=True)
class Yours:
    """A rule that has its framework already, called as the rules here are."""

    rule: Callable[..., None]

    def __call__(self, d2l: Backend, *arguments: Any) -> None:
        self.rule(*arguments)
