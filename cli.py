"""The front door of a checkout: `python cli.py compile specs/spinenet49.spine --target torch`."""

from spinedsl.cli import main

main()
