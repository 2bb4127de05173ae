"""Search spaces: the published networks are members, and what leaves a space is refused."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from spinedsl.diagnostics import DiagnosticError
from spinedsl.ir.model import Network, StemBlock
from spinedsl.specification import open_spec

MEMBERS = {
    "spinenet49": "spinenet",
    "spinenet49s": "spinenet",
    "spinenet49s_published": "spinenet",
    "spinenet96": "spinenet",
    "spinenet143": "spinenet",
    "spinenet143l": "spinenet",
    "spinenet190": "spinenet",
    "r0_sp53": "r0_permutations",
    "r23_sp30": "r23_permutations",
    "r35_sp18": "r35_permutations",
    "r14_sp39": "r14_permutations",
}

ALLOCATIONS = {
    # Blocks at levels 2 to 5 of the stem, and at levels 2 to 7 of the rest: table 1 of the paper.
    "r35_sp18": ((2, 3, 5, 1), (1, 1, 1, 1, 1, 1)),
    "r23_sp30": ((2, 2, 2, 1), (1, 2, 4, 1, 1, 1)),
    "r14_sp39": ((1, 1, 1, 1), (2, 3, 5, 1, 1, 1)),
    "r0_sp53": ((2, 0, 0, 0), (1, 4, 6, 2, 1, 1)),
    "spinenet49": ((2, 0, 0, 0), (1, 2, 4, 4, 2, 2)),
}


def mutant(
    folder: Path, changes: str, of: str = "spinenet49", space: str = "spinenet", more: str = ""
) -> Network:
    """A standard network with changes, resolved as a member of a space."""
    file = {"spinenet49": "spinenet49", "r0_sp53": "scale_permuted_resnet"}[of]
    text = f"""
        import "{file}.spine"
        {more}
        network mutant extends {of} {{
          member of {space}
          {changes}
        }}
    """
    path = folder / "mutant.spine"
    path.write_text(text)
    return open_spec(path).network


@pytest.mark.parametrize(("name", "space"), MEMBERS.items())
def test_published_networks_are_members(name: str, space: str) -> None:
    network = open_spec(f"std:{name}").network
    assert network.space is not None
    assert network.space.name == space


@pytest.mark.parametrize(("name", "allocation"), ALLOCATIONS.items())
def test_allocation_is_that_of_table_1(
    name: str, allocation: tuple[tuple[int, ...], tuple[int, ...]]
) -> None:
    network = open_spec(f"std:{name}").network
    stem: Counter[int] = Counter()
    for item in network.stem:
        if isinstance(item, StemBlock):
            stem[item.level] += item.repeat
    permuted = Counter(block.level for block in network.blocks)
    assert tuple(stem[level] for level in range(2, 6)) == allocation[0]
    assert tuple(permuted[level] for level in range(2, 8)) == allocation[1]


@pytest.mark.parametrize(
    "changes",
    [
        "b11: bottleneck @5 <- b7, b10",
        "b11: residual @5 <- b8, b10",
        # The farthest an intermediate block may reach: five back.
        "b11: bottleneck @5 <- b6, b10",
        # An output block may read any earlier one.
        "b16: bottleneck @6 <- s0, b14 => P6",
        "b3: bottleneck @3 <- s0, s1",
    ],
)
def test_other_members(tmp_path: Path, changes: str) -> None:
    assert mutant(tmp_path, changes).space is not None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ("b4: bottleneck @3 <- b2, b2", "block “b4” reads one block twice"),
        ("b4: bottleneck @3 <- b3", "block “b4” has 1 input; “spinenet” gives every such block 2"),
        ("b4: bottleneck @3 <- s1, b2, b3", "block “b4” has 3 inputs"),
        ("b11: bottleneck @5 <- b5, b10", "“b11” reads “b5”, which is not among the last 5 blocks"),
        ("without b11", "has 9 intermediate blocks; its space “spinenet” has 10"),
        (
            "b17: bottleneck @2 <- b2, b13 => P2 endpoints -> 256",
            "has 6 output blocks; its space “spinenet” has 5",
        ),
        ("b6: residual @7 <- b3, b5", "no block of the seed is left to be “b9”, a residual at level 7"),
        ("b16: bottleneck @2 <- b12, b14 => P2 endpoints -> 256", "output levels must be 3, 4, 5, 6, 7"),
        (
            "b11: bottleneck @4 <- b8, b10 => P4  b12: bottleneck @5 <- b8, b10",
            "output block “b11” stands in place 10, which is for an intermediate block",
        ),
        ("b4: single @3 <- b2, b3", "“b4” is a single; “spinenet” allows bottleneck, residual"),
    ],
)
def test_what_leaves_the_space(tmp_path: Path, changes: str, reason: str) -> None:
    with pytest.raises(DiagnosticError) as raised:
        mutant(tmp_path, changes, more="block single(width) -> width { conv 3x3 / stride -> width }")
    first, *_ = raised.value.diagnostics
    assert first.code == "SP039"
    assert reason in first.message


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ("b3: residual @3 <- s0, s1", "“b3” is a residual; “r0_permutations” allows bottleneck"),
        ("b3: bottleneck @4 <- s0, s1", "no block of the seed is left to be “b11”, a bottleneck at level 4"),
    ],
)
def test_nothing_is_adjusted_in_permutations(tmp_path: Path, changes: str, reason: str) -> None:
    with pytest.raises(DiagnosticError) as raised:
        mutant(tmp_path, changes, of="r0_sp53", space="r0_permutations")
    (found,) = raised.value.diagnostics
    assert reason in found.message


def test_five_blocks_back_is_needed(tmp_path: Path) -> None:
    """R0-SP53 reaches five blocks back, so a smaller window isn't what it was found in."""
    narrow = "space narrow of r0_sp53 { connect 2 from last 4 for intermediate }"
    with pytest.raises(DiagnosticError) as raised:
        mutant(tmp_path, "", of="r0_sp53", space="narrow", more=narrow)
    (found,) = raised.value.diagnostics
    assert "block “b9” reads “b4”, which is not among the last 4 blocks" in found.message
