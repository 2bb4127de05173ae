"""`spinec space`: what is printed and written, and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spinedsl.cli import run
from spinedsl.spaces.opening import open_space
from spinedsl.specification import open_spec

SMALL = """import "std/resnet.spine"

network seed {
  input 3 x 64 x 64
  width { 1..4: 8 }

  stem { conv 3x3 / 4 -> 8  s0: residual @2  s1: residual @2 }

  b0: residual @3 <- s0, s1
  b1: residual @3 <- s0, b0
  b2: residual @3 <- b0, b1 => P3
}

space small of seed {
  permute intermediate
  connect 2 from earlier
  adjust  level by {-1, 0, 1}
}
"""


class Ran:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """`spinec space`, in a folder with small.spine."""
    monkeypatch.chdir(tmp_path)
    Path("small.spine").write_text(SMALL)

    def space(*arguments: str) -> Ran:
        code = run(["space", *arguments])
        return Ran(code, *capsys.readouterr())

    return space


def test_count(space) -> None:
    ran = space("count", "small.spine")
    assert ran.code == 0
    assert [line.split()[-1] for line in ran.out.splitlines()[2:]] == ["2", "3", "6", "9", "324", "162"]
    document = json.loads(space("count", "small.spine", "--json").out)
    assert (document["size"], document["distinct"], document["seed"]) == ("324", "162", "seed")
    assert "meeting" not in document


def test_count_of_what_meets_a_requirement(space) -> None:
    ran = space("count", "small.spine", "--require", "blocks(4) == 2", "--json")
    # Both intermediate blocks moved up by one: one of nine.
    assert json.loads(ran.out)["meeting"] == {
        "met": 36,
        "drawn": 324,
        "exact": True,
        "low": "36",
        "high": "36",
    }
    estimate = space("count", "std:spinenet", "--require", "params <= 25M", "--samples", "100").out
    assert "of 100 drawn meet what is required: between" in estimate


def test_samples_are_files_of_their_own(space) -> None:
    assert (
        space("sample", "small.spine", "-n", "5", "--seed", "1", "-o", "out").out
        == "wrote 5 networks to out\n"
    )
    files = sorted(Path("out").iterdir())
    assert run(["check", "-q", *map(str, files)]) == 0
    assert run(["fmt", "--check", "-q", *map(str, files)]) == 0
    for file in files:
        number = file.stem.removeprefix("small_")
        assert f"network {number} of the space “small”" in file.read_text()
        rank = int(space("rank", "small.spine", str(file)).out)
        # The smallest of the numbers that stand for it.
        assert rank <= int(number)
        found = open_space("small.spine")
        assert found.network(found.unrank(rank)).blocks == open_spec(file).network.blocks
    again = space("sample", "small.spine", "-n", "5", "--seed", "1").out
    assert all(file.read_text() in again for file in files)


def test_unrank_and_its_bounds(space) -> None:
    assert "b0: residual @2 <- s0, s1" in space("unrank", "small.spine", "0").out
    ran = space("unrank", "small.spine", "324")
    assert ran.code == 1 and "numbers are 0 to 323" in ran.err
    assert space("unrank", "small.spine", "-1").code == 2


def test_contains_tells_why_not(space) -> None:
    assert space("contains", "std:spinenet", "std:spinenet49").code == 0
    ran = space("contains", "std:r0_permutations", "std:spinenet49")
    assert ran.code == 1 and ran.out == ""
    assert "std:spinenet49.spine:29:3" in ran.err and "std:r0_sp53.spine:48:7" in ran.err
    ran = space("contains", "std:spinenet", "std:spinenet49", "--require", "params <= 20M")
    assert ran.code == 1 and "it has params = 21,831,488" in ran.err


def test_a_members_requirements_are_checked(space) -> None:
    text = SMALL.replace("adjust  level", "require params <= 1K\n  adjust  level")
    Path("n.spine").write_text(text + "\nnetwork n extends seed { member of small }\n")
    assert run(["check", "n.spine"]) == 1


def test_walks(space) -> None:
    space("unrank", "small.spine", "0", "-o", "start")
    (start,) = map(str, Path("start").iterdir())
    near = space("neighbours", "small.spine", start).out.splitlines()
    # A swap, one of two parents for another one, two other levels for each block.
    assert len(near) == 1 + 2 * (0 + 1 + 2) + 2 * 2
    assert space("mutate", "small.spine", start, "-n", "3", "-o", "near").code == 0
    (other,) = map(str, list(Path("near").iterdir())[:1])
    assert space("crossover", "small.spine", start, other).code == 0
    repaired = space("repair", "std:r0_permutations", "std:spinenet49")
    assert repaired.code == 0 and "b2:  bottleneck @2 <- s0, s1" in repaired.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("count", "none.spine"), "SP001"),
        (("count", "std:spinnet"), "did you mean “spinenet”?"),
        (("count", "std:spinenet:x"), "SP020"),
        (("count", "small.spine:smal"), "did you mean “small”?"),
        (("sample", "small.spine", "--require", "params"), "a requirement compares something"),
        (("sample", "small.spine", "--require", "params <= 1M }"), "SP010"),
        (("sample", "small.spine", "--require", "params <= 1"), "SP047"),
        (("sample", "small.spine", "-o", "small.spine"), "is a file"),
        (("rank", "small.spine", "std:spinenet49"), "SP039"),
    ],
)
def test_what_is_wrong_is_told(space, arguments: tuple[str, ...], message: str) -> None:
    ran = space(*arguments)
    assert ran.code in (1, 2) and message in ran.err, ran.err


def test_files_of_others_are_left_alone(space) -> None:
    Path("out").mkdir()
    Path("out/small_0.spine").write_text("mine")
    assert space("unrank", "small.spine", "0", "-o", "out").code == 1
    assert Path("out/small_0.spine").read_text() == "mine"
    assert space("unrank", "small.spine", "0", "-o", "out", "--force").code == 0
