"""Values for a network's parameters: the published initialisation, random ones, or a file's.

All of them yield (dotted name, float32 array) in running order, one tensor at a time. No torch.
"""

from spinedsl.weights.drawn import initial_weights, random_weights
from spinedsl.weights.loaded import load_weights
from spinedsl.weights.types import Array, Weights

__all__ = ["Array", "Weights", "initial_weights", "load_weights", "random_weights"]
