"""What the frameworks' own optimizers compute: the table.

It imports none of them. What stands here is not believed but measured: `d2lopt
conformance` holds every row against the framework that is installed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..backend.environment import optimizers_version
from ..backend.frameworks import FRAMEWORKS
from ..errors import InputError
from .traits import NEUTRAL, Builtin, Traits, in_use

# A rule of ours that is a built-in's of another name, with these settings.
ALIASES: dict[str, tuple[str, dict[str, Any]]] = {
    "nesterov": ("momentum", {"nesterov": True}),
    "adadelta": ("adadelta", {"lr": 1.0}),
}


class Verbatim(str):
    """Text that stands in a program as it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


# ------------------------------------------------------------------------------ PyTorch

_LR_BEHIND = Traits(eps_inside=False, lr_in_buffer=False)

TORCH = (
    Builtin(
        "rmsprop",
        "optim.RMSprop",
        {
            "lr": "lr",
            "gamma": "alpha",
            "eps": "eps",
            "momentum": "momentum",
            "centered": "centered",
            "weight_decay": "weight_decay",
        },
        {"lr": 0.01, "gamma": 0.99, "eps": 1e-8},
        _LR_BEHIND,
        note="ε is added outside the root; clipping is a function of its own.",
    ),
    Builtin(
        "sgd",
        "optim.SGD",
        {"lr": "lr", "weight_decay": "weight_decay"},
        {"lr": 0.001},
        _LR_BEHIND,
    ),
    Builtin(
        "momentum",
        "optim.SGD",
        {
            "lr": "lr",
            "momentum": "momentum",
            "nesterov": "nesterov",
            "weight_decay": "weight_decay",
        },
        {"lr": 0.001},
        _LR_BEHIND,
    ),
    Builtin(
        "adagrad",
        "optim.Adagrad",
        {
            "lr": "lr",
            "eps": "eps",
            "start": "initial_accumulator_value",
            "weight_decay": "weight_decay",
        },
        {"lr": 0.01, "eps": 1e-10},
        _LR_BEHIND,
    ),
    Builtin(
        "adadelta",
        "optim.Adadelta",
        {"lr": "lr", "rho": "rho", "eps": "eps", "weight_decay": "weight_decay"},
        {"lr": 1.0, "rho": 0.9, "eps": 1e-6},
        _LR_BEHIND,
    ),
    Builtin(
        "adam",
        "optim.Adam",
        {
            "lr": "lr",
            "beta1": "betas.0",
            "beta2": "betas.1",
            "eps": "eps",
            "weight_decay": "weight_decay",
        },
        {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8},
        _LR_BEHIND,
    ),
    Builtin(
        "adamw",
        "optim.AdamW",
        {
            "lr": "lr",
            "beta1": "betas.0",
            "beta2": "betas.1",
            "eps": "eps",
            "weight_decay": "weight_decay",
        },
        {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.01},
        Traits(eps_inside=False, lr_in_buffer=False, decoupled=True),
    ),
)

# -------------------------------------------------------------------- TensorFlow, Keras

_KERAS = Traits(decoupled=True)
_KERAS_COMMON = {
    "lr": "learning_rate",
    "weight_decay": "weight_decay",
    "clip_value": "clipvalue",
    "clip_norm": "clipnorm",
    "clip_global_norm": "global_clipnorm",
}
_KERAS_ADAM = {"beta1": "beta_1", "beta2": "beta_2", "eps": "epsilon"}
# The rate is a float32 variable, and constants that it casts are float32 on the way.
_KERAS_ROUNDS = ("lr", "weight_decay")

KERAS = (
    Builtin(
        "rmsprop",
        "keras.optimizers.RMSprop",
        {
            **_KERAS_COMMON,
            "gamma": "rho",
            "eps": "epsilon",
            "momentum": "momentum",
            "centered": "centered",
        },
        {"lr": 0.001, "gamma": 0.9, "eps": 1e-7},
        _KERAS,
        rounds=_KERAS_ROUNDS,
        note="Keras before 3 had ε outside the root without momentum, inside with it.",
    ),
    Builtin(
        "sgd",
        "keras.optimizers.SGD",
        _KERAS_COMMON,
        {"lr": 0.01},
        _KERAS,
        rounds=_KERAS_ROUNDS,
    ),
    Builtin(
        "momentum",
        "keras.optimizers.SGD",
        {**_KERAS_COMMON, "momentum": "momentum", "nesterov": "nesterov"},
        {"lr": 0.01},
        _KERAS,
        rounds=(*_KERAS_ROUNDS, "momentum"),
    ),
    Builtin(
        "adagrad",
        "keras.optimizers.Adagrad",
        {**_KERAS_COMMON, "eps": "epsilon", "start": "initial_accumulator_value"},
        {"lr": 0.001, "eps": 1e-7, "start": 0.1},
        _KERAS,
        rounds=_KERAS_ROUNDS,
    ),
    Builtin(
        "adadelta",
        "keras.optimizers.Adadelta",
        {**_KERAS_COMMON, "rho": "rho", "eps": "epsilon"},
        {"lr": 0.001, "rho": 0.95, "eps": 1e-7},
        _KERAS,
        rounds=_KERAS_ROUNDS,
    ),
    Builtin(
        "adam",
        "keras.optimizers.Adam",
        {**_KERAS_COMMON, **_KERAS_ADAM},
        {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-7},
        Traits(decoupled=True, raw=True),
        rounds=(*_KERAS_ROUNDS, "beta1_correction", "beta2_correction"),
    ),
    Builtin(
        "adamw",
        "keras.optimizers.AdamW",
        {**_KERAS_COMMON, **_KERAS_ADAM},
        {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-7, "weight_decay": 0.004},
        Traits(decoupled=True, raw=True),
        rounds=(*_KERAS_ROUNDS, "beta1_correction", "beta2_correction"),
    ),
)

