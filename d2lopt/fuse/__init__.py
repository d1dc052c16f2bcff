"""A rule over large parameters as one loop, in place of an array for every operation.

`tracing.py` records what a rule computes, `loops.py` writes that as a loop for Numba,
and `compiled` runs it over a framework's memory.
"""

from .fused import LARGE, CompiledRule, at_address, compiled, for_size, may_compile

__all__ = ["LARGE", "CompiledRule", "at_address", "compiled", "for_size", "may_compile"]
