"""Labs: exercises, checks that say what is wrong, and grading.

In a notebook, `d2lopt.lab.check(rmsprop)` checks the function of that name.
"""

from .checks.check import check, check_function
from .checks.result import Result

__all__ = ["Result", "check", "check_function"]
