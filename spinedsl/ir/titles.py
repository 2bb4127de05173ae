"""The name of the generated class."""

from __future__ import annotations

import re

from spinedsl.ir.model import Network


def class_name(network: Network) -> str:
    """CamelCase name: the title without what no identifier can hold, else the name's words joined.

    `SpineNet-49` gives `SpineNet49`; a network called `my_net` without a title gives `MyNet`.
    """
    title = re.sub(r"[^A-Za-z0-9]+", " ", network.title or "")
    words = (title or network.name.replace("_", " ")).split()
    joined = "".join(word[0].upper() + word[1:] for word in words)
    return joined if re.match(r"[A-Za-z]", joined) else f"Network{joined}"
