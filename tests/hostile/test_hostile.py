"""Specs from a stranger: each gets a diagnostic, soon, in little memory, and never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import STEM, network_text

HERE = Path(__file__).parent
SECONDS = 1.5
"""Of CPU, most of it for the largest texts; a loaded machine counts twice what an idle one does."""
MEBIBYTES = 300

HEAD = 'import "std/resnet.spine"\nnetwork n { input 3 x 64 x 64 width { 2..5: 8 } ' + STEM + " "
BLOCK = "b: residual @2 <- s0 => P2 "
KIND = "block k(width) -> width { p0 } " + HEAD.replace("network n", "network n", 1) + "b: k @2 <- s0 => P2 }"


def declared(text: str) -> str:
    """A sound network but for some declarations."""
    return f"{HEAD}{text} {BLOCK}}}"


def parts(body: Callable[[int], str], count: int, last: str) -> str:
    """Parts that each use the next, and a network that uses the first."""
    chain = "".join(f"part p{i} {{ {body(i)} }} " for i in range(count))
    return f"{HEAD}b: k @2 <- s0 => P2 }} block k(width) -> width {{ p0 }} {chain}part p{count} {{ {last} }}"


PYRAMID = HEAD + "a: residual @3 <- s0 => P3  b: residual @4 <- a => P4 } "


def headed(body: str, task: str = "classification(2)", model: str = "", pyramid: str = PYRAMID) -> str:
    """A sound model but for its head, or for some declarations of its own."""
    return f"{pyramid} head h -> {task} {{ {body} }} model m {{ backbone n  head h {model} }}"


CLASSIFY = "from coarsest { upsample(nearest, level), add(level) } global_pool, dense -> 2 => logits"


TEXTS: dict[str, str | bytes] = {
    # numbers
    "repeat 10^9": declared("repeat 1000000000"),
    "stack 10^9": declared("stack 1000000000"),
    "block repeat 10^9": declared("").replace("@2 <- s0 =>", "@2 repeat 1000000000 <- s0 =>"),
    "all repeats": declared("repeat 1000").replace("@2 <- s0 =>", "@2 repeat 1000 <- s0 =>"),
    "huge exponent": declared("scale width 1e999999999"),
    "tiny exponent": declared("scale width 1e-999999999"),
    "10^5 digits": declared("scale width " + "9" * 100_000),
    "10^5 digits behind the point": declared("scale width 0." + "9" * 100_000),
    "10^5 digits in a size": declared("expect output(P2) = 8 x 16 x " + "9" * 100_000),
    "10^5 digits in a kernel": "part p { conv " + "9" * 100_000 + "x3 }",
    "10^5 digits in a level": declared("").replace("@2 <-", "@" + "9" * 100_000 + " <-"),
    "10^5 digits in a tolerance": declared("expect params = 1 within " + "9" * 100_000 + "%"),
    "power tower": declared("scale width " + " * ".join(["1e18"] * 20)),
    "long fraction": declared("scale width 1 / " + " / ".join(["0.1234567890123456789"] * 50)),
    "huge size": declared("").replace("3 x 64 x 64", "3 x 999999999 x 999999999"),
    "huge width": declared("").replace("2..5: 8", "2..5: 1e17"),
    "level 62": declared("width { 62: 8 }").replace("@2 <- s0", "@62 <- s0").replace("width { 2..5: 8 }", ""),
    "huge macs": declared("sizes any expect macs(1e17) = 1"),
    # lists
    "10^6 inputs": HEAD + "b: residual @2 <- " + "a," * 500_000 + "a }",
    "300 inputs": HEAD + "b: residual @2 <- " + "s0," * 300 + "s0 => P2 }",
    "10^5 statements": "part p { " + "norm " * 100_000 + "}",
    "10^5 steps": "part p { " + "norm," * 100_000 + "norm }",
    "10^5 arguments": declared("scale width max(" + "1," * 100_000 + "1)"),
    "10^5 declarations": declared("repeat 2 " * 100_000),
    "10^5 expectations": declared("expect params = 1 " * 50_000),
    "10^5 published": declared('published "a" ' * 70_000),
    "10^5 imports": 'import "a.spine" ' * 60_000,
    "10^5 networks": "network a {} " * 80_000,
    "10^5 parts": "part a {} " * 100_000,
    "10^5 widths": declared("width {" + "2: 8, " * 100_000 + "}"),
    "40 000 blocks": HEAD + "b: residual @2 <- s0 " * 40_000 + "}",
    "10^6 lines": "\n" * 1_000_000,
    "10^5 comments": "# x\n" * 200_000,
    "a very long line": "# " + "x" * 1_000_000,
    "a very long name": f"network {'a' * 1_000_000} {{}}",
    "a very long value": declared("repeat " + "a" * 1_000_000),
    "a very long dotted name": declared("repeat " + "a." * 400_000 + "a"),
    "a very long text": declared('title "' + "a" * 1_000_000 + '"'),
    "a very long import": 'import "' + "a/" * 400_000 + 'b.spine"',
    "quotes only": '"' * 1_000_001,
    # nesting
    "(((": declared("scale width " + "(" * 100_000),
    "((( )))": declared("scale width " + "(" * 5000 + "1" + ")" * 5000),
    "{{{": "part p " + "{" * 100_000,
    "when {{{": "part p { " + "when true { " * 4000 + "}" * 4001,
    "not not not": declared("scale width " + "not " * 100_000 + "true"),
    "- - -": declared("scale width " + "-" * 100_000 + "1"),
    "1 + 1 + 1": declared("scale width " + "1 + " * 100_000 + "1"),
    "1 or 1 or 1": declared("scale width " + "1 or " * 100_000 + "1"),
    "parts in parts": parts(lambda i: f"p{i + 1}", 2000, "norm"),
    "parts in a circle": parts(lambda i: f"p{i + 1}", 2000, "p0"),
    "parts that double": parts(lambda i: f"p{i + 1}, p{i + 1}", 60, "norm"),
    "parts that do nothing twice": parts(lambda i: f"repeat 256 {{ p{i + 1} }}", 60, ""),
    "loops of nothing": HEAD.replace("network n", "block k(width) -> width { repeat 256 { repeat 256 { repeat 256 { repeat 256 {} } } } } network n") + "b: k @2 <- s0 => P2 }",
    "bodies in parts": parts(lambda i: "when true { " * 50 + f"p{i + 1}" + "}" * 50, 40, "norm"),
    # bytes
    "empty": b"",
    "blank": b" \n\t\r\n",
    "only comments": b"# nothing\n# here\n",
    "a NUL byte": b"network n { \0 }",
    "invalid UTF-8": b"network n { title \"\xff\xfe\" }",
    "UTF-16": "network n {}".encode("utf-16"),
    "half a character": b"# \xe2\x82",
    "a lone surrogate": b"# \xed\xb0\x80",
    "random bytes": bytes(range(256)) * 100,
    "ELF": b"\x7fELF\x02\x01\x01" + b"\0" * 64,
    "escape sequence in a comment": b"# \x1b[2J\x1b[1;31mgone\n",
    "escape sequence in a text": declared('title "\x1b]0;gone\x07"'),
    "escape sequence in a name": declared("\x9b2Jb: residual @2 <- s0"),
    "carriage return": declared("# safe\rrm"),
    "reversed text": declared("# \u202e } \u2066"),
    # names
    "keyword": declared("class: residual @2 <- s0"),
    "dunder": declared("__init__: residual @2 <- s0"),
    "module's own": declared("forward: residual @2 <- s0"),
    "quote in a name": declared("b\"': residual @2 <- s0"),
    "code in a name": declared("b; import os: residual @2 <- s0"),
    "look-alike": declared("b\u0430: residual @2 <- s0"),
    "full-width": declared("\uff42: residual @2 <- s0"),
    "ligature": declared("\ufb01: residual @2 <- s0"),
    "zero-width": declared("b\u200b: residual @2 <- s0"),
    "foreign digits": declared("repeat \u0661"),
    "keyword as an endpoint": HEAD + "b: residual @2 <- s0 => lambda }",
    "keyword as a part": parts(lambda _: "norm", 0, "norm").replace("p0", "yield"),
    "keyword as a parameter": parts(lambda _: "norm", 0, "norm").replace("k(width)", "k(width, class = 1)"),
    # imports
    "import ..": 'import "../../etc/passwd"',
    "import absolute": 'import "/etc/passwd"',
    "import ~": 'import "~/.ssh/id_rsa"',
    "import backslash": 'import "..\\\\..\\\\secret"',
    "import a folder": 'import "."',
    "import nothing": 'import ""',
    "import a NUL": b'import "a\0b"',
    "import itself": 'import "import itself.spine"',
    "import a pipe": 'import "pipe.spine"',
    "import a device": 'import "zero.spine"',
    "import through a link": 'import "link.spine"',
    "import through a linked folder": 'import "linked/secret.spine"',
    "import a circle of links": 'import "circle.spine"',
    "import by URL": 'import "https://example.org/a.spine"',
    "import something huge": 'import "sparse.spine"',
    # models and heads
    "a head that repeats 10^9 times": headed("from finest { level } repeat 1000000000 { norm } " + CLASSIFY),
    "a head of nothing, often": headed("from finest { repeat 256 { repeat 256 { repeat 256 {} } } } " + CLASSIFY),
    "a head that calls itself": headed("h => logits"),
    "a head in a circle of parts": headed("p, " + CLASSIFY) + " part p { q } part q { p }",
    "a head of parts in parts": headed("from finest { p0 } " + CLASSIFY)
    + "".join(f" part p{i} {{ p{i + 1} }}" for i in range(2000)) + " part p2000 { norm }",
    "a head of parts that double": headed("from finest { p0 } " + CLASSIFY)
    + "".join(f" part p{i} {{ p{i + 1}, p{i + 1} }}" for i in range(60)) + " part p60 { norm }",
    "walks in walks": headed("from finest { " * 50 + "norm " + "}" * 50),
    "levels in levels": headed("each level { " * 4000 + "}" * 4000),
    "10^5 outputs": headed("from finest { level } " + "act => logits " * 60_000),
    "10^5 heads": PYRAMID + "model m { backbone n " + "head h " * 100_000 + "}",
    "10^5 necks": PYRAMID + "model m { backbone n " + "neck n " * 100_000 + "}",
    "10^5 models": "model m {} " * 90_000,
    "10^9 classes": headed(CLASSIFY, "classification(1000000000)"),
    "10^5 classes at 10^5 features": headed("from finest { level } conv 1x1 -> 4096, dense -> 100_000 => logits", "classification(100_000)"),
    "10^6 times as large": headed("from finest { level } upsample(nearest, 1_000_000), dense -> 2 => logits"),
    "a huge size of anchors": headed(CLASSIFY, "detection(2, size = 1e18)"),
    "a model in a circle": "model a extends b {} model b extends a {}",
    "a model of itself": "model a { backbone a head a }",
    "a model named like its network": headed(CLASSIFY).replace("model m", "model n"),
    "a head named like a keyword": headed(CLASSIFY).replace("head h", "head lambda"),
    "a head named like a method": headed(CLASSIFY).replace("head h", "head losses"),
    "a head named like its part": headed(CLASSIFY).replace("head h", "head backbone"),
    "a level named like a method of dicts": headed(CLASSIFY).replace("P3", "keys"),
    "an output named like a part": headed("from finest { logits } global_pool, logits => logits") + " part logits { conv 1x1 -> 2 }",
    "code in a head": headed(CLASSIFY).replace("head h", "head h; import os"),
    "an escape sequence in a model": headed(CLASSIFY, model='title "\x1b]0;gone\x07"'),
    # sense
    "a network in a circle": "network a extends b {} network b extends a {}",
    "a default for nothing": declared("default cross_scale(alpha = 0)"),
}  # fmt: skip
"""Every text must be refused."""

HARMLESS: dict[str, str | bytes] = {
    "a head named like a class of torch": headed(CLASSIFY).replace("head h", "head Conv2d"),
    "a head named like a builtin": headed(CLASSIFY).replace("head h", "head print"),
    "a head named like a word": headed(CLASSIFY).replace("head h", "head each"),
    "100 000 classes": headed(CLASSIFY.replace("2 =>", "100_000 =>"), "classification(100_000)"),
    "a model of code": headed(CLASSIFY, model="title \"'); import os; os.system('id') #\""),
    "huge channels": declared("endpoints -> 65536").replace("-> 8", "-> 1048576"),
    "a space of itself": declared("member of s") + " space s of n { permute output }",
    "BOM": b"\xef\xbb\xbf" + declared("").encode(),
    "CRLF": declared("").replace(" ", "\r\n").encode(),
    "no newline at the end": declared("").rstrip(),
    "names of builtins": declared("print: residual @2 <- s0  exec: residual @2 <- s0  os: residual @2 <- s0"),
    "a text of code": declared("title \"'); import os; os.system('id') #\""),
    "documentation of code": '# """\n# import os\n' + declared("").replace("import", "import", 1),
    "20 000 copies": declared("repeat 1000").replace("s0: residual @2 }", "s0: residual @2 }"),
    "level 62, any size": network_text("b: residual @62 width 8 <- s0 => P62", declarations="sizes any"),
}
"""Odd, but fine."""


