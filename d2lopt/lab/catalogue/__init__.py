"""The wrong versions that a check knows by name, built from the pieces of each rule.

`families.py` gathers them; `hints.py` has the sentence for each mistake.
"""
