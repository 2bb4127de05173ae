"""The mapping of published names: one to one, and refusing whatever doesn't fit."""

from __future__ import annotations

import re

import numpy as np
import pytest
from garden_fixtures import NAMES, import_weights, load

from spinedsl.diagnostics import DiagnosticError
from spinedsl.specification import open_spec
from spinedsl.weights.published import published_names

GARDEN = {"conventions": "garden"}


@pytest.mark.parametrize("name", NAMES)
def test_one_to_one(name: str) -> None:
    fixture = load(name)
    compilation = fixture.compilation()
    names = published_names(compilation, "garden")
    assert list(names) == list(compilation.inlined.parameters())
    assert sorted(variable.name for variable in names.values()) == sorted(fixture.weights)


# Written down from tools/oracle/NAMES.md.
@pytest.mark.parametrize(
    ("spec", "overrides", "expected"),
    [
        (
            "spinenet49",
            {},
            {
                "stem.conv1.weight": "conv2d/kernel",
                "stem.norm1.running_var": "batch_normalization/moving_variance",
                "s0.projection.conv1.weight": "bottleneck_block/conv2d/kernel",
                "s0.conv3.weight": "bottleneck_block/conv2d_3/kernel",
                "s1.conv3.weight": "bottleneck_block_1/conv2d_2/kernel",
                "s0_to_b2.norm1.bias": "batch_normalization_1/beta",
                "b3.conv2.weight": "residual_block/conv2d_1/kernel",
                "b8_to_b9.conv3.weight": "conv2d_42/kernel",
                "b5_to_b15.conv1.weight": "conv2d_65/kernel",
                "b14_to_b16.norm3.weight": "batch_normalization_76/gamma",
                "b16.norm2.running_mean": "bottleneck_block_12/batch_normalization_1/moving_mean",
                "P3.conv1.weight": "conv2d_81/kernel",  # 77 to 80 belong to P2's block
                "P7.norm1.weight": "batch_normalization_85/gamma",
            },
        ),
        (
            "spinenet49_p2",
            {},
            {
                "b13_to_b17.conv2.weight": "conv2d_80/kernel",
                "b17.conv1.weight": "bottleneck_block_13/conv2d/kernel",
                "P2.conv1.weight": "conv2d_81/kernel",
                "P7.conv1.weight": "conv2d_86/kernel",
            },
        ),
        (
            "spinenet96",
            {},
            {
                "s0.1.conv1.weight": "bottleneck_block_1/conv2d/kernel",
                "b3.0.conv1.weight": "residual_block/conv2d/kernel",
                "b3.1.conv1.weight": "residual_block_1/conv2d/kernel",
                "b5.1.conv1.weight": "bottleneck_block_9/conv2d/kernel",
                "b14_to_b16.conv3.weight": "conv2d_76/kernel",
                "P3.conv1.weight": "conv2d_81/kernel",
            },
        ),
        (
            "spinenet49",
            {"dangling": "prune"},  # b11 is left out, and still counted
            {
                "b12.conv1.weight": "bottleneck_block_8/conv2d/kernel",
                "b5_to_b12.conv1.weight": "conv2d_51/kernel",
            },
        ),
        (
            "spinenet49",
            {"scale.width": "0.25"},  # s0 gets as many channels as it makes
            {"s0.conv1.weight": "bottleneck_block/conv2d/kernel"},
        ),
        (
            "spinenet_mobile49",
            {},
            {
                "s1.conv2.weight": "inverted_bottleneck_block_1/depthwise_conv2d/depthwise_kernel",
                "s1.conv3.weight": "inverted_bottleneck_block_1/conv2d_1/kernel",
                "s1.squeeze_excite.conv1.bias": "inverted_bottleneck_block_1/squeeze_excitation/conv2d_2/bias",
                "s1.squeeze_excite.conv2.weight": "inverted_bottleneck_block_1/squeeze_excitation/conv2d_3/kernel",
                "s0_to_b2.conv1.weight": "depthwise_conv2d/depthwise_kernel",
                "s0_to_b2.conv2.weight": "conv2d_1/kernel",
                "b6_to_b16.conv3.weight": "depthwise_conv2d_21/depthwise_kernel",
                "b6_to_b16.norm4.weight": "batch_normalization_51/gamma",
                "b15_to_b17.conv2.weight": "conv2d_32/kernel",
                "P3.conv1.weight": "conv2d_33/kernel",
                "P3.norm1.weight": "batch_normalization_60/gamma",
            },
        ),
    ],
)
def test_names(spec: str, overrides: dict[str, str], expected: dict[str, str]) -> None:
    names = published_names(open_spec(f"std:{spec}", GARDEN | overrides), "garden")
    assert {name: names[name].name for name in expected} == expected


def test_layouts() -> None:
    fixture = load("mobile_swish")
    weights = import_weights(fixture.compilation(), fixture.weights)
    kernel = fixture.weights["conv2d/kernel"]
    assert weights["stem.conv1.weight"][1, 2, 0, 1] == kernel[0, 1, 2, 1]
    depthwise = fixture.weights["depthwise_conv2d/depthwise_kernel"]
    assert weights["s0_to_b2.conv1.weight"][3, 0, 0, 1] == depthwise[0, 1, 3, 0]
    assert all(value.flags.c_contiguous and value.dtype == np.float32 for value in weights.values())


def test_says_all_that_does_not_fit() -> None:
    fixture = load("resnet")
    weights = dict(fixture.weights)
    del weights["conv2d_7/kernel"], weights["bottleneck_block/conv2d/kernel"]
    weights["conv2d_77/kernel"] = weights["conv2d_85/kernel"]
    weights["conv2d_85/kernel"] = weights["conv2d_85/kernel"][:, :, 1:]
    with pytest.raises(DiagnosticError) as caught:
        import_weights(fixture.compilation(), weights)
    assert [diagnostic.message for diagnostic in caught.value.diagnostics] == [
        "“variables” lacks 2 variables of the network: “bottleneck_block/conv2d/kernel”, “conv2d_7/kernel”",
        "“variables” has 1 tensor that the network doesn't: “conv2d_77/kernel”",
        "“variables” differs in 1 tensor: “conv2d_85/kernel” is 1 x 1 x 127 x 24, not 1 x 1 x 128 x 24",
    ]


def test_weights_without_a_place_are_refused() -> None:
    """`dangling prune` leaves b11 out, which the published network has."""
    fixture = load("resnet")
    with pytest.raises(
        DiagnosticError, match=re.escape("that the network doesn't: “batch_normalization_47/")
    ):
        import_weights(fixture.compilation(("dangling", "prune")), fixture.weights)


@pytest.mark.parametrize(
    ("spec", "overrides", "message"),
    [
        ("spinenet_mobile49", {"repeat": "2"}, "the published code can't repeat inverted bottlenecks"),
        ("spinenet49", {"resample": "pool_scale"}, "SpineNet doesn't resample by “pool_scale”"),
        ("spinenet49", {"merge": "weighted"}, "has no counterpart of “b2_merge.fusion1.weight”"),
        ("r50_fpn", {}, "SpineNet doesn't resample by “lateral”"),
        ("bifpn", {}, "the published networks read images, not features"),
    ],
)
def test_refuses_other_networks(spec: str, overrides: dict[str, str], message: str) -> None:
    with pytest.raises(DiagnosticError, match=re.escape(message)):
        published_names(open_spec(f"std:{spec}", GARDEN | overrides), "garden")
