"""What each framework's own optimizers compute: the table, and questions to it.

`table.py` states names, defaults and formulas; `conformance.py` measures them,
`explain.py` says why two losses differ, `translate.py` carries a setting over,
`reasons.py` explains a comparison. What these train, `scenario.py` trains for them.
"""

from ..backend.frameworks import FRAMEWORKS
from .table import ALIASES, ROWS

__all__ = ["ALIASES", "FRAMEWORKS", "ROWS"]