@dataclass(frozen=True)
class Result:
    code: int
    seconds: float
    waited: float
    mebibytes: float
    output: str


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("hostile")
    secret = root / "outside"
    secret.mkdir()
    (secret / "secret.spine").write_text("part secret { norm }")
    inside = root / "inside"
    inside.mkdir()
    for name, content in {**TEXTS, **HARMLESS}.items():
        data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
        (inside / f"{name.replace('/', '_')}.spine").write_bytes(data)
    os.mkfifo(inside / "pipe.spine")
    (inside / "zero.spine").symlink_to("/dev/zero")
    (inside / "link.spine").symlink_to(secret / "secret.spine")
    (inside / "linked").symlink_to(secret)
    (inside / "circle.spine").symlink_to(inside / "circle.spine")
    with (inside / "sparse.spine").open("wb") as file:
        file.truncate(1 << 30)
    return inside


def run_all(commands: list[list[str]], folder: Path) -> list[Result]:
    answer = subprocess.run(
        [sys.executable, str(HERE / "runner.py")],
        input=json.dumps(commands),
        capture_output=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(HERE.parents[1])},
        text=True,
        check=True,
    )
    return [Result(**result) for result in json.loads(answer.stdout)]


@pytest.fixture(scope="module")
def results(folder: Path) -> dict[str, Result]:
    names = [*TEXTS, *HARMLESS]
    commands = [["check", f"./{name.replace('/', '_')}.spine"] for name in names]
    return dict(zip(names, run_all(commands, folder), strict=True))


