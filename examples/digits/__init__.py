"""A detector of handwritten digits, small enough to ship: data, training, evaluation, comparison."""
