"""How fast: epochs, large parameters and many configurations, beside what is possible.

`floor.py` is the compiled loop that every figure is a multiple of.
"""
