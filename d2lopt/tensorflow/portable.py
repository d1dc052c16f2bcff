"""A portable rule as a Keras optimizer."""

from typing import Any, ClassVar

import tensorflow as tf

from .. import fuse
from ..backend.contract import Backend
from ..rules import native
from ..rules.rule import Rule
from .scalar import Scalar

_SCHEDULE = tf.keras.optimizers.schedules.LearningRateSchedule


@tf.keras.utils.register_keras_serializable("d2lopt")
class Portable(tf.keras.optimizers.Optimizer):  # type: ignore[misc]  # it has no types
    """A rule as a Keras optimizer; its states are variables that Keras saves."""

    d2l: ClassVar[Backend]  # the namespace, which sets it: Keras makes a saved one anew

    def __init__(
        self,
        rule: Rule | native.Written,
        hyperparams: dict[str, Any],
        learning_rate: Any = None,
        name: str = "portable",
    ) -> None:
        super().__init__(1.0 if learning_rate is None else learning_rate, name=name)
        rule = rule if isinstance(rule, Rule) else native.from_json(rule)
        self._has_lr = learning_rate is not None
        self._given = rule, hyperparams, learning_rate
        self._run = fuse.for_size(self.d2l, rule)

    def clone(self) -> "Portable":
        """This one as it was made."""
        return Portable(*self._given)

    def get_config(self) -> dict[str, Any]:
        rule, hyperparams, _ = self._given
        rate = super().get_config()["learning_rate"] if self._has_lr else None
        return {
            "rule": native.as_json(rule),
            "hyperparams": hyperparams,
            "learning_rate": rate,
            "name": self.name,
        }

    def build(self, variables: Any) -> None:
        if self.built:
            return
        super().build(variables)
        with tf.init_scope():  # a first step may be inside a tf.function
            params = [
                # One that is made in the same tf.function has no value yet.
                p if bool(p.is_initialized()) else tf.zeros(p.shape, p.dtype)
                for p in plain(variables)
            ]
            starts = native.start(self.d2l, self._given[0], params)
            states = tf.nest.map_structure(self._kept, starts)
        self._states = states

    def _kept(self, start: Any) -> Any:
        kept = self.add_variable(start.shape, dtype=start.dtype.name, name="state")
        kept.assign(start)
        return kept.value

    def _distributed_tf_update_step(
        self, distribution: Any, grads_and_vars: Any, learning_rate: Any
    ) -> None:
        """All parameters at once, where Keras would update each by itself."""
        grads, variables = zip(*grads_and_vars, strict=True)
        states = [self._states[self._get_variable_index(v)] for v in variables]
        every = (grads, variables, states, tf.convert_to_tensor(learning_rate))
        distribution.extended.update(variables[0], self._step, every, group=False)

    def _step(self, _: Any, grads: Any, params: Any, states: Any, rate: Any) -> None:
        hyperparams = self._given[1]
        if self._has_lr:
            hyperparams = {**hyperparams, "lr": Scalar(tf.cast(rate, tf.float64))}
        # An embedding's gradient has only the rows that were looked up.
        dense = [tf.convert_to_tensor(g) for g in grads]
        dense = [tf.cast(g, p.dtype) for g, p in zip(dense, params, strict=True)]
        self._run(params, dense, states, hyperparams)


def plain(variables: Any) -> list[Any]:
    """The tf.Variable that each variable of Keras holds."""
    return [v.value if isinstance(v, tf.keras.Variable) else v for v in variables]


def optimizer(
    d2l: Backend, rule: Any, init_states: Any = None, **hyperparams: Any
) -> Any:
    """A Keras optimizer: model.compile(optimizer=it)."""
    found = native.rule_of(d2l, rule, init_states)
    native.check(found, hyperparams, _SCHEDULE)
    rate = hyperparams.pop("lr", None)
    if rate is not None and not isinstance(rate, _SCHEDULE):
        rate = float(rate)
    return Portable(found, hyperparams, rate)
