"""The least that a step can cost: moving its numbers through the memory once.

A step of RMSProp reads p, g and s and writes p and s, and so does this loop. It is
compiled by Numba and shared among the same threads as a compiled rule, in chunks. The
same loop in C (`-O3 -march=native -fopenmp`) takes as long at 50 million elements, to
within a tenth; on a busy machine at 10 million it takes longer, with its fixed halves.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InputError
from ..fuse.loops import Job, Program, numba, run

# The least arithmetic with the same traffic: s ← s + g, p ← p − g.
_LOADS = (("load", 0), ("load", 1), ("load", 2))
_LEAST = (*_LOADS, ("add", 2, 1), ("sub", 0, 1))


def compiler() -> Any:
    """Numba; an InputError with what installs it where it is missing."""
    found = numba()
    if found is None:
        raise InputError("the floor needs Numba: pip install 'd2lopt[fast]'.")
    return found


class Floor:
    """The loop over n elements; a call runs it once.

    Raises an InputError where Numba is not installed.
    """

    def __init__(self, n: int, dtype: str = "float32") -> None:
        compiler()
        arrays = [np.full(n, value, dtype) for value in (1.0, 1e-3, 0.5)]
        self.job: Job = (Program(_LEAST, ((2, 3), (0, 4)), None, dtype, 3), arrays, ())
        self()  # compiled, and every page of the arrays touched

    def __call__(self) -> None:
        run([self.job])
