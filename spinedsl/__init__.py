"""spinec: a compiler for scale-permuted networks."""

__version__ = "0.1.0"
