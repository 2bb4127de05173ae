"""The name of the generated class."""

from __future__ import annotations

import builtins
import keyword
import re

from spinedsl.ir.model import Model, Network

HELPERS = (
    "BatchNorm2d", "Dense", "DropPath", "GlorotConv2d", "NamedTuple", "NormalConv2d", "NormalDense",
    "STRIDES", "Targets", "WeightedSum",
)  # fmt: skip
"""Classes and constants of a generated file that no spec names."""

TAKEN_CLASSES = frozenset((*dir(builtins), *keyword.kwlist, "F", *HELPERS))
"""What no generated class may be called."""

MAX_CLASS_NAME = 64


def class_name(network: Network | Model) -> str:
    """CamelCase name: the title without what no identifier can hold, else the name's words joined.

    `SpineNet-49` gives `SpineNet49`; a network called `my_net` without a title gives `MyNet`.
    """
    title = re.sub(r"[^A-Za-z0-9]+", " ", network.title or "")
    words = title.split() or network.name.split("_")
    joined = "".join(word[:1].upper() + word[1:] for word in words)[:MAX_CLASS_NAME]
    usable = re.match(r"[A-Za-z]", joined) and joined not in TAKEN_CLASSES
    return joined if usable else f"{type(network).__name__}{joined}"
