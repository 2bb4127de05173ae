"""A checkpoint and a network fit one to one, or every misfit is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from checkpoints import narrow, unpacked
from numeric.garden_fixtures import Variables

from spinedsl.diagnostics import DiagnosticError, Severity
from spinedsl.pipeline import AnyCompilation
from spinedsl.specification import open_spec
from spinedsl.weights import random_weights
from spinedsl.weights.exporting import exported
from spinedsl.weights.files import FileProblem, TensorFile
from spinedsl.weights.importing import check_origin, imported, match
from spinedsl.weights.published import Origin
from spinedsl.weights.published.recognition import recognise
from spinedsl.weights.published.topology import check_order
from spinedsl.weights.tensorflow.checkpoint import Checkpoint


def published(compilation: AnyCompilation, origin: Origin) -> dict[str, np.ndarray]:
    """Random weights as published code would hold them."""
    weights = random_weights(compilation.inlined.parameters())
    return dict(exported(compilation, origin, weights))


def refused(compilation: AnyCompilation, origin: Origin, file: TensorFile | dict) -> list:
    """What is said of a checkpoint that doesn't fit."""
    file = Variables(file) if isinstance(file, dict) else file
    with pytest.raises(DiagnosticError) as caught:
        dict(imported(compilation, match(compilation, origin, file), file))
    assert {d.code for d in caught.value.diagnostics} == {"SP051"}
    assert all(d.help for d in caught.value.diagnostics)
    return list(caught.value.diagnostics)


@pytest.mark.parametrize(
    ("network", "origin"),
    [
        ("narrow_retinanet", "garden"),
        ("narrow_mobile_retinanet", "garden"),
        ("narrow_tpu_retinanet", "tpu"),
        ("narrow_mobile_tpu_retinanet", "tpu"),
        ("narrow", "port"),
    ],
)
def test_export_and_import_undo_each_other(network, origin):
    compilation = narrow(network)
    file = Variables(published(compilation, origin))
    weights = dict(random_weights(compilation.inlined.parameters()))
    back = dict(imported(compilation, match(compilation, origin, file), file))
    assert list(back) == list(weights)
    assert all((back[name] == array).all() for name, array in weights.items())


# ---- misfits


def test_both_sides_are_listed():
    variables = published(narrow("narrow"), "garden")
    variables["conv2d_990/kernel"] = variables.pop("conv2d_3/kernel")
    missing, unexpected = refused(narrow("narrow"), "garden", variables)
    assert missing.message == "“variables” lacks 1 variable of the network: “conv2d_3/kernel”"
    assert unexpected.message.endswith("that the network doesn't: “conv2d_990/kernel”")


@pytest.mark.parametrize(
    ("trained", "given", "hint"),
    [
        ("spinenet96", "spinenet49", "the checkpoint's backbone is that of std:spinenet96"),
        ("spinenet49", "spinenet49s", "the checkpoint's backbone is that of std:spinenet49"),
        ("spinenet_mobile49xs", "spinenet49", "the checkpoint's backbone is that of std:spinenet_mobile49xs"),
    ],
)
def test_another_network_is_named(trained, given, hint):
    garden = {"conventions": "garden"}
    variables = published(open_spec(f"std:{trained}", garden), "garden")
    found = refused(open_spec(f"std:{given}", garden), "garden", variables)
    assert {diagnostic.help for diagnostic in found} == {hint}


def test_another_network_of_other_widths():
    changes = {"conventions": "garden", "scale.width": "0.0625"}
    variables = published(open_spec("std:spinenet96", changes), "garden")
    (diagnostic, *_) = refused(narrow("narrow"), "garden", variables)
    assert diagnostic.help == "the checkpoint's backbone is built like std:spinenet96, in other widths"


def test_other_widths():
    variables = published(narrow("narrow", ("endpoints", "3..7 -> 9")), "garden")
    (diagnostic,) = refused(narrow("narrow"), "garden", variables)
    assert "“conv2d_81/kernel” is 1 x 1 x 16 x 9, not 1 x 1 x 16 x 8" in diagnostic.message
    assert diagnostic.help == "compile with the widths the checkpoint has"


def test_another_origin():
    variables = published(narrow("narrow_tpu"), "tpu")
    (diagnostic, *_) = refused(narrow("narrow"), "garden", variables)
    assert diagnostic.help.startswith("its names are those of “tpu”: `--from tpu`")


def test_another_number_of_classes(tmp_path):
    head = ("head", "retinanet(classes = 4, width = 8, depth = 2, size = 3)")
    file = Checkpoint(unpacked("garden_training", tmp_path))
    (diagnostic,) = refused(narrow("narrow_retinanet", head), "garden", file)
    assert "scores/bias” is 27, not 36" in diagnostic.message
    assert diagnostic.help == "the checkpoint scores 3 classes: write `head retinanet(classes = 3, …)`"


def test_a_head_where_the_checkpoint_has_none(tmp_path):
    file = Checkpoint(unpacked("garden_backbone", tmp_path))
    (diagnostic,) = refused(narrow("narrow_retinanet"), "garden", file)
    assert "lacks 92 variables" in diagnostic.message


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_named(value):
    variables = published(narrow("narrow"), "garden")
    variables["conv2d_3/kernel"][..., 0] = value
    (diagnostic,) = refused(narrow("narrow"), "garden", variables)
    assert diagnostic.message.startswith("“conv2d_3/kernel” in “variables” holds ")


