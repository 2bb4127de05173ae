"""The published implementations' own names and layouts, one lineage a file.

layers     a layer's variables, and how their axes are turned
structure  a network as the published code builds it
garden     TensorFlow Model Garden: numbers in order of creation
tpu        the first release: scopes
port       the PyTorch ports: modules
names      every parameter with its published variable
"""

from spinedsl.weights.published.layers import Published
from spinedsl.weights.published.names import ORIGINS, Origin, published_names

__all__ = ["ORIGINS", "Origin", "Published", "published_names"]
