"""`expect` lines: what they may ask, and reading them."""

from __future__ import annotations

from spinedsl.diagnostics import fail, suggested
from spinedsl.ir.binding import scalar_of
from spinedsl.ir.expressions import check_number, evaluate, number, plain
from spinedsl.ir.model import Expectation, trusted
from spinedsl.syntax import nodes

QUANTITIES: dict[str, str] = {
    "params": "trained parameters: `expect params = 21_831_488`",
    "macs": "multiply-adds at an input size: `expect macs(640) = 28.3G within 1%`",
    "output": "channels x height x width of an endpoint: `expect output(P3) = 256 x 80 x 80`",
}
_ARGUMENTS = {"params": (0, 0), "macs": (0, 2), "output": (1, 1)}


def read_expectation(node: nodes.Expect) -> Expectation:
    """An expectation with its values evaluated.

    Raises:
        DiagnosticError: it asks for something that doesn't exist, or in a wrong way.
    """
    quantity = node.quantity.text
    if quantity not in QUANTITIES:
        raise fail(
            "SP020",
            f"nothing called “{quantity}” can be expected",
            node.quantity.span,
            **suggested(node.quantity.span, quantity, QUANTITIES, f"expect {' or '.join(QUANTITIES)}"),
        )
    if node.target is not None:
        raise fail("SP030", f"there is no head “{node.target}”", node.target.span, help="leave out `for`")
    least, most = _ARGUMENTS[quantity]
    if not least <= len(node.arguments) <= most or any(a.name for a in node.arguments):
        raise fail("SP031", f"“{quantity}” is asked in a wrong way", node.span, help=QUANTITIES[quantity])
    expected: int | float | tuple[int, ...]
    if isinstance(node.value, nodes.Size):
        expected = node.value.extents
    else:
        expected = plain(check_number(evaluate(node.value, {}), node.value.span, {}))
    if isinstance(expected, tuple) != (quantity == "output"):
        raise fail("SP030", f"“{quantity}” can't have this value", node.value.span, help=QUANTITIES[quantity])
    tolerance = 0.0 if node.within is None else float(number(node.within.text))
    arguments = tuple(scalar_of(evaluate(argument.value, {})) for argument in node.arguments)
    return trusted(Expectation)(
        quantity=quantity, arguments=arguments, expected=expected, tolerance=tolerance, span=node.span
    )
