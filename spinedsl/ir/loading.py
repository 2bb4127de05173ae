"""Files and their imports: what is in scope in a file, and where each name comes from.

An import is looked for beside the importing file, then in the standard library. It may only reach
files inside the allowed roots: the folder of the file that was asked for, the standard library,
and folders the user named. Links are followed before that is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from spinedsl import resources
from spinedsl.diagnostics import Diagnostic, DiagnosticError, Diagnostics, Label, fail, nearest
from spinedsl.records import record
from spinedsl.resources import PRELUDE, STANDARD, SUFFIX
from spinedsl.source import DISK, Files, Source, SourceProblem, Span
from spinedsl.syntax import nodes
from spinedsl.syntax.parser import parse

MAX_IMPORTS = 64
MAX_PATH = 255

Parse = Callable[[Source], nodes.File]
Named = nodes.Network | nodes.Definition | nodes.Model | nodes.Conventions | nodes.Space


@dataclass
class Scope:
    """Everything a file can name, and the file's own items.

    Attributes:
        own: the items declared in the file itself, in order.
        names: (kind of item, name) → item; kinds are `network`, `conventions`, `space` and
            `definition`.
        imports: every import of the file that was found, with what its file can name, in order.
    """

    source: Source
    own: tuple[Named, ...]
    names: dict[tuple[str, str], Named] = field(default_factory=dict)
    imports: list[tuple[Span, Scope]] = field(default_factory=list)

    def find(self, kind: str, name: str) -> Named | None:
        """The item of that kind and name."""
        return self.names.get((kind, name))

    def names_of(self, kind: str) -> list[str]:
        """All names of one kind of item."""
        return [name for k, name in self.names if k == kind]

    def networks(self) -> list[nodes.Network]:
        """The networks declared in the file itself."""
        return [item for item in self.own if isinstance(item, nodes.Network)]

    def compiled(self) -> list[nodes.Network | nodes.Model]:
        """The networks and models declared in the file itself, in order."""
        return [item for item in self.own if isinstance(item, nodes.Network | nodes.Model)]


def kind_of(item: Named) -> str:
    """Which name space an item's name lives in."""
    if isinstance(item, nodes.Network | nodes.Model):
        # One name space: SPEC names either.
        return "network"
    if isinstance(item, nodes.Conventions):
        return "conventions"
    return "space" if isinstance(item, nodes.Space) else "definition"


def open_source(path: Path, name: str | None = None, files: Files = DISK) -> Source:
    """Read a source; its problems become diagnostics.

    Raises:
        DiagnosticError: SP001–SP004.
    """
    try:
        return files.read(path, name)
    except SourceProblem as problem:
        place = Source(name or str(path), "")
        raise fail(problem.code, problem.message, Span(place, 0, 0), help=problem.help) from None


def load(source: Source, roots: Sequence[Path] = (), files: Files = DISK) -> Scope:
    """Parse a source and everything it imports.

    Args:
        source: the text; without a path it can import from the standard library only.
        roots: further folders that imports may reach.
        files: where imports are read from.

    Raises:
        DiagnosticError: syntax errors, and imports that fail (SP021–SP024).
    """
    return _loader(source, roots, files).load(source)


@record
class Explored:
    """What a file can name, as far as its imports could be read.

    Attributes:
        diagnostics: what is wrong with its imports and names.
        imported: the scope of every file it leads to.
    """

    scope: Scope
    diagnostics: tuple[Diagnostic, ...]
    imported: dict[Path, Scope]


def explore(
    source: Source, roots: Sequence[Path] = (), files: Files = DISK, parse: Parse = parse
) -> Explored:
    """As `load`, for an editor: it goes on behind errors, and keeps what it has parsed.

    Args:
        source, roots, files: as there.
        parse: makes the file of a source; it may leave out what it can't read.

    Raises:
        DiagnosticError: `parse` can't make anything of the source itself, or it declares nothing.
    """
    loader = _loader(source, roots, files)
    loader.parse = parse
    found: tuple[Diagnostic, ...] = ()
    root = loader.open(source)
    try:
        loader.follow(root)
    except DiagnosticError as error:
        found = error.diagnostics
    return Explored(root.scope, found, loader.loaded)


def _loader(source: Source, roots: Sequence[Path], files: Files) -> _Loader:
    path = source.path.resolve() if source.path else None
    folder = [path.parent] if path else []
    allowed = (*folder, *(root.resolve() for root in roots), resources.library())
    # The prelude itself, when it is the file that was asked for, is not in its own scope.
    return _Loader(allowed, files, prelude=path != resources.library() / PRELUDE)


@cache
def prelude() -> dict[tuple[str, str], Named]:
    """What is in scope in every file without an import: the same items each time."""
    source = open_source(resources.library() / PRELUDE, f"{STANDARD}{PRELUDE}")
    return _Loader((resources.library(),), DISK, prelude=False).load(source).names


