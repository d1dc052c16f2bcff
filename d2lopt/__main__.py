"""`python -m d2lopt` is the command `d2lopt`."""

from .cli import main

main()
