"""A portable rule as a `paddle.optimizer.Optimizer`."""

from typing import Any, ClassVar

import paddle

from .. import fuse
from ..backend.contract import Backend, Tensor
from ..errors import InputError
from ..rules import apart, native
from ..rules.hyperparams import check_ranges
from ..rules.rule import Rule
from . import decay, gradients

SCHEDULE = paddle.optimizer.lr.LRScheduler


def optimizer(
    d2l: Backend, rule: Any, init_states: Any = None, **hyperparams: Any
) -> Any:
    """A class, called as paddle.optimizer.SGD is: Opt(parameters=net.parameters()).

    The rate is `lr` here, and `learning_rate` there as for Paddle's own; in a group of
    parameters and in a ParamAttr that is a factor, as for Paddle's own. A rule without
    a rate gets one that multiplies its steps, 1 if it is not given.

    `weight_decay` may be an L2Decay or L1Decay. It is λ where the rule reads one, and
    else a term that Paddle adds to the gradient. A regularizer in a ParamAttr replaces
    it for that parameter, also where the rule's decay is decoupled. With `need_clip`
    False, a chain's clips leave a parameter alone.
    """
    found = native.rule_of(d2l, rule, init_states)
    if native.lacks_rate(found):
        found = native.with_rate(found)
        hyperparams = {"lr": 1.0, **hyperparams}
    numbers, _ = decay.split(found, hyperparams)
    native.check_with_rate(found, numbers, SCHEDULE, partly=True)
    members = {
        "d2l": d2l,
        "rule": found,
        "hyperparams": hyperparams,
        "step_of_rule": staticmethod(fuse.for_size(d2l, found)),
    }
    return type("Portable", (Portable,), members)


