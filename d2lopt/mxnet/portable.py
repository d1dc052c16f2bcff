"""A portable rule as an `mxnet.optimizer.Optimizer`, for gluon.Trainer and Module."""

import copy
import pickle
import sys
from collections.abc import Callable
from numbers import Real
from typing import Any, ClassVar

import mxnet

from .. import fuse
from ..backend.contract import Backend
from ..errors import InputError
from ..rules import apart, native
from ..rules.groups import needs_all
from ..rules.hyperparams import check_ranges
from ..rules.rule import Rule
from . import options
from .arrays import Kept, dense, is_low, numpy_semantics


def optimizer(
    d2l: Backend, rule: Any, init_states: Any = None, **hyperparams: Any
) -> Any:
    """An mxnet.optimizer.Optimizer: gluon.Trainer(net.collect_params(), it).

    Beside the rule's hyperparameters it takes the options of MXNet's own, as
    `mxnet.optimizer.Optimizer` documents them: `learning_rate` (here also `lr`),
    `lr_scheduler`, `wd`, `clip_gradient`, `rescale_grad`, `begin_num_update`,
    `multi_precision`, `param_idx2name`, `param_dict`, `sym`. `wd` is λ where the rule
    reads `weight_decay`; else the gradient is clipped and wd times the weight added, in
    this order, as MXNet's sgd does it. A parameter's `wd_mult` is a factor of either,
    and its `lr_mult` of lr. A rule without a rate gets one that multiplies its steps, 1
    if it is not given.

    A sparse gradient trains all rows, MXNet's "standard update". After `npx.reset_np()`
    it also trains nets on `mx.nd`. Raises an InputError for what cannot be.
    """
    found = native.rule_of(d2l, rule, init_states)
    if native.lacks_rate(found):
        found = native.with_rate(found)
        if not hyperparams.keys() & {"lr", "learning_rate", "lr_scheduler"}:
            hyperparams["lr"] = 1.0
    return Portable(found, hyperparams)