def within_limits(result: Result) -> None:
    assert "Traceback" not in result.output, result.output
    assert result.seconds < SECONDS, f"took {result.seconds:.2f} s"
    assert result.mebibytes < MEBIBYTES, f"took {result.mebibytes:.0f} MiB"
    assert not any(c in result.output for c in "\x1b\x07\x9b\u202e\u2066\r"), "raw control characters"
    assert len(result.output) < 100_000


@pytest.mark.parametrize("name", TEXTS)
def test_hostile_text_is_refused(name: str, results: dict[str, Result]) -> None:
    result = results[name]
    within_limits(result)
    assert result.code == 1, result.output
    assert "error[SP0" in result.output


@pytest.mark.parametrize("name", HARMLESS)
def test_odd_text_is_accepted(name: str, results: dict[str, Result]) -> None:
    result = results[name]
    assert result.code == 0, result.output
    if name != "20 000 copies":
        within_limits(result)


ARGUMENTS: dict[str, list[str]] = {
    "a pipe": ["check", "pipe.spine"],
    "a device": ["check", "/dev/zero"],
    "random numbers": ["check", "/dev/urandom"],
    "a folder": ["compile", "."],
    "1 GB of zeros": ["check", "sparse.spine"],
    "a file of the system": ["check", "/proc/self/mem"],
    "no name": ["check", ""],
    "a lone colon": ["check", ":"],
    "a very long name": ["check", "a" * 5000],
    "a very long name with a colon": ["check", "a" * 5000 + ":b"],
    "std without a name": ["check", "std:"],
    "std with a path": ["check", "std:../../etc/passwd"],
    "escape sequences": ["check", "\x1b[2J.spine"],
    "escape sequences in a network": ["show", "std:\x1b[2J"],
    "a lone surrogate": ["check", "\udcff.spine"],
    "a lone surrogate as JSON": ["check", "\udcff.spine", "--format", "json"],
    "a lone surrogate in a value": ["show", "std:spinenet49", "--set", 'title="\udcff"'],
    "escape sequences in a value": ["show", "std:spinenet49", "--set", 'title="\x1b[2J"'],
    "a network closed early": ["show", "std:spinenet49", "--set", "repeat=2 } network x {"],
    "repeat 10^9": ["summary", "std:spinenet49", "--set", "repeat=1000000000"],
    "10^5 digits": ["summary", "std:spinenet49", "--set", "repeat=" + "9" * 100_000],
    "size 10^9": ["summary", "std:spinenet49", "--set", "input=3 x 999999999 x 999999999"],
    "a network of a pipe": ["show", "pipe.spine:n"],
    "a linked file": ["check", "circle.spine"],
}


@pytest.fixture(scope="module")
def answers(folder: Path) -> dict[str, Result]:
    return dict(zip(ARGUMENTS, run_all(list(ARGUMENTS.values()), folder), strict=True))


@pytest.mark.parametrize("name", ARGUMENTS)
def test_hostile_arguments(name: str, answers: dict[str, Result]) -> None:
    result = answers[name]
    within_limits(result)
    assert result.code in (1, 2), result.output


@pytest.mark.parametrize("name", ["a pipe", "a device", "random numbers", "a folder"])
def test_only_regular_files_are_read(name: str, answers: dict[str, Result]) -> None:
    assert "not a regular file" in answers[name].output
