"""The names of the book: harnesses that print and draw, plots, and helpers for cells.

`namespace.py` lists them, and gives them to each framework module.
"""

from .namespace import Namespace, bind

__all__ = ["Namespace", "bind"]
