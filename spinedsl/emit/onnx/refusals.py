"""What a runtime would mishandle is said before a file is written."""

from __future__ import annotations

from spinedsl.diagnostics import Diagnostic, Diagnostics, Severity
from spinedsl.emit.onnx.model import OnnxModel
from spinedsl.emit.runtimes import form_of
from spinedsl.profiles import Optimisation


def remarks(model: OnnxModel, optimisation: Optimisation | None) -> tuple[Diagnostic, ...]:
    """Warnings about a model, if it is known what it shall run in.

    Raises:
        DiagnosticError: it holds what the runtime can't run (SP059).
    """
    if optimisation is None:
        return ()
    runtime, form = form_of(optimisation)
    kinds = {node.op_type for node in model.nodes.node}
    opset = next(each.version for each in model.tail.opset_import if not each.domain)
    diagnostics = Diagnostics()
    for refusal in form.refusals:
        if refusal.operator in kinds and refusal.applies(opset):
            severity = Severity.ERROR if refusal.fatal else Severity.WARNING
            diagnostics.add(
                "SP059", f"in {runtime}, {refusal.operator} {refusal.reason}", severity=severity, help=refusal.remedy
            )  # fmt: skip
    diagnostics.stop_on_errors()
    return tuple(diagnostics.found)
