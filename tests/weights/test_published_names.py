"""Names in the first release and in the PyTorch ports; tests/numeric has those of Model Garden."""

from __future__ import annotations

import re

import pytest

from spinedsl.diagnostics import DiagnosticError
from spinedsl.specification import open_spec
from spinedsl.weights.published import Origin, published_names

NETWORKS: dict[Origin, tuple[str, ...]] = {
    "garden": ("spinenet49s", "spinenet49_p2", "spinenet190", "spinenet_mobile49"),
    "tpu": ("spinenet49s", "spinenet49", "spinenet190", "spinenet_mobile49"),
    "port": ("spinenet49s", "spinenet49", "spinenet190"),
}


def names(spec: str, origin: Origin, **overrides: str) -> dict[str, str]:
    compilation = open_spec(f"std:{spec}", {"conventions": origin, **overrides})
    return {name: published.name for name, published in published_names(compilation, origin).items()}


@pytest.mark.parametrize(("origin", "spec"), [(o, s) for o, specs in NETWORKS.items() for s in specs])
def test_one_to_one(origin, spec):
    found = names(spec, origin)
    compilation = open_spec(f"std:{spec}")
    assert list(found) == list(compilation.inlined.parameters())
    assert len(set(found.values())) == len(found)


# The variables of the released SpineNet-49S, as adityaroy10/SpineNet49S at a005ce8 reads them
# (weights.py): blocks are numbered there as here, from b2; stem and endpoints share one scope.
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("stem.conv1.weight", "spinenet/conv2d/kernel"),
        ("s0.projection.conv1.weight", "spinenet/conv2d_1/kernel"),
        ("s0.projection.norm1.running_var", "spinenet/batch_normalization_1/moving_variance"),
        ("s0.conv1.weight", "spinenet/conv2d_2/kernel"),
        ("s0.conv3.weight", "spinenet/conv2d_4/kernel"),
        ("s1.conv1.weight", "spinenet/conv2d_5/kernel"),
        ("s1.norm3.running_mean", "spinenet/batch_normalization_7/moving_mean"),
        ("P3.conv1.weight", "spinenet/conv2d_8/kernel"),
        ("P4.norm1.weight", "spinenet/batch_normalization_9/gamma"),
        ("P6.norm1.bias", "spinenet/batch_normalization_11/beta"),
        ("P7.conv1.weight", "spinenet/conv2d_12/kernel"),
        ("b2.conv3.weight", "spinenet/sub_policy0/scale_permuted_block_2/conv2d_2/kernel"),
        ("b3.norm2.weight", "spinenet/sub_policy1/scale_permuted_block_3/batch_normalization_1/gamma"),
        ("b16.conv1.weight", "spinenet/sub_policy14/scale_permuted_block_16/conv2d/kernel"),
        ("s0_to_b2.conv1.weight", "spinenet/sub_policy0/resample_with_alpha_resample_0_0/conv2d/kernel"),
        ("s1_to_b2.conv2.weight", "spinenet/sub_policy0/resample_with_alpha_resample_0_1/conv2d_1/kernel"),
        ("s1_to_b3.conv3.weight", "spinenet/sub_policy1/resample_with_alpha_resample_1_1/conv2d_2/kernel"),
        ("b3_to_b4.conv2.weight", "spinenet/sub_policy2/resample_with_alpha_resample_2_1/conv2d_1/kernel"),
    ],
)
def test_names_of_the_released_49s(name, expected):
    assert names("spinenet49s_published", "tpu")[name] == expected


def test_copies_share_the_scope_of_their_block():
    found = names("spinenet96", "tpu")
    assert found["s0.1.conv1.weight"] == "spinenet/conv2d_5/kernel"
    assert found["s1.0.conv1.weight"] == "spinenet/conv2d_8/kernel"
    assert found["b3.1.conv1.weight"] == "spinenet/sub_policy1/scale_permuted_block_3/conv2d_2/kernel"


# Read off lucifer443/SpineNet-Pytorch at d2bc835 and mmdetection v1.1.0.
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("stem.conv1.weight", "conv1.conv.weight"),
        ("stem.norm1.running_mean", "conv1.bn.running_mean"),
        ("s0.0.projection.conv1.weight", "init_block1.0.downsample.0.weight"),
        ("s0.0.projection.norm1.bias", "init_block1.0.downsample.1.bias"),
        ("s1.1.conv3.weight", "init_block2.1.conv3.weight"),
        ("s0_to_b2.conv1.weight", "merge_ops.0.resample_ops.0.squeeze_conv.conv.weight"),
        ("s1_to_b2.norm2.weight", "merge_ops.0.resample_ops.1.expand_conv.bn.weight"),
        ("s1_to_b3.conv2.weight", "merge_ops.1.resample_ops.1.downsample_conv.conv.weight"),
        ("s1_to_b3.conv3.weight", "merge_ops.1.resample_ops.1.expand_conv.conv.weight"),
        ("b3.1.norm2.running_var", "scale_permuted_blocks.1.1.bn2.running_var"),
        ("P7.conv1.weight", "endpoint_convs.7.conv.weight"),
    ],
)
def test_names_in_the_ports(name, expected):
    assert names("spinenet96", "port")[name] == expected


@pytest.mark.parametrize(
    ("spec", "origin", "message"),
    [
        ("spinenet_mobile49", "port", "have no mobile SpineNet"),
        ("spinenet49_p2", "port", "have no endpoint of level 2"),
        ("r50_fpn", "tpu", "doesn't resample by “lateral”"),
        ("spinenet49_retinanet", "port", "names of a head “retinanet” in checkpoints of “port”"),
        ("spinenet49_classifier", "garden", "names of a head “classifier” in checkpoints of “garden”"),
    ],
)
def test_what_was_never_published(spec, origin, message):
    with pytest.raises(DiagnosticError, match=re.escape(message)) as caught:
        names(spec, origin)
    assert all(diagnostic.help for diagnostic in caught.value.diagnostics)


def test_a_block_of_three_inputs(tmp_path):
    text = """import "spinenet49.spine"
network my extends spinenet49 { b16: bottleneck @6 <- b12, b14, b15  => P6 }
"""
    (tmp_path / "my.spine").write_text(text)
    with pytest.raises(DiagnosticError, match="gives every block two inputs, and “b16” has 3"):
        published_names(open_spec(tmp_path / "my.spine"), "tpu")


def test_the_first_releases_classifier():
    found = names("spinenet49_classifier", "tpu")
    assert found["classifier.logits.weight"] == "classification_head/dense/kernel"
    assert found["backbone.stem.conv1.weight"] == "spinenet/conv2d/kernel"


def test_a_detectors_head():
    found = names("spinenet49_retinanet", "garden")
    scope = "retina_net_model/retina_net_head"
    assert found["retinanet.scores.conv1.bias"] == f"{scope}/classnet-conv_0/bias"
    assert found["retinanet.scores.norm4.P7.running_var"] == f"{scope}/classnet-conv-norm_7_3/moving_variance"
    assert found["retinanet.boxes.conv5.weight"] == f"{scope}/boxes/kernel"
    found = names("spinenet49_retinanet", "tpu")
    assert found["retinanet.boxes.norm2.P3.weight"] == "retinanet/box_net/box-1-3/gamma"
    assert found["retinanet.scores.conv5.weight"] == "retinanet/class_net/class-predict/kernel"
