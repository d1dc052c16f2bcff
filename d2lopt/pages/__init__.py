"""Pages for a browser, each one file that needs nothing else.

`report/` is the comparison's page, `playground/` the optimizer to play with.
"""
