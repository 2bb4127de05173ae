"""The identity of a network, as generated files carry it."""

from __future__ import annotations

import hashlib

from spinedsl.ir.model import Model, Network


def spec_hash(network: Network | Model) -> str:
    """First 16 hexadecimal digits of the SHA-256 of the network's JSON.

    Two specs that mean the same network have the same hash, however they are written.
    """
    return hashlib.sha256(network.model_dump_json().encode()).hexdigest()[:16]