# -------------------------------------------------------------------------------- MXNet

_DECAY_FIRST = Traits(clip_first=False)
_MXNET_COMMON = {
    "lr": "learning_rate",
    "weight_decay": "wd",
    "clip_value": "clip_gradient",
}

# Its kernels take every hyperparameter as a float32 number.
_MXNET_ROUNDS = ("lr", "momentum", "weight_decay", "clip")
_STATE_IS_FLOAT32 = "Its state is float32: with float64 parameters, Trainer.step fails."

MXNET = (
    Builtin(
        "rmsprop",
        "rmsprop",
        {
            **_MXNET_COMMON,
            "gamma": "gamma1",
            "eps": "epsilon",
            "momentum": "gamma2",
            "centered": "centered",
            "clip_weights": "clip_weights",
        },
        {"lr": 0.001, "gamma": 0.9, "eps": 1e-8, "momentum": 0.9},
        _DECAY_FIRST,
        only_with={"momentum": "centered"},
        note="gamma2 is a momentum of 0.9 if centered, and ignored if not; MXNet 2's "
        "renames gamma1 to rho and moves ε outside the root. " + _STATE_IS_FLOAT32,
    ),
    Builtin("sgd", "sgd", _MXNET_COMMON, {"lr": 0.01}, rounds=_MXNET_ROUNDS),
    Builtin(
        "momentum",
        "sgd",
        {**_MXNET_COMMON, "momentum": "momentum"},
        {"lr": 0.01},
        rounds=_MXNET_ROUNDS,
    ),
    Builtin(
        "momentum",
        "nag",
        {"lr": "learning_rate", "clip_value": "clip_gradient", "momentum": "momentum"},
        {"lr": 0.01},
        fixed={"nesterov": True},
        rounds=_MXNET_ROUNDS,
        note="with wd, the buffer reads the weight that is already updated.",
    ),
    Builtin(
        "adagrad",
        "adagrad",
        {**_MXNET_COMMON, "eps": "eps"},
        {"lr": 0.01, "eps": 1e-7},
        Traits(decoupled=True),
        note=_STATE_IS_FLOAT32,
    ),
    Builtin(
        "adadelta",
        "adadelta",
        {"rho": "rho", "eps": "epsilon", "clip_value": "clip_gradient"},
        {"rho": 0.9, "eps": 1e-5},
        Traits(uses_lr=False),
        note="the learning rate is ignored. " + _STATE_IS_FLOAT32,
    ),
    Builtin(
        "adam",
        "adam",
        {**_MXNET_COMMON, "beta1": "beta1", "beta2": "beta2", "eps": "epsilon"},
        {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8},
        Traits(raw=True, clip_first=False),
        rounds=(*_MXNET_ROUNDS, "beta1", "beta2", "eps"),
        float64=False,
    ),
)

# --------------------------------------------------------------------------- JAX, optax

_OPTAX = Traits()
_OPTAX_BEFORE = {  # in this order
    "clip_value": "clip",
    "clip_global_norm": "clip_by_global_norm",
    "weight_decay": "add_decayed_weights",
}

