"""Members as `.spine`, in canonical layout: each file stands on its own, wherever it is put."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from spinedsl import resources
from spinedsl.ir.loading import prelude
from spinedsl.ir.model import Network
from spinedsl.ir.standard import in_library
from spinedsl.ir.writing import bare_text, block_text, call_text, network_text
from spinedsl.records import record
from spinedsl.source import Source
from spinedsl.spaces.search_space import Encoding, SearchSpace
from spinedsl.syntax.formatting import formatted, table
from spinedsl.syntax.layout import block_cells


def member_name(space: SearchSpace, encoding: Encoding) -> str:
    """What a member is called: by its number, or by a digest of it where that is too long for a name."""
    rank = str(space.number(encoding))
    name = f"{space.name}_{rank}"
    return name if len(name) <= 64 else f"{space.name[:40]}_{hashlib.sha256(rank.encode()).hexdigest()[:16]}"


def member_text(network: Network, comments: Iterable[str] = ()) -> str:
    """A file that declares a network, with everything it needs.

    What the standard library defines is imported, if that is all; else all definitions are written out.

    Args:
        comments: lines of a comment at the top: where it comes from.
    """
    top = "".join(f"# {line}".rstrip() + "\n" for line in comments)
    imports = _imports(network)
    if imports is None:
        text = network_text(network)
    else:
        text = "".join(f'import "{path}"\n' for path in imports) + "\n" + bare_text(network, readable=True)
    return formatted(Source(network.name, f"{top}\n{text}" if top else text))


_shared = attrgetter(*(name for name in Network.model_fields if name not in ("name", "blocks")))
"""Everything in which the members of a space are mostly alike."""
MAX_FRAMES = 64


@record
class _Frame:
    """A file without the names and blocks of the network that it declares."""

    shared: tuple[Any, ...]
    imports: str
    above: str
    below: str


@dataclass
class MemberWriter:
    """Writes many members of a space: what they have in common is laid out once.

    The texts are those of `member_text`, byte for byte.
    """

    _frames: list[_Frame] = field(default_factory=list)

    def text(self, network: Network, comments: Iterable[str] = ()) -> str:
        """A file that declares a network, with everything it needs; as `member_text`."""
        frame = self._frame(network)
        rows = (block_cells(block_text(b), b.name, call_text(b.kind)) for b in network.blocks)
        top = "".join(f"# {line}".rstrip() + "\n" for line in comments)
        start = f"{top}\n{frame.imports}" if top else frame.imports
        return f"{start}network {network.name} {{\n{frame.above}{table(rows, 1)}{frame.below}"

    def _frame(self, network: Network) -> _Frame:
        shared = _shared(network)
        found = next((frame for frame in self._frames if frame.shared == shared), None)
        if found is None:
            found = _framed(network, shared)
            self._frames[MAX_FRAMES - 1 :] = []
            self._frames.insert(0, found)
        return found


def _framed(network: Network, shared: tuple[Any, ...]) -> _Frame:
    """What stands around the blocks in the text of one network."""
    lines = member_text(network).splitlines(keepends=True)
    declared = lines.index(f"network {network.name} {{\n")
    rows = table((block_cells(block_text(b), b.name, call_text(b.kind)) for b in network.blocks), 1)
    above, _, below = "".join(lines[declared + 1 :]).partition(rows)
    return _Frame(shared, "".join(lines[:declared]), above, below)


def _imports(network: Network) -> list[str] | None:
    """Files of the standard library that define everything; None if something else is needed."""
    library, known = resources.library(), prelude()
    if ("conventions", network.conventions) not in known:
        return None
    found: dict[str, None] = {}
    for definition in network.definitions:
        path = definition.span.source.path
        if known.get(("definition", definition.name.text)) == definition:
            continue
        if path is None or not in_library(path):
            return None
        found[str(path.relative_to(library))] = None
    return sorted(found)
