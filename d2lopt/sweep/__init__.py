"""Many configurations at once: the grid, the work, the records, the summary.

`sweep_into` runs a grid into a folder, and goes on where an earlier call stopped.
"""

from .run import sweep_into

__all__ = ["sweep_into"]
