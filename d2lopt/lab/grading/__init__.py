"""A class's submissions: read, run in a sandbox, graded, and shown on pages.

`grade.py` is the entry; `sandbox.py` holds what a submission may use.
"""
