"""The check of one function: what it is tried with, and what is said of it.

`check.py` is the entry; `rule.py`, `numbers.py`, `plane.py` and `schedule.py` judge the
four kinds of exercise.
"""
