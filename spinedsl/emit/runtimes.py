"""Which runtime an ONNX file is for."""

from __future__ import annotations

from spinedsl.diagnostics import fail
from spinedsl.profiles import DEFAULT_RUNTIMES, PROFILES, OnnxForm, Optimisation


def form_of(optimisation: Optimisation | None) -> tuple[str, OnnxForm]:
    """The name of the runtime, and how its files are written.

    Raises:
        DiagnosticError: it runs modules (SP030).
    """
    profile = PROFILES[DEFAULT_RUNTIMES["onnx"]] if optimisation is None else optimisation.profile
    if profile.onnx is None:
        others = ", ".join(name for name, each in PROFILES.items() if each.onnx is not None)
        raise fail(
            "SP030", f"“{profile.name}” runs modules, and no ONNX files",
            help=f"choose a runtime of ONNX files with `--runtime`: {others}",
        )  # fmt: skip
    return profile.name, profile.onnx
