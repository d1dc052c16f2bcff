"""A portable rule as an `mxnet.optimizer.Optimizer`, for gluon.Trainer."""

import copy
import pickle
import sys
from typing import Any, ClassVar

import mxnet

from .. import fuse
from ..backend.contract import Backend
from ..errors import InputError
from ..rules import native
from ..rules.rule import Rule


class Portable(mxnet.optimizer.Optimizer):  # type: ignore[misc]  # it has no types
    """A rule as an optimizer for gluon.Trainer."""

    d2l: ClassVar[Backend]  # the namespace, which sets it: a saved one is pickled

    def __init__(self, rule: Rule, hyperparams: dict[str, Any]) -> None:
        self.given = copy.deepcopy(hyperparams)  # as a schedule keeps count
        rate = hyperparams.get("lr", 1.0)
        schedule = rate if isinstance(rate, _SCHEDULE) else None
        super().__init__(
            learning_rate=None if schedule else rate, lr_scheduler=schedule
        )
        self.rule = rule
        self.aggregate_num = sys.maxsize  # one update for all parameters

    def clone(self) -> "Portable":
        """This one as it was made."""
        return Portable(self.rule, copy.deepcopy(self.given))

    @property
    def rescale_grad(self) -> float:
        return self._rescale

    @rescale_grad.setter
    def rescale_grad(self, value: float) -> None:
        """A step sets it first: the last place where an error is not swallowed."""
        self._rescale = value
        for p in vars(self).get("param_dict", {}).values():
            where = getattr(p._trainer, "_kvstore_params", {})
            if len(p.list_ctx()) > 1 and where.get("update_on_kvstore") is not False:
                raise InputError(
                    "a rule needs all gradients at once: on several devices, give the "
                    "Trainer update_on_kvstore=False."
                )

    def create_state(self, index: int, weight: Any) -> Any:
        return native.start(self.d2l, self.rule, [weight.as_np_ndarray()])[0]

    def update(self, index: Any, weight: Any, grad: Any, state: Any) -> None:
        self._update_count(index)
        rates = self._get_lrs(index)
        if len(set(rates)) > 1:
            raise InputError("a rule reads one lr for all parameters: use no lr_mult.")
        numbers = {**self.given, "lr": rates[0]} if "lr" in self.given else self.given
        params = [w.as_np_ndarray() for w in weight]
        grads = [g.as_np_ndarray() for g in grad]
        if self.rescale_grad != 1:
            grads = [g * self.rescale_grad for g in grads]
        if "_step" not in vars(self):
            self._step = fuse.for_size(self.d2l, self.rule)
        self._step(params, grads, state, numbers)

    def __getstate__(self) -> Any:
        try:
            pickle.dumps(self.rule)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise InputError(
                "a Trainer saves its optimizer: define your rule and its init_states "
                "at the top of a module, or write it as a pieces.Chain."
            ) from error
        state = super().__getstate__()
        state.pop("_step", None)  # made again where it is read
        return state


_SCHEDULE = mxnet.lr_scheduler.LRScheduler


def optimizer(
    d2l: Backend, rule: Any, init_states: Any = None, **hyperparams: Any
) -> Any:
    """An mxnet.optimizer.Optimizer: gluon.Trainer(net.collect_params(), it)."""
    found = native.rule_of(d2l, rule, init_states)
    native.check(found, hyperparams, _SCHEDULE)
    return Portable(found, hyperparams)
