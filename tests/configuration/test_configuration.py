"""`[tool.spinec]`: which file counts, what it may say, and what is said of mistakes."""

from __future__ import annotations

import random
import re
import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties.test_mutations import mutated

from spinedsl.configuration import configuration_for, read_configuration
from spinedsl.configuration.places import places
from spinedsl.diagnostics import DiagnosticError
from spinedsl.lint import Level, Settings
from spinedsl.source import Source

EVERYTHING = """
[project]
name = "somebody's"

[tool.spinec.lint]
runtime = "ort-cuda"
opset = 18
weights = { detector = "weights/detector.safetensors" }

[tool.spinec.lint.rules]
SP103 = "off"
narrow-reduction = { level = "error", channels = 8 }
sp104 = { multiple = 16 }

[tool.spinec.lint.per-file-ignores]
"specs/old/*.spine" = ["SP101", "unused-import"]
"""


def write(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "pyproject.toml"
    path.write_text(text)
    return path


def test_everything(tmp_path):
    write(tmp_path, EVERYTHING)
    found = configuration_for(tmp_path / "specs/net.spine")
    assert found.lint == Settings(
        levels={"SP103": Level.OFF, "SP105": Level.ERROR},
        options={"SP105": 8, "SP104": 16},
        runtime="ort-cuda",
        opset=18,
        weights={"detector": tmp_path / "weights/detector.safetensors"},
    )


@pytest.mark.parametrize(
    ("file", "off"),
    [
        ("specs/old/net.spine", True),
        ("specs/old/deeper/net.spine", True),
        ("specs/net.spine", False),
        ("elsewhere/specs/old/net.spine", False),
        ("specs/new/../old/net.spine", True),
    ],
)
def test_rules_are_off_in_some_files(tmp_path, file, off):
    write(tmp_path, EVERYTHING)
    levels = configuration_for(tmp_path / file).lint_of(tmp_path / file).levels
    assert {levels.get("SP101"), levels.get("SP110")} == ({Level.OFF} if off else {None})


def test_a_pattern_may_be_a_name_alone(tmp_path):
    write(tmp_path, '[tool.spinec.lint.per-file-ignores]\n"net.spine" = ["SP101"]')
    assert configuration_for(tmp_path).lint_of(tmp_path / "a/net.spine").levels == {"SP101": Level.OFF}


def test_the_nearest_that_speaks_of_spinec_counts(tmp_path):
    write(tmp_path, "[tool.spinec.lint.rules]\nSP103 = 'off'\nSP104 = 'off'")
    write(tmp_path / "a", "[tool.spinec.lint.rules]\nSP103 = 'error'")
    write(tmp_path / "a/b", "[project]\nname = 'spinec'")
    write(tmp_path / "a/b/c", "not TOML, and nothing of ours")
    found = configuration_for(tmp_path / "a/b/c/net.spine")
    assert found.folder == tmp_path / "a" and found.lint.levels == {"SP103": Level.ERROR}


def test_an_empty_section_says_nothing(tmp_path):
    write(tmp_path, "[tool.spinec]")
    assert configuration_for(tmp_path / "net.spine").lint == Settings()


# ---- mistakes


@pytest.mark.parametrize(
    ("text", "code", "place", "hint"),
    [
        ("[tool.spinec.cache]", "SP020", "cache", "its keys are lint"),
        ("[tool.spinec]\nlint = 1", "SP030", "lint", "write `[tool.spinec.lint]`"),
        ("[tool]\nspinec = 'x'", "SP030", "spinec", "write `[tool.spinec]`"),
        ("[tool.spinec.lint]\nrule = {}", "SP020", "rule", "did you mean “rules”?"),
        ("[tool.spinec.lint]\nrules = ['SP101']", "SP030", "rules", "write `[tool.spinec.lint.rules]`"),
        ("[tool.spinec.lint.rules]\nSP1O1 = 'off'", "SP020", "SP1O1", "did you mean “SP101”?"),
        ("[tool.spinec.lint.rules]\nunread-blok = 'off'", "SP020", "unread-blok", "did you mean “unread-block”?"),
        ("[tool.spinec.lint.rules]\nSP101 = 'warn'", "SP030", "SP101", "did you mean “warning”?"),
        ("[tool.spinec.lint.rules]\nSP101 = false", "SP030", "SP101", "write one of"),
        ("[tool.spinec.lint.rules]\nSP101 = 'off'\nunread-block = 'note'", "SP024", "unread-block", "remove one"),
        ("[tool.spinec.lint.rules]\nSP103 = { level = 'x' }", "SP030", "level", "write one of"),
        ("[tool.spinec.lint.rules]\nSP103 = { level = 'off', level2 = 3 }", "SP020", "level2", "did you mean “level"),
        ("[tool.spinec.lint.rules]\nSP101 = { levels = 3 }", "SP020", "levels", "did you mean “level”?"),
        ("[tool.spinec.lint.rules.SP103]\nlevels = 0", "SP030", "levels", "write `levels = 3`"),
        ("[tool.spinec.lint.rules.SP103]\nlevels = true", "SP030", "levels", "write `levels = 3`"),
        ("[tool.spinec.lint.rules.SP103]\nlevels = 0x" + "f" * 6000, "SP030", "levels", "write `levels = 3`"),
        ("[tool.spinec.lint.per-file-ignores]\n'a' = 'SP101'", "SP030", "'a'", 'write `["SP104"]`'),
        ("[tool.spinec.lint.per-file-ignores]\n'a' = [\n 'SP101',\n 'SP999' ]", "SP020", "'SP999'", ""),
        ("[tool.spinec.lint]\nruntime = 'ort-gpu'", "SP030", "runtime", "did you mean “ort-cpu”?"),
        ("[tool.spinec.lint]\nruntime = 'torch'", "SP030", "runtime", "runtimes are ort-cpu"),
        ("[tool.spinec.lint]\nruntime = ['ort-cpu']", "SP030", "runtime", "runtimes are"),
        ("[tool.spinec.lint]\nopset = 18", "SP032", "opset", "name the runtime"),
        ("[tool.spinec.lint]\nruntime = 'ort-cpu'\nopset = 99", "SP030", "opset", "choose one from 17 to 21"),
        ("[tool.spinec.lint]\nruntime = 'ort-cpu'\nopset = '18'", "SP030", "opset", "choose one from 17 to 21"),
        ("[tool.spinec.lint]\nweights = 'w.safetensors'", "SP030", "weights", "write `[tool.spinec.lint.weights]`"),
        ("[tool.spinec.lint.weights]\nnet = 3", "SP030", "net", 'write `net = "weights/net.safetensors"`'),
        ("[tool.spinec.lint.weights]\nnet = 2020-01-01", "SP030", "net", "write"),
        ("tool.spinec.lint.rules.SP101 = 'of'", "SP030", "SP101", "did you mean “off”?"),
        ("[tool.spinec]\nlint = [[1, ", "SP010", "lint = [[1,", "mend it"),
        ("[tool.spinec]\n=\n[more]\nx = 1", "SP010", "=", "mend it"),
        ("# spinec\nx = " + "9" * 6000, "SP010", "x = " + "9" * 6000, "mend it"),
        ("# spinec\nx = " + "[" * 5000, "SP006", "", "mend it"),
        ("# spinec\nx = 1\nx = 2\ny = 3", "SP010", "x = 2", "mend it"),
        ("# spinec\r\nx = 1\r\ny\r\nz = 3", "SP010", "y", "mend it"),
        ('# spinec\nx = """1\ny = 2\nz = 3', "SP010", 'x = """1', "mend it"),
    ],
)  # fmt: skip
def test_a_mistake_is_shown_where_it_is(tmp_path, text, code, place, hint):
    write(tmp_path, text)
    with pytest.raises(DiagnosticError) as caught:
        configuration_for(tmp_path / "net.spine")
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == code
    assert diagnostic.primary.span.text == place
    assert diagnostic.help.startswith(hint)


def test_all_mistakes_are_told_at_once(tmp_path):
    write(
        tmp_path,
        "[tool.spinec.lint]\nx = 1\nruntime = 2\n[tool.spinec.lint.rules]\nSP999 = 'off'\nSP101 = 'on'",
    )
    with pytest.raises(DiagnosticError) as caught:
        configuration_for(tmp_path)
    assert [d.primary.span.line for d in caught.value.diagnostics] == [2, 3, 5, 6]


@pytest.mark.parametrize(
    ("prepare", "code"),
    [
        (lambda path: None, "SP001"),
        (lambda path: path.mkdir(), "SP001"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "SP003"),
        (lambda path: path.write_bytes(b"\0"), "SP004"),
        (lambda path: path.write_bytes(b"#" * ((1 << 20) + 1)), "SP002"),
    ],
)
def test_a_file_that_can_not_be_read(tmp_path, prepare, code):
    prepare(tmp_path / "spinec.toml")
    with pytest.raises(DiagnosticError) as caught:
        read_configuration(tmp_path / "spinec.toml")
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == code and "--config" in diagnostic.help


@pytest.mark.parametrize(
    ("more", "place"),
    [("=", "="), ("x = [", ""), ("x = " + "9" * 6000, "")],
    ids=["told", "at the end", "untold"],
)
def test_a_large_file_takes_no_time(tmp_path, more, place):
    lines = [f"key{number} = {{ a = [1, 2, 3] }}" for number in range(24_000)]
    path = write(tmp_path, "\n".join(["# spinec", *lines, more]))
    start = time.perf_counter()
    tomllib.loads("\n".join(lines))
    once = time.perf_counter() - start
    with pytest.raises(DiagnosticError) as caught:
        read_configuration(path)
    assert time.perf_counter() - start < 4 * once
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "SP010" and diagnostic.primary.span.text in (place, "# spinec")


@pytest.mark.parametrize("text", ["", "[project]\nname = 'x'", "tool = 3", "[tool]\nother = {}"])
def test_a_file_that_says_nothing_of_spinec(tmp_path, text):
    path = write(tmp_path, text)
    assert configuration_for(tmp_path / "net.spine").lint == Settings()
    with pytest.raises(DiagnosticError) as caught:
        read_configuration(path)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "SP032" and diagnostic.message.endswith("pyproject.toml” has no [tool.spinec]")


def test_an_option_has_two_bounds(tmp_path):
    write(tmp_path, "[tool.spinec.lint.rules.SP104]\nmultiple = 2000000")
    with pytest.raises(
        DiagnosticError, match=r"“multiple” is a whole number from 2 to 1,000,000, not 2000000"
    ):
        configuration_for(tmp_path / "net.spine")


@pytest.mark.parametrize("content", [b"# spinec\xff", b"# spinec\0", b"# spinec" + b"#" * (1 << 20)])
def test_what_can_not_be_read_may_be_a_stranger_s(tmp_path, content):
    write(tmp_path, "[tool.spinec.lint.rules]\nSP103 = 'off'")
    write(tmp_path / "a", "").write_bytes(content)
    assert configuration_for(tmp_path / "a/net.spine").lint.levels == {"SP103": Level.OFF}


def test_what_the_page_shows_is_a_configuration(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "linting.md").read_text(encoding="utf-8")
    samples = re.findall(r"^```toml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert samples
    for sample in samples:
        assert read_configuration(write(tmp_path, sample)).lint != Settings()


# ---- places


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("[a.b]\nc = 1", ("a", "b", "c"), "c"),
        ("[ a . 'b' ]\n\"c\" = 1", ("a", "b", "c"), '"c"'),
        ("a.b.c = 1", ("a", "b", "c"), "c"),
        ("a = { b = { x = [1, {y = 2}], c = 1.5e3 } }", ("a", "b", "c"), "c"),
        ("[a.b]\nx = 'c = 1' # c = 2\nc = 3", ("a", "b", "c"), "c"),
        ('[a.b]\nx = """\nc = 1\n"""\nc = 3', ("a", "b", "c"), "c"),
        ("[a.b]\nx = '''\nc = 1'''\nc = [\n  # no\n  'one',\n  'two',\n]", ("a", "b", "c", 1), "'two'"),
        ("[a.b]\nc = 1979-05-27 07:32:00\nd = 2", ("a", "b", "d"), "d"),
        ('[a.b]\n"\\u0063" = 1', ("a", "b", "c"), '"\\u0063"'),
        ("[[a.x]]\nc = 1\n[a.b]\nc = 2", ("a", "b", "c"), "c"),
    ],
)
def test_places_of_keys(text, path, expected):
    tomllib.loads(text)
    found = places(Source("t.toml", text), ("a", "b"))
    assert found[path].text == expected
    assert found[path].line == max(n for n, line in enumerate(text.splitlines(), 1) if expected in line)


