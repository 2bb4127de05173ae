"""What a client may send by mistake or malice: the server answers the next request all the same."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from marked import NET

URI = "file:///specs/net.spine"


class Editor:
    """A client that can send anything."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "spinedsl", "lsp", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.number = 0

    def raw(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, method: str, params: object = None, **more: object) -> None:
        message = {
            "jsonrpc": "2.0",
            "method": method,
            **({} if params is None else {"params": params}),
            **more,
        }
        body = json.dumps(message).encode()
        self.raw(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    def ask(self, method: str, params: object = None) -> dict[str, Any]:
        self.number += 1
        self.send(method, params, id=self.number)
        while (answer := self.receive()).get("id") != self.number:
            pass
        return answer

    def receive(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        length = 0
        while (line := self.process.stdout.readline()).strip():
            if line.lower().startswith(b"content-length"):
                length = int(line.split(b":")[1])
        assert length, "the server has ended"
        answer: dict[str, Any] = json.loads(self.process.stdout.read(length))
        return answer

    def start(self) -> None:
        answer = self.ask("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        assert answer["result"]["capabilities"]["positionEncoding"] == "utf-16"
        self.send("initialized", {})
        self.open(URI, NET)

    def open(self, uri: str, text: str) -> None:
        item = {"uri": uri, "languageId": "spine", "version": 1, "text": text}
        self.send("textDocument/didOpen", {"textDocument": item})

    def hover(self, uri: str = URI, line: int = 8, character: int = 3) -> dict[str, Any]:
        place = {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}
        return self.ask("textDocument/hover", place)


@pytest.fixture(scope="module")
def editor() -> Iterator[Editor]:
    editor = Editor()
    editor.start()
    yield editor
    editor.ask("shutdown")
    editor.send("exit")
    assert editor.process.wait(10) == 0


def frame(body: bytes, length: int | None = None) -> bytes:
    return b"Content-Length: %d\r\n\r\n%s" % (len(body) if length is None else length, body)


@pytest.mark.parametrize(
    "data",
    [
        frame(b"{"),
        frame(b"null"),
        frame(b"[1, 2]"),
        frame(b'"text"'),
        frame(b"\xff\xfe"),
        frame(b"[" * 100_000),
        frame(b'{"jsonrpc": "2.0"}'),
        frame(b'{"jsonrpc": "2.0", "id": 1, "result": 7}'),
        frame(b'{"jsonrpc": "2.0", "id": {}, "method": "textDocument/hover"}'),
        frame(b'{"jsonrpc": "1.0", "id": 1, "method": "shutdown"}'),
        frame(b'{"jsonrpc": "2.0", "method": 7}'),
        frame(b'{"jsonrpc": "2.0", "method": "textDocument/didChange", "params": {"contentChanges": 1}}'),
        frame(b'{"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"jsonrpc": "2.0", "id": 1}}'),
        frame(b'{"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": 99}}'),
        frame(b'{"jsonrpc": "2.0", "method": "no/such/thing", "params": null}'),
        frame(b'{"jsonrpc": "2.0"}', 5),
        frame(b'{"jsonrpc": "2.0"}', 60),
        frame(b"{}", 10**17),
        b"Content-Length: nonsense\r\n\r\n",
        b"no header at all\r\n\r\n" * 3,
        b"\x00" * 100_000 + b"\r\n",
    ],
    ids=lambda data: repr(data[:60]),
)
def test_damaged_messages(editor: Editor, data: bytes) -> None:
    editor.raw(data)
    # A length that is too long takes what comes next.
    editor.send("$/setTrace", {"value": "off"})
    assert "8×8×8" in editor.hover()["result"]["contents"]["value"]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("no/such/method", {}),
        ("textDocument/hover", {}),
        ("textDocument/hover", None),
        ("textDocument/hover", {"textDocument": {"uri": URI}, "position": {"line": "x", "character": 1}}),
        ("textDocument/rename", {"textDocument": {"uri": URI}, "position": {"line": 8, "character": 3}}),
        ("textDocument/completion", []),
        ("initialize", {"capabilities": 3}),
        ("workspace/executeCommand", {"command": "rm"}),
    ],
)
def test_wrong_requests_are_answered_as_such(editor: Editor, method: str, params: object) -> None:
    assert editor.ask(method, params)["error"]["code"] < 0
    assert editor.hover()["result"] is not None


@pytest.mark.parametrize(
    ("line", "character"), [(10**6, 0), (0, 10**6), (2**31 - 1, 2**31 - 1), (-5, -5), (2**40, 0)]
)
@pytest.mark.parametrize("method", ["hover", "completion", "definition", "references", "prepareRename"])
def test_places_outside_of_the_text(editor: Editor, method: str, line: int, character: int) -> None:
    place = {"line": line, "character": character}
    params = {"textDocument": {"uri": URI}, "position": place, "context": {"includeDeclaration": True}}
    if method == "completion":
        params["context"] = {"triggerKind": 1}
    answer = editor.ask(f"textDocument/{method}", params)
    assert "result" in answer or answer["error"]["code"] == -32602
    assert editor.hover()["result"] is not None


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "file://",
        "file://[",
        "untitled:1",
        "http://x/y.spine",
        "file:///%00.spine",
        "file:///" + "x" * 5000,
        "\ud800",
    ],
)
def test_strange_addresses(editor: Editor, uri: str) -> None:
    editor.open(uri, NET)
    answer = editor.hover(uri)
    assert "result" in answer or "error" in answer
    editor.send("textDocument/didClose", {"textDocument": {"uri": uri}})
    assert editor.hover()["result"] is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\x00",
        "\ud800",
        "{" * 5000,
        "network " * 30_000,
        "# \n" * 120_000,
        "a" * (2 << 20),
        "b: c @1 <- d\n" * 21_000,
    ],
    ids=["empty", "nul", "half", "deep", "long", "lines", "large", "blocks"],
)
def test_hostile_texts(editor: Editor, text: str) -> None:
    uri = "file:///specs/hostile.spine"
    editor.open(uri, text)
    for method in ("documentSymbol", "semanticTokens/full", "foldingRange"):
        assert "result" in editor.ask(f"textDocument/{method}", {"textDocument": {"uri": uri}})
    editor.send("textDocument/didClose", {"textDocument": {"uri": uri}})
    assert editor.hover()["result"] is not None


