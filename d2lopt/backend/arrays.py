"""Numbers out of any framework's arrays, for figures and for printing.

Who draws or prints does not know which framework an array is of. `np.asarray` alone
would not do: it refuses an array that has gradients or is on a device, and reads others
number by number.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def numpy_of(x: Any) -> Array:
    """The numbers of x, an array of any framework, a number, or lists of such."""
    if isinstance(x, list | tuple):
        return np.array([numpy_of(entry) for entry in x])
    if hasattr(x, "asnumpy"):
        return np.asarray(x.asnumpy())
    if hasattr(x, "detach"):  # it may have gradients, and be on a device
        x = x.detach().cpu()
    return np.asarray(x)


def number(x: Any) -> float:
    """The one number in x, whatever its shape: 2, a tensor of shape () or (1, 1)."""
    return float(numpy_of(x).item())
