"""A class's submissions: read, run in processes with limits, graded, shown on pages.

`grade.py` is the entry. It asks server processes (`room.py`, `server.py`), which fork a
child with limits for each question (`sandbox.py`, `question.py`).
"""
