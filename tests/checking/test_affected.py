"""Which specs a change affects, alone and through git: `spinec check --changed-since`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from repositories import Repository

from spinedsl.checking.affected import affected
from spinedsl.cli import run
from spinedsl.resources import folder

BLOCK = "block small(width) -> width { conv 3x3 -> width }\n"
LIBRARY = folder("specs")


def network(name: str, *imports: str) -> str:
    lines = "".join(f'import "{path}"\n' for path in imports)
    return f"""{lines}
network {name} {{
  input 3 x 8 x 8
  width {{ 1: 4 }}
  stem {{ conv 3x3 / 2 -> 4  s0: small @1 }}
  b0: small @1 <- s0 => P1
}}
"""


@pytest.fixture(name="tree")
def _tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three networks: `a` imports parts/small through parts/all, `b` parts/small, `c` neither."""
    monkeypatch.chdir(tmp_path)
    Path("parts").mkdir()
    Path("parts/small.spine").write_text(BLOCK)
    Path("parts/all.spine").write_text(
        'import "small.spine"\nblock other(width) -> width { conv 1x1 -> width }\n'
    )
    Path("a.spine").write_text(network("a", "parts/all.spine"))
    Path("b.spine").write_text(network("b", "parts/small.spine"))
    Path("c.spine").write_text(network("c", "std/resnet.spine").replace("small", "residual"))
    return tmp_path


NETWORKS = ["a.spine", "b.spine", "c.spine"]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ([], []),
        (["a.spine"], ["a.spine"]),
        (["parts/all.spine"], ["a.spine"]),
        (["parts/small.spine"], ["a.spine", "b.spine"]),
        (["unrelated.spine"], []),
        (["std/resnet.spine"], ["c.spine"]),  # which came, or went, in front of the standard library's
        ([LIBRARY / "std/resnet.spine"], ["c.spine"]),
        ([LIBRARY / "std/prelude.spine"], NETWORKS),
    ],
)
def test_imports_are_followed(changed, expected, tree: Path) -> None:
    assert affected(NETWORKS, {tree / path for path in changed}) == expected


@pytest.mark.parametrize(
    "text",
    [
        'import "parts/small.spine"',
        'import\t\n"parts/small.spine"',
        'import # a remark\n# another\n "parts/small.spine"',
        'import "std/resnet.spine" import "parts/small.spine"',
        'import "parts/../parts/./small.spine"',
        'import "gone.spine"',
        'import"parts/small.spine"',
        '# 5" wide\nimport "parts/small.spine"',
    ],
)
def test_every_way_to_write_an_import(text: str, tree: Path) -> None:
    Path("x.spine").write_text(text)
    assert affected(["x.spine"], {tree / "parts/small.spine", tree / "gone.spine"}) == ["x.spine"]


