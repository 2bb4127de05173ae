"""Which of a checkpoint's names are the published ones, where they aren't so to the letter.

garden  1. Older Keras calls a norm that is synchronised over devices `sync_batch_normalization`.
        2. A head's layers have names of their own; what stands before them depends on the model.
        3. A process that builds a second network goes on counting: all numbers of a type are higher
           by the same.
port    4. mmdetection and data parallelism put `backbone.` and `module.` before the names.
all     5. Where a backbone alone is wanted, what belongs to heads is left out, and counted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable

from spinedsl.records import record
from spinedsl.weights.files import FileProblem
from spinedsl.weights.published.heads import GARDEN_SCOPE
from spinedsl.weights.published.names import Origin

HEAD = "tensors of heads and decoders"
"""What is counted as left out by rule 5."""

_SYNCHRONISED = re.compile(r"(?<![^/])sync_(?=batch_normalization)")
_HEAD_LAYER = re.compile(r"(?:classnet|boxnet)-conv(?:-norm_[0-9]+)?_[0-9]+|scores|boxes")
_GARDEN_HEAD = re.compile(r"(?:^|/)\w*(?:head|fpn|decoder)(?:_\d+)?/")
_NUMBERED = re.compile(r"(.*?)(?:_([1-9][0-9]{0,8}))?", re.DOTALL)
_TPU_BACKBONES = ("spinenet/", "spinenet_mbconv/")
_PORT_PREFIX = re.compile(r"(?:module\.)*(?:backbone\.)?")
_PORT_HEADS = ("bbox_head.", "mask_head.", "rpn_head.", "roi_head.", "neck.")


@record
class Recognised:
    """The names of a checkpoint, understood.

    Attributes:
        names: published name → name in the checkpoint.
        left_out: what is no weight of the network, with how many of each.
        shifted: type of layer → how much higher its numbers are (rule 3).
    """

    names: dict[str, str]
    left_out: Counter[str]
    shifted: dict[str, int]


def recognise(found: Iterable[str], wanted: Collection[str], origin: Origin, backbone: bool) -> Recognised:
    """Understand a checkpoint's names.

    Args:
        found: names in the checkpoint.
        wanted: published names of what the network needs.
        origin: whose checkpoint it is.
        backbone: whether a backbone alone is wanted.

    Raises:
        FileProblem: two names mean the same.
    """
    left_out: Counter[str] = Counter()
    names: dict[str, str] = {}
    for name in found:
        plain = _plain(name, origin)
        if plain.endswith(".num_batches_tracked"):
            left_out["counters and settings"] += 1
        elif backbone and plain not in wanted and _is_heads(name, plain, origin):
            left_out[HEAD] += 1
        elif plain in names:
            raise FileProblem(f"“{names[plain][:80]}” and “{name[:80]}” in it mean the same")
        else:
            names[plain] = name
    shifts = _shifts(names, wanted) if origin == "garden" else {}
    if shifts:
        shifted = {_shifted(name, shifts): original for name, original in names.items()}
        if sum(name in shifted for name in wanted) > sum(name in names for name in wanted):
            return Recognised(shifted, left_out, shifts)
    return Recognised(names, left_out, {})


def _plain(name: str, origin: Origin) -> str:
    """A name without what depends on who saved it."""
    if origin == "port":
        return _PORT_PREFIX.sub("", name, count=1)
    if origin == "garden":
        *_, layer, variable = ("", *name.split("/"))
        if _HEAD_LAYER.fullmatch(layer):
            return f"{GARDEN_SCOPE}{layer}/{variable}"
        return _SYNCHRONISED.sub("", name)
    return name


def _is_heads(name: str, plain: str, origin: Origin) -> bool:
    """Whether a tensor belongs to a head, or to what stands between backbone and head."""
    if origin == "port":
        return plain.startswith(_PORT_HEADS)
    if origin == "garden":
        return plain.startswith(GARDEN_SCOPE) or _GARDEN_HEAD.search(name) is not None
    return not name.startswith(_TPU_BACKBONES)


def _shifts(found: Iterable[str], wanted: Iterable[str]) -> dict[str, int]:
    """By how much the numbers of each type of outer layer are higher than wanted."""
    first, first_wanted = _first_numbers(found), _first_numbers(wanted)
    shifts = {type: first[type] - first_wanted[type] for type in first.keys() & first_wanted.keys()}
    return {type: shift for type, shift in sorted(shifts.items()) if shift > 0}


def _first_numbers(names: Iterable[str]) -> dict[str, int]:
    first: dict[str, int] = {}
    for name in names:
        type, number, _ = _numbered(name)
        first[type] = min(number, first.get(type, number))
    return first


def _shifted(name: str, shifts: dict[str, int]) -> str:
    type, number, rest = _numbered(name)
    number -= shifts.get(type, 0)
    return (f"{type}_{number}" if number else type) + rest


def _numbered(name: str) -> tuple[str, int, str]:
    """Type and number of the outer layer, and the rest of the name."""
    layer, slash, rest = name.partition("/")
    match = _NUMBERED.fullmatch(layer)
    assert match is not None
    return match[1], int(match[2] or 0), slash + rest
