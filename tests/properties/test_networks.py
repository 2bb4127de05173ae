"""What holds for every network of the language."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from properties.networks import models, networks
from support import compile_model, compile_text

from spinedsl.analysis.checking import check
from spinedsl.analysis.summary import summarise
from spinedsl.graph.text import program_text
from spinedsl.ir.expanded_text import expanded_text
from spinedsl.ir.model import Model, Network
from spinedsl.ir.writing import model_text, network_text
from spinedsl.pipeline import Compilation
from spinedsl.source import Source
from spinedsl.syntax import printer
from spinedsl.syntax.parser import parse

some = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@some
@given(networks())
def test_drawn_networks_compile(text: str) -> None:
    diagnostics, _ = check(compile_text(text))
    assert [d.message for d in diagnostics if d.code != "SP043"] == []


@some
@given(networks())
def test_printing_loses_nothing(text: str) -> None:
    file = parse(Source("drawn", text))
    printed = printer.file(file)
    again = parse(Source("printed", printed))
    assert again == file
    assert printer.file(again) == printed


@some
@given(networks())
def test_ir_round_trip(text: str) -> None:
    network = compile_text(text).network
    from_json = Network.model_validate_json(network.model_dump_json())
    assert from_json == network
    from_text = compile_text(network_text(network))
    assert from_text.network == network
    assert from_text.program == compile_text(text).program


@some
@given(models())
def test_ir_round_trip_of_models(text: str) -> None:
    compilation = compile_model(text)
    assert [d.message for d in check(compilation)[0] if d.code != "SP043"] == []
    from_json = Model.model_validate_json(compilation.model.model_dump_json())
    assert from_json == compilation.model
    from_text = compile_model(model_text(compilation.model))
    assert from_text.model == compilation.model
    assert from_text.assembly == compilation.assembly


@some
@given(networks())
def test_level_i_is_the_size_over_2_to_the_i_rounded_up(text: str) -> None:
    compilation = compile_text(text)
    given_ = compilation.network.input
    for endpoint in compilation.program.endpoints:
        step = 1 << endpoint.level
        assert endpoint.shape[1:] == (-(-given_.height // step), -(-given_.width // step))
    blocks = {b.name: b for b in (*compilation.expanded.stem_blocks(), *compilation.expanded.blocks)}
    for node in compilation.program.main.nodes:
        if node.name in blocks:
            block = blocks[node.name]
            step = 1 << block.level
            assert node.shape == (block.channels, -(-given_.height // step), -(-given_.width // step))


@some
@given(networks())
def test_the_inlined_program_is_sound(text: str) -> None:
    compilation = compile_text(text)
    known = {port.name: port.shape for port in compilation.program.main.inputs}
    for node in compilation.inlined.nodes:
        assert node.name not in known
        assert node.operator.output(tuple(known[name] for name in node.inputs)) == node.shape
        known[node.name] = node.shape
    names = list(compilation.inlined.parameters())
    assert len(set(names)) == len(names)
    assert all(name.replace(".", "").replace("_", "").isalnum() and name.isascii() for name in names)
    # Every operator leads to an endpoint: nothing is computed for nobody.
    needed = set(compilation.inlined.outputs.values())
    for node in reversed(compilation.inlined.nodes):
        assert node.name in needed or _stands_in_the_stem(compilation, node.owner), node.name
        needed.update(node.inputs)


def _stands_in_the_stem(compilation: Compilation, owner: str) -> bool:
    return owner == "stem" or owner in {b.base for b in compilation.expanded.stem_blocks()}


@some
@given(networks())
def test_compiling_is_deterministic(text: str) -> None:
    first, second = compile_text(text), compile_text(text)
    assert expanded_text(first.expanded) == expanded_text(second.expanded)
    assert program_text(first.program) == program_text(second.program)
    assert first.network.model_dump_json() == second.network.model_dump_json()


@some
@given(networks(exact=True), st.integers(2, 3))
def test_cost_grows_with_the_area_alone(text: str, factor: int) -> None:
    compilation = compile_text(text)
    given_ = compilation.network.input
    small = summarise(compilation)
    large = summarise(compilation.resized(given_.height * factor, given_.width * factor))
    assert large.parameters == small.parameters
    pooled = sum(n.macs for n in compilation.inlined.nodes if n.shape[1:] == (1, 1))
    assert large.macs <= small.macs * factor**2
    assert large.macs >= (small.macs - pooled) * factor**2
