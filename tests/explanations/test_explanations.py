"""The explanations of the codes: all are there, every example is true, and both ways to read them work."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest

from spinedsl.cli import run
from spinedsl.cli.explain_command import COLUMNS
from spinedsl.diagnostics import CODES
from spinedsl.explanations import FOLDER, Example, Explanation, code_of, explanation
from spinedsl.source import Source
from spinedsl.syntax.formatting import formatted
from tools import diagnostics

WITHOUT_EXAMPLES = {
    "SP052": "depends on what is installed, and on whether the machine has a GPU",
    "SP108": "needs a file of trained weights",
}
WITH_EXAMPLES = [code for code in CODES if code not in WITHOUT_EXAMPLES]


@dataclass
class Ran:
    code: int
    out: str
    err: str


class Bench:
    """A folder in which examples are run."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: str) -> Ran:
        code = run(list(arguments))
        out, err = self.capsys.readouterr()
        return Ran(code, out, err)

    def prepare(self, found: Explanation) -> None:
        """Make the files that the examples use."""
        for example in found.examples:
            if example.file is not None:
                path = Path(example.file)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(example.text, encoding=example.encoding)
        for example in found.examples:
            for command in example.commands if example.role == "before" else ():
                assert self.typed(command).code == 0, command

    def typed(self, command: str) -> Ran:
        program, *arguments = shlex.split(command)
        assert program == "spinec", command
        return self(*arguments)

    def codes(self, code: str, example: Example) -> tuple[int, list[str]]:
        """The exit code, and the codes of all diagnostics in order."""
        if example.language == "spine":
            Path("example.spine").write_text(example.text, encoding="utf-8")
            command = ("lint", "--strict") if code.startswith("SP1") else ("check",)
            ran = self(*command, "--format", "json", "example.spine")
            return ran.code, [d["code"] for d in json.loads(ran.out)["diagnostics"]]
        (command,) = example.commands
        ran = self.typed(command)
        return ran.code, re.findall(r"^(?:error|warning)\[(SP\d{3})\]", ran.err, re.MULTILINE)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bench:
    monkeypatch.chdir(tmp_path)
    return Bench(capsys)


def examples(found: Explanation, role: str) -> list[Example]:
    return [example for example in found.examples if example.role == role]


# ---- the files


def test_every_code_has_a_file_and_every_file_a_code() -> None:
    assert {path.name for path in FOLDER.iterdir() if path.suffix == ".md"} == {f"{c}.md" for c in CODES}


@pytest.mark.parametrize("code", CODES)
def test_a_text_is_short(code: str) -> None:
    found = explanation(code)
    assert (found.code, found.title) == (code, CODES[code])
    assert 1 <= len(found.paragraphs) <= 3
    for paragraph in found.paragraphs:
        assert paragraph.endswith((".", "`")) and paragraph.count("`") % 2 == 0
    content = (FOLDER / f"{code}.md").read_text(encoding="utf-8")
    assert max(map(len, content.splitlines())) <= 105
    assert "SP0" not in found.text, "codes are explained in their own files"


@pytest.mark.parametrize("code", CODES)
def test_there_is_one_wrong_example_and_one_right_one(code: str) -> None:
    found = explanation(code)
    count = 0 if code in WITHOUT_EXAMPLES else 1
    wrong, right = examples(found, "wrong"), examples(found, "right")
    assert (len(wrong), len(right)) == (count, count)
    assert [e.language for e in wrong] == [e.language for e in right]
    if not count:
        assert found.examples == ()
    roles = [e.role for e in found.examples]
    order = ["", "before", "wrong", "right"]
    assert roles == sorted(roles, key=order.index), "files first, then what both need"


# ---- the examples


@pytest.mark.parametrize("code", WITH_EXAMPLES)
def test_the_wrong_example_gives_the_code_first(code: str, bench: Bench) -> None:
    found = explanation(code)
    bench.prepare(found)
    (wrong,) = examples(found, "wrong")
    status, codes = bench.codes(code, wrong)
    assert codes[:1] == [code]
    assert status == (0 if code == "SP043" else 1), "all but one are errors"


@pytest.mark.parametrize("code", WITH_EXAMPLES)
def test_the_right_example_is_right(code: str, bench: Bench) -> None:
    found = explanation(code)
    bench.prepare(found)
    (right,) = examples(found, "right")
    status, codes = bench.codes(code, right)
    assert status == 0
    # Nobody has trained the weights of the example, and its text says so.
    assert codes == (["SP057"] if code == "SP057" else [])


