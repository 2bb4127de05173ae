"""What a file holds against what a network wants: everything that doesn't fit, told at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from spinedsl.diagnostics import Diagnostics, nearest
from spinedsl.weights.files import FLOATS, Entry

SHOWN = 10
"""How many names a diagnostic lists."""
SHOWN_PAIRS = 3
"""How many names it sets beside names that look alike."""

Shapes = Mapping[str, tuple[int, ...]]


def compare(
    file: str,
    wanted: Shapes,
    entries: Mapping[str, Entry],
    *,
    noun: str = "parameter",
    hint: str | None = None,
    otherwise: str = "name the tensors like the keys of the generated module's `state_dict`",
) -> None:
    """See that names, shapes and types are the same on both sides.

    Args:
        file: what the file is called in messages.
        wanted: the shape of every tensor the network needs, by its name in the file.
        entries: what the file holds.
        noun: what a wanted tensor is.
        hint: a remedy that is better than names that look alike.
        otherwise: the remedy where no names look alike.

    Raises:
        DiagnosticError: what is missing, what is unexpected, what differs (SP051).
    """
    missing = [name for name in wanted if name not in entries]
    unexpected = [name for name in entries if name not in wanted]
    diagnostics = Diagnostics()
    hint = hint or _inside_a_model(wanted, entries)
    if missing:
        what = f"“{file}” lacks {count(missing, noun)} of the network"
        help = hint or _pairs(missing, unexpected, "the file has", otherwise)
        diagnostics.add("SP051", f"{what}: {listed(missing)}", help=help)
    if unexpected:
        what = f"“{file}” has {count(unexpected, 'tensor')} that the network doesn't"
        help = hint or _pairs(unexpected, missing or list(wanted), "the network has", otherwise)
        diagnostics.add("SP051", f"{what}: {listed(unexpected)}", help=help)
    if differing := _differing(wanted, entries):
        what = f"“{file}” differs in {count(differing, 'tensor')}"
        shown = "; ".join(differing[:SHOWN]) + _rest(differing)
        help = hint or "compile with the widths the checkpoint has"
        diagnostics.add("SP051", f"{what}: {shown}", help=help)
    diagnostics.stop_on_errors()


def _differing(wanted: Shapes, entries: Mapping[str, Entry]) -> list[str]:
    """Sentences about tensors that both sides have, and not alike."""
    sentences = []
    for name, shape in wanted.items():
        entry = entries.get(name)
        if entry is None:
            continue
        if entry.shape != shape:
            sentences.append(f"“{name}” is {shown_shape(entry.shape)}, not {shown_shape(shape)}")
        elif entry.dtype not in FLOATS:
            sentences.append(f"“{name}” holds {entry.dtype} numbers, not floats")
    return sentences


def listed(names: Sequence[str]) -> str:
    """Up to `SHOWN` names in quotes, and how many more there are."""
    return ", ".join(f"“{name[:80]}”" for name in names[:SHOWN]) + _rest(names)


def count(names: Sequence[object], noun: str) -> str:
    """`1 tensor`, `1,024 tensors`."""
    return f"{len(names):,} {noun}" + ("s" if len(names) > 1 else "")


def shown_shape(shape: tuple[int, ...]) -> str:
    """`64 x 3 x 7 x 7`."""
    return " x ".join(map(str, shape)) or "a single number"


def _inside_a_model(wanted: Shapes, entries: Mapping[str, Entry]) -> str | None:
    """What to do if the file holds a whole model, of which the network is a part."""
    first = next(iter(wanted), "")
    prefix = next((name.removesuffix(f".{first}") for name in entries if name.endswith(f".{first}")), "")
    if prefix.isidentifier() and all(f"{prefix}.{name}" in entries for name in wanted):
        return f"the file holds a model's weights; save those of its part: `model.{prefix}.state_dict()`"
    return None


def _pairs(names: Sequence[str], others: Sequence[str], where: str, otherwise: str) -> str:
    """Up to `SHOWN_PAIRS` names with the nearest one on the other side."""
    found = ((name, nearest(name, others)) for name in names[:SHOWN_PAIRS])
    pairs = [f"“{match}” for “{name}”" for name, match in found if match]
    return f"{where} {', '.join(pairs)}" if pairs else otherwise


def _rest(names: Sequence[str]) -> str:
    return f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
