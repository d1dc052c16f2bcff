"""What a rule is to a caller: its step, how its states start, its hyperparameters.

The rules themselves are in `optimizers.py`, and `pieces.py` takes them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from ..backend.contract import Backend, Tensor, Variable

Params = Sequence["Variable"]
Grads = Sequence["Tensor"]
States = Sequence[Any]  # for each parameter a variable, or a tuple of them
Hyperparams = Mapping[str, Any]


class Rule(NamedTuple):
    """A rule with what a caller needs to start it."""

    step: Callable[..., None]  # (d2l, params, grads, states, hyperparams), in place
    init_states: Callable[[Backend, Params], States]
    hyperparams: Mapping[str, float]  # every name, with its default


@dataclass(frozen=True)
class LearnersRule:
    """A function that a learner wrote, as the step of a `Rule`.

    It uses the framework of its own cell, so the `d2l` that it is called with is left
    out. Nothing else is known of it: not what it reads, nor whether it can be compiled.
    """

    rule: Callable[..., None]

    def __call__(self, d2l: Backend, *arguments: Any) -> None:
        self.rule(*arguments)


# --------------------------------------------------------------------- how states start


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
