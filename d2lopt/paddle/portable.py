"""A portable rule as a `paddle.optimizer.Optimizer`."""

from typing import Any

import paddle

from .. import fuse
from ..backend.contract import Backend, Tensor
from ..errors import InputError
from ..rules import native


def optimizer(
    d2l: Backend, rule: Any, init_states: Any = None, **hyperparams: Any
) -> Any:
    """A class, called as paddle.optimizer.SGD is: Opt(parameters=net.parameters()).

    The rate is `lr` here, and `learning_rate` there as for Paddle's own; in a group of
    parameters that is a factor, as for Paddle's own.
    """
    found = native.rule_of(d2l, rule, init_states)
    schedule = paddle.optimizer.lr.LRScheduler
    native.check(found, hyperparams, schedule, partly=True)
    step_of_rule = fuse.for_size(d2l, found)

    class Portable(paddle.optimizer.Optimizer):  # type: ignore[misc]  # it has no types
        """The rule as an optimizer; a parameter group may have its own numbers."""

        def __init__(
            self,
            learning_rate: Any = None,
            parameters: Any = None,
            grad_clip: Any = None,
            name: str | None = None,
            **changed: Any,
        ) -> None:
            given = {**hyperparams, **changed}
            if learning_rate is not None:
                given["lr"] = learning_rate
            native.check(found, given, schedule, partly=True)
            self._given = given
            self._states: dict[str, Any] = {}
            self._pending: list[tuple[Tensor, Tensor]] = []
            rate = given.get("lr", 1.0)
            rate = rate if isinstance(rate, schedule) else float(rate)
            super().__init__(rate, parameters, None, grad_clip, name)
            for group in [g for g in self._param_groups if isinstance(g, dict)] or [{}]:
                native.check(found, {**given, **group.get("own", {})}, schedule)

        def _add_param_group(self, group: dict[str, Any]) -> None:
            if "lr" in group:
                raise InputError("a group has a learning_rate, which is a factor of lr")
            # Left in the group, Paddle would read weight_decay too, and decay twice.
            names = group.keys() & {**found.hyperparams, **self._given}
            group["own"] = {name: group.pop(name) for name in names}
            super()._add_param_group(group)

        def _append_optimize_op(self, block: Any, pair: Any) -> None:
            if not paddle.in_dynamic_mode():
                raise InputError("a portable rule runs in dynamic mode only.")
            self._pending.append(pair["params"] if isinstance(pair, dict) else pair)

        def _finish_update(self, block: Any, group: Any) -> None:
            """One step of the rule, with all that Paddle would have updated singly."""
            pairs, self._pending = self._pending, []
            if not pairs:
                return
            params, grads = zip(*pairs, strict=True)
            factors = {p.optimize_attr["learning_rate"] for p in params}
            if len(factors) > 1:
                raise InputError("a rule reads one lr for all parameters of a group.")
            own = group["own"] if isinstance(group, dict) else {}
            numbers = {**self._given, **own}
            if "lr" in numbers:
                numbers["lr"] = self.get_lr() * factors.pop()
            step_of_rule(params, grads, [self._state(p) for p in params], numbers)

        def _state(self, p: Tensor) -> Any:
            if p.name not in self._states:
                (self._states[p.name],) = native.start(d2l, found, [p])
            return self._states[p.name]

        def _leaves(self, every: bool) -> dict[str, Tensor]:
            """The states by place, as the name of a parameter is new in each net."""
            groups = self._param_groups
            if isinstance(groups[0], dict):
                groups = [p for group in groups for p in group["params"]]
            return {
                f"{i}.{j}": leaf
                for i, p in enumerate(groups)
                if every or p.name in self._states
                for j, leaf in enumerate(paddle.utils.flatten(self._state(p)))
            }

        def state_dict(self) -> dict[str, Any]:
            return {**super().state_dict(), **self._leaves(every=False)}

        def set_state_dict(self, state_dict: dict[str, Any]) -> None:
            rest = {n: v for n, v in state_dict.items() if n == "LR_Scheduler"}
            super().set_state_dict(rest)
            leaves = self._leaves(every=True)
            saved = {n for n, v in state_dict.items() if not isinstance(v, dict)}
            if saved - leaves.keys():
                raise InputError("these states are of another rule or another net.")
            for name in saved:
                leaves[name].set_value(state_dict[name])

        load_state_dict = set_state_dict

    return Portable
