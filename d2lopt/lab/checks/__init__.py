"""The check of one function: what it is tried with, and what is said of it.

`check.py` is the entry, `exercises/` lists what can be checked, and `rule.py`,
`states.py`, `numbers.py`, `plane.py` and `schedule.py` judge one kind of exercise each.
"""
