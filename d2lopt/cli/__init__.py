"""The command line: a file for each group of commands; `main` begins."""

from .main import main

__all__ = ["main"]
