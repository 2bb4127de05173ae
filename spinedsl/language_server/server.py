"""The server: what an editor asks is answered by a pure function, and written by converting.py.

An edit is looked at after a short pause, or at once if something is asked. Networks of many blocks are
compiled in a thread when nobody types; what is known of them then arrives with a second report.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInternalError, JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, default_converter
from pygls.protocol.language_server import lsp_method
from pygls.uris import to_fs_path

from spinedsl.language_server.analysis import Analysis, with_completed
from spinedsl.language_server.checks import complete
from spinedsl.language_server.converting import Converter
from spinedsl.language_server.frames import Frames
from spinedsl.language_server.workspace import Document, Replacement, Workspace
from spinedsl.version import __version__

PAUSE = 0.06
"""Seconds without an edit before a text is looked at."""
SETTLED = 0.4
"""Seconds without an edit before large networks are compiled."""


class Protocol(LanguageServerProtocol):
    """pygls's, without its own copies of texts: workspace.py holds them, whatever lines end in."""

    def structure_message(self, data: dict[str, Any]) -> Any:
        """A message of the protocol; a request with wrong parameters is told so.

        Raises:
            JsonRpcException: it is none.
        """
        try:
            return super().structure_message(data)
        except JsonRpcException:
            if "method" in data and isinstance(data.get("id"), int | str):
                self._send_response(data["id"], error=JsonRpcInvalidParams().to_response_error())
            raise

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> Any:
        """A text has been opened."""
        yield self.fm.features[types.TEXT_DOCUMENT_DID_OPEN], (params,), None

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> Any:
        """A text has been edited."""
        yield self.fm.features[types.TEXT_DOCUMENT_DID_CHANGE], (params,), None

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> Any:
        """A text has been closed."""
        yield self.fm.features[types.TEXT_DOCUMENT_DID_CLOSE], (params,), None


class Server(LanguageServer):
    """What one editor talks to.

    Attributes:
        specs: the open texts and the specs around them.
    """

    def __init__(self, roots: Sequence[Path] = ()) -> None:
        super().__init__(
            "spinec",
            __version__,
            text_document_sync_kind=types.TextDocumentSyncKind.Incremental,
            protocol_cls=Protocol,
            converter_factory=default_converter,
            max_workers=2,
        )
        self.specs = Workspace(roots)
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._published: dict[str, types.PublishDiagnosticsParams] = {}
        self._compiling: asyncio.Task[None] | None = None

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Tell standard error, which editors log: a damaged message is no reason for a window."""
        if isinstance(error, JsonRpcInternalError):
            traceback.print_exception(error, file=sys.stderr)
        elif not isinstance(error, JsonRpcInvalidParams):
            print(f"spinec lsp: {type(error).__name__}: {error}"[:400], file=sys.stderr, flush=True)

    def serve(self) -> None:
        """Answer on standard input and output until the editor leaves."""
        # pygls logs every answer that is a refusal with a traceback.
        logging.getLogger("pygls").setLevel(logging.CRITICAL)
        self.start_io(Frames(sys.stdin.buffer))  # type: ignore[arg-type]

    @property
    def left(self) -> bool:
        """Whether the editor has said that it is done."""
        return bool(self.protocol._shutdown)

    # ---- texts

    def document(self, uri: str) -> Document | None:
        """An open text."""
        return self.specs.documents.get(uri)

    def known(self, uri: str) -> tuple[Analysis, Converter] | None:
        """What is known of an open text as it is at this moment, and who writes it."""
        document = self.document(uri)
        analysis = None if document is None else self.specs.analysis(document)
        if document is None or analysis is None:
            return None
        return analysis, Converter(self.specs, document)

    def later(self, document: Document, seconds: float = PAUSE) -> None:
        """Report what is wrong with a text after a pause; an earlier plan is dropped."""
        self._plan(f"report {document.uri}", seconds, lambda: self.report(document))

    def _plan(self, name: str, seconds: float, action: Callable[[], None]) -> None:
        if name in self._timers:
            self._timers[name].cancel()
        self._timers[name] = asyncio.get_running_loop().call_later(seconds, action)

    def report(self, document: Document) -> None:
        """Tell what is wrong with a text, and do what takes longer in the background."""
        if self.document(document.uri) is not document:
            return
        self.specs.analysis(document)
        self._publish(document)
        self._plan("compile", SETTLED, self._compile)

    def _publish(self, document: Document) -> None:
        """Tell the editor what is known, unless it knows."""
        if self.document(document.uri) is not document or not document.looked_at:
            return
        found = Converter(self.specs, document).diagnostics(self.specs.diagnostics(document))
        params = types.PublishDiagnosticsParams(document.uri, found, document.version)
        if self._published.get(document.uri) != params:
            self._published[document.uri] = params
            self.text_document_publish_diagnostics(params)

    def withdraw(self, uri: str) -> None:
        """Nothing is wrong any more with a text that was closed."""
        self._published.pop(uri, None)
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    def _compile(self) -> None:
        if self._compiling is not None and not self._compiling.done():
            # It may be past what has changed: once more, then.
            self._plan("compile", SETTLED, self._compile)
            return
        self._compiling = asyncio.get_running_loop().create_task(self._compile_all())

    async def _compile_all(self) -> None:
        """Compile what waits, a network at a time, then lint; report on each text when it is done."""
        compiled = False
        for document in list(self.specs.documents.values()):
            while (analysis := document.analysis) is not None and document.looked_at and analysis.pending:
                done = await asyncio.to_thread(complete, analysis.pending[0])
                if document.analysis is not None:
                    document.analysis = with_completed(document.analysis, {done.name: done})
                compiled = True
            lint = self.specs.lint(document)
            if lint is not None:
                document.linted = await asyncio.to_thread(lint)
            self._publish(document)
        if compiled:
            self._refresh()
        # What compilations leave behind is collected where nobody waits.
        gc.collect()

    def _refresh(self) -> None:
        """Have the editor ask again for what depends on shapes."""
        workspace = self.client_capabilities.workspace
        hints = workspace.inlay_hint if workspace is not None else None
        if hints is not None and hints.refresh_support:
            self.workspace_inlay_hint_refresh(None)

    def changed(self, path: Path | None, but: Document | None = None) -> None:
        """Look again at every open text that a file has something to do with."""
        for document in [] if path is None else self.specs.forget(path):
            if document is not but:
                self.later(document)

    def configured(self) -> None:
        """The project has been configured anew."""
        for document in self.specs.documents.values():
            document.to_lint = True
        self._plan("compile", SETTLED, self._compile)


def path_of(uri: str) -> Path | None:
    """The file of an address; None if it is none."""
    try:
        path = to_fs_path(uri)
        return None if not path or "\0" in path else Path(path)
    except ValueError:
        return None


def replacements(changes: Sequence[types.TextDocumentContentChangeEvent]) -> list[Replacement]:
    """Changes of a text, in the order in which they are made."""
    return [
        Replacement(
            (
                (change.range.start.line, change.range.start.character),
                (change.range.end.line, change.range.end.character),
            )
            if isinstance(change, types.TextDocumentContentChangePartial)
            else None,
            change.text,
        )
        for change in changes
    ]