class Portable(paddle.optimizer.Optimizer):  # type: ignore[misc]  # it has no types
    """The rule as an optimizer; a parameter group may have its own numbers."""

    d2l: ClassVar[Backend]
    rule: ClassVar[Rule]
    hyperparams: ClassVar[dict[str, Any]]
    step_of_rule: ClassVar[Any]

    def __init__(
        self,
        learning_rate: Any = None,
        parameters: Any = None,
        grad_clip: Any = None,
        name: str | None = None,
        multi_precision: bool = False,
        apply_decay_param_fun: Any = None,
        **changed: Any,
    ) -> None:
        """As Paddle's own optimizers are made, with the rule's hyperparameters.

        Args:
            multi_precision: take the steps of float16 and bfloat16 parameters in
                float32, which is kept beside them.
            apply_decay_param_fun: tells by a parameter's name whether it decays.
        """
        _check_mode()
        decay.check_callable(apply_decay_param_fun)
        given = {**self.hyperparams, **changed}
        if learning_rate is not None:
            given["lr"] = learning_rate
        self._given, regularizer = decay.split(self.rule, given)
        native.check_with_rate(self.rule, self._given, SCHEDULE, partly=True)
        self._reads = {*self.rule.hyperparams, *self._given}
        self._decays = apply_decay_param_fun
        self._decay_of_group: set[str] = set()  # names of parameters that have one
        self._states: dict[str, Any] = {}
        self._masters: dict[str, Tensor] = {}
        self._multi_precision = multi_precision
        self._pending: list[tuple[Tensor, Tensor, dict[str, Any]]] = []
        self._in_step = False
        rate = self._given.get("lr", 1.0)
        rate = rate if isinstance(rate, SCHEDULE) else float(rate)
        if parameters is not None:  # else Paddle says what is missing
            parameters = gradients.listed(parameters)
            if not isinstance(parameters[0], dict):
                native.check_with_rate(self.rule, self._given, SCHEDULE)
                gradients.check_params(parameters)
        super().__init__(rate, parameters, regularizer, grad_clip, name)

    def _add_param_group(self, group: dict[str, Any]) -> None:
        if "lr" in group:
            raise InputError("a group has a learning_rate, which is a factor of lr")
        params = group["params"]
        if isinstance(params, set):
            raise InputError("the params of a group need an order: give a list.")
        params = [params] if isinstance(params, paddle.Tensor) else list(params)
        gradients.check_params(params)
        # Left in the group, Paddle would read weight_decay too, and decay twice.
        names = group.keys() & {*self._reads, "weight_decay"}
        given = {name: group[name] for name in names}
        own, regularizer = decay.split(self.rule, given)
        native.check_with_rate(self.rule, {**self._given, **own}, SCHEDULE)
        attributes = [getattr(p, "regularizer", None) for p in params]
        rest = {name: group[name] for name in group.keys() - names}
        rest |= {"params": params, "weight_decay": None, "own": own}
        super()._add_param_group(rest)
        # Paddle has put the group's regularizer, none here, in place of a ParamAttr's.
        for p, of_attribute in zip(params, attributes, strict=True):
            p.regularizer = regularizer if "weight_decay" in given else of_attribute
            if "weight_decay" in given:
                self._decay_of_group.add(p.name)

    # ---------------------------------------------------------------------- the step

    def step(self) -> None:
        """One step of the rule, with the parameters of all groups together."""
        self._pending, self._in_step = [], True
        try:
            super().step()
        finally:
            self._in_step = False
        self._update()

    def _apply_optimize(
        self, loss: Any, startup_program: Any, params_grads: Any, *group: Any, **kw: Any
    ) -> Any:
        _check_mode()
        pairs = gradients.all_dense(params_grads)
        return super()._apply_optimize(loss, startup_program, pairs, *group, **kw)

    def apply_gradients(self, params_grads: Any) -> Any:
        _check_mode()
        return super().apply_gradients(gradients.all_dense(params_grads))

    def _create_regularization_of_grad(
        self, param: Tensor, grad: Tensor, regularization: Any = None
    ) -> Tensor:
        """The gradient, with the decay that Paddle has to add."""
        own = getattr(param, "regularizer", None)
        if own is None and not self._is_decayed(param):
            return grad
        if own is not None and decay.as_numbers(self._reads, own)[1] is None:
            return grad
        return super()._create_regularization_of_grad(param, grad, regularization)

    def _is_decayed(self, p: Tensor) -> bool:
        """Whether the regularizer of all parameters is for this one too."""
        chosen = self._decays is None or self._decays(p.name)
        return chosen and p.name not in self._decay_of_group

    def _append_optimize_op(self, block: Any, pair: Any) -> None:
        own = pair["own"] if isinstance(pair, dict) else {}
        p, grad = pair["params"] if isinstance(pair, dict) else pair
        self._pending.append((p, grad, own))

    def _finish_update(self, block: Any, group: Any) -> None:
        if not self._in_step:
            self._update()

    @paddle.no_grad()  # type: ignore[untyped-decorator]
    def _update(self) -> None:
        """All that Paddle would have updated singly."""
        pending, self._pending = self._pending, []
        if not pending:
            return
        states = [self._state(p) for p, _, _ in pending]
        params = [self._masters.get(p.name, p) for p, _, _ in pending]
        grads = [
            gradients.fitted(g, x) for (_, g, _), x in zip(pending, params, strict=True)
        ]
        rate = self.get_lr()
        check_ranges({"lr": rate})
        apart.step(
            self.d2l,
            self.rule,
            self.step_of_rule,
            params,
            grads,
            states,
            self._given,
            [self._numbers(p, rate) | group for p, _, group in pending],
            [getattr(p, "need_clip", True) is not False for p, _, _ in pending],
        )
        for p, _, _ in pending:
            if p.name in self._masters:
                p.copy_(self._masters[p.name].astype(p.dtype), True)

    def _numbers(self, p: Tensor, rate: float) -> dict[str, Any]:
        """The parameter's own rate and decay."""
        numbers = {}
        if "lr" in self._given:
            numbers["lr"] = rate * p.optimize_attr["learning_rate"]
        own = getattr(p, "regularizer", None)
        if own is not None:
            return numbers | decay.as_numbers(self._reads, own)[0]
        if self._decays is not None and not self._decays(p.name):
            return numbers | decay.as_numbers(self._reads, None)[0]
        return numbers

    # -------------------------------------------------------------------- the states

    def _state(self, p: Tensor) -> Any:
        if p.name not in self._states:
            gradients.check_params([p])
            if self._multi_precision and gradients.is_low(p):
                self._masters[p.name] = p.detach().astype("float32")
            x = self._masters.get(p.name, p)
            (self._states[p.name],) = native.start(self.d2l, self.rule, [x])
        return self._states[p.name]

    def _leaves(self, every: bool) -> dict[str, Tensor]:
        """The states by place, as the name of a parameter is new in each net."""
        params = self._param_groups
        if params and isinstance(params[0], dict):
            params = [p for group in params for p in group["params"]]
        leaves = {}
        for i, p in enumerate(params):
            if every or p.name in self._states:
                for j, leaf in enumerate(paddle.utils.flatten(self._state(p))):
                    leaves[f"{i}.{j}"] = leaf
            if p.name in self._masters:
                leaves[f"{i}.float32"] = self._masters[p.name]
        return leaves

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), **self._leaves(every=False)}

    def set_state_dict(self, state_dict: dict[str, Any]) -> None:
        rest = {n: v for n, v in state_dict.items() if n == "LR_Scheduler"}
        super().set_state_dict(rest)
        leaves = self._leaves(every=True)
        saved = {n for n, v in state_dict.items() if not isinstance(v, dict)}
        # A parameter that was never updated has none; any other has all of them.
        places = {name.split(".")[0] for name in saved}
        wanted = {name for name in leaves if name.split(".")[0] in places}
        if saved != wanted or any(
            list(state_dict[name].shape) != list(leaves[name].shape) for name in saved
        ):
            raise InputError("these states are of another rule or another net.")
        for name in saved:
            leaves[name].set_value(state_dict[name])

    load_state_dict = set_state_dict


def _check_mode() -> None:
    if not paddle.in_dynamic_mode():
        raise InputError(
            "a portable rule runs in dynamic mode only: call paddle.disable_static() "
            "before, and keep the optimizer's step out of paddle.jit.to_static."
        )