class _Loader:
    def __init__(self, allowed: tuple[Path, ...], files: Files, prelude: bool = True) -> None:
        self.allowed = allowed
        self.files = files
        self.prelude = prelude
        self.parse: Parse = parse
        self.loaded: dict[Path, Scope] = {}
        self.diagnostics = Diagnostics()

    def load(self, source: Source) -> Scope:
        root = self.open(source)
        self.follow(root)
        return root.scope

    def follow(self, root: _Task) -> None:
        """Depth-first over the imports, with a stack of its own."""
        self.asked_for = root.scope.source
        opened = [root]
        on_path = {root.path} if root.path else set()
        while opened:
            task = opened[-1]
            if not task.pending:
                opened.pop()
                on_path.discard(task.path)
                self._close(task)
                if opened:
                    self._merge(opened[-1], task.scope, task.imported_at)
                continue
            item = task.pending.pop(0)
            path = self._find(task.scope.source, item)
            if path is None:
                continue
            if path in on_path:
                self.diagnostics.add(
                    "SP022",
                    f"“{item.path}” imports itself in a circle",
                    item.span,
                    help="move what both files need into a third one",
                )
            elif path in self.loaded:
                self._merge(task, self.loaded[path], item.span)
            elif len(self.loaded) >= MAX_IMPORTS:
                raise fail(
                    "SP002", f"more than {MAX_IMPORTS} imported files", item.span, help="join some of them"
                )
            else:
                try:
                    imported = self.open(open_source(path, self._display(path), self.files))
                except DiagnosticError as error:
                    self.diagnostics.extend(error.diagnostics)
                    continue
                imported.imported_at = item.span
                self.loaded[path] = imported.scope
                on_path.add(path)
                opened.append(imported)
        self.diagnostics.stop_on_errors()

    def open(self, source: Source) -> _Task:
        """The file itself; its imports are pending."""
        file = self.parse(source)
        if not file.items:
            raise fail(
                "SP005", f"“{source.name}” declares nothing", Span(source, 0, 0),
                help="declare a network, `network name { … }`, or a definition",
            )  # fmt: skip
        own = tuple(item for item in file.items if not isinstance(item, nodes.Import))
        imports = [item for item in file.items if isinstance(item, nodes.Import)]
        return _Task(Scope(source, own), imports, source.path.resolve() if source.path else None)

    def _display(self, path: Path) -> str:
        """The path as the user would write it: as the file that was asked for was written."""
        library = resources.library()
        if path.is_relative_to(library):
            return f"{STANDARD}{path.relative_to(library)}"
        source = self.asked_for
        folder = source.path.resolve().parent if source.path else None
        if folder is None or not path.is_relative_to(folder):
            return str(path)
        return str(Path(source.name).parent / path.relative_to(folder))

    def _merge(self, task: _Task, imported: Scope, span: Span | None) -> None:
        assert span is not None
        task.scope.imports.append((span, imported))
        for key, item in imported.names.items():
            known = task.scope.names.setdefault(key, item)
            if known is not item and not _in_prelude(key, known, item):
                self.diagnostics.add(
                    "SP024",
                    f"“{key[1]}” comes from two imported files",
                    span,
                    secondary=[Label(known.name.span, "one"), Label(item.name.span, "the other")],
                    help="rename one of them, or import only one of the files",
                )

    def _close(self, task: _Task) -> None:
        """Add the file's own names, which win over the prelude's."""
        scope = task.scope
        seen: dict[tuple[str, str], Named] = {}
        for item in scope.own:
            key = (kind_of(item), item.name.text)
            other = seen.get(key) or scope.names.get(key)
            if other is not None and not _in_prelude(key, other):
                self.diagnostics.add(
                    "SP024",
                    f"“{item.name}” is declared twice",
                    item.name.span,
                    secondary=[Label(other.name.span, "first declared here")],
                    help="rename or remove one of them",
                )
            seen[key] = item
        scope.names.update(seen)
        if self.prelude:
            for key, item in prelude().items():
                scope.names.setdefault(key, item)

    def _find(self, importer: Source, item: nodes.Import) -> Path | None:
        if len(item.path) > MAX_PATH:
            self.diagnostics.add(
                "SP002", f"a path of {len(item.path):,} characters", item.span, f"at most {MAX_PATH}",
                help="shorten it",
            )  # fmt: skip
            return None
        written = Path(item.path)
        if written.is_absolute() or item.path.startswith("~") or "\\" in item.path:
            self.diagnostics.add(
                "SP023",
                f"“{item.path}” is not a relative path",
                item.span,
                help="write the path from this file, or from the standard library: `std/resnet.spine`",
            )
            return None
        folders = [importer.path.resolve().parent] if importer.path else []
        for folder in (*folders, resources.library()):
            try:
                path = self.files.resolve(folder / written)
                found = self.files.holds(path)
            except (OSError, ValueError, RuntimeError):
                continue
            if not found:
                continue
            if any(path.is_relative_to(root) for root in self.allowed):
                return path
            self.diagnostics.add(
                "SP023",
                f"“{item.path}” leads out of the allowed folders",
                item.span,
                help="move the file below the folder of the spec, or allow its folder with --root",
            )
            return None
        self.diagnostics.add(
            "SP021",
            f"there is no file “{item.path}” beside this one or in the standard library",
            item.span,
            help=_near_file(item.path),
        )
        return None


@dataclass
class _Task:
    scope: Scope
    pending: list[nodes.Import]
    path: Path | None
    imported_at: Span | None = None


def _in_prelude(key: tuple[str, str], *items: Named) -> bool:
    return any(prelude().get(key) is item for item in items)


def _near_file(path: str) -> str:
    files = {file.removesuffix(SUFFIX): file for file in standard_files()}
    match = nearest(path.removesuffix(SUFFIX), files)
    if match:
        return f"did you mean “{files[match]}”?"
    return f"the standard library has {', '.join(f for f in files.values() if f.startswith('std/'))}"


def standard_files() -> Iterable[str]:
    """Paths of all files of the standard library, from its folder."""
    library = resources.library()
    return [str(path.relative_to(library)) for path in sorted(library.rglob(f"*{SUFFIX}"))]
