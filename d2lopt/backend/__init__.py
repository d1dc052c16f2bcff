"""What the rest asks of a framework, and how to get one.

`contract.py` is what a framework module keeps, `frameworks.py` the list of them, and
`load` imports one; what spans frameworks starts a process for each (`processes.py`).
"""

from .contract import Backend, State, Step, Tensor, Variable
from .load import load
from .tools import compile_clock

__all__ = ["Backend", "State", "Step", "Tensor", "Variable", "compile_clock", "load"]
