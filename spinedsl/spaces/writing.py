"""Members as `.spine`, in canonical layout: each file stands on its own, wherever it is put."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from spinedsl import resources
from spinedsl.ir.loading import prelude
from spinedsl.ir.model import Network
from spinedsl.ir.standard import in_library
from spinedsl.ir.writing import bare_text, network_text
from spinedsl.source import Source
from spinedsl.spaces.search_space import Encoding, SearchSpace
from spinedsl.syntax.formatting import formatted


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
