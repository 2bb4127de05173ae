"""Proving the `expect` lines of a network."""

from __future__ import annotations

from spinedsl.analysis.summary import Summary, summarise
from spinedsl.diagnostics import DiagnosticError, Diagnostics, suggestion
from spinedsl.ir.model import Expectation
from spinedsl.pipeline import AnyCompilation


def check_expectations(compilation: AnyCompilation, diagnostics: Diagnostics) -> int:
    """Record every expectation that doesn't hold (SP040); return how many there are."""
    summaries: dict[tuple[int, int], Summary] = {}
    for expectation in compilation.subject.expectations:
        with diagnostics.absorbing():
            _check(expectation, compilation, summaries, diagnostics)
    return len(compilation.subject.expectations)


def _check(
    expectation: Expectation,
    compilation: AnyCompilation,
    summaries: dict[tuple[int, int], Summary],
    diagnostics: Diagnostics,
) -> None:
    if expectation.quantity == "output":
        _check_output(expectation, compilation, diagnostics)
        return
    own = size = compilation.network.input.height, compilation.network.input.width
    if expectation.quantity == "macs" and expectation.arguments:
        extents = [int(a) for a in expectation.arguments if isinstance(a, int)]
        if len(extents) != len(expectation.arguments) or min(extents) < 1:
            diagnostics.add(
                "SP030", "`macs` is asked at a size", expectation.span,
                help="write `macs(640)`, or `macs(512, 640)` for height and width",
            )  # fmt: skip
            return
        size = extents[0], extents[-1]
    if size not in summaries:
        try:
            summaries[size] = summarise(compilation if size == own else compilation.resized(*size))
        except DiagnosticError as error:
            if size == own:
                raise
            # What is wrong is the size that was asked for, not the network.
            first = error.diagnostics[0]
            diagnostics.add(
                first.code, first.message, expectation.span, help="ask at a size the network takes"
            )
            return
    summary = summaries[size]
    actual = summary.parameters if expectation.quantity == "params" else summary.macs
    expected = expectation.expected
    assert not isinstance(expected, tuple)
    difference = actual - expected
    # The tolerance is relative to what is expected; one unit of rounding is not an excuse.
    if abs(difference) <= expectation.tolerance * abs(expected):
        return
    relative = f" ({difference / expected:+.3%}{_allowed(expectation)})" if expected else ""
    asked = f"({', '.join(map(str, expectation.arguments))})" if expectation.arguments else ""
    diagnostics.add(
        "SP040",
        f"{expectation.quantity}{asked} of “{summary.name}”: expected {_shown(expected)}, is {_shown(actual)}, "
        f"difference {difference:+,.0f}{relative}",
        expectation.span,
        "expected here",
        help="mend the network, or the expectation if the fact was wrong",
    )


def _allowed(expectation: Expectation) -> str:
    return f", allowed ±{expectation.tolerance * 100:.10g}%" if expectation.tolerance else ""


def _shown(value: float) -> str:
    return f"{value:,.0f}"


def _check_output(expectation: Expectation, compilation: AnyCompilation, diagnostics: Diagnostics) -> None:
    (wanted,) = expectation.arguments
    shapes = {e.name: tuple(e.shape) for e in compilation.program.endpoints}
    if wanted not in shapes:
        diagnostics.add(
            "SP020", f"there is no endpoint “{wanted}”", expectation.span,
            help=suggestion(str(wanted), shapes, f"endpoints are {', '.join(shapes)}"),
        )  # fmt: skip
        return
    actual = shapes[str(wanted)]
    if actual != expectation.expected:
        assert isinstance(expectation.expected, tuple)
        expected = " x ".join(map(str, expectation.expected))
        diagnostics.add(
            "SP040",
            f"output of “{wanted}”: expected {expected}, is {' x '.join(map(str, actual))}",
            expectation.span,
            "expected here",
            help="extents are channels x height x width",
        )
