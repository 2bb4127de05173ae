"""What resolution makes without pydantic's look is what pydantic would have let pass."""

from __future__ import annotations

import pytest

from spinedsl.ir.model import Network
from spinedsl.specification import open_spec, standard_networks


@pytest.mark.parametrize("name", [n.name for n in standard_networks()])
@pytest.mark.parametrize("conventions", ["torch", "garden", "port"])
def test_pydantic_agrees_with_resolution(name: str, conventions: str) -> None:
    network = open_spec(f"std:{name}", {"conventions": conventions}).network
    # Strict: no number that is only nearly of the right type, no list for a tuple.
    again = Network.model_validate(network.model_dump(), strict=True)
    assert again == network
    assert repr(again) == repr(network)