OPTAX = (
    Builtin(
        "rmsprop",
        "rmsprop",
        {
            "lr": "learning_rate",
            "gamma": "decay",
            "eps": "eps",
            "momentum": "momentum",
            "nesterov": "nesterov",
            "centered": "centered",
            "start": "initial_scale",
            "eps_inside": "eps_in_sqrt",
            "corrected": "bias_correction",
        },
        {"gamma": 0.9, "eps": 1e-8},
        _OPTAX,
        before=_OPTAX_BEFORE,
        note="weight decay and clipping are links of an optax.chain.",
    ),
    Builtin("sgd", "sgd", {"lr": "learning_rate"}, {}, _OPTAX, before=_OPTAX_BEFORE),
    Builtin(
        "momentum",
        "sgd",
        {"lr": "learning_rate", "momentum": "momentum", "nesterov": "nesterov"},
        {},
        Traits(lr_in_buffer=False),
        before=_OPTAX_BEFORE,
    ),
    Builtin(
        "adagrad",
        "adagrad",
        {"lr": "learning_rate", "eps": "eps", "start": "initial_accumulator_value"},
        {"eps": 1e-7, "start": 0.1},
        _OPTAX,
        before=_OPTAX_BEFORE,
    ),
    Builtin(
        "adadelta",
        "adadelta",
        {"lr": "learning_rate", "rho": "rho", "eps": "eps"},
        {"rho": 0.9, "eps": 1e-6},
        _OPTAX,
        before=_OPTAX_BEFORE,
        note="without a learning rate it ascends: the sign is never flipped.",
    ),
    Builtin(
        "adam",
        "adam",
        {"lr": "learning_rate", "beta1": "b1", "beta2": "b2", "eps": "eps"},
        {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8},
        _OPTAX,
        before=_OPTAX_BEFORE,
    ),
    Builtin(
        "adamw",
        "adamw",
        {
            "lr": "learning_rate",
            "beta1": "b1",
            "beta2": "b2",
            "eps": "eps",
            "weight_decay": "weight_decay",
        },
        {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 1e-4},
        Traits(decoupled=True),
    ),
)

# ------------------------------------------------------------------------------- Paddle

_PADDLE_COMMON = {
    "lr": "learning_rate",
    "weight_decay": "weight_decay",
    "clip_value": "grad_clip",
    "clip_norm": "grad_clip",
    "clip_global_norm": "grad_clip",
}
_PADDLE_CLIPS = {
    "clip_value": "nn.ClipGradByValue",
    "clip_norm": "nn.ClipGradByNorm",
    "clip_global_norm": "nn.ClipGradByGlobalNorm",
}
_L1 = {"l1_decay": "weight_decay"}
_PADDLE_OBJECTS = {**_PADDLE_CLIPS, "l1_decay": "regularizer.L1Decay"}
_PADDLE_ADAM = {"beta1": "beta1", "beta2": "beta2", "eps": "epsilon"}
_OUTSIDE = Traits(eps_inside=False)

PADDLE = (
    Builtin(
        "rmsprop",
        "optimizer.RMSProp",
        {
            **_PADDLE_COMMON,
            **_L1,
            "gamma": "rho",
            "eps": "epsilon",
            "momentum": "momentum",
            "centered": "centered",
        },
        {"gamma": 0.95, "eps": 1e-6},
        rounds=("gamma", "eps", "momentum"),
        objects=_PADDLE_OBJECTS,
    ),
    Builtin(
        "sgd",
        "optimizer.SGD",
        {**_PADDLE_COMMON, **_L1},
        {"lr": 0.001},
        objects=_PADDLE_OBJECTS,
    ),
    Builtin(
        "momentum",
        "optimizer.Momentum",
        {
            **_PADDLE_COMMON,
            **_L1,
            "momentum": "momentum",
            "nesterov": "use_nesterov",
        },
        {"lr": 0.001, "momentum": 0.9},
        Traits(lr_in_buffer=False),
        rounds=("momentum", "weight_decay"),
        objects=_PADDLE_OBJECTS,
    ),
    Builtin(
        "adagrad",
        "optimizer.Adagrad",
        {
            **_PADDLE_COMMON,
            **_L1,
            "eps": "epsilon",
            "start": "initial_accumulator_value",
        },
        {"eps": 1e-6},
        _OUTSIDE,
        rounds=("eps",),
        objects=_PADDLE_OBJECTS,
    ),
    Builtin(
        "adadelta",
        "optimizer.Adadelta",
        {**_PADDLE_COMMON, **_L1, "rho": "rho", "eps": "epsilon"},
        {"lr": 0.001, "rho": 0.95, "eps": 1e-6},
        rounds=("rho", "eps"),
        objects=_PADDLE_OBJECTS,
    ),
    Builtin(
        "adam",
        "optimizer.Adam",
        {**_PADDLE_COMMON, **_L1, **_PADDLE_ADAM},
        {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8},
        objects=_PADDLE_OBJECTS,
    ),
    Builtin(
        "adamw",
        "optimizer.AdamW",
        {**_PADDLE_COMMON, **_PADDLE_ADAM},
        {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.01},
        Traits(decoupled=True),
        rounds=("weight_decay",),
        objects=_PADDLE_CLIPS,
    ),
)

# ------------------------------------------------------------------------------ by name

