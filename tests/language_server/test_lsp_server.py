"""The server over standard input and output, as an editor has it: one test a feature at least."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_lsp
from lsprotocol import types
from marked import NET
from pygls.exceptions import JsonRpcException
from pytest_lsp import ClientServerConfig, LanguageClient

from spinedsl.language_server.tokens import KINDS

pytestmark = pytest.mark.asyncio(loop_scope="module")
NAME = types.TextDocumentIdentifier


PROJECT = '[tool.spinec.lint.rules]\nSP104 = "off"\nSP105 = "off"\n'
VERSIONS: dict[str, int | None] = {}
"""Of each text, the last one that was reported on; and the methods that the server asked for."""


def client_that_counts() -> LanguageClient:
    """pytest-lsp's client, which else forgets versions."""
    client = pytest_lsp.make_test_lsp_client()

    def publish(params: types.PublishDiagnosticsParams) -> None:
        client.diagnostics[params.uri] = params.diagnostics
        VERSIONS[params.uri] = params.version

    client.protocol.fm.features[types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS] = publish

    @client.feature(types.CLIENT_REGISTER_CAPABILITY)
    def register(params: types.RegistrationParams) -> None:
        VERSIONS.update((registration.method, 1) for registration in params.registrations)

    return client


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the client shows, of a project that allows the widths of small texts."""
    folder = tmp_path_factory.mktemp("specs")
    (folder / "pyproject.toml").write_text(PROJECT)
    return folder


@pytest_lsp.fixture(
    scope="module",
    config=ClientServerConfig([sys.executable, "-m", "spinedsl", "lsp"], client_factory=client_that_counts),
)
async def client(lsp_client: LanguageClient, root: Path) -> AsyncIterator[None]:
    capabilities = pytest_lsp.client_capabilities("visual-studio-code")
    await lsp_client.initialize_session(
        types.InitializeParams(
            capabilities=capabilities,
            workspace_folders=[types.WorkspaceFolder(root.as_uri(), "specs")],
            initialization_options={"roots": []},
        )
    )
    yield
    await lsp_client.shutdown_session()


class Text:
    """A text that is open in the client."""

    def __init__(self, client: LanguageClient, path: Path, text: str) -> None:
        self.client = client
        self.path = path
        self.uri = self.path.as_uri()
        self.name = NAME(self.uri)
        self.text = text
        self.version = 1
        client.text_document_did_open(
            types.DidOpenTextDocumentParams(types.TextDocumentItem(self.uri, "spine", 1, text))
        )

    def edit(self, old: str, new: str) -> None:
        """A change of a range, as editors send it."""
        start, end = self.place(old, behind=False), self.place(old)
        self.text = self.text.replace(old, new, 1)
        self.version += 1
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(self.version, self.uri),
                [types.TextDocumentContentChangePartial(types.Range(start, end), new)],
            )
        )

    def place(self, before: str, *, behind: bool = True) -> types.Position:
        """Right behind (or before) the first such words, in UTF-16."""
        offset = self.text.index(before) + (len(before) if behind else 0)
        line = self.text[:offset].rpartition("\n")[2]
        return types.Position(self.text.count("\n", 0, offset), len(line.encode("utf-16-le")) // 2)

    def at(self, before: str) -> dict[str, Any]:
        return {"text_document": self.name, "position": self.place(before)}

    async def diagnostics(self) -> list[types.Diagnostic]:
        """What is reported of the text as it is now."""
        await self.until(lambda: VERSIONS.get(self.uri) == self.version)
        return list(self.client.diagnostics[self.uri])

    async def until_codes(self, *codes: str) -> list[types.Diagnostic]:
        """Wait for a report of exactly these codes."""
        await self.until(lambda: [d.code for d in self.client.diagnostics.get(self.uri, ())] == list(codes))
        return list(self.client.diagnostics[self.uri])

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for what a report brings."""
        for _ in range(500):
            if condition():
                return
            await asyncio.sleep(0.02)
        pytest.fail(f"reported last: {self.client.diagnostics.get(self.uri)}")

    def close(self) -> None:
        self.client.text_document_did_close(types.DidCloseTextDocumentParams(self.name))


