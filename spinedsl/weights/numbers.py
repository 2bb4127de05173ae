"""Numbers that can't be a network's, whatever file they come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from spinedsl.diagnostics import fail
from spinedsl.ops import Parameter
from spinedsl.weights.types import Array


def check_numbers(path: Path, name: str, parameter: Parameter, array: Array, dtype: str) -> None:
    """See that a parameter's numbers are finite, and that a variance isn't negative.

    Args:
        path: of the file they come from.
        name: of the tensor in it.
        parameter: what they are for.
        array: the numbers.
        dtype: what they were before they became float32.

    Raises:
        DiagnosticError: they aren't (SP051).
    """
    bad = array.size - int(np.isfinite(array).sum())
    if bad:
        too_large = " as float32" if dtype == "F64" else ""
        raise fail(
            "SP051",
            f"“{name}” in “{path}” holds {bad:,} of {array.size:,} numbers that are not finite{too_large}",
            help="the training may have diverged; take an earlier checkpoint",
        )
    if parameter.name == "running_var" and (array < 0).any():
        raise fail(
            "SP051",
            f"“{name}” in “{path}” holds a negative variance",
            help="check that the checkpoint's names were mapped rightly",
        )
