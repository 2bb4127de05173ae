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

SAME_MODULE = {"rtol": 1e-4, "atol": 1e-5}
"""The generated module against itself, run in another way: compiled, exported, traced, channels last."""