def covered(text: str, place: types.Range) -> str:
    """What a range of one line covers."""
    line = text.split("\n")[place.start.line].encode("utf-16-le")
    return line[2 * place.start.character : 2 * place.end.character].decode("utf-16-le")


@pytest.fixture
def net(client: LanguageClient, root: Path) -> Iterator[Text]:
    """A text without mistakes."""
    text = Text(client, root / "net.spine", NET)
    yield text
    text.close()


async def test_it_asks_to_be_told_of_files(client: LanguageClient, net: Text) -> None:
    await net.until(lambda: types.WORKSPACE_DID_CHANGE_WATCHED_FILES in VERSIONS)


async def test_diagnostics_as_you_type(net: Text) -> None:
    assert await net.diagnostics() == []
    net.edit("b2: residual", "b2: residul")
    (found,) = await net.diagnostics()
    assert (found.code, found.severity, found.source) == ("SP020", types.DiagnosticSeverity.Error, "spinec")
    assert covered(net.text, found.range) == "residul"
    assert "did you mean “residual”?" in found.message
    assert found.code_description is not None
    assert Path(found.code_description.href.removeprefix("file://")).name == "SP020.md"
    net.edit("residul", "residual")
    assert await net.diagnostics() == []


async def test_further_places_are_told(net: Text) -> None:
    net.edit("b2: residual", "b1: residual")
    found = next(d for d in await net.diagnostics() if d.code == "SP024")
    assert found.related_information
    (first,) = found.related_information
    assert (first.message, first.location.uri) == ("first declared here", net.uri)
    assert covered(net.text, first.location.range) == "b1"


async def test_syntax_errors_are_told_too(net: Text) -> None:
    net.edit("@3 <- s0", "@3 <-")
    net.edit("@3 <- b1, b0", "@3 < b1, b0")
    assert [d.code for d in await net.diagnostics()] == ["SP010", "SP010"]


async def test_columns_are_those_of_utf_16(client: LanguageClient, root: Path) -> None:
    line = 'title "\N{ROCKET}\N{ROCKET}" conventions gardn'
    text = Text(client, root / "emoji.spine", NET.replace("  input", f"  {line}\n  input", 1))
    (found,) = await text.diagnostics()
    assert covered(text.text, found.range) == "gardn"
    text.edit("gardn", "garden")
    assert await text.diagnostics() == []
    hover = await client.text_document_hover_async(types.HoverParams(**text.at("conventions gard")))
    assert hover is not None and hover.range is not None
    assert covered(text.text, hover.range) == "garden"
    text.close()


async def test_unsaved_imports_count_and_importing_files_are_looked_at_again(
    client: LanguageClient, root: Path
) -> None:
    user = Text(client, root / "user.spine", NET.replace("std/resnet", "kinds"))
    await user.until_codes("SP021")
    kinds = Text(client, root / "kinds.spine", 'import "std/resnet.spine"\npart p { act }\n')
    await user.until_codes()
    kinds.edit("std/resnet", "std/fpn")
    await user.until_codes(*["SP020"] * 4)
    kinds.edit("part p", "part")
    (found,) = await user.until_codes("SP010")
    # What is wrong in an imported file is shown at its import.
    assert found.range.start.line == 0 and found.related_information
    assert found.related_information[0].location.uri == kinds.uri
    kinds.close()
    user.close()


async def test_files_on_the_disk_are_looked_at_when_they_change(client: LanguageClient, root: Path) -> None:
    other = root / "later.spine"
    user = Text(client, root / "user.spine", NET.replace("std/resnet", "later"))
    await user.until_codes("SP021")
    other.write_text('import "std/resnet.spine"\npart p { act }\n')
    changes = [types.FileEvent(other.as_uri(), types.FileChangeType.Created)]
    client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams(changes))
    await user.until_codes()
    other.unlink()
    other.mkdir()
    client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams(changes))
    await user.until_codes("SP021")
    other.rmdir()
    user.close()


