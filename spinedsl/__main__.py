"""`python -m spinedsl` is `spinec`."""

from spinedsl.cli import main

main()
