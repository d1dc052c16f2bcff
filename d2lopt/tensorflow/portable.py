"""A portable rule as a Keras optimizer, with all that Keras' own optimizers take."""

from collections.abc import Callable
from itertools import compress
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from .. import fuse
from ..backend.contract import Backend
from ..errors import InputError
from ..rules import apart, native
from ..rules.forms import as_rule, is_library_rule
from ..rules.optimizers import RULES
from ..rules.rule import LearnersRule, Rule
from ..rules.state_names import state_names
from .options import OPTIONS, check_keras, check_options, check_rate
from .scalar import Scalar

# The rules that add up multiples of gradients: right for complex numbers as they are.
LINEAR = (RULES["sgd"], RULES["momentum"], RULES["nesterov"])


def optimizer(
    d2l: Backend, rule: Any, init_states: Any = None, **hyperparams: Any
) -> Any:
    """A Keras optimizer: model.compile(optimizer=it).

    Args:
        rule: a rule of this library, a `pieces.Chain`, or a function of yours.
        init_states: for a function of yours, how its states start: `init_states(d2l,
            params)` gives a variable or a tuple of them for each parameter.
        hyperparams: those of the rule, and the options of Keras' own optimizers:
            `clipnorm`, `clipvalue` or `global_clipnorm` clip gradients before the rule
            sees them; `weight_decay` λ is the rule's where it reads one, and a function
            of yours is given it; else p ← p − η λ p before each step;
            `use_ema`, `ema_momentum`, `ema_overwrite_frequency`, `loss_scale_factor`,
            `gradient_accumulation_steps` and `name` are as Keras has them. `lr` may
            also be a schedule of Keras, or a function without arguments; a rule of the
            library that has none gets one that multiplies its steps, 1 if not given.

    Raises an InputError for a hyperparameter or option that is unknown or out of range.
    """
    # A number of NumPy becomes one of Python, which a file can hold.
    hyperparams = {
        name: x.item() if isinstance(x, np.generic) else x
        for name, x in hyperparams.items()
    }
    found = native.rule_of(d2l, rule, init_states)
    options = {
        n: hyperparams.pop(n)
        for n in OPTIONS
        if n in hyperparams and not _reads(found, n)
    }
    native.check_with_rate(found, hyperparams, Callable)
    if "lr" in hyperparams:
        check_rate("lr", hyperparams["lr"])
    check_options(options)
    rate = hyperparams.pop("lr", None)
    rate = float(rate) if isinstance(rate, int) else rate
    return Portable(found, hyperparams, rate, **options)


