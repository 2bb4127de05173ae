"""The version of spinec, in one place: generated files carry it, and so does the package."""

__version__ = "0.1.0"
