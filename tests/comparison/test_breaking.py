"""What breaks: each rule where it should, nothing where nothing breaks, and PyTorch agrees."""

from __future__ import annotations

from typing import Any

import pytest
from support import SPEC_FILES, model_text, network_text

from spinedsl.api import torch_source
from spinedsl.comparison.breaking import breaking
from spinedsl.comparison.rules import CATEGORIES, RULES, chosen
from spinedsl.diagnostics import CODES, DiagnosticError
from spinedsl.ir.loading import load, open_source
from spinedsl.ir.titles import class_name
from spinedsl.pipeline import AnyCompilation, ModelCompilation
from spinedsl.runtime.modules import load_module
from spinedsl.source import Source
from spinedsl.specification import compilation_of

BLOCKS = """a: residual @2 <- s0
  b: residual @3 <- s0, a => P3
  c: bottleneck @2 <- a, b => P2"""
WEIGHTS = {rule.code for rule in RULES if rule.category == "WEIGHTS"}


def compiled(text: str) -> AnyCompilation:
    scope = load(Source("test.spine", text))
    return compilation_of(scope, scope.compiled()[-1])


def edited(text: str, edits: tuple[tuple[str, str], ...]) -> str:
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    return text


def codes(before: AnyCompilation, after: AnyCompilation) -> list[str]:
    return [diagnostic.code for diagnostic in breaking(before, after)]


NETWORK = network_text(BLOCKS, declarations="norm batch(eps = 1e-3, momentum = 0.9)")
NETWORKS: dict[str, tuple[tuple[tuple[str, str], ...], list[str]]] = {
    "a comment": ((("a: residual", "# more\n  a: residual"),), []),
    "a name": ((("network tiny", "network small"),), []),
    "momentum": ((("momentum = 0.9", "momentum = 0.5"),), []),
    "drop path": ((("norm batch", "drop_path 0.2  norm batch"),), []),
    "an order of inputs": ((("<- a, b", "<- b, a"),), []),
    "a block that nobody needs": ((("  c: bott", "  z: bottleneck @5 <- b\n  c: bott"),), []),
    "an output behind the others": ((("  c: bott", "  z: residual @4 <- b => P4\n  c: bott"),), ["SP202", "SP212"]),
    "an output before the others": (
        (("stem { conv 3x3 / 2 -> 8, norm, act  maxpool 3x3 / 2", "stem { conv 3x3 / 2 -> 8, norm, act"),
         ("s0: residual @2", "r: residual @1  s0: residual @2"), ("width { 2..5: 8 }", "width { 1..5: 8 }"),
         ("  c: bott", "  z: residual @1 <- r => P1\n  c: bott")),
        ["SP202", "SP223"],
    ),
    "eps": ((("eps = 1e-3", "eps = 1e-5"),), ["SP205"]),
    "an activation": ((("norm batch", "act swish  norm batch"),), ["SP205"]),
    "padding": ((("norm batch", "padding same  norm batch"),), ["SP205"]),
    "a merge": ((("norm batch", "merge plain  norm batch"),), ["SP205"]),
    "a weighted merge": ((("norm batch", "merge weighted  norm batch"),), ["SP202"]),
    "a block less": (((", a => P3", " => P3"), ("<- a, b", "<- b"), ("a: residual @2 <- s0\n", "")), ["SP201"]),
    "a block more": ((("  c: bott", "  z: residual @3 <- b\n  c: bott"), ("<- a, b =", "<- a, b, z =")), ["SP202"]),
    "an edge more": ((("<- a, b", "<- a, b, s0"),), ["SP202"]),
    "an edge re-routed": ((("<- a, b", "<- s0, b"),), ["SP201", "SP202"]),
    "a level": ((("b: residual @3 <- s0, a => P3", "b: residual @4 <- s0, a => P4"),), ["SP205", "SP212", "SP220"]),
    "a width": ((("b: residual @3", "b: residual @3 width 9"),), ["SP203", "SP222"]),
    "another kernel": ((("a: residual", "a: bottleneck"),), ["SP202", "SP203"]),
    "a name of a block": ((("b: residual", "bee: residual"), ("<- a, b", "<- a, bee")), ["SP204"]),
    "a repeat": ((("b: residual @3", "b: residual @3 repeat 2"),), ["SP201", "SP202"]),
    "channels of the image": ((("input 3", "input 1"),), ["SP203", "SP211"]),
    "a size": ((("64 x 64", "128 x 64"),), ["SP212"]),
    "another size and activation": ((("64 x 64\n", "128 x 64  act swish\n"),), ["SP205", "SP212"]),
    "an output less": (((", a => P3", ", a"),), ["SP220"]),
    "endpoints": ((("norm batch", "endpoints -> 4  norm batch"),), ["SP202", "SP222", "SP222"]),
}  # fmt: skip


