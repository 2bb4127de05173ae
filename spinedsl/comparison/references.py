"""What `spinec diff` compares: specs as they are, or as they were at a revision, network by network."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from spinedsl.comparison.difference import Difference, compare
from spinedsl.diagnostics import fail
from spinedsl.pipeline import AnyCompilation
from spinedsl.records import record
from spinedsl.repository.revisions import revision_of
from spinedsl.resources import STANDARD, SUFFIX
from spinedsl.source import DISK, Files, Source
from spinedsl.specification import open_all

_NETWORK = re.compile(r"(.*):(\w+)", re.DOTALL)
OTHERWISE = "name two files instead"
"""What to do where there is no repository."""


@record
class Reference:
    """A SPEC, perhaps at a revision: `a.spine`, `a.spine@HEAD~1`, `a.spine:net@main`, `a.spine@main:net`.

    Attributes:
        spec: a path, `path:network` or `std:NAME`.
        revision: as git knows it; None for what is on the disk.
    """

    spec: str
    revision: str | None = None

    @property
    def path(self) -> Path:
        """Of its file."""
        return Path(_file(self.spec))

    @property
    def network(self) -> str | None:
        """The one it names."""
        file = _file(self.spec)
        return None if file == self.spec else self.spec[len(file) + 1 :]

    def at(self, revision: str | None) -> Reference:
        """The same spec at another revision."""
        return Reference(self.spec, revision)


def reference_of(text: str) -> Reference:
    """What somebody means by SPEC or SPEC@REVISION.

    An `@` may be part of a path, and of a revision (`HEAD@{1}`): the files decide. The revision starts
    behind the first `@` that follows an existing file, or else a name that ends in `.spine`.

    Raises:
        DiagnosticError: a revision of the standard library (SP030).
    """
    if text.startswith(STANDARD):
        name, at, _ = text.partition("@")
        if at:
            raise fail(
                "SP030", f"“{name}” ships with spinec and has no revisions",
                help=f"leave out what follows “{name}”, or name a file in a repository",
            )  # fmt: skip
        return Reference(text)
    if _exists(_file(text)):
        return Reference(text)
    places = [index for index, character in enumerate(text) if character == "@"]
    for is_file in (_exists, _is_named_like_a_spec):
        for place in places:
            if is_file(_file(text[:place])):
                return _at_revision(text[:place], text[place + 1 :])
    return Reference(text)


def _at_revision(spec: str, revision: str) -> Reference:
    named = _NETWORK.fullmatch(revision)
    if named and _file(spec) == spec:
        return Reference(f"{spec}:{named[2]}", named[1])
    return Reference(spec, revision)


def _file(spec: str) -> str:
    """The path in `path:network`; a colon may be part of a path, as in `spinedsl.specification`."""
    named = _NETWORK.fullmatch(spec)
    return spec if named is None or _exists(spec) else named[1]


def _exists(path: str) -> bool:
    return os.path.isfile(path)  # noqa: PTH113  (Path.is_file raises on odd names)


def _is_named_like_a_spec(path: str) -> bool:
    return path.endswith(SUFFIX)


# ---- comparing


@record
class Compared:
    """One network or model of two files.

    Attributes:
        name: the newer one.
        state: `changed`, `same`, `added` or `removed`.
        difference: of a network that is in both.
    """

    name: str
    state: str
    difference: Difference | None = None


@record
class SpecDifference:
    """What differs between two specs.

    Attributes:
        before, after: names of the files, with their revisions.
        networks: in the order of the newer file, what is gone last.
        same_text: whether the files are the same, letter by letter.
    """

    before: str
    after: str
    networks: tuple[Compared, ...]
    same_text: bool

    @property
    def differs(self) -> bool:
        """Whether any network does."""
        return any(network.state != "same" for network in self.networks)

    def as_json(self) -> dict[str, Any]:
        """As docs/comparing.md describes it."""
        return {
            "before": self.before,
            "after": self.after,
            "identical": not self.differs,
            "same_text": self.same_text,
            "networks": [
                {
                    "name": network.name,
                    "state": network.state,
                    **(network.difference.as_json() if network.difference else {}),
                }
                for network in self.networks
            ],
        }


def compare_specs(before: Reference, after: Reference, roots: Sequence[Path] = ()) -> SpecDifference:
    """Every network and model of two files, by name; or the two that are named, or the only ones.

    Raises:
        DiagnosticError: something can't be read, or doesn't compile.
    """
    old_source, old = _opened(before, after.network, roots)
    new_source, new = _opened(after, before.network, roots)
    return SpecDifference(
        before=old_source.name,
        after=new_source.name,
        networks=tuple(_compared(old, new)),
        same_text=old_source.text == new_source.text,
    )


def _opened(
    reference: Reference, other: str | None, roots: Sequence[Path]
) -> tuple[Source, list[AnyCompilation]]:
    files: Files = DISK
    if reference.revision is not None:
        files = revision_of(reference.revision, reference.path.parent, OTHERWISE)
    scope, compilations = open_all(reference.spec, roots, files)
    if reference.network is None and other is not None and len(compilations) > 1:
        compilations = [c for c in compilations if name_of(c) == other] or compilations
    return scope.source, compilations


def _compared(before: Sequence[AnyCompilation], after: Sequence[AnyCompilation]) -> Iterator[Compared]:
    old = {name_of(compilation): compilation for compilation in before}
    if len(before) == len(after) == 1:
        old = {name_of(after[0]): before[0]}
    for compilation in after:
        name = name_of(compilation)
        if name in old:
            difference = compare(old.pop(name), compilation)
            yield Compared(name, "changed" if difference.changes else "same", difference)
        else:
            yield Compared(name, "added")
    yield from (Compared(name, "removed") for name in old)


def name_of(compilation: AnyCompilation) -> str:
    """What a file calls its network or model; nothing is resolved for it."""
    return compilation.subject.name if compilation.syntax is None else compilation.syntax.name.text
