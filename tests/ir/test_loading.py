"""What a file can name, and whose name wins."""

from __future__ import annotations

import pytest
from support import problems

from spinedsl.ir.loading import load
from spinedsl.source import Source

OWN = "merge sum { sum(inputs, dangling) }"


@pytest.mark.parametrize("imports", ["", 'import "std/resnet.spine"\n'], ids=["alone", "with an import"])
def test_a_file_may_declare_a_name_of_the_prelude_anew(imports: str) -> None:
    """docs/language.md: the prelude is in scope everywhere, and any of its names may be declared anew."""
    assert problems(imports + OWN) == ()
    found = load(Source("a.spine", imports + OWN)).find("definition", "sum")
    assert found is not None
    assert found.name.span.source.name == "a.spine"
