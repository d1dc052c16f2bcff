"""Import TensorFlow without what nothing here uses: a fifth of its import time.

`tf.lite` and the module behind Keras's picture galleries are loaded at the first look
into them. `tf.lite` and Keras look for another framework, to convert its models, and
would load it just for that.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from typing import Any

LATER = (
    "matplotlib.pyplot",
    "tensorflow._api.v2.lite",
    "tensorflow._api.v2.compat.v1.lite",
    "tensorflow._api.v2.compat.v2.lite",
)
NOT_HERE = "jax"


class _Later(MetaPathFinder):
    """Finds the modules of `LATER`, to be run at the first look into them."""

    def find_spec(
        self, fullname: str, path: Any = None, target: Any = None
    ) -> ModuleSpec | None:
        if fullname not in LATER:
            return None
        spec = PathFinder.find_spec(fullname, path)
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec


@contextmanager
def sparing() -> Iterator[None]:
    """While TensorFlow is imported, `LATER` waits and `NOT_HERE` cannot be found."""
    finder = _Later()
    sys.meta_path.insert(0, finder)
    hidden = NOT_HERE not in sys.modules
    if hidden:
        sys.modules[NOT_HERE] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        if hidden:
            del sys.modules[NOT_HERE]
