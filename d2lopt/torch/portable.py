"""A portable rule as a `torch.optim.Optimizer`."""

from collections.abc import Callable
from typing import Any

import torch

from .. import fuse
from ..backend.contract import Backend, Tensor
from ..rules import native


def optimizer(
    d2l: Backend, rule: Any, init_states: Any = None, **hyperparams: Any
) -> Any:
    """A class, called as torch.optim.RMSprop is: Opt(net.parameters(), lr=0.1)."""
    found = native.rule_of(d2l, rule, init_states)
    native.check(found, hyperparams, torch.Tensor, partly=True)
    step_of_rule = fuse.for_size(d2l, found)

    class Portable(torch.optim.Optimizer):  # type: ignore[misc]
        """The rule as an optimizer; parameter groups may have their own numbers."""

        def __init__(self, params: Any, **changed: Any) -> None:
            super().__init__(params, {**hyperparams, **changed})

        def add_param_group(self, param_group: dict[str, Any]) -> None:
            own = self._own({**self.defaults, **param_group})
            native.check(found, own, torch.Tensor)
            super().add_param_group(param_group)

        def _own(self, group: dict[str, Any]) -> dict[str, Any]:
            """The rule's hyperparameters, without what schedulers add to a group."""
            names = {**found.hyperparams, **self.defaults}
            return {name: group[name] for name in names if name in group}

        def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
            loss = closure() if closure is not None else None
            with torch.no_grad():
                for group in self.param_groups:
                    self._step(group)
            return loss

        def _step(self, group: dict[str, Any]) -> None:
            params = [p for p in group["params"] if p.grad is not None]
            new = [p for p in params if "own" not in self.state[p]]
            for p, own in zip(new, native.start(d2l, found, new), strict=True):
                self.state[p]["own"] = own
            if params:
                states = [self.state[p]["own"] for p in params]
                grads = [p.grad.to_dense() for p in params]  # an embedding's, say
                step_of_rule(params, grads, states, self._own(group))

    return Portable
