"""What can be checked: one file for each chapter lists its exercises.

An exercise says what a function is called, takes and returns, and how it is checked.
"""

from .exercise import Exercise
from .labs import EXERCISES, find, names

__all__ = ["EXERCISES", "Exercise", "find", "names"]
