"""What weights are."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Weights = Iterable[tuple[str, Array]]
"""Every parameter of a network by its dotted name, in running order."""