@tf.keras.utils.register_keras_serializable("d2lopt")
class Portable(tf.keras.optimizers.Optimizer):  # type: ignore[misc]  # it has no types
    """A rule as a Keras optimizer; its states are variables that Keras saves.

    Each is called by its parameter, `dense/kernel`, and the letter that it has in the
    equations: `dense_kernel_s`.
    """

    d2l: ClassVar[Backend]  # the namespace, which sets it: Keras makes a saved one anew

    def __init__(
        self,
        rule: Rule | native.Written,
        hyperparams: dict[str, Any],
        learning_rate: Any = None,
        **options: Any,
    ) -> None:
        check_keras()
        rule = rule if isinstance(rule, Rule) else native.from_json(rule)
        if native.lacks_rate(rule):
            rule = native.with_rate(rule)
            learning_rate = 1.0 if learning_rate is None else learning_rate
        options = {"name": "portable"} | options
        super().__init__(1.0 if learning_rate is None else learning_rate, **options)
        self._given = rule, hyperparams, learning_rate
        self._options = options
        self._has_lr = learning_rate is not None
        # λ is one attribute, as on any optimizer of Keras, whoever applies it.
        self._rule_decays = "weight_decay" in hyperparams
        if self._rule_decays:
            self.weight_decay = hyperparams["weight_decay"]
        self._run = fuse.for_size(self.d2l, rule)

    def clone(self) -> "Portable":
        """This one as it was made, and with what was excluded from weight decay."""
        rule, hyperparams, rate = self._given
        clone = Portable(rule, hyperparams, rate, **self._options)
        for name, value in vars(self).items():
            if name.startswith("_exclude_from_weight_decay"):
                setattr(clone, name, value)
        return clone

    def get_config(self) -> dict[str, Any]:
        rule, hyperparams, _ = self._given
        config: dict[str, Any] = super().get_config()
        if not self._has_lr:
            config["learning_rate"] = None
        if self._rule_decays:
            hyperparams = {**hyperparams, "weight_decay": self.weight_decay}
            config["weight_decay"] = None
        return config | {"rule": native.as_json(rule), "hyperparams": {**hyperparams}}

    # ------------------------------------------------------------ the learning rate

    @property
    def learning_rate(self) -> Any:
        """η: Keras' variable, or what the schedule or function gives for this step."""
        return self._get_current_learning_rate()

    @learning_rate.setter
    def learning_rate(self, rate: Any) -> None:
        if not self._has_lr:
            raise InputError(
                "the rule was made without lr, so there is no rate to set: let it read "
                "hyperparams['lr'], and give it lr=…"
            )
        check_rate("learning_rate", rate)
        tf.keras.optimizers.Optimizer.learning_rate.fset(self, rate)

    lr = learning_rate

    # ------------------------------------------------------------------- the states

    def build(self, variables: Any) -> None:
        if self.built or not variables:  # Keras reads an .h5 file before it knows any
            return
        self._check_variables(variables)
        super().build(variables)
        # A variable that takes its gradient as its value, as the scales of float8 do,
        # is no parameter of the rule.
        kept = [v for v in variables if not self._overwrite_variable_with_gradient(v)]
        rule, states = self._given[0], [()] * len(variables)
        with tf.init_scope():  # a first step may be inside a tf.function
            params = [
                # One that is made in the same tf.function has no value yet.
                p if bool(p.is_initialized()) else tf.zeros(p.shape, p.dtype)
                for p in plain(kept)
            ]
            starts = native.start(self.d2l, rule, params)
            for v, start in zip(kept, starts, strict=True):
                states[self._get_variable_index(v)] = self._states_from(v, start)
            self._is_count = _is_count(self.d2l, rule)
        self._states = states

    def _states_from(self, variable: Any, start: Any) -> Any:
        """Variables that Keras keeps, with the names and values at the rule's start."""
        path = getattr(variable, "path", None) or variable.name.replace(":", "_")
        names = tf.nest.flatten(state_names(self._given[0], start))
        states = []
        for name, x in zip(names, tf.nest.flatten(start), strict=True):
            if not hasattr(x, "shape"):
                raise InputError(
                    f"init_states gives {x!r}, which Keras cannot keep: make it a "
                    "d2l.variable(…)."
                )
            state = self.add_variable(
                x.shape,
                initializer=lambda *_, x=x, **__: tf.identity(x),
                dtype=x.dtype.name,
                name=f"{path.replace('/', '_')}_{name}",
            )
            states.append(state.value)
        return tf.nest.pack_sequence_as(start, states)

    def _check_variables(self, variables: Any) -> None:
        rule = self._given[0]
        for v in variables:
            if tf.as_dtype(v.dtype).is_complex and not (
                rule in LINEAR or _is_function(rule)
            ):
                raise InputError(
                    f"{v.name} is complex, and its rule is for real numbers: "
                    "keep the real and the imaginary part in two variables."
                )

    # -------------------------------------------------------------- the weight decay

    def _apply_weight_decay(self, variables: Any) -> None:
        """Keras' own p ← p − η λ p, unless the rule has a decay of its own."""
        if not self._rule_decays:
            super()._apply_weight_decay(variables)

    # --------------------------------------------------------------------- the step

    def _clip_gradients(self, grads: Any) -> Any:
        dtypes = [g.dtype for g in grads]
        if not self.global_clipnorm or len(set(dtypes)) < 2:
            return super()._clip_gradients(grads)
        # The norm is over all, so all take part with one dtype.
        clipped = super()._clip_gradients([tf.cast(g, tf.float64) for g in grads])
        return [tf.cast(g, dtype) for g, dtype in zip(clipped, dtypes, strict=True)]

    def _distributed_tf_update_step(
        self, distribution: Any, grads_and_vars: Any, learning_rate: Any
    ) -> None:
        """All parameters at once, where Keras would update each by itself."""
        grads, variables = zip(*grads_and_vars, strict=True)
        indices = [self._get_variable_index(v) for v in variables]
        states = [self._states[i] for i in indices]
        # Keras counts steps for all variables, also for those without a gradient.
        others = set(range(len(self._states))) - set(indices)
        waiting = [self._counts(s) for i in others if (s := self._states[i])]
        decays = [self._use_weight_decay(v) for v in variables]
        if isinstance(learning_rate, float):  # which a function may give
            learning_rate = tf.constant(learning_rate, tf.float64)
        rate = tf.convert_to_tensor(learning_rate)
        every = grads, variables, states, waiting, decays, rate
        distribution.extended.update(variables[0], self._step, every, group=False)

    def _step(
        self,
        _: Any,
        grads: Any,
        params: Any,
        states: Any,
        waiting: Any,
        decays: list[bool],
        rate: Any,
    ) -> None:
        rule, hyperparams, _ = self._given
        if self._has_lr:
            hyperparams = {**hyperparams, "lr": Scalar(tf.cast(rate, tf.float64))}
        if self._rule_decays:
            hyperparams = {**hyperparams, "weight_decay": self.weight_decay}
        # An embedding's gradient has only the rows that were looked up.
        dense = [tf.convert_to_tensor(g) for g in grads]
        dense = [tf.cast(g, p.dtype) for g, p in zip(dense, params, strict=True)]
        none = apart.undecayed(hyperparams)
        own = [{} if decay else none for decay in decays]
        apart.step(self.d2l, rule, self._run, params, dense, states, hyperparams, own)
        counted = self._counts(states[0])
        for counts in waiting:
            for count, value in zip(counts, counted, strict=True):
                count.assign(tf.cast(value, count.dtype))

    def _counts(self, states: Any) -> list[Any]:
        """Those of one parameter's states that count its steps."""
        return list(compress(tf.nest.flatten(states), self._is_count))


def plain(variables: Any) -> list[Any]:
    """The tf.Variable that each variable of Keras holds."""
    return [v.value if isinstance(v, tf.keras.Variable) else v for v in variables]


def _is_function(rule: Rule) -> bool:
    """Whether the rule is a function of yours, of which nothing else is known."""
    return isinstance(rule.step, LearnersRule)


def _reads(rule: Rule, option: str) -> bool:
    """Whether an option of Keras is a hyperparameter of the rule."""
    if _is_function(rule):
        return option == "weight_decay"
    return option in rule.hyperparams


def _is_count(d2l: Backend, rule: Rule) -> list[bool]:
    """Which of a parameter's states, one after the other, count its steps.

    Of a library rule it is those that have shape () whatever the parameter's shape: the
    corrections 1 − βᵗ. Of other rules nothing is known.
    """
    if not is_library_rule(rule):
        return []
    of_one = as_rule(rule.step).init_states(d2l, [tf.zeros(1)])
    return [x.shape.rank == 0 for x in tf.nest.flatten(of_one)]
