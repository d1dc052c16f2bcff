"""The pieces that optimizers are made of, from `rules/pieces.py`."""

from .rules.pieces import *  # noqa: F403  # all that it has
