"""The frameworks, and what their own optimizers call things: the table of names.

This is the one place, beside a framework's own module and pyproject.toml, where
frameworks are named. It imports none of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Builtin:
    """One built-in optimizer: its name, and its words for our hyperparameters."""

    name: str
    keywords: Mapping[str, str]  # ours → the framework's
    eps_inside: bool  # √(s + ε), or √s + ε


@dataclass(frozen=True)
class Framework:
    """One backend: how people call it, import it and install it."""

    title: str
    module: str  # what `import` takes
    distributions: tuple[str, ...]  # what pip calls it, the tested one first
    call: str = ""  # how a call of a built-in optimizer is written
    builtins: Mapping[str, Builtin] = field(default_factory=dict)

    def native(
        self, optimizer: str, hyperparams: Mapping[str, Any]
    ) -> tuple[str, dict[str, Any]] | None:
        """The built-in's name and hyperparameters, from our words; None without one.

        >>> FRAMEWORKS["torch"].native("rmsprop", {"lr": 0.01, "gamma": 0.9})
        ('RMSprop', {'lr': 0.01, 'alpha': 0.9})
        """
        builtin = self.builtins.get(optimizer)
        if builtin is None:
            return None
        words = {builtin.keywords[ours]: value for ours, value in hyperparams.items()}
        return builtin.name, words

    def written(self, name: str, words: Mapping[str, Any]) -> str:
        """The call of a built-in as a person would write it."""
        arguments = ", ".join(f"{key}={value!r}" for key, value in words.items())
        return self.call.format(name=name, arguments=arguments)


FRAMEWORKS: dict[str, Framework] = {
    "numpy": Framework("NumPy", "numpy", ("numpy",)),
    "torch": Framework(
        "PyTorch",
        "torch",
        ("torch",),
        "torch.optim.{name}(net.parameters(), {arguments})",
        {
            "rmsprop": Builtin(
                "RMSprop",
                {"lr": "lr", "gamma": "alpha", "eps": "eps"},
                eps_inside=False,
            )
        },
    ),
    "tensorflow": Framework(
        "TensorFlow",
        "tensorflow",
        ("tensorflow-cpu", "tensorflow"),
        "tf.keras.optimizers.{name}({arguments})",
        {
            "rmsprop": Builtin(
                "RMSprop",
                {"lr": "learning_rate", "gamma": "rho", "eps": "epsilon"},
                eps_inside=True,
            )
        },
    ),
    "mxnet": Framework(
        "MXNet",
        "mxnet",
        ("mxnet",),
        'gluon.Trainer(net.collect_params(), "{name}", dict({arguments}))',
        {
            "rmsprop": Builtin(
                "rmsprop",
                {"lr": "learning_rate", "gamma": "gamma1", "eps": "epsilon"},
                eps_inside=True,
            )
        },
    ),
    "jax": Framework(
        "JAX",
        "jax",
        ("jax",),
        "optax.{name}({arguments})",
        {
            "rmsprop": Builtin(
                "rmsprop",
                {"lr": "learning_rate", "gamma": "decay", "eps": "eps"},
                eps_inside=True,
            )
        },
    ),
    "paddle": Framework(
        "Paddle",
        "paddle",
        ("paddlepaddle",),
        "paddle.optimizer.{name}(parameters=net.parameters(), {arguments})",
        {
            "rmsprop": Builtin(
                "RMSProp",
                {"lr": "learning_rate", "gamma": "rho", "eps": "epsilon"},
                eps_inside=True,
            )
        },
    ),
}
