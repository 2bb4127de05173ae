"""How far two computations of one network may lie apart, and why: the one table of the project.

All are relative: the largest difference in a tensor over its largest absolute value.
"""

from spinedsl.runtime import TOLERANCE

PUBLISHED = 1e-5
"""A compiled network against what the published TensorFlow implementation recorded.

Both sides round in float32, in another order: TensorFlow's own distance from float64 is up to 2.2e-6,
that of ONNX Runtime, which folds norms into convolutions, up to 5e-6.
"""

PUBLISHED_EXACT = 3e-6
"""The Program computed in float64 against the same record: only TensorFlow's rounding is left."""

MISTAKE = 1e-2
"""What a deliberate mistake must at least cause, or `PUBLISHED` proves nothing."""

SLOPE = 5e-5
"""The same for the smallest known mistake: 1/6 for 0.16667 in hard_sigmoid."""

TORCH_ONNX = TOLERANCE
"""The generated module in PyTorch against the ONNX file in ONNX Runtime, full networks with random
weights: what `spinec verify` allows. They are wider and deeper than the recorded ones, and both
sides round."""

ONNX_REFERENCE = 1e-5
"""The ONNX file in ONNX Runtime against the operators' definitions in float64, small networks."""

ONNX_OPERATOR = 1e-6
"""The same for a single operator: a few roundings."""

REWRITTEN = 1e-5
"""The module of a rewritten program against that of the written one: the same sums, other kernels."""

REWRITTEN_EXACT = 1e-9
"""The same in float64, in training: a wrong rule differs by far more than float64 rounds."""

BY_HAND = 1e-6
"""A generated module against the same network written by hand, at the same weights: the same sums, but in
place. Measured: no difference at all."""

SAME_MODULE = {"rtol": 1e-4, "atol": 1e-5}
"""The generated module against itself, run in another way: compiled, exported, traced, channels last."""

HALF_WEIGHTS = 2e-3
"""A float16 model in ONNX Runtime on a CPU, which computes in float32: its weights are rounded to 11
bits (4.9e-4 each), its inputs and outputs too. Measured: up to 9.5e-4, narrow networks of all kinds."""

HALF = 6e-3
"""The same where every operator rounds its result to float16, as onnx's reference does. Measured: up
to 3.1e-3."""

INT8_DECIBELS = 20
"""Least signal-to-noise ratio of an int8 model's outputs: a noise of a tenth of the signal. Measured on
narrow networks with random weights: from 23."""