@pytest.mark.parametrize(
    "text", ["import parts/small.spine", 'import "parts/\nsmall.spine"', "# small.spine"]
)
def test_what_is_no_import(text: str, tree: Path) -> None:
    Path("x.spine").write_text(text)
    assert affected(["x.spine"], {tree / "parts/small.spine"}) == []


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        pytest.param("#import\n", [], id="remarks"),
        pytest.param("import\n", [], id="words"),
        pytest.param('"x"', [], id="one text"),
        pytest.param('"{}"', ["x.spine"], id="texts, of which nobody knows all"),
    ],
)
def test_a_large_file_takes_no_time(unit: str, expected: list[str], tree: Path) -> None:
    Path("x.spine").write_text("".join(unit.format(number) for number in range(960_000 // (len(unit) + 3))))
    start = time.perf_counter()
    assert affected(["x.spine"], set()) == expected
    assert time.perf_counter() - start < 2


def test_circles_end(tree: Path) -> None:
    Path("x.spine").write_text('import "y.spine"\nimport "x.spine"')
    Path("y.spine").write_text('import "x.spine"')
    assert affected(["x.spine", "y.spine"], {tree / "y.spine"}) == ["x.spine", "y.spine"]
    assert affected(["x.spine", "y.spine"], {tree / "z.spine"}) == []


def test_links_are_followed_and_are_files_too(tree: Path) -> None:
    Path("link.spine").symlink_to("parts/small.spine")
    Path("x.spine").write_text('import "link.spine"')
    for changed in ("link.spine", "parts/small.spine"):
        assert affected(["x.spine"], {tree / changed}) == ["x.spine"]
    assert affected(["link.spine"], {tree / "parts/small.spine"}) == ["link.spine"]


def test_what_can_not_be_known_counts_as_changed(tree: Path) -> None:
    Path("binary.spine").write_bytes(b"\xff\x00")
    Path("x.spine").write_text('import "part.txt"')
    Path("part.txt").write_text(BLOCK)
    specs = ["binary.spine", "missing.spine", "std:spinenet49", "x.spine", "c.spine"]
    assert affected(specs, set()) == specs[:-1]


def test_a_long_chain(tree: Path) -> None:
    for number in range(3_000):
        Path(f"n{number}.spine").write_text(f'import "n{number + 1}.spine"')
    Path("n3000.spine").write_text(BLOCK)
    names = [f"n{number}.spine" for number in range(3_001)]
    assert affected(names, {tree / "n3000.spine"}) == names
    assert affected(names, {tree / "n1.spine"}) == names[:2]


# ---- with git


@pytest.fixture(name="repository")
def _repository(tree: Path) -> Repository:
    repository = Repository(tree)
    repository.commit()
    return repository


def write(path: str, text: str) -> Callable[[], object]:
    return lambda: Path(path).write_text(text)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda: None, []),
        (write("a.spine", network("changed", "parts/all.spine")), ["changed"]),
        (write("parts/small.spine", BLOCK + "# more\n"), ["a", "b"]),
        (write("new.spine", network("new", "parts/small.spine")), ["new"]),
        (lambda: Path("c.spine").unlink(), []),
    ],
)
@pytest.mark.parametrize("committed", [True, False])
def test_changed_since(change, expected, committed, repository: Repository, capsys) -> None:
    change()
    if committed:
        repository.commit()
    revision = "HEAD~1" if committed else "HEAD"
    assert run(["check", ".", "--changed-since", revision, "--format", "json"]) == 0
    checked = json.loads(capsys.readouterr().out)["networks"]
    assert [each["name"] for each in checked if not each["file"].startswith("parts")] == expected


def test_nothing_changed(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--changed-since", "main"]) == 0
    assert capsys.readouterr() == ("no spec changed since main\n", "")
    assert run(["check", "--changed-since", "main", "-q"]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_deleted_import_breaks_those_that_need_it(repository: Repository, capsys) -> None:
    Path("parts/small.spine").unlink()
    assert run(["check", ".", "--changed-since", "HEAD", "--format", "concise"]) == 1
    out = capsys.readouterr().out
    assert [line.partition(" ")[0] for line in out.splitlines()] == ["parts/all.spine:1:1:", "b.spine:1:1:"]


def test_a_folder_of_the_repository(repository: Repository, monkeypatch, capsys) -> None:
    Path("deep").mkdir()
    Path("deep/d.spine").write_text(network("d", "../parts/small.spine"))
    repository.commit()
    Path("parts/small.spine").write_text(BLOCK + "# more\n")
    monkeypatch.chdir("deep")
    assert run(["check", "--changed-since", "HEAD", "--root", ".."]) == 0
    assert capsys.readouterr().out == "ok  d.spine:d\n"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--changed-since", "nonsense"], "SP020"),
        (["--changed-since", "--output=x"], "SP020"),
        (["missing/a.spine", "--changed-since", "HEAD"], None),
    ],
)
def test_what_git_does_not_know(arguments, code, repository: Repository, capsys) -> None:
    assert run(["check", *arguments]) == 1
    err = capsys.readouterr().err
    assert (code or "SP0") in err and "Traceback" not in err


def test_no_repository(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--changed-since", "HEAD"]) == 1
    err = capsys.readouterr().err
    assert "error[SP001]: “.” is in no git repository" in err
    assert "help: leave out `--changed-since`, or run it where" in err


def test_the_working_folder_was_removed(tree: Path, monkeypatch, capsys) -> None:
    Path("gone").mkdir()
    monkeypatch.chdir("gone")
    Path("../gone").rmdir()
    assert run(["check", "--changed-since", "HEAD"]) == 1
    assert "error[SP001]: the folder that spinec is run in was removed" in capsys.readouterr().err


def test_a_spec_is_needed_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check"]) == 2
    assert "SPEC..." in capsys.readouterr().err
