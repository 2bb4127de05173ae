"""spinec: a compiler for scale-permuted networks, from .spine specs to PyTorch and to ONNX."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spinedsl.version import __version__

__all__ = ["DiagnosticError", "Network", "Summary", "__version__", "compile", "load", "summary"]

if TYPE_CHECKING:
    from spinedsl.analysis.summary import Summary
    from spinedsl.api import compile, load, summary
    from spinedsl.diagnostics import DiagnosticError
    from spinedsl.ir.model import Network

_WHERE = {
    "DiagnosticError": "spinedsl.diagnostics",
    "Network": "spinedsl.ir.model",
    "Summary": "spinedsl.analysis.summary",
    "compile": "spinedsl.api",
    "load": "spinedsl.api",
    "summary": "spinedsl.api",
}


def __getattr__(name: str) -> Any:
    """Import the public names when they are first used, so that the command line starts fast."""
    import importlib

    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_WHERE[name]), name)
