"""The ONNX target: the inlined program as an ONNX model, written without torch.

emit         network, program and options → OnnxModel: the graph, and which tensors it needs
write_model  the model with its weights, streamed into a file
"""

from spinedsl.emit.onnx.emit import emit
from spinedsl.emit.onnx.model import OnnxModel
from spinedsl.emit.onnx.options import OPSETS, OnnxOptions
from spinedsl.emit.onnx.pipelined import emit_pipeline
from spinedsl.emit.onnx.write import PROTOBUF_LIMIT, write_model
from spinedsl.weights import Weights

__all__ = [
    "OPSETS",
    "PROTOBUF_LIMIT",
    "OnnxModel",
    "OnnxOptions",
    "Weights",
    "emit",
    "emit_pipeline",
    "write_model",
]
