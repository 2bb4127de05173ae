"""What is drawn, against the expanded network and the summary."""

from __future__ import annotations

from collections import Counter

import pytest
from drawing_support import SHIPPED, diagram, drawn_text, shipped
from support import compile_text, compile_tiny

from spinedsl.analysis.summary import summarise
from spinedsl.pipeline import Compilation
from spinedsl.specification import open_spec


def _edges_of(compilation: Compilation) -> Counter[tuple[str, str, bool]]:
    """Connections between blocks as the expanded network has them, copies taken together."""
    expanded = compilation.expanded
    edges: Counter[tuple[str, str, bool]] = Counter()
    previous = None
    for block in expanded.stem_blocks():
        if previous not in (None, block.base):
            edges[previous, block.base, False] += 1
        previous = block.base
    for block in expanded.blocks:
        edges.update((arrow.source.partition(".")[0], block.base, False) for arrow in block.arrows)
        edges.update((name.partition(".")[0], block.base, True) for name in block.dangling)
    return edges


@pytest.mark.parametrize(
    "name", ["spinenet49", "spinenet190", "r50_fpn", "nas_fpn", "bifpn", "spinenet_mobile49"]
)
def test_connections_are_those_of_the_expanded_network(name: str) -> None:
    compilation = open_spec(f"std:{name}")
    assert isinstance(compilation, Compilation)
    found = diagram(compilation)
    names = [block.label for block in found.blocks]
    edges = Counter((names[c.source], names[c.target], c.dangling) for c in found.connections)
    given = {block.label for block in found.blocks if block.role in ("input", "stem")}
    assert Counter({edge: n for edge, n in edges.items() if edge[0] not in given}) == _edges_of(compilation)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_row_of_the_summary_is_drawn(name: str) -> None:
    summary = summarise(open_spec(f"std:{name}"))
    rows = [row.name for row in summary.rows if row.kind != "endpoint"]
    drawn = [block.name for block in shipped(name).blocks if block.role not in ("input", "feature")]
    assert drawn == rows


@pytest.mark.parametrize("name", SHIPPED)
def test_sources_stand_before_their_readers(name: str) -> None:
    for connection in shipped(name).connections:
        assert connection.source < connection.target


def test_copies_are_one_block() -> None:
    found = {block.label: block for block in shipped("r50_fpn").blocks}
    assert {name: found[name].repeat for name in ("c2", "c3", "c4", "c5", "m5")} == {
        "c2": 3, "c3": 4, "c4": 6, "c5": 3, "m5": 1,
    }  # fmt: skip
    assert found["f7"].words == "f7 @7 => P7"
    assert found["c4"].words == "c4 @4 repeat 6"


def test_an_unread_block_joins_by_a_dangling_connection() -> None:
    found = shipped("spinenet49")
    names = [block.label for block in found.blocks]
    assert [(names[c.source], names[c.target]) for c in found.connections if c.dangling] == [("b11", "b14")]


def test_heads_read_the_output_blocks_of_the_last_network() -> None:
    found = shipped("r50_nas_fpn_retinanet")
    head = found.blocks[-1]
    read = [found.blocks[c.source] for c in found.connections if found.blocks[c.target] is head]
    assert head.role == "head"
    assert sorted(block.endpoint or "" for block in read) == ["P3", "P4", "P5", "P6", "P7"]
    assert {block.part for block in read} == {"neck2 · NAS-FPN"}
    first = next(block for block in found.blocks if block.name == "neck2.b5_1")
    below = [found.blocks[c.source].label for c in found.connections if found.blocks[c.target] is first]
    assert len(below) == 2
    assert all(block.part.startswith("neck · ") for block in found.blocks if block.label in below)


def test_what_was_pruned_is_told() -> None:
    found = diagram(compile_tiny("a: residual @3 <- s0 => P3  b: residual @4 <- a"))
    assert found.removed == ("b",)
    assert "b" not in [block.label for block in found.blocks]


def test_blocks_know_where_they_are_declared() -> None:
    text = drawn_text(15)
    for block in diagram(compile_text(text)).blocks:
        if block.role == "block":
            assert block.span is not None
            assert block.span.text == block.label


def test_levels_have_size_and_channels() -> None:
    levels = {level.number: level for level in shipped("spinenet49").levels}
    assert (levels[4].size, levels[4].channels) == ((40, 40), (256, 1024))
    assert (levels[7].size, levels[7].channels) == ((5, 5), (256, 1024))