async def test_hover(client: LanguageClient, net: Text) -> None:
    found = await client.text_document_hover_async(types.HoverParams(**net.at("  b1")))
    assert found is not None and isinstance(found.contents, types.MarkupContent)
    assert "32×16×16" in found.contents.value


async def test_definition(client: LanguageClient, net: Text) -> None:
    found = await client.text_document_definition_async(types.DefinitionParams(**net.at("<- b1, b0")))
    assert isinstance(found, types.Location)
    assert (found.uri, found.range.start) == (net.uri, net.place("b0:", behind=False))
    library = await client.text_document_definition_async(types.DefinitionParams(**net.at("b1: bottleneck")))
    assert isinstance(library, types.Location) and library.uri.endswith("specs/std/resnet.spine")
    path = Path(library.uri.removeprefix("file://"))
    assert covered(path.read_text(encoding="utf-8"), library.range) == "bottleneck"
    imported = await client.text_document_definition_async(types.DefinitionParams(**net.at('"std/')))
    assert isinstance(imported, types.Location) and imported.uri == library.uri


async def test_references_and_highlights(client: LanguageClient, net: Text) -> None:
    context = types.ReferenceContext(include_declaration=False)
    found = await client.text_document_references_async(
        types.ReferenceParams(context=context, **net.at("  b0"))
    )
    assert found is not None
    assert [covered(net.text, place.range) for place in found] == ["b0", "b0"]
    same = await client.text_document_document_highlight_async(
        types.DocumentHighlightParams(**net.at("  b0"))
    )
    assert same is not None and len(same) == 3


async def test_rename(client: LanguageClient, net: Text) -> None:
    prepared = await client.text_document_prepare_rename_async(
        types.PrepareRenameParams(**net.at("<- s0, b0"))
    )
    assert isinstance(prepared, types.PrepareRenamePlaceholder) and prepared.placeholder == "b0"
    found = await client.text_document_rename_async(types.RenameParams(new_name="first", **net.at("  b0")))
    assert found is not None and found.changes is not None
    assert [edit.new_text for edit in found.changes[net.uri]] == ["first"] * 3
    with pytest.raises(JsonRpcException, match="already means something in a module"):
        await client.text_document_rename_async(types.RenameParams(new_name="forward", **net.at("  b0")))
    with pytest.raises(JsonRpcException, match="standard library"):
        await client.text_document_prepare_rename_async(types.PrepareRenameParams(**net.at("b1: bottleneck")))


async def test_completion(client: LanguageClient, net: Text) -> None:
    net.edit("@3 <- b1, b0", "@3 <- ")
    found = await client.text_document_completion_async(
        types.CompletionParams(**net.at("b2: residual   @3 <- "))
    )
    assert isinstance(found, types.CompletionList)
    assert [item.label for item in found.items] == ["s0", "b0", "b1"]


async def test_formatting(client: LanguageClient, net: Text) -> None:
    net.edit("b0: residual  ", "b0:     residual  ")
    options = types.FormattingOptions(tab_size=2, insert_spaces=True)
    edits = await client.text_document_formatting_async(types.DocumentFormattingParams(net.name, options))
    assert edits is not None and len(edits) == 1
    place = types.Range(net.place("b0: "), net.place("b0: "))
    ranged = await client.text_document_range_formatting_async(
        types.DocumentRangeFormattingParams(net.name, place, options)
    )
    assert ranged == edits


async def test_symbols(client: LanguageClient, net: Text) -> None:
    found = await client.text_document_document_symbol_async(types.DocumentSymbolParams(net.name))
    assert found is not None
    (network,) = found
    assert isinstance(network, types.DocumentSymbol) and network.children is not None
    assert [inner.name for inner in network.children] == ["stem", "b0", "b1", "b2"]


