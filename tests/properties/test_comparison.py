"""What holds for every two networks that are compared: changes are named, costs add up, nothing crashes."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from properties.networks import models, networks
from properties.test_mutations import mutated
from support import SPEC_FILES, SPEC_IDS, compile_model, compile_text

from spinedsl.analysis.summary import summarise
from spinedsl.comparison.breaking import breaking
from spinedsl.comparison.difference import compare
from spinedsl.diagnostics import DiagnosticError
from spinedsl.ir.loading import load
from spinedsl.ir.model import Block, Connection, Network
from spinedsl.ir.writing import network_text
from spinedsl.pipeline import Compilation
from spinedsl.source import Source, SourceProblem, source_from_bytes
from spinedsl.specification import compilation_of
from spinedsl.syntax.formatting import formatted

some = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
IMPLIED = ("unread", "pruned")
"""Kinds of change that follow from others."""


@some
@given(networks())
def test_a_network_does_not_differ_from_itself_however_it_is_written(text: str) -> None:
    compilation = compile_text(text)
    laid_out = formatted(Source("drawn", text.replace("\nnetwork", "\n# A remark.\nnetwork")))
    for other in (laid_out, network_text(compilation.network)):
        again = compile_text(other)
        difference = compare(compilation, again)
        assert difference.changes == ()
        assert not any(cost.changed for cost in difference.costs) and difference.before == difference.after
        assert breaking(compilation, again) == []


@some
@given(models())
def test_a_model_does_not_differ_from_itself(text: str) -> None:
    compilation = compile_model(text)
    again = compile_model(formatted(Source("drawn", text)))
    assert compare(compilation, again).changes == ()
    assert breaking(compilation, again) == []


# ---- edits

Edit = tuple[Network, tuple[str, str]]
"""The edited network, and the kind and name of the change."""


def _with_blocks(network: Network, blocks: list[Block]) -> Network:
    return network.model_copy(update={"blocks": tuple(blocks)})


def _replaced(network: Network, index: int, **fields: object) -> Network:
    blocks = list(network.blocks)
    blocks[index] = blocks[index].model_copy(update=fields)
    return _with_blocks(network, blocks)


def rename(draw: st.DrawFn, network: Network, index: int) -> Edit:
    name = network.blocks[index].name
    blocks = [
        block.model_copy(
            update={
                "name": "fresh" if block.name == name else block.name,
                "inputs": tuple(
                    c.model_copy(update={"source": "fresh"}) if c.source == name else c for c in block.inputs
                ),
            }
        )
        for block in network.blocks
    ]
    return _with_blocks(network, blocks), ("block-renamed", "fresh")


def relevel(draw: st.DrawFn, network: Network, index: int) -> Edit:
    block = network.blocks[index]
    assume(block.endpoint is None)
    level = draw(st.sampled_from(sorted(set(network.widths) - {block.level}) or [block.level]))
    assume(level != block.level)
    return _replaced(network, index, level=level), ("block-level", block.name)


def widen(draw: st.DrawFn, network: Network, index: int) -> Edit:
    block = network.blocks[index]
    return _replaced(network, index, width=(block.width or 8) + 1), ("block-width", block.name)


def repeat(draw: st.DrawFn, network: Network, index: int) -> Edit:
    block = network.blocks[index]
    return _replaced(network, index, repeat=block.repeat + 1), ("block-repeat", block.name)


def reroute(draw: st.DrawFn, network: Network, index: int) -> Edit:
    block = network.blocks[index]
    earlier = [b.name for b in network.blocks[:index] if b.name not in {c.source for c in block.inputs}]
    assume(earlier)
    first = block.inputs[0].model_copy(update={"source": draw(st.sampled_from(earlier))})
    return _replaced(network, index, inputs=(first, *block.inputs[1:])), ("edge-rerouted", block.name)


def connect(draw: st.DrawFn, network: Network, index: int) -> Edit:
    block = network.blocks[index]
    earlier = [b.name for b in network.blocks[:index]]
    assume(earlier)
    more = Connection(source=draw(st.sampled_from(earlier)))
    return _replaced(network, index, inputs=(*block.inputs, more)), ("edge-added", block.name)


def disconnect(draw: st.DrawFn, network: Network, index: int) -> Edit:
    block = network.blocks[index]
    assume(len(block.inputs) > 1)
    return _replaced(network, index, inputs=block.inputs[:-1]), ("edge-removed", block.name)


def add(draw: st.DrawFn, network: Network, index: int) -> Edit:
    like = network.blocks[index]
    fresh = like.model_copy(update={"name": "fresh", "endpoint": None, "width": 11})
    return _with_blocks(network, [*network.blocks[:index], fresh, *network.blocks[index:]]), (
        "block-added",
        "fresh",
    )


def remove(draw: st.DrawFn, network: Network, index: int) -> Edit:
    name = network.blocks[index].name
    assume(all(c.source != name for block in network.blocks for c in block.inputs))
    return _with_blocks(network, [b for b in network.blocks if b.name != name]), ("block-removed", name)


EDITS: list[Callable[[st.DrawFn, Network, int], Edit]] = [
    rename, relevel, widen, repeat, reroute, connect, disconnect, add, remove,
]  # fmt: skip


def _edited(draw: st.DrawFn, edit: Callable[[st.DrawFn, Network, int], Edit], network: Network) -> Edit:
    """An edit of a random block, if the network is still one."""
    changed, change = edit(draw, network, draw(st.integers(0, len(network.blocks) - 1)))
    try:
        compiled = compile_text(network_text(changed))
        compiled.program  # noqa: B018
    except DiagnosticError:
        assume(False)
    return compiled.network, change


def _costs_add_up(before: Compilation, after: Compilation) -> None:
    difference = compare(before, after)
    old, new = summarise(before), summarise(after)
    for measure in ("parameters", "macs", "activation_bytes"):
        assert getattr(difference.after, measure) == getattr(new, measure)
        delta = getattr(new, measure) - getattr(old, measure)
        assert sum(cost.delta(measure) for cost in difference.costs) == delta
    assert {cost.name for cost in difference.costs if cost.after} == {row.name for row in new.rows}


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_an_edit_is_named_and_nothing_else(edit: Callable[[st.DrawFn, Network, int], Edit]) -> None:
    @settings(some, max_examples=15)
    @given(st.data())
    def holds(data: st.DataObject) -> None:
        before = compile_text(data.draw(networks()))
        network, expected = _edited(data.draw, edit, before.network)  # type: ignore[arg-type]
        after = Compilation(given=network)
        changes = [c for c in compare(before, after).changes if not c.kind.startswith(IMPLIED)]
        assert [(c.kind, c.name) for c in changes] == [expected]
        _costs_add_up(before, after)
        breaking(before, after)

    holds()


@some
@given(networks(), networks())
def test_networks_that_have_nothing_to_do_with_each_other_can_be_compared(first: str, second: str) -> None:
    before, after = compile_text(first), compile_text(second)
    _costs_add_up(before, after)
    assert bool(compare(before, after).changes) is (
        before.network.model_copy(update={"definitions": ()})
        != after.network.model_copy(update={"definitions": ()})
    )
    breaking(before, after)


@some
@given(st.data())
def test_an_order_that_keeps_weights_breaks_nothing(data: st.DataObject) -> None:
    before = compile_text(data.draw(networks()))
    network = before.network
    index = data.draw(st.integers(0, len(network.blocks) - 1))
    assume(index + 1 < len(network.blocks))
    first, second = network.blocks[index : index + 2]
    assume(all(c.source != first.name for c in second.inputs))
    blocks = [*network.blocks[:index], second, first, *network.blocks[index + 2 :]]
    after = Compilation(given=_with_blocks(network, blocks))
    changes = compare(before, after).changes
    assert [c.kind for c in changes if not c.kind.startswith(IMPLIED)] == ["block-moved"]
    if len(changes) == 1:
        assert breaking(before, after) == []


# ---- texts


@pytest.mark.parametrize("path", SPEC_FILES, ids=SPEC_IDS)
def test_comparing_with_a_mutated_spec_never_crashes(path: Path) -> None:
    data = path.read_bytes()
    scope = load(source_from_bytes(data, path.name, path))
    known = {node.name.text: compilation_of(scope, node) for node in scope.compiled()[:4]}
    for seed in range(12):
        changed = mutated(data, random.Random(f"compare {path.name} {seed}"))
        try:
            again = load(source_from_bytes(changed, path.name, path))
        except (SourceProblem, DiagnosticError):
            continue
        for node in again.compiled()[:4]:
            before = known.get(node.name.text)
            if before is None:
                continue
            after = compilation_of(again, node)
            try:
                for old, new in ((before, after), (after, before)):
                    compare(old, new).as_json()
                    breaking(old, new)
            except DiagnosticError:
                pass
            except Exception as error:
                error.add_note(f"seed {seed}:\n{changed.decode('utf-8', 'backslashreplace')}")
                raise