def test_changes_outside_of_the_text(editor: Editor) -> None:
    uri = "file:///specs/changed.spine"
    editor.open(uri, "part p { act }")
    far = {"line": 10**6, "character": 10**6}
    changes = [
        {"range": {"start": far, "end": far}, "text": " "},
        {"range": {"start": far, "end": {"line": 0, "character": 0}}, "text": NET},
    ]
    identifier = {"uri": uri, "version": 2}
    editor.send("textDocument/didChange", {"textDocument": identifier, "contentChanges": changes})
    assert editor.hover(uri)["result"] is not None
    editor.send(
        "textDocument/didChange", {"textDocument": {**identifier, "uri": "file:///no"}, "contentChanges": []}
    )
    assert editor.hover(uri)["result"] is not None


def test_files_that_vanish_turn_into_folders_or_are_no_text(editor: Editor, tmp_path: Path) -> None:
    other, user = tmp_path / "other.spine", tmp_path / "user.spine"
    other.write_text('import "std/resnet.spine"\npart p { act }\n')
    editor.open(user.as_uri(), NET.replace("std/resnet", "other"))
    change = {"changes": [{"uri": other.as_uri(), "type": 2}]}
    for spoil in (other.unlink, other.mkdir, other.rmdir, lambda: other.write_bytes(b"\xff\x00")):
        spoil()
        editor.send("workspace/didChangeWatchedFiles", change)
        params = {
            "textDocument": {"uri": user.as_uri()},
            "position": {"line": 8, "character": 3},
            "context": {"includeDeclaration": True},
        }
        assert len(editor.ask("textDocument/references", params)["result"]) == 3


def test_an_editor_that_goes_away_leaves_no_server() -> None:
    editor = Editor()
    editor.start()
    assert editor.process.stdin is not None
    editor.process.stdin.close()
    assert editor.process.wait(10) == 1


def test_roots_are_allowed(tmp_path: Path) -> None:
    common, own = tmp_path / "common", tmp_path / "own"
    common.mkdir()
    own.mkdir()
    (common / "kinds.spine").write_text('import "std/resnet.spine"\npart p { act }\n')
    editor = Editor("--root", str(common))
    editor.start()
    uri = (own / "net.spine").as_uri()
    editor.open(uri, NET.replace("std/resnet", "../common/kinds"))
    assert "8×8×8" in editor.hover(uri)["result"]["contents"]["value"]
    editor.ask("shutdown")
    editor.send("exit")
    assert editor.process.wait(10) == 0


def test_without_pygls_it_says_what_to_install(tmp_path: Path) -> None:
    hidden = "import importlib.util as u, sys; from spinedsl.cli import run; u.find_spec = lambda name: None; sys.exit(run(['lsp']))"
    run = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "SP052" in run.stderr and 'pip install "spinec[lsp]"' in run.stderr


@pytest.mark.parametrize("root", ["file:///" + "x" * 5000, "file:///%00", "nonsense"])
def test_strange_folders(root: str) -> None:
    editor = Editor()
    options = {"roots": ["x" * 5000, "\0", 7, "/etc/passwd"]}
    params = {"processId": None, "rootUri": root, "capabilities": {}, "initializationOptions": options}
    assert "result" in editor.ask("initialize", params)
    editor.open(URI, NET)
    assert editor.hover()["result"] is not None
    editor.process.kill()
    editor.process.wait()
