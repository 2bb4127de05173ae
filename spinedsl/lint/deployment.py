"""Rules about what a network will run on: SP106, SP107."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from spinedsl.diagnostics import Label
from spinedsl.emit.runtimes import form_of
from spinedsl.ir.model import Network, StemBlock
from spinedsl.lint.rule import Finding, Found, Settings, Whole, declaration_of, place_in
from spinedsl.ops import Operator
from spinedsl.ops.resampling import Upsample
from spinedsl.pipeline import Compilation
from spinedsl.profiles import PROFILES, Optimisation

WRITTEN_AS: dict[str, type[Operator]] = {"Resize": Upsample}
"""Operators of ONNX that a runtime may refuse from some opset on, and what becomes one."""


def uneven_size(whole: Whole, _: Settings) -> Found:
    """SP106: an input that isn't a multiple of the deepest level's stride: levels round up.

    Without `sizes any` it is SP038.
    """
    compilation = whole.compilation
    parts = (compilation,) if isinstance(compilation, Compilation) else compilation.parts
    deepest = max(level for part in parts for level in _levels(part.network))
    stride, given = 1 << deepest, compilation.network.input
    if given.height % stride or given.width % stride:
        place = declaration_of(whole.declared, "input", "sizes")
        near = " x ".join(f"{max(stride, round(n / stride) * stride)}" for n in (given.height, given.width))
        yield Finding(
            f"{given.height} x {given.width} is no multiple of {stride}, the stride of level {deepest}: "
            "levels round up, and pixels of two levels don't lie on each other",
            Label(place_in(whole.declared, place, given.span)),
            help=f"choose a multiple of {stride}, such as {near}",
            facts=frozenset({(given.height, given.width, stride)}),
        )


def _levels(network: Network) -> Iterator[int]:
    yield from (block.level for block in network.blocks)
    yield from (block.level for block in network.stem if isinstance(block, StemBlock))


def opset_beyond_runtime(whole: Whole, settings: Settings) -> Found:
    """SP107: an opset from which on the runtime can't run something the network has.

    `spinec compile --runtime` refuses to write such a file (SP059).
    """
    assert settings.runtime is not None
    runtime, form = form_of(Optimisation(0, PROFILES[settings.runtime]))
    opset = settings.opset or form.opset
    counts = Counter(type(node.operator) for node in whole.compilation.inlined.nodes)
    for refusal in form.refusals:
        # What is so in every opset isn't the opset's fault.
        refused = refusal.fatal and refusal.since > 0 and refusal.applies(opset)
        written = WRITTEN_AS.get(refusal.operator)
        count = counts[written] if refused and written else 0
        if count:
            name = whole.declared.name
            yield Finding(
                f"“{name}” has {count} {refusal.operator}{'s' * (count > 1)}: in {runtime}, {refusal.operator} "
                f"{refusal.reason}, and opset {opset} is asked for",
                Label(name.span),
                help=f"set `opset = {refusal.since - 1}` or less in the pyproject.toml",
                facts=frozenset({(name.text, refusal.operator)}),
            )