async def test_semantic_tokens(client: LanguageClient, net: Text) -> None:
    found = await client.text_document_semantic_tokens_full_async(types.SemanticTokensParams(net.name))
    assert found is not None
    # `import`, a keyword, at the beginning of the first line.
    assert list(found.data[:5]) == [0, 0, 6, KINDS.index("keyword"), 0]


async def test_inlay_hints(client: LanguageClient, net: Text) -> None:
    everything = types.Range(types.Position(0, 0), types.Position(99, 0))
    found = await client.text_document_inlay_hint_async(types.InlayHintParams(net.name, everything))
    assert found is not None
    assert [hint.label for hint in found] == ["8×16×16", "8×8×8", "32×16×16", "8×8×8"]


async def test_hints_of_a_large_network_come_when_nobody_types(client: LanguageClient, root: Path) -> None:
    more = "".join(f"  c{i}: residual @2 <- {f'c{i - 1}' if i else 's0'}\n" for i in range(60))
    large = NET.replace("  b1:", f"{more}  b1:").replace("<- s0, b0 =>", "<- c59, b0 =>")
    text = Text(client, root / "large.spine", large.replace("= 4 x 16", "= 5 x 16"))
    await text.until_codes("SP040")
    everything = types.Range(types.Position(0, 0), types.Position(999, 0))
    found = await client.text_document_inlay_hint_async(types.InlayHintParams(text.name, everything))
    assert found is not None and len(found) == 64
    text.close()


async def test_lint_comes_when_nobody_types_as_the_project_has_it(client: LanguageClient, root: Path) -> None:
    text = Text(client, root / "lint.spine", NET + "part nobody_uses { act }\n")
    (found,) = await text.until_codes("SP109")
    assert covered(text.text, found.range) == "nobody_uses"
    assert found.severity == types.DiagnosticSeverity.Warning
    text.edit("# Small", "# Very small")
    (moved,) = await text.diagnostics()
    assert covered(text.text, moved.range) == "nobody_uses"
    project = root / "pyproject.toml"
    project.write_text(f'{PROJECT}SP109 = "off"\n')
    change = [types.FileEvent(project.as_uri(), types.FileChangeType.Created)]
    client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams(change))
    await text.until_codes()
    project.write_text(PROJECT)
    text.close()


async def test_code_actions(client: LanguageClient, net: Text) -> None:
    net.edit("@3 <- s0", "@3 -> s0")
    (wrong,) = await net.diagnostics()
    context = types.CodeActionContext(diagnostics=[wrong])
    found = await client.text_document_code_action_async(
        types.CodeActionParams(net.name, wrong.range, context)
    )
    assert found is not None
    (action,) = found
    assert (
        isinstance(action, types.CodeAction) and action.edit is not None and action.edit.changes is not None
    )
    assert [edit.new_text for edit in action.edit.changes[net.uri]] == ["<-"]
    context = types.CodeActionContext(diagnostics=[], only=["source.fixAll"])
    everything = await client.text_document_code_action_async(
        types.CodeActionParams(net.name, wrong.range, context)
    )
    assert everything is not None and [action.kind for action in everything] == ["source.fixAll.spinec"]  # type: ignore[union-attr]


async def test_folding_and_selection(client: LanguageClient, net: Text) -> None:
    folds = await client.text_document_folding_range_async(types.FoldingRangeParams(net.name))
    assert folds is not None and [(f.start_line, f.end_line) for f in folds] == [(3, 12)]
    found = await client.text_document_selection_range_async(
        types.SelectionRangeParams(net.name, [net.place("<- s0, b")])
    )
    assert found is not None and covered(net.text, found[0].range) == "b0"
    assert found[0].parent is not None


async def test_a_closed_text_has_no_diagnostics(client: LanguageClient, root: Path) -> None:
    text = Text(client, root / "closed.spine", "network {")
    await text.until_codes("SP010")
    text.close()
    await text.until_codes()
    assert await client.text_document_hover_async(types.HoverParams(**text.at("network"))) is None
