"""DOT as Graphviz reads it, and Mermaid as its grammar wants it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence

import pytest
import yaml
from drawing_support import HOSTILE, SHIPPED, chain, drawn_text, shipped
from support import compile_text

from spinedsl.emit.draw.diagram import Diagram
from spinedsl.emit.draw.dot import dot_of
from spinedsl.emit.draw.mermaid import mermaid_of
from spinedsl.emit.draw.write import picture

DOT = shutil.which("dot")
needs_dot = pytest.mark.skipif(DOT is None, reason="Graphviz' dot is not installed")


def _read_by_dot(text: bytes) -> dict[str, object]:
    assert DOT is not None
    done = subprocess.run([DOT, "-Tjson"], input=text, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert not done.stderr, done.stderr.decode()
    found: dict[str, object] = json.loads(done.stdout)
    return found


@needs_dot
@pytest.mark.parametrize("name", SHIPPED)
def test_graphviz_reads_every_block_and_connection(name: str) -> None:
    diagram = shipped(name)
    graph = _read_by_dot(dot_of(diagram, ()).encode())
    nodes = {each["_gvid"]: each for each in graph["objects"] if not each["name"].startswith("cluster")}  # type: ignore[attr-defined]
    assert [node["label"] for node in nodes.values()] == [block.words for block in diagram.blocks]
    edges = sorted(
        (int(nodes[e["tail"]]["name"][1:]), int(nodes[e["head"]]["name"][1:]), e.get("style") == "dashed")
        for e in graph["edges"]  # type: ignore[attr-defined]
    )
    assert edges == sorted((c.source, c.target, c.dangling) for c in diagram.connections)


@needs_dot
def test_graphviz_reads_a_hostile_title() -> None:
    content = picture(compile_text(drawn_text(15, title=HOSTILE)), "dot")
    graph = _read_by_dot(content)
    assert str(graph["label"]).replace("&amp;", "&") == HOSTILE.replace("\\", "\\\\")


@pytest.mark.parametrize("name", SHIPPED)
def test_mermaid_has_every_block_and_connection(name: str) -> None:
    diagram = shipped(name)
    head, chart = re.fullmatch(r"---\n(.*?)\n---\n(.*)", mermaid_of(diagram, ()), re.DOTALL).groups()  # type: ignore[union-attr]
    assert yaml.safe_load(head) == {"title": diagram.title}
    lines = [line.strip() for line in chart.splitlines()]
    assert lines[0] == "flowchart BT"
    nodes = [m[1] for line in lines if (m := re.fullmatch(r'n(\d+)[\[({]+/?"[^"]*"[\\/]?[\])}]+', line))]
    assert nodes == [str(place) for place in range(len(diagram.blocks))]
    edges = [
        (int(m[1]), int(m[3]), m[2] == "-.->")
        for line in lines
        if (m := re.fullmatch(r"n(\d+) (-->|-\.->) n(\d+)", line))
    ]
    assert edges == [(c.source, c.target, c.dangling) for c in diagram.connections]
    assert lines.count("end") == len({block.part for block in diagram.blocks} - {""})


def test_mermaid_takes_a_hostile_title_as_a_title() -> None:
    content = picture(compile_text(drawn_text(15, title=HOSTILE)), "mermaid").decode()
    assert yaml.safe_load(content.split("---\n")[1]) == {"title": HOSTILE.replace("\ufffe", "\ufffd")}


@pytest.mark.parametrize("write", [dot_of, mermaid_of])
def test_any_number_of_blocks_is_written(write: Callable[[Diagram, Sequence[str]], str]) -> None:
    started = time.process_time()
    assert "n19999" in write(chain(20_000, 40_000), ())
    assert time.process_time() - started < 5
