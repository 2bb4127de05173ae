"""The IR as text of the language: `.spine → Network → .spine → Network` is the identity.

A membership is proved while a spec is read; its space is not written back, only named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from spinedsl.ir.model import (
    Block,
    Call,
    Expectation,
    FeatureInput,
    Model,
    Network,
    Scalar,
    StemBlock,
    StemStep,
)
from spinedsl.syntax import printer


def network_text(network: Network) -> str:
    """A file that declares the network, with all that it needs and nothing implied."""
    definitions = "\n".join(printer.definition(d) for d in network.definitions)
    # All its settings are stated in the network; only the name is needed, whatever file it was from.
    bundle = f"conventions {network.conventions} {{}}\n\n"
    return f"{definitions}{chr(10) if definitions else ''}{bundle}{bare_text(network)}"


def model_text(model: Model) -> str:
    """A file that declares the model, its networks, and all that they need."""
    # A neck may stand twice.
    networks = {network.name: network for network in (model.backbone, *model.necks)}.values()
    all_definitions = (*model.definitions, *(d for network in networks for d in network.definitions))
    known = {d.name.text: d for d in all_definitions}
    definitions = "".join(f"{printer.definition(known[name])}\n" for name in sorted(known))
    bundles = dict.fromkeys(network.conventions for network in networks)
    text = definitions + "".join(f"conventions {name} {{}}\n\n" for name in bundles)
    text += "".join(f"{bare_text(network)}\n" for network in networks)
    lines = "".join(f"  {line}\n" for line in _model_declarations(model))
    return text + printer.doc(model.doc) + f"model {model.name} {{\n{lines}}}\n"


def subject_text(subject: Network | Model) -> str:
    """`network_text` or `model_text`."""
    return model_text(subject) if isinstance(subject, Model) else network_text(subject)


def bare_text(network: Network, *, readable: bool = False) -> str:
    """The network's own declaration, for a file that has its definitions already.

    Args:
        readable: leave out what the language implies, and empty lines between the parts.
    """
    lines = "".join(f"  {line}".rstrip() + "\n" for line in _declarations(network, readable))
    return printer.doc(network.doc) + f"network {network.name} {{\n{lines}}}\n"


def _model_declarations(model: Model) -> Iterator[str]:
    if model.title is not None:
        yield f'title "{model.title}"'
    for source in model.published:
        yield f'published "{source}"'
    yield f"backbone {model.backbone.name}"
    for neck in model.necks:
        yield f"neck {neck.name}"
    for head in model.heads:
        yield f"head {call_text(head)}"
    yield f"pixels {model.pixels}"
    for name, values in model.defaults.items():
        yield f"default {call_text(Call(name=name, arguments=values))}"
    yield from _expectations(model.expectations)


def scalar(value: Scalar) -> str:
    """A number, a name, `true` or `false`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, (int, float)) else value


def call_text(call: Call) -> str:
    """`cross_scale(alpha = 0.5)`."""
    if not call.arguments:
        return call.name
    arguments = ", ".join(f"{name} = {scalar(value)}" for name, value in call.arguments.items())
    return f"{call.name}({arguments})"


def _declarations(network: Network, readable: bool) -> Iterator[str]:
    gap = [""] if readable else []
    if network.title is not None:
        yield f'title "{network.title}"'
    for source in network.published:
        yield f'published "{source}"'
    yield f"conventions {network.conventions}"
    yield from _input(network)
    if network.widths:
        yield f"width {{ {', '.join(f'{level}: {width}' for level, width in network.widths.items())} }}"
    implied = _implied(network) if readable else ()
    for key, value in settings(network):
        if (key, value) not in implied:
            yield f"{key} {value}"
    for name, values in network.defaults.items():
        yield f"default {call_text(Call(name=name, arguments=values))}"
    if network.stem:
        yield from (*gap, *_stem(network))
    yield from gap
    for block in network.blocks:
        yield block_text(block)
    if endpoints := endpoints_text(network):
        yield from (*gap, f"endpoints{endpoints}")
    if network.space is not None:
        yield f"# member of {network.space.name}, a space of {network.space.seed}"
    yield from _expectations(network.expectations)


_STATED = ("norm", "act", "resample", "merge")
"""Settings that are always written: conventions say the first two, and readers look for the others."""


