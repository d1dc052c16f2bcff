"""`python -m d2lopt` is the command `d2lopt`."""

from .cli.main import main

main()
