"""Write an optimizer once; run it, see it, time it, check it and teach it everywhere.

    from d2lopt import numpy as d2l  # or torch, tensorflow, mxnet, jax, paddle

imports that framework and no other. `d2lopt.load(name)` does the same by name.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .backend.frameworks import FRAMEWORKS

if TYPE_CHECKING:  # what an editor knows of the modules that `__getattr__` loads
    from .book import Namespace

    numpy: Namespace
    torch: Namespace
    tensorflow: Namespace
    mxnet: Namespace
    jax: Namespace
    paddle: Namespace

    def load(name: str) -> Namespace:
        """The framework module `name`, as a namespace that keeps the contract."""


__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Load a framework module, `lab`, or `load`, when it is first asked for."""
    if name == "lab":
        return import_module(f"{__name__}.lab")
    if name in FRAMEWORKS or name == "load":
        load = import_module(f"{__name__}.backend").load
        return load if name == "load" else load(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
