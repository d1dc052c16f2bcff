"""64-bit types, which JAX leaves off until something asks for them.

They are switched on at the first request for float64, for the whole process: JAX cannot
mix the two. A program that takes hyperparameters as arguments is traced with them on in
any case, for itself alone, as a Python float becomes a float32 argument otherwise, and
1 − γ of γ = 0.999 is then wrong by 1e-5.
"""

from typing import Any

import jax
import numpy as np

try:
    from jax import enable_x64
except ImportError:  # before JAX 0.8
    from jax.experimental import enable_x64


def asked_for(dtype: Any) -> Any:
    """`dtype`; 64-bit types are on from here on, if it is one of them."""
    if jax.dtypes.canonicalize_dtype(dtype) != np.dtype(dtype):
        jax.config.update("jax_enable_x64", True)
    return dtype


def exact_numbers() -> Any:
    """The context in which a Python float is an argument of 64 bits."""
    return enable_x64(True)