KEYS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=5)
VALUES = st.recursive(
    st.booleans() | st.integers(-9, 9) | KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


def written(value) -> str:
    """TOML on one line."""
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case list():
            return "[" + ", ".join(map(written, value)) + "]"
    return "{" + ", ".join(f"{written(k)} = {written(v)}" for k, v in value.items()) + "}"


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_every_key_has_a_place(table):
    text = "[tool.spinec]\n" + "".join(f"{written(key)} = {written(value)}\n" for key, value in table.items())
    assert tomllib.loads(text)["tool"]["spinec"] == table
    found = places(Source("t.toml", text), ("tool", "spinec"))
    pending = [(("tool", "spinec", key), value) for key, value in table.items()]
    while pending:
        path, value = pending.pop()
        if isinstance(path[-1], str):
            assert found[path].text == written(path[-1])
        else:
            assert found[path].text == written(value)
        members = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        pending += [((*path, key), inner) for key, inner in members]


def test_mutated_configurations_are_read_or_refused(tmp_path):
    path = tmp_path / "pyproject.toml"
    for seed in range(500):
        path.write_bytes(mutated(EVERYTHING.encode(), random.Random(seed)))
        try:
            read_configuration(path)
        except DiagnosticError as error:
            assert all(d.primary is not None and d.help for d in error.diagnostics)
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise
