"""The ONNX target: the inlined program as an ONNX model, written without torch.

emit         network, program and options → OnnxModel: the graph, and which tensors it needs
"""

from spinedsl.emit.onnx.emit import emit
from spinedsl.emit.onnx.model import OnnxModel, Weights
from spinedsl.emit.onnx.options import OPSETS, OnnxOptions

__all__ = [
    "OPSETS",
    "OnnxModel",
    "OnnxOptions",
    "Weights",
    "emit",
]