@pytest.mark.parametrize(("edits", "expected"), NETWORKS.values(), ids=NETWORKS)
def test_a_change_of_a_network_breaks_what_it_breaks(
    edits: tuple[tuple[str, str], ...], expected: list[str]
) -> None:
    assert codes(compiled(NETWORK), compiled(edited(NETWORK, edits))) == expected


FEATURES = """import "std/resnet.spine"
network tiny {
  input of 64 x 64 { x @2 -> 8  y @3 -> 8 }
  width { 2..3: 8 }
  a: residual @2 <- x, y => top
}
"""


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ((("x @2 -> 8  y @3 -> 8", "y @3 -> 8  x @2 -> 8"),), ["SP210"]),
        ((("x @2", "z @2"), ("<- x", "<- z")), ["SP201", "SP202", "SP210"]),
        ((("y @3 -> 8", "y @3 -> 9"),), ["SP203", "SP211"]),
        ((("y @3 -> 8", "y @4 -> 8"),), ["SP211"]),
        ((("a: residual @2", "a: residual @3"),), ["SP202", "SP203", "SP212", "SP221"]),
    ],
)
def test_features_are_inputs_with_names_and_levels(
    edits: tuple[tuple[str, str], ...], expected: list[str]
) -> None:
    assert codes(compiled(FEATURES), compiled(edited(FEATURES, edits))) == expected


