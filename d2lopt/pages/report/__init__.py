"""The page of a comparison: curves, a table, and the reasons for what differs.

`page.py` fills `page.html` from the records; `curves.py` and `svg.py` draw, and
`sentences.py` says in words what was found.
"""
