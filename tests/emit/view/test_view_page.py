"""The page of `spinec view` in a real browser: what it shows, against the summary and the IR."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support import compile_text, network_text
from viewing_support import block_in, until, view_of

from spinedsl.analysis.summary import Row, Summary, summarise
from spinedsl.pipeline import Compilation, ModelCompilation
from spinedsl.specification import open_spec

Opened = Callable[..., Any]
HEAT_STEPS = 8


def _shown(page: Any) -> dict[str, str]:
    """The first column of the table of the block that is pointed at, without shares."""
    rows = page.locator("#details tr[data-key]")
    return dict(
        rows.evaluate_all(
            "rows => rows.map(r => [r.dataset.key, r.querySelector('td').firstChild.textContent])"
        )
    )


def _numbers(row: Row, prefix: str = "") -> dict[str, str]:
    return {
        f"{prefix}shape": " × ".join(map(str, row.shape)),
        f"{prefix}parameters": f"{row.parameters:,}",
        f"{prefix}macs": f"{row.macs:,}",
        f"{prefix}memory": f"{row.activation_bytes / 2**20:,.1f} MiB",
    }


def _expected(summary: Summary, row: Row) -> dict[str, str]:
    expected = _numbers(row)
    if row.endpoint is not None:
        (endpoint,) = [
            each for each in summary.rows if each.kind == "endpoint" and each.inputs == (row.name,)
        ]
        expected |= _numbers(endpoint, "endpoint-")
    return expected


# ---- what a block tells


def test_hover_tells_what_the_summary_tells(opened: Opened) -> None:
    compilation = open_spec("std:spinenet49")
    summary = summarise(compilation)
    page = opened(compilation)
    for row in summary.rows:
        if row.kind != "endpoint":
            block_in(page, row.name).hover()
            assert page.locator("#details h2").inner_text() == row.name
            assert _shown(page) == _expected(summary, row)


def test_the_source_line_is_shown(opened: Opened) -> None:
    page = opened(compile_text(network_text("a: residual @3 <- s0 => P3  # </pre> & so on")))
    block_in(page, "a").hover()
    assert page.locator("#details .place").inner_text() == "test.spine:8"
    assert page.locator("#details code").inner_text() == "a: residual @3 <- s0 => P3  # </pre> & so on"


@pytest.mark.parametrize("name", ["spinenet49_mask_rcnn", "r50_nas_fpn_retinanet"])
def test_models_are_shown_whole(opened: Opened, name: str) -> None:
    compilation = open_spec(f"std:{name}")
    summary = summarise(compilation)
    assert isinstance(compilation, ModelCompilation)
    page = opened(compilation)
    shown = page.evaluate(
        "networks[0].blocks.filter(b => b.shape).map(b => [b.label, b.parameters, b.macs, b.memory])"
    )
    rows = [row for row in summary.rows if row.kind != "endpoint"]
    assert shown == [[r.name.split(".")[-1], r.parameters, r.macs, r.activation_bytes] for r in rows]
    endpoints = page.evaluate("networks[0].blocks.filter(b => b.endpoint).map(b => b.endpoint.parameters)")
    assert sum(endpoints) == sum(row.parameters for row in summary.rows if row.kind == "endpoint")


def _closure(name: str, reads: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    todo = [name]
    while todo:
        fresh = reads.get(todo.pop(), set()) - found
        found |= fresh
        todo += fresh
    return found


@pytest.mark.parametrize("name", ["spinenet49", "spinenet96", "r50_fpn"])
def test_ancestors_are_those_of_the_ir(opened: Opened, name: str) -> None:
    compilation = open_spec(f"std:{name}")
    assert isinstance(compilation, Compilation)
    expanded = compilation.expanded
    reads: dict[str, set[str]] = {"stem": {""}}
    previous = "stem"
    for block in expanded.stem_blocks():
        reads.setdefault(block.base, set()).update({previous} - {block.base})
        previous = block.base
    for block in expanded.blocks:
        sources = {each.partition(".")[0] for each in block.reads} - {block.base}
        reads.setdefault(block.base, set()).update(sources)
    page = opened(compilation)
    marked = "(blocks, kind) => blocks.filter(b => b.classList.contains(kind)).map(b => networks[0].blocks[b.dataset.block].label)"
    given = page.evaluate("networks[0].blocks[0].label")
    for name in ("b16", "b9", "f3", "m4", "c2", "s0"):
        if name not in reads:
            continue
        block_in(page, name).hover()
        blocks = page.locator(".block")
        above = {other for other in reads if name in _closure(other, reads)}
        assert set(blocks.evaluate_all(marked, "ancestor")) == {
            given if each == "" else each for each in _closure(name, reads)
        }
        assert set(blocks.evaluate_all(marked, "descendant")) == above
        assert blocks.evaluate_all(marked, "self") == [name]
    page.mouse.move(5, 5)
    assert page.locator(".tracing").count() == 0


# ---- moving


def test_zoom_by_wheel_keeps_the_point_under_it(opened: Opened) -> None:
    page = opened(open_spec("std:spinenet49"))
    block_in(page, "b9").hover()
    box = block_in(page, "b9").bounding_box()
    before = view_of(page)
    page.mouse.wheel(0, -400)
    until(page, f"panes[0].svg.viewBox.baseVal.width < {before[2] * 0.9}")
    after = block_in(page, "b9").bounding_box()
    assert after["width"] > box["width"]
    for low, size in (("x", "width"), ("y", "height")):
        assert after[low] + after[size] / 2 == pytest.approx(box[low] + box[size] / 2, abs=1)


def test_drag_moves_and_lets_nothing_go(opened: Opened) -> None:
    page = opened(open_spec("std:spinenet49"))
    block_in(page, "b12").click()
    before = block_in(page, "b9").bounding_box()
    page.mouse.move(before["x"] + 20, before["y"] + 12)
    page.mouse.down()
    page.mouse.move(before["x"] + 80, before["y"] + 52, steps=4)
    page.mouse.up()
    after = block_in(page, "b9").bounding_box()
    assert (after["x"] - before["x"], after["y"] - before["y"]) == pytest.approx((60, 40), abs=6)
    assert block_in(page, "b12").get_attribute("aria-pressed") == "true"
    assert page.locator("[aria-pressed]").count() == 1
    page.locator(".drawing").click(position={"x": 5, "y": 5})
    assert page.locator("[aria-pressed]").count() == 0


def test_keys_move_and_zoom(opened: Opened) -> None:
    page = opened(open_spec("std:spinenet49"))
    page.locator(".drawing").focus()
    whole = view_of(page)
    for key, place, sign in (
        ("ArrowRight", 0, 1),
        ("ArrowLeft", 0, -1),
        ("ArrowDown", 1, 1),
        ("ArrowUp", 1, -1),
    ):
        before = view_of(page)
        page.keyboard.press(key)
        assert (view_of(page)[place] - before[place]) * sign > 10, key
    page.keyboard.press("+")
    assert view_of(page)[2] == pytest.approx(whole[2] / 1.25)
    page.keyboard.press("-")
    page.keyboard.press("-")
    assert view_of(page)[2] == pytest.approx(whole[2] * 1.25)
    page.keyboard.press("0")
    assert view_of(page) == pytest.approx(whole)


def test_buttons_zoom(opened: Opened) -> None:
    page = opened(open_spec("std:spinenet49"))
    whole = view_of(page)
    page.locator("#in").click()
    assert view_of(page)[2] < whole[2]
    page.locator("#fit").click()
    assert view_of(page) == pytest.approx(whole)


# ---- colours


def _heat(page: Any) -> list[int]:
    steps: list[int] = page.locator(".block").evaluate_all(
        "blocks => blocks.map(b => Number((/heat(\\d)/.exec(b.getAttribute('class')) ?? [, -1])[1]))"
    )
    return steps


@pytest.mark.parametrize(
    ("cost", "of"),
    [("parameters", "parameters"), ("MACs", "macs"), ("memory", "activation_bytes")],
)
def test_costs_as_colours(opened: Opened, cost: str, of: str) -> None:
    compilation = open_spec("std:spinenet49")
    summary = summarise(compilation)
    page = opened(compilation, reduced_motion="reduce")
    assert set(_heat(page)) == {-1}
    page.locator("#colours").get_by_text(cost, exact=True).click()
    costs: dict[str, int] = {}
    for row in summary.rows:
        owner = row.inputs[0] if row.kind == "endpoint" else row.name
        costs[owner] = costs.get(owner, 0) + getattr(row, of)
    values = [0, *costs.values()]  # the image costs nothing
    expected = [min(HEAT_STEPS - 1, value * HEAT_STEPS // max(values)) for value in values]
    assert _heat(page) == expected
    fills = page.locator(".block").evaluate_all(
        "b => b.map(g => getComputedStyle(g.querySelector('.shape')).fill)"
    )
    assert len({(step, fill) for step, fill in zip(expected, fills, strict=True)}) == len(set(expected))
    bars = page.locator("#histogram tr").evaluate_all("rows => rows.map(r => r.textContent)")
    for level in range(2, 8):
        own = [row for row in summary.rows if row.level == level]
        total = sum(getattr(row, of) for row in own)
        text = f"{total / 2**20:,.1f} MiB" if cost == "memory" else f"{total:,}"
        assert f"@{level}{text}" in bars
    page.locator("#colours").get_by_text("level", exact=True).click()
    assert set(_heat(page)) == {-1}
    assert block_in(page, "b14").locator(".level").text_content() == "@5"


def _share(part: int, whole: int) -> str:
    percent = 100 * part / whole
    return f"{percent:.1f}%" if percent < 9.95 else f"{percent:.0f}%"


def test_shares_of_a_block_and_its_endpoint_add_up(opened: Opened) -> None:
    compilation = open_spec("std:spinenet49")
    summary = summarise(compilation)
    (block,) = [row for row in summary.rows if row.name == "b14"]
    (endpoint,) = [row for row in summary.rows if row.kind == "endpoint" and row.inputs == ("b14",)]
    page = opened(compilation)
    page.locator("#colours").get_by_text("parameters", exact=True).click()
    whole = summary.parameters
    both = _share(block.parameters + endpoint.parameters, whole)
    assert block_in(page, "b14").locator(".level").text_content() == both
    assert page.locator("#histogram h2").inner_text() == "Levels by parameters, blocks with their endpoints"
    block_in(page, "b14").hover()
    for key, part in (("parameters", block), ("endpoint-parameters", endpoint)):
        shown = page.locator(f'#details tr[data-key="{key}"] small').all_inner_texts()
        assert shown == [_share(part.parameters, whole)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("cost", ["level", "parameters", "MACs"])
def test_names_stand_out(opened: Opened, scheme: str, cost: str) -> None:
    page = opened(open_spec("std:spinenet49"), color_scheme=scheme, reduced_motion="reduce")
    page.locator("#colours").get_by_text(cost, exact=True).click()
    pairs = page.locator(".block").evaluate_all(
        "b => b.map(g => ['.level', '.shape'].map(s => getComputedStyle(g.querySelector(s)).fill.match(/\\d+/g).map(Number)))"
    )
    for text, fill in pairs:
        high, low = sorted((_luminance(text), _luminance(fill)), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5, (text, fill)  # WCAG 2.2, 1.4.3


def _luminance(colour: list[int]) -> float:
    shares = [channel / 255 for channel in colour]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_levels_are_counted(opened: Opened) -> None:
    page = opened(open_spec("std:spinenet96"))
    bars = page.locator("#histogram tr").evaluate_all("rows => rows.map(r => r.textContent)")
    assert bars == ["@26", "@34", "@48", "@58", "@64", "@74"]  # every block twice


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_theme(opened: Opened, scheme: str) -> None:
    page = opened(open_spec("std:spinenet49"), color_scheme=scheme)
    papers = {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 31)"}

    def paper() -> str:
        found: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return found

    assert paper() == papers[scheme]
    for shown, expected in (("light", "light"), ("dark", "dark"), ("auto", scheme)):
        page.locator("#theme").click()
        assert page.locator("#theme").inner_text() == f"theme: {shown}"
        assert paper() == papers[expected]


def test_nothing_moves_for_who_wants_less_motion(opened: Opened) -> None:
    durations = "getComputedStyle(document.querySelector('.block')).transitionDuration"
    assert opened(open_spec("std:spinenet49"), reduced_motion="reduce").evaluate(durations) == "0s"
    assert opened(open_spec("std:spinenet49"), reduced_motion="no-preference").evaluate(durations) != "0s"


# ---- the keyboard alone


def _focused(page: Any) -> str:
    label: str = page.evaluate(
        "document.activeElement.getAttribute('aria-label') ?? document.activeElement.id"
    )
    return label


def test_the_keyboard_reaches_everything(opened: Opened) -> None:
    page = opened(open_spec("std:spinenet49"))
    seen = []
    for _ in range(9):
        page.keyboard.press("Tab")
        seen.append(_focused(page).partition(":")[0])
    assert seen[0] == "find"
    assert seen[2:8] == [
        "Zoom out",
        "Show the whole drawing",
        "Zoom in",
        "theme",
        "SpineNet-49",
        "image, 3 × 640 × 640",
    ]
    page.keyboard.press("Shift+Tab")
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    assert _focused(page).startswith("s1: bottleneck, level 2")
    assert page.locator("#details h2").inner_text() == "s1"
    page.keyboard.press("ArrowRight")
    assert _focused(page).startswith("b2:")
    page.keyboard.press("ArrowLeft")
    assert _focused(page).startswith("s1:")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.getAttribute('aria-pressed')") == "true"
    page.keyboard.press("Shift+Tab")
    assert page.locator("#details h2").inner_text() == "s1"  # it stays marked
    page.keyboard.press("Escape")
    assert page.locator("#details h2").inner_text() == "In all"


def test_the_focus_can_be_seen(opened: Opened) -> None:
    page = opened(open_spec("std:spinenet49"))
    page.locator(".drawing").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("End")
    style = (
        "getComputedStyle(document.activeElement.querySelector(':scope > .shape:last-of-type')).strokeWidth"
    )
    assert page.evaluate(style) == "4px"


def test_a_block_out_of_sight_is_brought_into_view(opened: Opened) -> None:
    page = opened(open_spec("std:nas_fpn"))
    page.locator(".drawing").focus()
    for _ in range(8):
        page.keyboard.press("+")
    page.keyboard.press("Tab")
    for key in ("End", "Home"):
        page.keyboard.press(key)
        box = page.evaluate(
            "(() => { const b = document.activeElement.getBoundingClientRect(); return [b.top, b.bottom]; })()"
        )
        pane = page.locator(".pane").bounding_box()
        assert pane["y"] <= box[0]
        assert box[1] <= pane["y"] + pane["height"]


def test_find(opened: Opened) -> None:
    page = opened(open_spec("std:spinenet49"))
    page.keyboard.press("/")
    assert _focused(page) == "find"
    for text, found in (("residual", 4), ("B1", 7), ("@7", 2), ("nothing like it", 0)):
        page.locator("#find").fill(text)
        assert page.locator(".match").count() == found
        assert page.locator("#found").inner_text() == f"{found} found"
    page.locator("#find").fill("@7")
    page.keyboard.press("Enter")
    assert _focused(page).startswith("b9:")
    page.locator("#find").fill("")
    assert page.locator(".searching").count() == 0


# ---- size


def test_a_thousand_blocks_are_no_trouble(opened: Opened) -> None:
    count = 1_000
    blocks = ["b0: residual @2 <- s0"]
    blocks += [
        f"b{n}: residual @{2 + n % 4} <- b{n - 1}, {'s0' if n < 9 else f'b{n - 8}'}" for n in range(1, count)
    ]
    text = network_text("\n  ".join(blocks) + f"\n  last: residual @3 <- b{count - 1} => P3")
    page = opened(compile_text(text))
    assert page.locator(".block").count() == count + 4
    spent = page.evaluate(
        "(() => { const start = performance.now(); panes[0].point('hovered', 1000); colourBy('macs'); return performance.now() - start; })()"
    )
    assert spent < 4000  # a tenth of it on a machine with nothing else to do
    assert page.locator(".ancestor.block").count() == 1000
