"""Rules about what a file declares and imports: SP109, SP110.

A file without networks and models is a library: what it declares and imports is for others.
"""

from __future__ import annotations

from spinedsl.diagnostics import Edit, Fix, Label
from spinedsl.ir.loading import Named, Scope, prelude
from spinedsl.lint.references import reached, references
from spinedsl.lint.rule import Finding, Found
from spinedsl.source import Span
from spinedsl.syntax import nodes


def unused_definitions(scope: Scope) -> Found:
    """SP109: a definition or conventions that no network, model or search space of the file uses."""
    if not scope.compiled():
        return
    used = reached(scope)
    for item in scope.own:
        if id(item) not in used:
            yield Finding(
                f"{_kind(item)} “{item.name}” is used by no network of this file",
                Label(item.name.span),
                help="remove it; or move it into a file of its own, if other files import it",
                # Other files may use it.
                fix=Fix(f"remove “{item.name}”", (Edit(_with_comments(item), ""),), safe=False),
            )


def _kind(item: Named) -> str:
    return item.kind if isinstance(item, nodes.Definition) else "conventions"


def _with_comments(item: Named) -> Span:
    """An item with the comment lines right above it, and the empty lines below."""
    source, text = item.span.source, item.span.source.text
    start = text.rfind("\n", 0, item.span.start) + 1
    if text[start : item.span.start].strip():
        return item.span
    while start > 0:
        above = text.rfind("\n", 0, start - 1) + 1
        if not text[above:start].lstrip().startswith("#"):
            break
        start = above
    end = _behind(text, item.span.end)
    while end < len(text) and text[end] == "\n":
        end += 1
    return Span(source, start, end)


def _behind(text: str, end: int) -> int:
    """Where the next line starts, if nothing else stands on this one."""
    line = text.find("\n", end)
    line = len(text) if line < 0 else line
    return end if text[end:line].strip() else min(line + 1, len(text))


def unused_imports(scope: Scope) -> Found:
    """SP110: an import that brings nothing which a network or model of the file uses, or which stands twice.

    1. An import is used if the file names something that is declared there.
    2. So is one that brings from further away what the file needs and no other import brings.
    """
    first: dict[int, Span] = {}
    imports: list[tuple[Span, Scope]] = []
    for span, imported in scope.imports:
        if id(imported) in first:
            yield _twice(span, first[id(imported)])
        else:
            first[id(imported)] = span
            imports.append((span, imported))
    if not scope.compiled():
        return
    everywhere = {id(item) for item in prelude().values()}
    named = {id(item) for own in scope.own for key in references(own) if (item := scope.names.get(key))}
    needed = reached(scope).keys() - everywhere
    brought = [{id(item) for item in imported.names.values()} for _, imported in imports]
    direct = [any(id(item) in named for item in imported.own) for _, imported in imports]
    covered: set[int] = set().union(*(ids for ids, used in zip(brought, direct, strict=True) if used))
    for (span, _), ids, used in zip(imports, brought, direct, strict=True):
        if used or (needed & ids) - covered:
            covered |= ids
            continue
        yield Finding(
            "nothing of this import is used in this file",
            Label(span),
            help="remove it; files that import this one don't get its names any more then",
            fix=_removal(span, safe=False),
        )


def _twice(span: Span, first: Span) -> Finding:
    return Finding(
        "this file is imported twice",
        Label(span),
        (Label(first, "imported here first"),),
        "remove one of them",
        _removal(span, safe=True),
    )


def _removal(span: Span, safe: bool) -> Fix:
    whole = Span(span.source, span.start, _behind(span.source.text, span.end))
    return Fix("remove the import", (Edit(whole, ""),), safe)
