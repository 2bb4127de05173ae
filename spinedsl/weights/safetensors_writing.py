"""Writing a .safetensors file front to back, one tensor in memory at a time.

The header has the places of all tensors, which follow from their shapes. Equal weights give equal
bytes: the header's metadata come first and in order, tensors follow in running order.
Source: https://huggingface.co/docs/safetensors (format)
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping

import numpy as np

from spinedsl.weights.types import Weights

ALIGNMENT = 8
"""Tensors begin at a multiple of this."""


def safetensors_bytes(
    shapes: Mapping[str, tuple[int, ...]], weights: Weights, metadata: Mapping[str, str]
) -> Iterator[bytes]:
    """The file, piece by piece.

    Args:
        shapes: of every tensor, in order.
        weights: the tensors, in the same order.
        metadata: texts that the file keeps beside them.
    """
    header: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    place = 0
    for name, shape in shapes.items():
        end = place + 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": (place, end)}
        place = end
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    yield len(text).to_bytes(8, "little") + text
    for (name, shape), (given, array) in zip(shapes.items(), weights, strict=True):
        assert (name, shape) == (given, array.shape), "the header is written already"
        yield np.ascontiguousarray(array, "<f4").tobytes()
