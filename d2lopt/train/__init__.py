"""Training: batches, the problem, the loop, from scratch and built in.

It computes and returns numbers; it prints nothing and draws nothing.
"""

from .concise import built_in
from .scratch import from_scratch

__all__ = ["built_in", "from_scratch"]