@pytest.mark.parametrize("code", WITH_EXAMPLES)
def test_right_examples_are_in_the_canonical_layout(code: str) -> None:
    for example in explanation(code).examples:
        if example.language == "spine" and example.role != "wrong":
            assert formatted(Source("example.spine", example.text)) == example.text


# ---- `spinec explain`


@pytest.mark.parametrize("code", CODES)
def test_explain_prints_everything_in_few_columns(code: str, bench: Bench) -> None:
    ran = bench("explain", code)
    found = explanation(code)
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0] == f"{code}: {CODES[code]}"
    assert max(map(len, lines)) <= COLUMNS and not any(line != line.rstrip() for line in lines)
    shown = " ".join(ran.out.split())
    for text in (*found.paragraphs, *(e.text for e in found.examples), *(e.heading for e in found.examples)):
        assert " ".join(text.split()) in shown
    for command in (c for e in found.examples for c in e.commands):
        assert f"    $ {command}\n" in ran.out


def test_explain_as_a_terminal_shows_it(bench: Bench) -> None:
    ran = bench("explain", "SP003")
    assert ran.out == (
        "SP003: a file is not UTF-8\n"
        "\n"
        "The file is text, but in another encoding than UTF-8. The message names the first byte\n"
        "that can't be UTF-8, and its line.\n"
        "\n"
        "Specs are read as UTF-8 everywhere, so that they mean the same on every computer. Mostly\n"
        "the file has an accented letter in a comment, and comes from an editor that saves as\n"
        "Latin-1 or Windows-1252.\n"
        "\n"
        "Save it as UTF-8 in your editor, or convert it:\n"
        "`iconv -f latin1 -t utf-8 old.spine > new.spine`.\n"
        "\n"
        "old.spine, saved as Latin-1:\n"
        "\n"
        "    # A naïve part: a convolution and a norm.\n"
        "    part small { conv 1x1 -> 8, norm }\n"
        "\n"
        "new.spine:\n"
        "\n"
        "    # A naïve part: a convolution and a norm.\n"
        "    part small { conv 1x1 -> 8, norm }\n"
        "\n"
        "Wrong:\n"
        "\n"
        "    $ spinec check old.spine\n"
        "\n"
        "Right:\n"
        "\n"
        "    $ spinec check new.spine\n"
    )


def test_explain_lists_all_codes(bench: Bench) -> None:
    ran = bench("explain")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [f"{code}  {title}" for code, title in CODES.items()]


@pytest.mark.parametrize("written", ["SP012", "sp012", "Sp12", "12", "012", " sp12 "])
def test_codes_are_found_however_they_are_written(written: str, bench: Bench) -> None:
    assert code_of(written) == "SP012"
    assert bench("explain", written).out == bench("explain", "SP012").out


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("SP099", "did you mean “SP109”?"),
        ("99", "did you mean “SP109”?"),
        ("SPO12", "did you mean “SP012”?"),
        ("sp0012", "did you mean “SP012”?"),
        ("bogus", "`spinec explain` lists all"),
        ("", "`spinec explain` lists all"),
        ("٣", None),
        ("-1", None),
    ],
)
def test_an_unknown_code_is_a_usage_error(written: str, hint: str | None, bench: Bench) -> None:
    assert code_of(written) is None
    ran = bench("explain", written)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("Usage: spinec explain [OPTIONS] [CODE]\n")
    if hint is not None:
        assert f"Error: there is no code “{written}”; {hint}\n" in ran.err


# ---- docs/diagnostics.md


def test_the_page_is_not_stale() -> None:
    assert diagnostics.PAGE.read_text(encoding="utf-8") == diagnostics.page(), f"run {diagnostics.COMMAND}"


def test_the_page_has_a_section_for_every_code_and_says_whence_it_is() -> None:
    page = diagnostics.page()
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == list(CODES)
    assert re.findall(r"^\| \[(SP\d{3})\]\(#sp\d{3}\) \| (.+) \|$", page, re.MULTILINE) == list(CODES.items())
    assert f"generated by `{diagnostics.COMMAND}`" in page.split("\n\n")[1]
    assert page.count("```") % 2 == 0 and "\n\n\n" not in page


def test_a_stale_page_is_seen_and_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    monkeypatch.setattr(diagnostics, "PAGE", page)
    assert diagnostics.main(["--check"]) == 1
    assert not page.exists()
    assert diagnostics.main([]) == 0
    assert diagnostics.main(["--check"]) == 0
    page.write_text(page.read_text(encoding="utf-8") + "more\n", encoding="utf-8")
    assert diagnostics.main(["--check"]) == 1
    assert "page.md is stale: run python -m tools.diagnostics" in capsys.readouterr().err
    assert diagnostics.main([]) == 0
    assert page.read_text(encoding="utf-8") == diagnostics.page()