def _implied(network: Network) -> set[tuple[str, str]]:
    """Settings as they are where nothing is said."""
    required = {name: value for name, value in network if Network.model_fields[name].is_required()}
    silent = Network.model_construct(**required)
    found = {(key, value) for key, value in settings(silent) if key not in _STATED}
    if network.drop_path.rate == 0:
        found.add(("drop_path", _drop_path(network)))
    return found


def settings(network: Network) -> Iterator[tuple[str, str]]:
    """What holds for the whole network, by its first words: `("repeat", "2")`."""
    yield "scale width", scalar(network.width_scale)
    multiple = f" {network.rounding.multiple}" if network.rounding.policy == "multiple" else ""
    yield "rounding", f"{network.rounding.policy}{multiple}"
    yield "repeat", str(network.repeat)
    yield "stack", str(network.stack)
    yield "norm", call_text(network.norm)
    yield "act", call_text(network.act)
    yield "padding", f"{network.padding} pools {network.pool_padding}"
    yield "drop_path", _drop_path(network)
    yield "resample", call_text(network.resample)
    yield "merge", call_text(network.merge)
    yield "dangling", network.dangling
    yield "sizes", network.sizes


def input_text(network: Network) -> str:
    """What stands behind `input`, on one line."""
    return " ".join(line.strip() for line in _input(network)).removeprefix("input ")


def _input(network: Network) -> Iterator[str]:
    given = network.input
    if isinstance(given, FeatureInput):
        yield f"input of {given.height} x {given.width} {{"
        for feature in given.features:
            yield f"  {feature.name} @{feature.level} -> {feature.channels}"
        yield "}"
    else:
        yield f"input {given.channels} x {given.height} x {given.width}"


def _drop_path(network: Network) -> str:
    drop_path = network.drop_path
    if drop_path.schedule == "constant":
        return f"{scalar(drop_path.rate)} constant"
    of = "" if drop_path.of is None else f" of {printer.expression(drop_path.of)}"
    return f"{scalar(drop_path.rate)} linear{of}"


def _options(block: Block | StemBlock) -> str:
    text = f" width {block.width}" if block.width is not None else ""
    text += f" repeat {block.repeat}" if block.repeat != 1 else ""
    if isinstance(block, Block) and block.merge is not None:
        text += f" merge {call_text(block.merge)}"
    return text


def _stem(network: Network) -> Iterator[str]:
    yield "stem {"
    for item in network.stem:
        if isinstance(item, StemStep):
            yield f"  {printer.chain(item.operators)}"
        else:
            yield f"  {block_text(item)}"
    yield "}"


def block_text(block: Block | StemBlock) -> str:
    """One block of the IR, as it would be written."""
    text = f"{block.name}: {call_text(block.kind)} @{block.level}{_options(block)}"
    if isinstance(block, StemBlock):
        return text
    arrows = (c.source if c.via is None else f"{c.source} via {call_text(c.via)}" for c in block.inputs)
    text += f" <- {', '.join(arrows)}"
    return text + (f" => {block.endpoint}" if block.endpoint else "")


def endpoints_text(network: Network) -> str:
    """What stands behind `endpoints`: ` 3..7 -> 256`; nothing if it isn't declared."""
    endpoints = network.endpoints
    levels = "" if endpoints.first is None else f" {endpoints.first}..{endpoints.last}"
    via = "" if endpoints.rule is None else f" via {call_text(endpoints.rule)}"
    channels = "" if endpoints.channels is None else f" -> {endpoints.channels}"
    return f"{levels}{via}{channels}"


def _expectations(expectations: Iterable[Expectation]) -> Iterator[str]:
    for expectation in expectations:
        yield f"expect {expectation_text(expectation)}"


def expectation_text(e: Expectation) -> str:
    """`macs(640) = 28.26G within 0.3%`, its numbers in full."""
    arguments = f"({', '.join(scalar(a) for a in e.arguments)})" if e.arguments else ""
    value = printer.size(e.expected) if isinstance(e.expected, tuple) else scalar(e.expected)
    within = f" within {e.tolerance * 100:.10g}%" if e.tolerance else ""
    return f"{e.quantity}{arguments} = {value}{within}"
