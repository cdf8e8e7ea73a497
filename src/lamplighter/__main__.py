"""`python -m lamplighter` is `lamp`, for machines on which the command is not on the path."""

from lamplighter.cli import main

main()
