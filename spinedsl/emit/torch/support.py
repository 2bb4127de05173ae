"""What the target can't write is refused before anything is written."""

from __future__ import annotations

from spinedsl.diagnostics import Diagnostics
from spinedsl.emit.torch.operators import ACTIVATIONS, RULES
from spinedsl.graph.program import Call, Node, Program
from spinedsl.ops import Activation


def refuse_unknown(program: Program) -> None:
    """See that every operator has a rule.

    Raises:
        DiagnosticError: one has none (SP042); all of them are named.
    """
    diagnostics = Diagnostics()
    for function in (program.main, *program.functions.values()):
        for node in function.nodes:
            missing = _missing(node)
            if missing:
                diagnostics.add("SP042", f"the torch target can't write the operator “{missing}”", node.span)
    diagnostics.stop_on_errors()


def _missing(node: Node) -> str | None:
    if isinstance(node.target, Call):
        return None
    if type(node.target) not in RULES:
        return node.target.label
    if isinstance(node.target, Activation) and node.target.function not in ACTIVATIONS:
        return node.target.function
    return None
