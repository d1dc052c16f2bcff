"""The mistakes that a check knows by name: rules that make them, and hints.

`versions.py` builds every wrong version of a rule out of its parts; `hints.py` has the
sentence for each mistake.
"""
