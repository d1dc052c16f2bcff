"""The page on which optimizers run in the browser, offline.

`page.py` puts the scripts and styles that lie beside it into one file.
"""
