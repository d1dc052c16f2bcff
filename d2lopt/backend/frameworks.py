"""The frameworks: how people call each one, import it and install it.

With a framework's own module, the table of conventions and pyproject.toml, this is the
place where frameworks are named. It imports none of them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Framework:
    """One backend: how people call it, import it and install it."""

    title: str
    module: str  # what `import` takes
    distributions: tuple[str, ...]  # what pip calls it, the tested one first
    optimizers: str = ""  # the distribution of its own optimizers, if it is another

    @property
    def optimizers_title(self) -> str:
        """How people call what its own optimizers come in."""
        return self.optimizers or self.title


FRAMEWORKS: dict[str, Framework] = {
    "numpy": Framework("NumPy", "numpy", ("numpy",)),
    "torch": Framework("PyTorch", "torch", ("torch",)),
    "tensorflow": Framework(
        "TensorFlow", "tensorflow", ("tensorflow-cpu", "tensorflow"), "keras"
    ),
    "mxnet": Framework("MXNet", "mxnet", ("mxnet",)),
    "jax": Framework("JAX", "jax", ("jax",), "optax"),
    "paddle": Framework("Paddle", "paddle", ("paddlepaddle",)),
}
