"""The names of the book: harnesses that print and draw, plots, and helpers for cells.

`bind` gives them to a framework module, with that framework filled in.
"""

from .bind import bind

__all__ = ["bind"]
