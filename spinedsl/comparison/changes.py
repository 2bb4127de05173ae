"""What can change in a network, as data and as sentences.

A change has a kind, which is stable, the name of what changed, and what was there before and after,
in the words of the language. How changes are laid out for a reader is elsewhere (spinedsl/cli).
"""

from __future__ import annotations

from collections.abc import Callable

from spinedsl.records import record

KINDS: dict[str, str] = {
    "declared": "“{name}” was a {before} and is a {after}",
    "input": "input: {before} → {after}",
    "setting": "{name}: {before} → {after}",
    "width": "width of level {name}: {before} → {after}",
    "stem": "operators of the stem: {before} → {after}",
    "endpoints": "endpoints: {before} → {after}",
    "block-added": "block {name}: {after}",
    "block-removed": "block {name}: {before}",
    "block-renamed": "{name}: was called {before}",
    "block-moved": "{name}: behind {before} → behind {after}",
    "block-kind": "{name}: {before} → {after}",
    "block-level": "{name}: {before} → {after}",
    "block-width": "{name}: width {before} → {after}",
    "block-repeat": "{name}: repeat {before} → {after}",
    "block-merge": "{name}: merge {before} → {after}",
    "block-endpoint": "{name}: feeds {before} → {after}",
    "edge-added": "{name}: reads {after}",
    "edge-removed": "{name}: reads {before}",
    "edge-rerouted": "{name}: reads {before} → {after}",
    "edge-rule": "{name}: reads {before} → {after}",
    "edge-order": "{name}: reads {before} → {after}",
    "unread-added": "{name}: merges {after}, which nobody reads",
    "unread-removed": "{name}: merges {before}, which nobody reads",
    "pruned-added": "{name}: removed, because no endpoint needs it",
    "pruned-removed": "{name}: removed, because no endpoint needs it",
    "definition": "definition of {name}: changed",
    "neck-added": "neck {after}",
    "neck-removed": "neck {before}",
    "head-added": "head {after}",
    "head-removed": "head {before}",
    "head": "head {before} → {after}",
    "space": "member of {before} → {after}",
    "title": "title: {before} → {after}",
    "published": "published: {before} → {after}",
    "expectation": "expect {name}: {before} → {after}",
}
"""Every kind of change with its sentence. Kinds are stable: none is ever given another meaning."""

NOTHING = "none"
LONGEST = 160
"""Characters of a text that a sentence quotes."""
FACTS = ("title", "published", "expectation", "space")
"""Kinds that are about a network, not in it."""


@record
class Change:
    """One thing that changed.

    Attributes:
        kind: key of `KINDS`.
        name: of the block, setting, level or part; the newer one.
        before: what was there, in the language; None if nothing was.
        after: what is there.
        part: of a model: `backbone`, `neck`, `neck2`; "" in a network.
    """

    kind: str
    name: str = ""
    before: str | None = None
    after: str | None = None
    part: str = ""

    def __post_init__(self) -> None:
        assert self.kind in KINDS, f"undeclared kind of change {self.kind}"

    @property
    def sign(self) -> str:
        """`+` for what is new, `-` for what is gone, `~` for what is otherwise."""
        return {"added": "+", "removed": "-"}.get(self.kind.rpartition("-")[2], "~")

    def sentence(self, written: Callable[[str], str] = str) -> str:
        """The change in words.

        Args:
            written: marks what stands in the language.
        """
        name = f"{self.part}.{self.name}" if self.part and self.name else self.name
        values = {"name": name, "before": self.before, "after": self.after}
        shown = {key: NOTHING if value is None else written(_cut(value)) for key, value in values.items()}
        start = f"{self.part} " if self.part and not self.name else ""
        return start + KINDS[self.kind].format(**shown)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
