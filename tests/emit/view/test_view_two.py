"""Two networks side by side: who is whose namesake, and which of them the panel tells of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support import compile_model, compile_text, model_text, network_text
from viewing_support import block_in, until, view_of

from spinedsl.analysis.summary import summarise
from spinedsl.pipeline import AnyCompilation
from spinedsl.specification import open_spec

Opened = Callable[..., Any]
NECK = """
network neck_ {
  input of 64 x 64 { c3 @3 -> 8 }
  width { 3: 8 }
  a: residual @3 <- c3 => P3
}
head a -> classification(2) {
  from coarsest { upsample(nearest, level), add(level) }
  global_pool, dense -> 2 => logits
}
"""
"""A neck and a head that have a block, or a name, like the network's."""


def _cells(page: Any, key: str) -> list[str]:
    """A row of the panel's table, without its title and without shares."""
    cells: list[str] = page.locator(f'#details tr[data-key="{key}"] td').evaluate_all(
        "cells => cells.map(cell => cell.firstChild.textContent)"
    )
    return cells


def test_two_side_by_side(opened: Opened) -> None:
    pair: list[AnyCompilation] = [open_spec("std:spinenet49"), open_spec("std:r0_sp53")]
    page = opened(*pair)
    left, right = (page.locator(".pane").nth(n).bounding_box() for n in range(2))
    assert left["x"] + left["width"] <= right["x"]
    block_in(page, "b14").hover()
    rows = [next(row for row in summarise(each).rows if row.name == "b14") for each in pair]
    assert _cells(page, "parameters") == [f"{row.parameters:,}" for row in rows]
    assert "namesake" in block_in(page, "b14", 1).get_attribute("class")
    before = view_of(page, 1)
    page.mouse.wheel(0, -300)
    until(page, "panes[0].view.scale > 1")
    assert view_of(page, 1) == before


def test_namesakes_are_of_the_same_part(opened: Opened) -> None:
    model = compile_model(model_text("neck neck_  neck neck_  head a", before=NECK))
    page = opened(model, model)
    names = page.evaluate("networks[0].blocks.map(block => block.label)")
    assert names.count("a") == 4  # backbone, two necks, head
    for place in range(len(names)):
        page.evaluate(f"panes[0].point('hovered', {place})")
        marked = page.evaluate(
            "panes[1].blocks.flatMap((b, n) => b.classList.contains('namesake') ? [n] : [])"
        )
        assert marked == [place]


def test_a_pinned_block_is_told_of_when_nothing_is_pointed_at(opened: Opened) -> None:
    compilation = open_spec("std:spinenet49")
    page = opened(compilation, compilation)
    heading = page.locator("#details h2")
    block_in(page, "b14", 1).click()
    block_in(page, "b9", 0).hover()
    assert heading.inner_text() == "b9"
    page.mouse.move(5, 5)
    assert heading.inner_text() == "b14"
    marks = "panes.map((pane) => pane.network.blocks.filter((_, n) => pane.blocks[n].classList.contains('namesake')).map((b) => b.name))"
    assert page.evaluate(marks) == [["b14"], []]
    block_in(page, "b14", 1).click()
    page.mouse.move(5, 5)
    assert heading.inner_text() == "In all"
    assert page.evaluate(marks) == [[], []]


@pytest.mark.parametrize(
    ("other", "title", "shapes"),
    [
        ("@3 <- s0 => P3", "endpoint P3", ["8 × 8 × 8", "8 × 8 × 8"]),
        ("@4 <- s0 => P4", "endpoint", ["P3: 8 × 8 × 8", "P4: 8 × 4 × 4"]),
        ("@3 <- s0  b: residual @3 <- a => P3", "endpoint P3", ["8 × 8 × 8", "–"]),
    ],
)
def test_endpoints_are_called_what_they_are(
    opened: Opened, other: str, title: str, shapes: list[str]
) -> None:
    page = opened(*(compile_text(network_text(f"a: residual {text}")) for text in ("@3 <- s0 => P3", other)))
    block_in(page, "a").hover()
    row = page.locator('#details tr[data-key="endpoint-shape"]')
    assert row.locator("th").inner_text() == title
    assert _cells(page, "endpoint-shape") == shapes
