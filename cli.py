"""The front door of a checkout: `python cli.py compile specs/spinenet49.spine --target torch`."""

from spinedsl.cli import main

# A process that `search` starts imports this file again.
if __name__ == "__main__":
    main()
