"""The words for precisions; what they do is in emit/onnx/precision.py and runtime/quantisation.py."""

from __future__ import annotations

from typing import Literal, get_args

Precision = Literal["fp32", "fp16", "int8"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

CalibrationMethod = Literal["minmax", "entropy", "percentile"]
"""How the range of a value is chosen: see spinedsl/runtime/calibration.py."""
CALIBRATION_METHODS: tuple[CalibrationMethod, ...] = get_args(CalibrationMethod)

Placement = Literal["onnxruntime", "tensorrt"]
"""Whose kernels Q/DQ pairs are placed for: see spinedsl/runtime/quantisation_placement.py."""
PLACEMENTS: tuple[Placement, ...] = get_args(Placement)