def test_a_variance_below_zero():
    variables = published(narrow("narrow"), "garden")
    variables["batch_normalization_3/moving_variance"] *= -1
    (diagnostic,) = refused(narrow("narrow"), "garden", variables)
    assert "negative variance" in diagnostic.message


# ---- conventions


@pytest.mark.parametrize("origin", ["garden", "tpu", "port"])
def test_conventions_have_to_be_the_checkpoints(origin):
    check_origin(open_spec("std:spinenet49", {"conventions": origin}), origin)
    with pytest.raises(DiagnosticError) as caught:
        check_origin(open_spec("std:spinenet49"), origin)
    (diagnostic,) = caught.value.diagnostics
    assert f"--set conventions={origin}" in diagnostic.help
    assert diagnostic.primary is not None


# ---- names that aren't the published ones to the letter


def plain(found: list[str], wanted: list[str], origin: Origin = "garden", backbone: bool = False) -> dict:
    return recognise(found, wanted, origin, backbone).names


def test_synchronised_norms():
    found = ["sync_batch_normalization_2/gamma", "bottleneck_block/sync_batch_normalization/beta"]
    wanted = ["batch_normalization_2/gamma", "bottleneck_block/batch_normalization/beta"]
    assert plain(found, wanted) == dict(zip(wanted, found, strict=True))


def test_numbers_that_begin_later():
    found = ["conv2d_7/kernel", "conv2d_9/kernel", "block_2/conv2d_1/kernel"]
    wanted = ["conv2d/kernel", "conv2d_2/kernel", "block/conv2d_1/kernel"]
    assert plain(found, wanted) == dict(zip(wanted, found, strict=True))
    assert recognise(found, wanted, "garden", False).shifted == {"block": 2, "conv2d": 7}


def test_numbers_stay_where_moving_them_helps_nothing():
    found = ["conv2d_1/kernel", "conv2d_2/kernel"]
    assert (
        recognise(found, ["conv2d/kernel", "conv2d_1/kernel", "conv2d_2/kernel"], "garden", False).shifted
        == {}
    )


def test_heads_are_known_by_their_layers():
    wanted = ["retina_net_model/retina_net_head/scores/bias"]
    for scope in ("", "retina_net_head/", "my_model/my_head_3/"):
        assert plain([f"{scope}scores/bias"], wanted) == {wanted[0]: f"{scope}scores/bias"}


def test_prefixes_of_the_ports():
    found = ["module.backbone.conv1.conv.weight", "backbone.conv1.bn.bias", "module.conv1.bn.weight"]
    wanted = ["conv1.conv.weight", "conv1.bn.bias", "conv1.bn.weight"]
    assert plain(found, wanted, "port") == dict(zip(wanted, found, strict=True))


def test_what_surrounds_a_ports_backbone():
    found = ["backbone.conv1.bn.num_batches_tracked", "bbox_head.retina_cls.weight", "module.neck.x"]
    recognised = recognise(found, [], "port", backbone=True)
    assert recognised.names == {}
    assert recognised.left_out == {"counters and settings": 1, "tensors of heads and decoders": 2}


def test_two_names_that_mean_the_same():
    with pytest.raises(FileProblem, match="mean the same"):
        recognise(["backbone.conv1.bn.bias", "conv1.bn.bias"], [], "port", False)


def test_heads_count_where_a_model_is_wanted():
    assert list(plain(["retina_net_head/extra/kernel"], [])) == ["retina_net_head/extra/kernel"]
    assert plain(["retina_net_head/extra/kernel"], [], backbone=True) == {}


# ---- topology


def rewired(folder: Path, blocks: str) -> AnyCompilation:
    """`narrow` with other blocks; every shape is the same."""
    text = f"""import "spinenet49.spine"
network rewired extends spinenet49 {{
  conventions garden  input 3 x 128 x 128  scale width 0.035  act swish  endpoints 3..7 -> 8
  {blocks}
}}
"""
    (folder / "rewired.spine").write_text(text)
    return open_spec(folder / "rewired.spine")


def test_a_checkpoint_whose_network_is_wired_in_another_way(tmp_path):
    """b12 reads b10 in the published network; b11 has the same shape, and runs later there."""
    compilation = rewired(tmp_path, "b12: bottleneck @4 <- b5, b11  => P4")
    file = Checkpoint(unpacked("garden_backbone", tmp_path))
    (diagnostic,) = refused(compilation, "garden", file)
    assert diagnostic.message.endswith("runs “b11_to_b12” before “b11”, which it reads here")
    assert diagnostic.primary.span.source.line(4).strip().startswith("b12")
    match(narrow("narrow"), "garden", file)


def test_order_of_layers():
    compilation = narrow("narrow")
    ranks = {name: place for place, name in enumerate(compilation.inlined.parameters())}
    check_order(compilation, ranks, "ckpt")
    ranks["b3_to_b6.conv1.weight"] = 0
    with pytest.raises(DiagnosticError, match="runs “b3_to_b6” before “b3”, which it reads here"):
        check_order(compilation, ranks, "ckpt")


def test_other_blocks_than_the_published_are_trusted_aloud(tmp_path):
    compilation = rewired(tmp_path, "b16: bottleneck @6 <- b14, b12  => P6")
    variables = Variables(published(compilation, "garden"))
    (warning,) = match(compilation, "garden", variables).warnings
    assert warning.severity is Severity.WARNING
    assert "the spec's order is trusted" in warning.message
    assert match(narrow("narrow"), "garden", variables).warnings == ()
    assert warning.primary.text == "the first difference"
