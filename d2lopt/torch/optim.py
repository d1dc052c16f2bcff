"""The optimizer that a portable rule becomes: its steps, its states, its groups."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import torch

from ..backend.contract import Backend, Tensor
from ..errors import InputError
from ..rules.checks import leaves
from ..rules.groups import needs_all
from ..rules.rule import LearnersRule, Rule
from . import states
from .param_groups import check, check_saved, numbers_in, numbers_now, without_ways


class _Call(NamedTuple):
    """What a step of the rule is called with; complex tensors as real ones."""

    params: Sequence[Tensor]
    grads: Sequence[Tensor]
    states: list[Any]
    hyperparams: dict[str, Any]


class Portable(torch.optim.Optimizer):  # type: ignore[misc]
    """A rule as an optimizer; parameter groups may have numbers of their own.

    The state of a parameter is a flat dict of variables, as `state_names` calls them.
    A complex parameter is to the rule the real tensor of its parts, of shape (…, 2),
    as it is to PyTorch's own optimizers.
    """

    # What `portable.optimizer` fills in.
    d2l: ClassVar[Backend]
    rule: ClassVar[Rule]
    step_of_rule: ClassVar[Callable[..., None]]  # over all groups, where it needs all
    hyperparams: ClassVar[dict[str, Any]]  # those that a call may leave out

    def __init__(self, params: Any, lr: Any = ..., **changed: Any) -> None:
        given = {"maximize": False, **self.hyperparams, **changed}
        if lr is not ...:
            given["lr"] = lr
        self._names: dict[Tensor, Any] = {}  # of a state, nested as the rule has it
        super().__init__(params, without_ways(given))

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        if isinstance(param_group, dict):  # PyTorch refuses any other
            group = without_ways({**self.defaults, **param_group})
            names = self.defaults  # among them what the rule does not know
            check(self.rule, numbers_in(self.rule, group, also=names))
        super().add_param_group(param_group)

    # ------------------------------------------------------------------------ a step

    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        """One step of the rule; the loss that `closure` gives, which has gradients.

        Raises an InputError, before anything changes, for a number in a group that is
        out of its range.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        with torch.no_grad():
            # All numbers first: a wrong one leaves every parameter as it was.
            numbers = [numbers_now(self.rule, group) for group in self.param_groups]
            calls = []
            for group, hyperparams in zip(self.param_groups, numbers, strict=True):
                params = [p for p in group["params"] if p.grad is not None]
                if params and needs_all(self.rule):
                    calls.append(self._call(params, group, hyperparams))
                elif params:
                    self._step_of_group(params, group, hyperparams)
            if calls:
                self.step_of_rule(*_joined(calls))
        return loss

    def _step_of_group(
        self, params: list[Tensor], group: dict[str, Any], hyperparams: dict[str, Any]
    ) -> None:
        given, grads = dict(hyperparams), [p.grad for p in params]
        call = self._call(params, group, hyperparams)
        self.step_of_rule(*call)
        if isinstance(self.rule.step, LearnersRule):
            # It may count in its hyperparameters, and keep numbers as states.
            for name, value in hyperparams.items():
                if name not in given or value is not given[name]:
                    group[name] = value
            for p, state in zip(params, call.states, strict=True):
                self._names[p], self.state[p] = states.flat(self.rule, state)
            # One in the book's form has read the gradient, made negative or dense,
            # from p.grad: the caller's comes back.
            for p, grad, read in zip(params, grads, call.grads, strict=True):
                if p.grad is read:
                    p.grad = grad

    def _call(
        self, params: list[Tensor], group: dict[str, Any], hyperparams: dict[str, Any]
    ) -> _Call:
        grads = [p.grad.to_dense() for p in params]  # an embedding's may be sparse
        if group.get("maximize"):
            grads = [-g for g in grads]
        return _Call(
            [states.as_real(p) for p in params],
            [states.as_real(g) for g in grads],
            self._states(params),
            hyperparams,
        )

    # -------------------------------------------------------------------- the states

    def _states(self, params: list[Tensor]) -> list[Any]:
        """The states of these parameters as the rule has them; new ones start here."""
        new = [p for p in params if self._is_new(p)]
        if new:
            started = states.start(self.d2l, self.rule, new)
            for p, state in zip(new, started, strict=True):
                self._names[p], self.state[p] = states.flat(self.rule, state)
        if by_hand := {p: self.state[p] for p in params if p not in self._names}:
            self._names |= states.names_in(self.d2l, self.rule, by_hand)
        return [states.nested(self._names[p], self.state[p]) for p in params]

    def _is_new(self, p: Tensor) -> bool:
        """Whether p has no state, for the first time or as a caller has cleared it."""
        return not self.state[p] and leaves(self._names.get(p)) != []

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        states.restore_numbers(self.state, self.param_groups, state_dict)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what a file or a copy holds, once it is known to be of this rule."""
        groups = vars(self).get("param_groups", state["param_groups"])
        with torch.no_grad():
            for saved, group in zip(state["param_groups"], groups, strict=True):
                check_saved(self.rule, saved, group)
            kept = {p: of_p for p, of_p in state["state"].items() if of_p}
            kept = {p: kept[p] for p in kept if isinstance(p, torch.Tensor)}
            self._names = states.names_in(self.d2l, self.rule, kept)
        super().__setstate__(state)


def _joined(calls: list[_Call]) -> _Call:
    """The calls for all groups as the one that `OverGroups` takes."""
    params = [p for call in calls for p in call.params]
    devices = {p.device for p in params}
    if len(devices) > 1:
        raise InputError(
            "a rule that takes all parameters together needs them on one device; they "
            f"are on {', '.join(sorted(map(str, devices)))}: give each an optimizer."
        )
    return _Call(
        params,
        [g for call in calls for g in call.grads],
        [state for call in calls for state in call.states],
        {"groups": [(len(call.params), call.hyperparams) for call in calls]},
    )
