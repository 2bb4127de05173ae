"""The life of a server, and of the texts that an editor opens, edits and closes."""

from __future__ import annotations

import os
from pathlib import Path

from lsprotocol import types

from spinedsl.language_server.positions import Encoding
from spinedsl.language_server.server import Server, path_of, replacements

CONFIGURATION = "pyproject.toml"


def initialize(ls: Server, params: types.InitializeParams) -> None:
    """How the editor counts, and which folders it shows."""
    encodings: dict[str, Encoding] = {"utf-8": "utf-8", "utf-16": "utf-16", "utf-32": "utf-32"}
    ls.specs.encoding = encodings.get(str(_value(ls.workspace.position_encoding)), "utf-16")
    given = params.initialization_options
    roots = given.get("roots", ()) if isinstance(given, dict) else ()
    if isinstance(roots, list):
        ls.specs.roots += tuple(Path(root) for root in roots if isinstance(root, str) and _is_folder(root))
    _folders(ls)


def _value(encoding: object) -> object:
    return getattr(encoding, "value", encoding)


def _folders(ls: Server) -> None:
    uris = [folder.uri for folder in ls.workspace.folders.values()] or [ls.workspace.root_uri or ""]
    paths = [path_of(uri) for uri in uris]
    ls.specs.folders = [path.resolve() for path in paths if path is not None and _is_folder(path)]


def _is_folder(path: str | Path) -> bool:
    # Path.is_dir raises on names that are too long, or hold NUL.
    return os.path.isdir(path)  # noqa: PTH112


def initialized(ls: Server, params: types.InitializedParams) -> None:
    """Have the editor tell which specs change on the disk, if it can."""
    workspace = ls.client_capabilities.workspace
    watching = None if workspace is None else workspace.did_change_watched_files
    if watching is None or not watching.dynamic_registration:
        return
    options = types.DidChangeWatchedFilesRegistrationOptions(
        [types.FileSystemWatcher(pattern) for pattern in ("**/*.spine", f"**/{CONFIGURATION}")]
    )
    registration = types.Registration("specs", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
    ls.client_register_capability(types.RegistrationParams([registration]))


def did_change_workspace_folders(ls: Server, params: types.DidChangeWorkspaceFoldersParams) -> None:
    """Other folders are shown."""
    _folders(ls)


def did_open(ls: Server, params: types.DidOpenTextDocumentParams) -> None:
    """A text is open: look at it now, and at those that import its file."""
    given = params.text_document
    path = path_of(given.uri)
    document = ls.specs.open(given.uri, path, given.text, given.version)
    ls.report(document)
    ls.changed(document.path, but=document)


def did_change(ls: Server, params: types.DidChangeTextDocumentParams) -> None:
    """A text has been edited: look at it when the typing pauses."""
    changes = replacements(params.content_changes)
    document = ls.specs.change(params.text_document.uri, changes, params.text_document.version)
    if document is not None:
        ls.later(document)
        ls.changed(document.path, but=document)


def did_save(ls: Server, params: types.DidSaveTextDocumentParams) -> None:
    """A text has been saved: nothing that isn't known."""


def did_close(ls: Server, params: types.DidCloseTextDocumentParams) -> None:
    """A text is closed: its diagnostics go, and its file counts again."""
    document = ls.specs.close(params.text_document.uri)
    ls.withdraw(params.text_document.uri)
    if document is not None:
        ls.changed(document.path)


def did_change_watched_files(ls: Server, params: types.DidChangeWatchedFilesParams) -> None:
    """Files have changed on the disk: look at what imports them, or what it missed."""
    for change in params.changes:
        path = path_of(change.uri)
        if path is not None and path.name == CONFIGURATION:
            ls.configured()
        else:
            ls.changed(path)


LIFE = {
    types.INITIALIZE: (initialize, None),
    types.INITIALIZED: (initialized, None),
    types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS: (did_change_workspace_folders, None),
    types.WORKSPACE_DID_CHANGE_WATCHED_FILES: (did_change_watched_files, None),
    types.TEXT_DOCUMENT_DID_OPEN: (did_open, None),
    types.TEXT_DOCUMENT_DID_CHANGE: (did_change, None),
    types.TEXT_DOCUMENT_DID_SAVE: (did_save, None),
    types.TEXT_DOCUMENT_DID_CLOSE: (did_close, None),
}
"""What is told to a server, method by method."""