HEAD = "head retinanet(classes = 3, width = 8, depth = 1)"
MASKS = "head rpn(width = 8)  head fast_rcnn(classes = 3, width = 8, depth = 1, features = 8)"
MODELS: dict[str, tuple[str, str, list[str]]] = {
    "nothing": (HEAD, f"# a remark\n{HEAD}", []),
    "classes": (HEAD, HEAD.replace("3", "4"), ["SP203", "SP222", "SP230"]),
    "anchors": (HEAD, HEAD.replace("depth = 1", "depth = 1, size = 3"), ["SP231"]),
    "octaves": (HEAD, HEAD.replace("depth = 1", "depth = 1, octaves = 2"), ["SP203", "SP222", "SP222", "SP231"]),
    "pixels": (HEAD, f"{HEAD}  pixels unit", ["SP213"]),
    "activation": (HEAD, f"{HEAD}  act swish", ["SP205"]),
    "another head": (HEAD, "head classifier(classes = 3)", ["SP201", "SP202", "SP220", "SP231"]),
    "a head more": (MASKS, f"{MASKS}  head mask_fcn(classes = 3, width = 8, depth = 1)", ["SP202"]),
    "a head less": (f"{MASKS}  head mask_fcn(classes = 3, width = 8, depth = 1)", MASKS, ["SP201", "SP231"]),
    "size of regions": (MASKS, MASKS.replace("features = 8", "features = 8, pool = 5"), ["SP203", "SP231"]),
    "activation of regions": (MASKS, f"{MASKS}  act swish", ["SP205"]),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after", "expected"), MODELS.values(), ids=MODELS)
def test_a_change_of_a_model_breaks_what_it_breaks(before: str, after: str, expected: list[str]) -> None:
    assert codes(compiled(model_text(before)), compiled(model_text(after))) == expected


def test_a_block_of_the_backbone_is_renamed_in_a_model_too() -> None:
    before, after = (
        f"{name}: residual @3 <- s0 => P3  c: residual @4 <- {name} => P4" for name in ("a", "b")
    )
    found = breaking(*(compiled(model_text(HEAD, blocks=blocks)) for blocks in (before, after)))
    assert [diagnostic.code for diagnostic in found] == ["SP204"]
    assert "“backbone.s0_to_a.conv1.weight” is “backbone.s0_to_b.conv1.weight” now" in found[0].message


def test_a_network_that_became_a_model_is_gone() -> None:
    (found,) = breaking(compiled(NETWORK), compiled(model_text(HEAD)))
    assert found.code == "SP200" and "“small” is a model, no longer a network" in found.message


@pytest.mark.parametrize("path", SPEC_FILES, ids=lambda path: path.name)
def test_nothing_breaks_from_a_spec_to_itself(path: Any) -> None:
    text = open_source(path)
    first, second = (load(Source(text.name, text.text + more, path)) for more in ("", "\n# the end\n"))
    for old, new in zip(first.compiled()[:3], second.compiled()[:3], strict=True):
        assert breaking(compilation_of(first, old), compilation_of(second, new)) == []


def test_diagnostics_stand_in_the_present_text_and_show_the_older() -> None:
    old = compiled(NETWORK)
    new = compiled(edited(NETWORK, (("b: residual @3", "b: residual @3 width 9"),)))
    reshaped, channels = breaking(old, new)
    assert reshaped.primary is not None and reshaped.primary.span.text == "b"
    assert reshaped.primary.span.source is not reshaped.secondary[0].span.source
    assert reshaped.message == (
        "“tiny” wants 21 weights of “b”, “c” in another shape: "
        "“s0_to_b.conv3.weight” is 9 x 4 x 1 x 1, not 8 x 4 x 1 x 1"
    )
    assert channels.message == "“P3” of “tiny” has 9 channels, not 8"


# ---- rules


def test_rules_cover_the_codes_and_categories() -> None:
    assert [rule.code for rule in RULES] == [code for code in CODES if code.startswith("SP2")]
    assert list(dict.fromkeys(rule.category for rule in RULES)) == list(CATEGORIES)
    assert len({rule.name for rule in RULES}) == len(RULES)


@pytest.mark.parametrize(
    ("only", "but", "expected"),
    [
        ((), (), {rule.code for rule in RULES}),
        (("WEIGHTS",), (), WEIGHTS),
        (("weights", "SP220"), ("weights-new", "sp203"), {"SP201", "SP204", "SP220"}),
        (("output_gone",), ("OUTPUTS",), set()),
    ],
)
def test_rules_are_chosen_by_code_name_and_category(
    only: tuple[str, ...], but: tuple[str, ...], expected: set[str]
) -> None:
    assert chosen(only, but) == expected


def test_an_unknown_rule_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(DiagnosticError, match="there is no rule or category “wigths”") as caught:
        chosen(("wigths",), ())
    assert caught.value.diagnostics[0].help == "did you mean “weights”?"


# ---- PyTorch


def strictly_loaded(before: AnyCompilation, after: AnyCompilation) -> tuple[bool, Any, Any]:
    """Whether the older module's weights load into the newer one; and both."""
    import torch

    modules = [load_module(torch_source(c), class_name(c.subject))().eval() for c in (before, after)]
    generator = torch.Generator().manual_seed(0)
    for name, tensor in modules[0].state_dict().items():
        if name.endswith("running_var"):
            tensor.copy_(torch.rand(tensor.shape, generator=generator) * 0.1 + 0.01)
        elif tensor.is_floating_point():
            tensor.copy_(torch.randn(tensor.shape, generator=generator) * 0.3)
    try:
        modules[1].load_state_dict(modules[0].state_dict(), strict=True)
    except RuntimeError:
        return False, *modules
    return True, *modules


@pytest.mark.parametrize(("edits", "expected"), NETWORKS.values(), ids=NETWORKS)
def test_weights_load_exactly_if_no_rule_of_weights_says_otherwise(
    edits: tuple[tuple[str, str], ...], expected: list[str]
) -> None:
    import torch

    before, after = compiled(NETWORK), compiled(edited(NETWORK, edits))
    loads, old, new = strictly_loaded(before, after)
    assert loads is not (set(expected) & WEIGHTS != set())
    if not loads:
        return
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        was, now = old(image), new(image)
    shared = [name for name in was if name in now]
    same = all(torch.allclose(was[name], now[name], rtol=1e-4, atol=1e-5) for name in shared)
    assert same is ("SP205" not in expected)


@pytest.mark.parametrize(("before", "after", "expected"), MODELS.values(), ids=MODELS)
def test_weights_of_models_load_exactly_so(before: str, after: str, expected: list[str]) -> None:
    pair = compiled(model_text(before)), compiled(model_text(after))
    assert all(isinstance(each, ModelCompilation) for each in pair)
    assert strictly_loaded(*pair)[0] is not (set(expected) & WEIGHTS != set())
