"""From a chapter to a student's notebook, and to the instructor's solution.

`source.py` reads the markers in a chapter, `student.py` writes the files.
"""
