"""Names that specs may not use are those that torch, or the generated classes, really have."""

from __future__ import annotations

from test_torch_models import PARTS, made, small
from torch import nn

from spinedsl.ir.names import RESERVED, RESERVED_LEVELS, RESERVED_PARTS
from spinedsl.specification import open_spec


def public(names) -> set[str]:
    return {name for name in names if not name.startswith("_")}


def test_what_a_module_has_is_reserved():
    module = nn.Module()
    assert public([*dir(module), *vars(module)]) <= RESERVED


def test_what_a_generated_network_has_is_reserved():
    _, _, network = made(open_spec("std:spinenet49", {"scale.width": "0.125"}))
    own = public(vars(network))
    assert own - set(dir(nn.Module)) == {"levels", "strides", "out_channels", "feature_info", "initialise"}
    assert own <= RESERVED


def test_levels_may_be_keys_of_a_module_dict():
    assert public(set(dir(nn.ModuleDict)) - set(dir(nn.Module))) == RESERVED_LEVELS


def test_what_the_classes_of_models_have_is_reserved():
    """All of it, and nothing that no family has."""
    found: set[str] = set()
    for name in PARTS:
        compilation, _, model_class = small(name)
        parts = {part.name for part in compilation.assembly.parts}
        model = model_class()
        found |= public([*vars(model_class), *vars(model)]) - parts
    found -= set(dir(nn.Module)) | {"training", "initialise"}
    assert found == RESERVED_PARTS