ROWS: dict[str, tuple[Builtin, ...]] = {
    "numpy": (),  # it has no optimizer of its own
    "torch": TORCH,
    "tensorflow": KERAS,
    "mxnet": MXNET,
    "jax": OPTAX,
    "paddle": PADDLE,
}

# The version of the optimizers' package with which the rows were measured.
CHECKED = {
    "numpy": "1.26.4",
    "torch": "2.13.0",
    "tensorflow": "3.15.1",
    "mxnet": "1.9.1",
    "jax": "0.2.8",
    "paddle": "3.3.1",
}

# How a program writes the namespace of the optimizers.
ROOTS = {
    "torch": "torch",
    "tensorflow": "tf",
    "mxnet": "mx",
    "jax": "optax",
    "paddle": "paddle",
}

# How a program writes the call of a built-in optimizer.
CALLS = {
    "torch": "torch.{name}(net.parameters(), {arguments})",
    "tensorflow": "tf.{name}({arguments})",
    "mxnet": 'gluon.Trainer(net.collect_params(), "{name}", dict({arguments}))',
    "jax": "optax.{name}({arguments})",
    "paddle": "paddle.{name}(parameters=net.parameters(), {arguments})",
}


def find_row(
    framework: str, kind: str, settings: Mapping[str, Any] | None = None
) -> Builtin | None:
    """The row of a kind of optimizer, the first that can express the settings."""
    wanted = settings or {}
    for row in ROWS[framework]:
        fixed = row.fixed.items() <= wanted.items()
        if row.kind == kind and fixed and row.can_express(wanted):
            return row
    return None


def kind_of(optimizer: str) -> tuple[str, dict[str, Any]]:
    """The kind of built-in that an optimizer's name stands for, and its options.

    >>> kind_of("nesterov")
    ('momentum', {'nesterov': True})
    >>> kind_of("adam")
    ('adam', {})
    """
    kind, settings = ALIASES.get(optimizer, (optimizer, {}))
    return kind, {n: value for n, value in settings.items() if n in NEUTRAL}


def row_of(framework: str, optimizer: str) -> Builtin:
    """The row of an optimizer; InputError if the framework has none."""
    row = find_row(framework, *kind_of(optimizer))
    if row is None:
        have = [name for name in FRAMEWORKS if find_row(name, *kind_of(optimizer))]
        raise InputError(
            f"{FRAMEWORKS[framework].title} has no {optimizer} of its own. These have: "
            f"{', '.join(have) or 'none'}."
        )
    return row


def nearest(
    framework: str, optimizer: str, hyperparams: Mapping[str, Any]
) -> tuple[Builtin, dict[str, Any]] | None:
    """The built-in that comes nearest to a rule of ours, and its settings.

    None if the framework has none of the kind.

    >>> row, settings = nearest("torch", "rmsprop", {"gamma": 0.9})
    >>> row.name, row.words(settings)
    ('optim.RMSprop', {'alpha': 0.9})
    """
    kind, fixed = ALIASES.get(optimizer, (optimizer, {}))
    settings = {**hyperparams, **fixed}
    row = find_row(framework, kind, settings)
    return (row, settings) if row else None


def written(framework: str, row: Builtin, settings: Mapping[str, Any]) -> str:
    """The call of a built-in with these settings, as a person would write it.

    >>> row = find_row("tensorflow", "sgd")
    >>> written("tensorflow", row, {"lr": 0.1})
    'tf.keras.optimizers.SGD(learning_rate=0.1)'
    """
    root, words = ROOTS[framework], row.words(settings)
    for ours in in_use(settings) & row.objects.keys():
        call = f"{root}.{row.objects[ours]}({settings[ours]!r})"
        words[row.keywords[ours]] = Verbatim(call)
    arguments = ", ".join(f"{key}={value!r}" for key, value in words.items())
    call = CALLS[framework].format(name=row.name, arguments=arguments)
    links = [
        f"{root}.{path}({settings[ours]!r})"
        for ours, path in row.before.items()
        if ours in in_use(settings)
    ]
    return f"{root}.chain({', '.join([*links, call])})" if links else call


def was_checked(framework: str, version: str | None) -> bool:
    """Whether the rows were measured with this version of the optimizers' package."""
    return (version or "").split("+")[0] == CHECKED[framework]


def never_checked(framework: str, version: str) -> str:
    """What has to be said of such a version, without a full stop."""
    return (
        f"{FRAMEWORKS[framework].optimizers_title} {version} was never checked before "
        f"(the table knows {CHECKED[framework]})"
    )


def unchecked(frameworks: Sequence[str]) -> list[str]:
    """Those whose installed optimizers are of a version that was never checked."""
    versions = {name: optimizers_version(name) for name in frameworks}
    return [n for n, v in versions.items() if v and not was_checked(n, v)]
