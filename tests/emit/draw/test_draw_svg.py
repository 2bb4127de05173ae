"""SVG: well-formed, everything in it once, safe texts, equal bytes; and PNG as resvg makes it."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from typing import Literal

import pytest
from drawing_support import HOSTILE, SHIPPED, chain, drawn_text
from support import compile_text, network_text

from spinedsl.diagnostics import DiagnosticError
from spinedsl.emit.draw import png
from spinedsl.emit.draw.layout import layout_of
from spinedsl.emit.draw.palette import TINTS, tint_class, tint_of
from spinedsl.emit.draw.shapes import OTHERS, outline, room, shapes_of
from spinedsl.emit.draw.write import picture
from spinedsl.pipeline import Compilation
from spinedsl.specification import open_spec

SVG = "{http://www.w3.org/2000/svg}"


def _root(content: bytes) -> ElementTree.Element:
    return ElementTree.fromstring(content)


def _classes(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [element for element in root.iter() if name in element.get("class", "").split()]


@pytest.mark.parametrize("name", SHIPPED)
def test_svg_has_every_block_and_connection_once(name: str) -> None:
    compilation = open_spec(f"std:{name}")
    root = _root(picture(compilation, "svg"))
    numbers = [int(group.get("data-block", "")) for group in _classes(root, "block")]
    assert numbers == list(range(len(numbers)))
    pairs = Counter(
        (int(group.get("data-from", "")), int(group.get("data-to", "")))
        for group in _classes(root, "connection")
    )
    expanded = (compilation if isinstance(compilation, Compilation) else compilation.parts[0]).expanded
    assert len(numbers) >= len({block.base for block in expanded.blocks})
    assert all(source < target < len(numbers) for source, target in pairs)
    for group in _classes(root, "connection"):
        assert len(group) == 2  # a way and its tip


def test_output_repeat_and_dangling_are_marked() -> None:
    root = _root(picture(open_spec("std:spinenet96"), "svg"))
    assert len(_classes(root, "flag")) == 5
    assert {"".join(flag.itertext()) for flag in _classes(root, "flag")} == {"P3", "P4", "P5", "P6", "P7"}
    assert {"".join(flag.itertext()) for flag in _classes(root, "count")} == {"×2"}
    blocks = _classes(root, "block")
    dangling = [group for group in _classes(root, "dangling") if group.get("data-from")]
    titles = [
        blocks[int(dangling[0].get(end, ""))].findtext(f"{SVG}title") for end in ("data-from", "data-to")
    ]
    assert len(dangling) == 1
    assert [title.split(":")[0] for title in titles if title] == ["b11", "b14"]


def test_svg_tells_what_it_shows() -> None:
    root = _root(picture(open_spec("std:spinenet49"), "svg"))
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title") == "SpineNet-49"
    told = root.findtext(f"{SVG}desc") or ""
    assert "b14: bottleneck, level 5, 1,024 channels; feeds P5; reads b7, b12, b11 as it is." in told


@pytest.mark.parametrize("form", ["svg", "dot", "mermaid", "png"])
def test_equal_input_gives_equal_bytes(form: Literal["svg", "dot", "mermaid", "png"]) -> None:
    if form == "png":
        pytest.importorskip("resvg_py", reason="resvg-py is not installed")
    first, second = (picture(compile_text(drawn_text(30)), form) for _ in range(2))
    assert first == second


def test_a_hostile_title_stays_text() -> None:
    content = picture(compile_text(drawn_text(15, title=HOSTILE)), "svg")
    root = _root(content)
    assert root.findtext(f"{SVG}title") == HOSTILE.replace("\ufffe", "\ufffd")
    assert not list(root.iter(f"{SVG}script"))
    assert b"<script" not in content


def test_long_names_are_cut_but_told() -> None:
    name = "n" * 64
    root = _root(picture(compile_text(network_text(f"{name}: residual @3 <- s0 => P3")), "svg"))
    (group,) = [g for g in _classes(root, "block") if (g.findtext(f"{SVG}title") or "").startswith(name)]
    shown = (group.findtext(f"{SVG}text") or "").strip()
    assert shown.endswith("…")
    assert len(shown) < 40


def test_themes() -> None:
    compilation = open_spec("std:spinenet49")
    auto, light, dark = (picture(compilation, "svg", theme).decode() for theme in ("auto", "light", "dark"))
    assert "prefers-color-scheme" in auto
    assert "prefers-color-scheme" not in light + dark
    assert "#14181f" in dark and "#14181f" not in light


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(
    ("theme", "ink", "paper"), [("light", "#1c2430", "#ffffff"), ("dark", "#e8ecf1", "#14181f")]
)
@pytest.mark.parametrize("level", [None, *range(len(TINTS["light"]))])
def test_texts_and_lines_stand_out(
    theme: Literal["light", "dark"], ink: str, paper: str, level: int | None
) -> None:
    def contrast(one: str, other: str) -> float:
        high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
        return (high + 0.05) / (low + 0.05)

    tint = tint_of(level, theme)
    assert contrast(ink, tint.fill) >= 7  # WCAG 2.2, 1.4.6
    assert contrast(tint.line, paper) >= 3  # 1.4.11
    assert contrast(tint.fill, tint.line) >= 3  # the number on a sign of repeats is bold


def test_levels_beyond_the_palette_recur() -> None:
    assert tint_class(62) == tint_class(62 % 9)
    assert tint_class(None) == "neutral"


def test_kinds_have_shapes_of_their_own() -> None:
    shapes = shapes_of(["mine", "residual", "other", "bottleneck"])
    assert shapes["bottleneck"] == "rectangle"
    assert shapes["residual"] == "diamond"
    assert len(set(shapes.values())) == 4
    assert len(shapes_of([f"k{n}" for n in range(30)])) == 30


@pytest.mark.parametrize("shape", ["rectangle", "diamond", "funnel", *OTHERS])
def test_outlines_fill_their_box(shape: png.Any) -> None:
    corners = outline(shape, 60, 14)
    assert max(abs(x) for x, _ in corners) == 60
    assert max(abs(y) for _, y in corners) == 14
    assert room(shape, 60) < 120


# ---- PNG


@pytest.fixture
def resvg() -> None:
    pytest.importorskip("resvg_py", reason="resvg-py is not installed")


@pytest.mark.usefixtures("resvg")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_png_shows_the_drawing(theme: Literal["light", "dark"]) -> None:
    pillow = pytest.importorskip("PIL.Image", reason="pillow is not installed")
    compilation = open_spec("std:spinenet49")
    svg = picture(compilation, "svg", theme).decode()
    width, height = (int(float(size)) for size in re.findall(r'(?:width|height)="([\d.]+)"', svg)[:2])
    image = pillow.open(io.BytesIO(picture(compilation, "png", theme, 0.5)))
    image.load()
    assert image.size == pytest.approx((width / 2, height / 2), abs=1)
    assert image.info["Software"] == "Generated by spinec"
    colours = {colour for _, colour in image.convert("RGB").getcolors(1 << 24)}
    paper = {"light": (255, 255, 255), "dark": (0x14, 0x18, 0x1F)}[theme]
    fill = tuple(bytes.fromhex(tint_of(4, theme).fill[1:]))
    assert {paper, fill} <= colours


@pytest.mark.parametrize(("blocks", "scale"), [(400, 8.0), (1_900, 1.0)])
def test_a_picture_of_too_many_pixels_is_refused(blocks: int, scale: float) -> None:
    with pytest.raises(DiagnosticError) as caught:
        png.png_of("", layout_of(chain(blocks, 10)), scale)
    assert [d.code for d in caught.value.diagnostics] == ["SP002"]


@pytest.mark.usefixtures("resvg")
def test_a_machine_without_fonts_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import resvg_py

    def without_fonts(**given: object) -> bytes:
        return render(**given, skip_system_fonts=True)  # type: ignore[arg-type]

    render = resvg_py.svg_to_bytes
    monkeypatch.setattr(resvg_py, "svg_to_bytes", without_fonts)
    with pytest.raises(DiagnosticError) as caught:
        picture(compile_text(drawn_text(15)), "png")
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "SP052"
    assert "needs a font" in diagnostic.message


def test_a_missing_resvg_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "resvg_py", None)
    with pytest.raises(DiagnosticError) as caught:
        picture(compile_text(drawn_text(15)), "png")
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "SP052"
    assert diagnostic.help is not None and "spinec[draw]" in diagnostic.help
