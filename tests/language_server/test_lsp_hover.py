"""What is said of what stands under the pointer."""

from __future__ import annotations

import pytest
from marked import NET, at, known

from spinedsl.language_server.hover import hover


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("  b0", ["b0: residual @3 <- s0", "8×8×8", "parameters", "MACs", "The first one."]),
        ("@3 <- b1", ["b1: bottleneck @2 <- s0, b0 => P2", "32×16×16"]),
        ("=> P2", ["4×16×16"]),
        ("output(P2", ["4×16×16"]),
        (
            "b0: residual",
            ["block residual(width, dilation = 1) -> width", "Two 3x3 convolutions.", "std:std/resnet.spine"],
        ),
        ("network tiny", ["Small enough to read.", "parameters", "3 x 64 x 64"]),
        ("conv", ["A convolution", "`dilation`: integer, 1 unless stated"]),
        ("  input", ["One image"]),
        ("  endpoints", ["Which levels must be covered"]),
        ("  expect", ["spinec check"]),
        ("expect output", ["Extents of an endpoint"]),
        ("stem", ["goes down only"]),
        ("import", ["Brings in"]),
    ],
)
def test_hover(place: str, expected: list[str]) -> None:
    found = hover(known(NET), at(NET, place))
    assert found is not None
    for text in expected:
        assert text in found[1]


@pytest.mark.parametrize("place", ["3 x 6", "# Small enough", 'import "std/resnet.spine"\n'])
def test_nothing_is_said_of_nothing(place: str) -> None:
    assert hover(known(NET), at(NET, place)) is None


BODY = """block k(width, depth = 2) -> width {
  side = input, act
  repeat depth { conv 1x1 / stride -> max(width, 8) }
  when side.channels == width { add(side) }
}
"""


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("-> max(wid", "a parameter of `k`"),
        ("repeat depth", "depth = 2"),
        ("when side", "side = input, act"),
        ("/ stride", "By how much it goes down."),
        ("-> max", "The largest of several."),
        ("repeat", "Steps, that many times."),
        ("add(side", "a side branch"),
    ],
)
def test_hover_in_a_body(place: str, expected: str) -> None:
    found = hover(known(BODY), at(BODY, place))
    assert found is not None and expected in found[1]


def test_documentation_of_a_stranger_makes_no_links() -> None:
    text = "# [x](command:evil) <b>\npart p { act }\n"
    found = hover(known(text), at(text, "part p"))
    assert found is not None and "[x]" not in found[1] and "<b>" not in found[1]


def test_a_variant_shows_its_own_numbers() -> None:
    text = NET + "network wide extends tiny { scale width 2  b3: residual @3 <- b2 }\n"
    found = hover(known(text), at(text, "b3: residual @3 <- b2"))
    assert found is not None and "16×8×8" in found[1]