class Portable(mxnet.optimizer.Optimizer):  # type: ignore[misc]  # it has no types
    """A rule as an optimizer for gluon.Trainer."""

    d2l: ClassVar[Backend]  # the namespace, which sets it: a saved one is pickled
    wd: float

    def __init__(self, rule: Rule, hyperparams: dict[str, Any]) -> None:
        # A schedule keeps count, and a Parameter belongs to its net.
        self.given = {
            name: value if name == "param_dict" else copy.deepcopy(value)
            for name, value in hyperparams.items()
        }
        self.rule = rule
        self.numbers, theirs = options.split(rule, self.given)
        self.decay_by_mxnet = theirs.pop("decay_by_mxnet")
        self.pending: dict[int, list[Any]] = {}
        self.awaited: dict[int, set[int]] = {}
        super().__init__(**theirs)
        self.aggregate_num = sys.maxsize  # one update for all parameters

    def clone(self) -> "Portable":
        """This one as it was made, and with the factors that were set since."""
        clone = Portable(self.rule, self.given)
        clone.lr_mult, clone.wd_mult = dict(self.lr_mult), dict(self.wd_mult)
        return clone

    @property
    def rescale_grad(self) -> float:
        return self._rescale

    @rescale_grad.setter
    def rescale_grad(self, value: float) -> None:
        """A step sets it first: the last place where an error is not swallowed."""
        self._rescale = value
        params = vars(self).get("param_dict", {})
        for p in params.values():
            _check_parameter(p)
        self.pending, self.awaited = {}, {}
        if needs_all(self.rule):
            self.awaited = _fresh_of_several_dtypes(params)

    def create_state(self, index: int, weight: Any) -> Any:
        with numpy_semantics():
            (start,) = native.start(self.d2l, self.rule, [weight.as_np_ndarray()])
        return Kept(start)

    def create_state_multi_precision(self, index: int, weight: Any) -> Any:
        """The rule's state; of a float16 weight in float32, with the weight in it."""
        if not (self.multi_precision and is_low(weight)):
            return self.create_state(index, weight)
        wide = weight.as_np_ndarray().astype("float32")
        return wide, self.create_state(index, wide)

    # ---------------------------------------------------------------------- the step

    def update(self, index: Any, weight: Any, grad: Any, state: Any) -> None:
        """One step, with one parameter or with lists of them.

        MXNet calls it for each dtype by itself. A rule that needs all gradients at once
        waits until the last of the step has come.
        """
        if not isinstance(index, list | tuple):
            index, weight, grad, state = [index], [weight], [grad], [state]
        device = weight[0].as_np_ndarray().ctx.device_id
        entries = self.pending.setdefault(device, [])
        entries += zip(index, weight, grad, state, strict=True)
        if self.awaited.get(device, set()) - {entry[0] for entry in entries}:
            return
        del self.pending[device]
        with numpy_semantics():
            self._step(*(list(column) for column in zip(*entries, strict=True)))

    update_multi_precision = update

    def _step(
        self, index: list[int], weight: list[Any], grad: list[Any], state: list[Any]
    ) -> None:
        self._update_count(index)
        self._check_together(index)
        own = self._own_numbers(index)
        low = [self.multi_precision and is_low(w) for w in weight]
        params = [
            s[0] if wide else w.as_np_ndarray()
            for w, s, wide in zip(weight, state, low, strict=True)
        ]
        kept = [s[1] if wide else s for s, wide in zip(state, low, strict=True)]
        states = [s.on(p.ctx) for s, p in zip(kept, params, strict=True)]
        grads = [
            self._gradient(i, dense(g).astype(p.dtype, copy=False), p)
            for i, g, p in zip(index, grad, params, strict=True)
        ]
        if "_run" not in vars(self):
            self._run: Callable[..., None] = fuse.for_size(self.d2l, self.rule)
        apart.step(
            self.d2l, self.rule, self._run, params, grads, states, self.numbers, own
        )
        for w, p, wide in zip(weight, params, low, strict=True):
            if wide:
                p.astype(w.dtype).copyto(w.as_np_ndarray())

    def _check_together(self, index: list[int]) -> None:
        """Raise an InputError if this step has been taken with other parameters.

        A Trainer's optimizer knows its parameters, and was checked before. That of a
        Module finds it out only here, where MXNet prints the error and goes on.
        """
        if self.param_dict or not needs_all(self.rule):
            return
        counts = self._index_update_count
        if any(n == counts[index[0]] for i, n in counts.items() if i not in index):
            raise InputError(
                "a rule needs all gradients at once: give update lists of them; on "
                "several devices, set MXNET_UPDATE_ON_KVSTORE=0 in the environment."
            )

    def _own_numbers(self, index: list[int]) -> list[dict[str, float]]:
        """Each parameter's rate and decay, with its lr_mult and wd_mult."""
        own: list[dict[str, float]] = [{} for _ in index]
        if "lr" in self.numbers:
            check_ranges({"lr": self.learning_rate})
            for numbers, rate in zip(own, self._get_lrs(index), strict=True):
                numbers["lr"] = rate
        if isinstance(self.numbers.get("weight_decay"), Real):
            for numbers, decay in zip(own, self._get_wds(index), strict=True):
                numbers["weight_decay"] = decay
        if isinstance(self.numbers.get("l1_decay"), Real):
            for numbers, factor in zip(own, self._factors(index), strict=True):
                numbers["l1_decay"] = self.numbers["l1_decay"] * factor
        return own

    def _factors(self, index: list[int]) -> list[float]:
        """The wd_mult of each, which MXNet gives only as the product with wd."""
        wd, self.wd = self.wd, 1.0
        factors: list[float] = self._get_wds(index)
        self.wd = wd
        return factors

    def _gradient(self, i: int, grad: Any, param: Any) -> Any:
        """What MXNet's options make of the gradient before the rule sees it."""
        if self.rescale_grad != 1:
            grad = grad * self.rescale_grad
        if self.clip_gradient is not None:
            grad = mxnet.np.clip(grad, -self.clip_gradient, self.clip_gradient)
        if self.decay_by_mxnet:
            grad = grad + self._get_wds([i])[0] * param
        return grad

    def __getstate__(self) -> Any:
        try:
            pickle.dumps(self.rule)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise InputError(
                "a Trainer saves its optimizer: define your rule and its init_states "
                "at the top of a module, or write it as a pieces.Chain."
            ) from error
        state = super().__getstate__()
        state.pop("_run", None)  # made again where it is read
        state["given"] = {n: v for n, v in self.given.items() if n != "param_dict"}
        return state


def _check_parameter(p: Any) -> None:
    """Raise an InputError if MXNet would hand over p by itself, without the others."""
    if p._stype != "default":
        raise InputError(
            f"the parameter {p.name} is {p._stype}, and MXNet updates such by itself: "
            "make it with stype='default'; its gradients may be sparse."
        )
    where = getattr(p._trainer, "_kvstore_params", {})
    if len(p.list_ctx()) > 1 and where.get("update_on_kvstore") is not False:
        raise InputError(
            "a rule needs all gradients at once: on several devices, give the "
            "Trainer update_on_kvstore=False."
        )


def _fresh_of_several_dtypes(params: dict[int, Any]) -> dict[int, set[int]]:
    """The parameters that the step will update, by device; none, if of one dtype.

    Trainer.step leaves out those that have no new gradient, which only MXNet's private
    `_fresh_grad` tells. Without it, a step would not know whether more is to come.
    """
    trained = {i: p for i, p in params.items() if p.grad_req != "null"}
    if len({str(p.dtype) for p in trained.values()}) < 2:
        return {}
    fresh: dict[int, set[int]] = {}
    for i, p in trained.items():
        for array in p.list_data():
            if array._fresh_grad:
                fresh.setdefault(array.as_np_ndarray().ctx.device_id, set()).add(i)
    return fresh
