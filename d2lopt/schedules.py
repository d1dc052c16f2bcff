"""The schedules of learning rates, from `rules/schedules.py`."""

from .rules.schedules import *  # noqa: F403  # all that it has
