"""What executes networks: the only place that may import torch and onnxruntime, and only when needed.

verify       both targets with the same weights, compared endpoint by endpoint
load_module  a generated module as an object, from its text
"""

from spinedsl.runtime.modules import load_module
from spinedsl.runtime.verify import TOLERANCE, Comparison, Report, verify

__all__ = ["TOLERANCE", "Comparison", "Report", "load_module", "verify"]
