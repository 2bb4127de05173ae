"""What can be wrong with a file before its text is looked at, and with how it is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import rendered

from spinedsl.diagnostics import DiagnosticError
from spinedsl.source import MAX_SOURCE_BYTES
from spinedsl.specification import open_spec

TWO = 'import "std/resnet.spine"\nnetwork one {}\nnetwork two {}\n'


def said(spec: str, **files: bytes | str) -> str:
    for name, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        Path(f"{name}.spine").write_bytes(data)
    with pytest.raises(DiagnosticError) as caught:
        open_spec(spec)
    return rendered(caught.value.diagnostics)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_missing_file() -> None:
    assert said("none.spine") == (
        "error[SP001]: can't read “none.spine”: no such file or directory\n"
        "  --> none.spine\n"
        "  help: check the path and its permissions\n\n"
    )


def test_folder() -> None:
    Path("folder").mkdir()
    assert "can't read “folder”: not a regular file" in said("folder")


def test_file_too_large() -> None:
    text = said("a.spine", a=b"#" * (MAX_SOURCE_BYTES + 1))
    assert "error[SP002]: “a.spine” has 1,048,577 bytes, more than the 1,048,576 allowed" in text
    assert "split it into files joined by `import`" in text


def test_largest_file_is_read() -> None:
    assert "SP005" in said("a.spine", a=b"#" * MAX_SOURCE_BYTES)


def test_bytes_that_are_no_text() -> None:
    text = said("a.spine", a=b"network a {\n  # caf\xe9\n}")
    assert "error[SP003]: “a.spine” is not valid UTF-8: byte 0xe9 in line 2" in text
    assert "help: save the file as UTF-8" in text


def test_nul_byte() -> None:
    assert "error[SP004]: “a.spine” holds a NUL byte, so it is not a text file" in said("a.spine", a=b"a\0b")


@pytest.mark.parametrize("content", ["", "\n\n", "# only a remark", "\ufeff"])
def test_nothing_in_it(content: str) -> None:
    assert "error[SP005]: “a.spine” declares nothing" in said("a.spine", a=content)


def test_no_network_in_it() -> None:
    assert "error[SP005]: “a.spine” declares no network" in said("a.spine", a="part p { norm }")


def test_which_network_is_not_clear() -> None:
    text = said("a.spine", a=TWO)
    assert "error[SP026]: “a.spine” declares 2 networks" in text
    assert "help: name one: `a.spine:one`, `a.spine:two`" in text


def test_network_named_like_the_file_is_meant() -> None:
    Path("two.spine").write_text(TWO)
    compilation = open_spec("two.spine")
    assert compilation.syntax is not None
    assert compilation.syntax.name.text == "two"


def test_network_that_the_file_lacks() -> None:
    text = said("a.spine:tow", a=TWO)
    assert "error[SP020]: “a.spine” has no network “tow”" in text
    assert "did you mean “two”?" in text


def test_network_that_the_library_lacks() -> None:
    text = said("std:spinenet94")
    assert "error[SP020]: the standard library has no network “spinenet94”" in text
    assert "did you mean “spinenet" in text


@pytest.mark.parametrize("name", ["spinenet49", "SpineNet-49", "spinenet_49"])
def test_library_networks_are_found_however_they_are_spelled(name: str) -> None:
    assert open_spec(f"std:{name}").network.name == "spinenet49"


def test_a_colon_may_be_part_of_a_path() -> None:
    Path("a:b.spine").write_text("network n {}")
    compilation = open_spec("a:b.spine")
    assert compilation.syntax is not None
    assert compilation.syntax.name.text == "n"


def test_bom_and_windows_line_ends_are_accepted() -> None:
    Path("a.spine").write_bytes("\ufeffnetwork n {\r\n  repeat 2\r\n}\r\n".encode())
    compilation = open_spec("a.spine")
    assert compilation.syntax is not None
    assert compilation.syntax.span.text.endswith("}")


# ---- --set


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("repeat", "two", "unknown name “two”"),
        ("repeat", "", "“repeat” is set to nothing"),
        ("repeat", "2 stack 3", "“repeat=2 stack 3” is not one declaration"),
        ("repeat", "2 } network m {", "is not one declaration"),
        ("repaet", "2", "did you mean “repeat”?"),
        ("conventions", "gardn", "did you mean “garden”?"),
        ("title", "Net", "expected a text in quotes, found “Net”"),
    ],
)
def test_set_is_checked_like_the_language(key: str, value: str, message: str) -> None:
    Path("n.spine").write_text(
        'import "std/resnet.spine"\nnetwork n { input 3 x 8 x 8 width { 1: 8 } '
        "stem { s0: residual @1 } b1: residual @1 <- s0 => P1 }"
    )
    with pytest.raises(DiagnosticError) as caught:
        _ = open_spec("n.spine", {key: value}).network
    text = rendered(caught.value.diagnostics)
    assert message in text
    # The excerpt is what was typed, under the name it was typed with.
    assert f"--> --set {key}={value}" in text


MODEL = """
import "std/resnet.spine"
import "std/classifier.spine"
network n {
  input 3 x 8 x 8
  width { 1: 8 }
  stem { s0: residual @1 }
  b1: residual @1 <- s0 => P1
}
network f { input of 8 x 8 { c1 @1 -> 8 } width { 1: 8 } b: residual @1 <- c1 => P1 }
model m { backbone n  head classifier }
"""


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("head", "classifer", "did you mean “classifier”?"),
        ("head", "classifier(clases = 3)", "did you mean “classes”?"),
        ("head", "classifier(classes = ten)", "“classes” of “classifier” is a number, not “ten”"),
        ("head", "residual", "“residual” is a block"),
        ("head", "", "“head” is set to nothing"),
        ("head", "classifier head classifier", "is not one declaration"),
        ("head", "classifier } model x {", "is not one declaration"),
        ("heads", "classifier", "did you mean “head”?"),
        ("backbone", "nn", "did you mean “n”?"),
        ("backbone", "m", "“m” is a model, not a network"),
        ("backbone", "f", "“f” reads features, so it can't be a backbone"),
        ("neck", "n", "“n” reads an image, so it can't be a neck"),
        ("pixels", "units", "did you mean “unit”?"),
        ("width", "{ 1: 16 }", "a model has no declaration “width”"),
        ("without", "b1", "a model has no declaration “without”"),
        ("repeat", "0", "a repeat count must be a whole number of at least 1, not 0"),
        ("input", "3 x 7 x 8", "an input of 7 x 8 doesn't divide down to level 1"),
        ("default", "classifer(classes = 3)", "did you mean “classifier”?"),
    ],
)
def test_set_is_checked_like_a_model(key: str, value: str, message: str) -> None:
    Path("m.spine").write_text(MODEL)
    with pytest.raises(DiagnosticError) as caught:
        _ = open_spec("m.spine:m", {key: value}).program
    text = rendered(caught.value.diagnostics)
    assert message in text
    assert f"--> --set {key}={value}" in text


def test_set_lays_its_declarations_over_a_model() -> None:
    Path("m.spine").write_text(MODEL)
    pairs = [
        ("head", "classifier(classes = 3)"),
        ("act", "swish"),
        ("act", "none"),
        ("neck", "f"),
        ("pixels", "unit"),
    ]
    model = open_spec("m.spine:m", pairs).subject
    assert model.heads[0].arguments == {"classes": 3}  # type: ignore[union-attr]
    assert model.necks[0].act.name == model.backbone.act.name == "none"  # type: ignore[union-attr]
    assert model.pixels == "unit"  # type: ignore[union-attr]
