"""Libraries that are needed to run networks, but not to compile them."""

from __future__ import annotations

import importlib
from typing import Any

from spinedsl.diagnostics import fail

EXTRAS = {
    "torch": "torch", "onnxruntime": "runtime", "PIL": "images", "openvino": "bench", "onnxslim": "bench",
    "onnxscript": "bench", "matplotlib": "bench", "optuna": "search",
}  # fmt: skip
"""The extra that brings each library."""

PROJECTS = {"PIL": "pillow"}
"""What a library is called where it isn't called as it is imported."""


def need(name: str, purpose: str) -> Any:
    """Import a library of `EXTRAS`.

    Raises:
        DiagnosticError: it isn't installed, or can't be imported (SP052).
    """
    try:
        return importlib.import_module(name)
    except ImportError as problem:
        missing = isinstance(problem, ModuleNotFoundError) and problem.name == name
        state = "is not installed" if missing else f"can't be imported: {problem}"
        raise fail(
            "SP052",
            f"{purpose} needs {PROJECTS.get(name, name)}, which {state}",
            help=f"install it: `pip install 'spinec[{EXTRAS[name]}]'`",
        ) from None
