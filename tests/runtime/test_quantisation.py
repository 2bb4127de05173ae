"""Models in int8: what the files say, what they compute, what stays float, and what is reported."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from quantisation_support import (
    SMALL,
    built,
    compiled,
    decibels,
    float_proto,
    images,
    proto_of,
    run,
    weights_of,
)
from tolerances import INT8_DECIBELS

from spinedsl.diagnostics import DiagnosticError, Severity
from spinedsl.emit.onnx import OPSETS
from spinedsl.emit.precisions import PLACEMENTS
from spinedsl.onnx_precision import METADATA, PrecisionRequest, build, write_report
from spinedsl.onnx_target import OnnxRequest
from spinedsl.runtime import quantisation, quantisation_report
from spinedsl.runtime.calibration_images import calibration_folder

TINY, DETECTOR = "tiny", "detector"


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory) -> Path:
    return images(tmp_path_factory.mktemp("calibration") / "images")


@pytest.fixture(scope="module", name="plain")
def _plain(folder):
    return built(TINY, folder)


def seen(folder: Path, name: str = TINY):
    """What the calibration saw: files and how they are read."""
    (port,) = compiled(name).program.main.inputs
    return calibration_folder(folder, {port.name: port.shape})


def first(folder: Path, name: str = TINY) -> dict[str, np.ndarray]:
    """The first of the images, as the network gets it."""
    files = seen(folder, name)
    return files.read(files.files[0])


def picture(size: int = 64) -> np.ndarray:
    return np.random.default_rng(3).standard_normal((1, 3, size, size), np.float32)


def weights_in(proto: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}


# ---- what the files say


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("name", [*SMALL, "tiny", "detector", "classifier", "semantic"])
def test_model_passes_every_check_and_comes_near(name, placement, folder) -> None:
    made = built(name, folder, placement=placement)
    proto = proto_of(made)
    onnx.checker.check_model(proto, full_check=True)
    onnx.shape_inference.infer_shapes(proto, check_type=True, strict_mode=True, data_prop=True)
    described(proto)
    given = first(folder, name)
    expected, actual = run(float_proto(name, folder), given), run(proto, given)
    assert list(expected) == list(actual)
    for output, value in expected.items():
        assert actual[output].dtype == np.float32
        assert INT8_DECIBELS < decibels(value, actual[output]) < 60, output


def described(proto: onnx.ModelProto) -> None:
    """Everything is described, as shape inference finds it alone."""
    graph = proto.graph
    stated = {v.name: v.type.tensor_type for v in (*graph.value_info, *graph.output)}
    constants = {n.output[0] for n in graph.node if n.op_type == "Constant"}
    assert {o for n in graph.node for o in n.output} - constants == set(stated)
    assert len(graph.value_info) + len(graph.output) == len(stated)
    bare = onnx.ModelProto()
    bare.CopyFrom(proto)
    del bare.graph.value_info[:]
    inferred = onnx.shape_inference.infer_shapes(bare, strict_mode=True, data_prop=True).graph.value_info
    for value in inferred:
        if value.name in stated:
            assert value.type.tensor_type == stated[value.name], value.name


@pytest.mark.parametrize("opset", [17, 19, 21])
@pytest.mark.parametrize("dynamic", [("batch",), ("batch", "size")], ids="+".join)
@pytest.mark.parametrize("placement", PLACEMENTS)
def test_every_opset_and_open_extents(placement, dynamic, opset, folder) -> None:
    assert opset in OPSETS
    proto = proto_of(built(TINY, folder, opset=opset, dynamic=dynamic, placement=placement))
    onnx.checker.check_model(proto, full_check=True)
    onnx.shape_inference.infer_shapes(proto, check_type=True, strict_mode=True, data_prop=True)
    assert [(o.domain, o.version) for o in proto.opset_import] == [("", opset)]
    together = run(proto, {"image": np.concatenate([picture()] * 3)})
    alone = run(proto, {"image": picture()})
    for output, value in alone.items():
        np.testing.assert_array_equal(together[output], np.concatenate([value] * 3))
    if "size" in dynamic:
        assert run(proto, {"image": picture(256)})["P3"].shape == (1, 8, 32, 32)


def test_open_extents_change_nothing_else(folder, plain) -> None:
    opened = built(TINY, folder, dynamic=("batch", "size"))
    assert proto_of(opened).graph.node == proto_of(plain).graph.node
    assert proto_of(opened).graph.initializer == proto_of(plain).graph.initializer


def test_the_file_is_spinecs_and_says_how_it_came_about(folder, plain) -> None:
    proto = proto_of(plain)
    assert proto.producer_name == "spinec"
    assert proto.graph.name == "tiny"
    metadata = {p.key: p.value for p in proto.metadata_props}
    assert json.loads(metadata[METADATA]) == {
        "precision": "int8", "keep": [], "placement": "onnxruntime", "method": "minmax", "images": 3,
    }  # fmt: skip
    assert {"spinec.version", "spinec.spec_hash", "spinec.endpoints"} <= set(metadata)
    assert not any("quant" in key or "infer" in key for key in metadata)


def test_its_size_is_known_beforehand(plain) -> None:
    assert plain.model.size == len(plain.model.to_bytes(plain.weights))


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("name", ["std:bifpn", "std:nas_fpn"])
def test_a_network_over_features_is_calibrated_with_arrays(name, placement, tmp_path) -> None:
    compilation = compiled(name)
    stream = np.random.default_rng(0)
    ports = compilation.program.main.inputs
    for number in range(2):
        arrays = {port.name: stream.standard_normal(port.shape, np.float32) for port in ports}
        np.savez(tmp_path / f"{number}.npz", **arrays)
    wanted = PrecisionRequest("int8", calibrate=tmp_path, placement=placement)
    made = build(compilation, OnnxRequest(), wanted)
    proto = proto_of(made)
    onnx.checker.check_model(proto, full_check=True)
    given = {name: array[np.newaxis] for name, array in arrays.items()}
    expected = run(proto_of(build(compilation, OnnxRequest(), PrecisionRequest("fp16", ("*",)))), given)
    for output, value in run(proto, given).items():
        assert decibels(expected[output], value) > INT8_DECIBELS


# ---- weights and values


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_weights_are_whole_steps_of_their_channel(placement, folder) -> None:
    proto = proto_of(built(TINY, folder, placement=placement))
    before = weights_in(float_proto(TINY, folder))
    after = weights_in(proto)
    names = [name for name in before if name.endswith(".weight")]
    assert len(names) == sum(node.op_type == "Conv" for node in proto.graph.node) > 15
    for name in names:
        integers, scales = after[f"{name}_quantized"], after[f"{name}_scale"]
        assert integers.dtype == np.int8 and integers.min() >= -127
        assert scales.shape == (len(integers),)
        steps = scales.reshape(-1, 1, 1, 1)
        assert (np.abs(integers * steps - before[name]) <= 0.5001 * steps).all()
        # Of every channel, the largest number reaches the end.
        assert (np.abs(integers).reshape(len(integers), -1).max(1) == 127).all()


def test_what_an_activation_cuts_starts_at_zero(plain) -> None:
    proto = proto_of(plain)
    after = weights_in(proto)
    cut = {node.output[0] for node in proto.graph.node if node.op_type == "Relu"}
    found = [
        after[n.input[2]] for n in proto.graph.node if n.op_type == "QuantizeLinear" and n.input[0] in cut
    ]
    assert len(found) > 10
    assert {(point.dtype.name, int(point)) for point in found} == {("uint8", 0)}


def test_every_method_makes_a_model_of_its_own(folder, plain) -> None:
    protos = [proto_of(plain), *(proto_of(built(TINY, folder, method=m)) for m in ("percentile", "entropy"))]
    scales = []
    for proto in protos:
        onnx.checker.check_model(proto, full_check=True)
        assert all(np.isfinite(value).all() for value in run(proto, {"image": picture()}).values())
        pairs = [node for node in proto.graph.node if node.op_type == "QuantizeLinear"]
        scales.append(tuple(float(weights_in(proto)[node.input[1]]) for node in pairs))
    assert len(set(scales)) == 3


# ---- the same input, the same bytes


def test_equal_input_gives_equal_bytes(folder, plain) -> None:
    again = built(TINY, folder)
    assert again.model.to_bytes(again.weights) == plain.model.to_bytes(plain.weights)
    assert again.errors == plain.errors


SCRIPT = """
import hashlib, sys
from pathlib import Path
sys.path[:0] = sys.argv[1].split(":")
from quantisation_support import built
made = built("tiny", Path(sys.argv[2]), placement=sys.argv[3])
print(hashlib.sha256(made.model.to_bytes(made.weights)).hexdigest())
"""


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_the_order_of_sets_decides_nothing(placement, folder) -> None:
    here = Path(__file__).parent
    roots = f"{here}:{here.parent}:{here.parents[1]}"
    digests = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT, roots, str(folder), placement],
            env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True,
        ).stdout.split()[-1]
        for seed in ("1", "2")
    }  # fmt: skip
    made = built(TINY, folder, placement=placement)
    assert digests == {hashlib.sha256(made.model.to_bytes(made.weights)).hexdigest()}


# ---- what stays float


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_kept_layers_have_their_weights(placement, folder) -> None:
    proto = proto_of(built(TINY, folder, placement=placement, keep=("stem", "b2", "P3")))
    onnx.checker.check_model(proto, full_check=True)
    before, after = weights_in(float_proto(TINY, folder)), weights_in(proto)
    kept = ("stem.", "b2.", "P3.")
    for name, array in before.items():
        if name.endswith(".weight"):
            assert (name in after) == name.startswith(kept), name
        if name.startswith(kept):
            np.testing.assert_array_equal(after[name], array)
    made = {output: node for node in proto.graph.node for output in node.output}
    if placement == "tensorrt":
        for node in proto.graph.node:
            if node.name.startswith(kept):
                assert "DequantizeLinear" not in {made[i].op_type for i in node.input if i in made}
    given = first(folder)
    for output, value in run(float_proto(TINY, folder), given).items():
        assert decibels(value, run(proto, given)[output]) > INT8_DECIBELS


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_keeping_everything_is_float32(placement, folder) -> None:
    made = built(TINY, folder, placement=placement, keep=("*",))
    assert proto_of(made).graph == float_proto(TINY, folder).graph
    assert made.errors.layers == ()
    assert {row.output for row in made.errors.outputs} == {float("inf")}


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_a_kept_layer_gets_a_copy_of_weights_that_it_shares(placement, folder) -> None:
    proto = proto_of(built(DETECTOR, folder, placement=placement, keep=("retinanet.scores.P3.conv3",)))
    onnx.checker.check_model(proto, full_check=True)
    nodes = {node.name: node for node in proto.graph.node}
    name = "retinanet.scores.conv3.weight"
    assert nodes["retinanet.scores.P3.conv3"].input[1] == f"{name}.float"
    assert nodes["retinanet.scores.P4.conv3"].input[1] == f"{name}_DequantizeLinear_Output"
    original = weights_in(float_proto(DETECTOR, folder))[name]
    np.testing.assert_array_equal(weights_in(proto)[f"{name}.float"], original)


def test_shared_weights_are_stored_once(folder) -> None:
    names = [
        name for name in weights_in(proto_of(built(DETECTOR, folder))) if "scores" in name and "conv3" in name
    ]
    assert sum("weight_quantized" in name for name in names) == 1


# ---- the report


def test_errors_are_those_of_the_models(folder, plain) -> None:
    before, after = float_proto(TINY, folder), proto_of(plain)
    expected, actual = {}, {}
    layers = [node.output[0] for node in before.graph.node if node.op_type == "Conv"]
    files = seen(folder)
    for proto, into in ((before, expected), (after, actual)):
        exposed = onnx.ModelProto()
        exposed.CopyFrom(proto)
        for name in layers:
            exposed.graph.output.add(name=name).type.tensor_type.elem_type = onnx.TensorProto.FLOAT
        for path in files.files:
            for name, value in run(exposed, files.read(path)).items():
                into.setdefault(name, []).append(value)
    rows = {row.name: row for row in (*plain.errors.layers, *plain.errors.outputs)}
    assert set(rows) == set(expected)
    assert plain.errors.images == 3
    for name, values in expected.items():
        ratio = decibels(np.stack(values), np.stack(actual[name]))
        assert rows[name].output == pytest.approx(ratio, abs=0.2), name
    assert [row.output for row in plain.errors.layers] == sorted(row.output for row in plain.errors.layers)


def test_weights_have_a_ratio_of_their_own(folder, plain) -> None:
    before, after = weights_in(float_proto(TINY, folder)), weights_in(proto_of(plain))
    for row in plain.errors.layers:
        name = f"{row.name}.weight"
        steps = after[f"{name}_scale"].reshape(-1, 1, 1, 1)
        assert row.weights == pytest.approx(
            decibels(before[name], after[f"{name}_quantized"] * steps), abs=1e-3
        )
    assert {row.weights for row in plain.errors.outputs} == {None}


def test_few_images_are_compared_spread_over_all() -> None:
    paths = [Path(str(number)) for number in range(100)]
    chosen = quantisation_report._spread(paths)
    assert [int(path.name) for path in chosen] == [0, 12, 25, 37, 50, 62, 75, 87]
    assert quantisation_report._spread(paths[:3]) == paths[:3]


def test_the_report_as_a_file(folder, plain, tmp_path) -> None:
    path = tmp_path / "report.json"
    assert write_report(path, plain.errors).changed
    found = json.loads(path.read_text())
    assert len(found["layers"]) == len(plain.errors.layers) > 15
    assert [row["name"] for row in found["outputs"]] == [row.name for row in plain.errors.outputs]
    first = plain.errors.layers[0]
    assert found["layers"][0] == {
        "name": first.name, "output_db": round(first.output, 2), "weights_db": round(first.weights, 2),
    }  # fmt: skip
    assert not write_report(path, plain.errors).changed
    nothing = built(TINY, folder, keep=("*",))
    write_report(path, nothing.errors)
    assert json.loads(path.read_text())["outputs"][0]["output_db"] is None


def test_a_report_replaces_no_file_of_others(plain, tmp_path) -> None:
    path = tmp_path / "report.json"
    path.write_text("{}")
    with pytest.raises(DiagnosticError, match="SP050"):
        write_report(path, plain.errors)
    assert path.read_text() == "{}"


# ---- pipelines


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize(
    ("kind", "name"),
    [("detection", "detector"), ("classification", "classifier"), ("segmentation", "semantic")],
)
def test_a_whole_pipeline(kind, name, placement, folder) -> None:
    made = built(name, folder, pipeline=kind, placement=placement)
    proto = proto_of(made)
    onnx.checker.check_model(proto, full_check=True)
    image = {"images": np.load(folder / "0.npy")[np.newaxis]}
    assert run(proto, image)
    around = [node for node in proto.graph.node if "/" in node.name and "Linear" not in node.op_type]
    assert not any(value.endswith("_QuantizeLinear_Output") for node in around for value in node.input)
    assert all(row.name.startswith("raw.") for row in made.errors.outputs)
    assert min(row.output for row in made.errors.outputs) > INT8_DECIBELS
    if kind == "classification":
        expected = run(float_proto(name, folder, pipeline=kind), image)
        assert decibels(expected["probabilities"], run(proto, image)["probabilities"]) > INT8_DECIBELS


def test_a_pipeline_with_a_plugin_is_calibrated_without_it(folder) -> None:
    made = built(DETECTOR, folder, pipeline="detection", nms="trt", placement="tensorrt")
    proto = proto_of(made)
    assert "EfficientNMS_TRT" in {node.op_type for node in proto.graph.node}
    scales = {n: w for n, w in weights_in(proto).items() if n.endswith("_scale")}
    other = weights_in(proto_of(built(DETECTOR, folder, pipeline="detection", placement="tensorrt")))
    assert len(scales) > 30
    assert all(np.array_equal(array, other[name]) for name, array in scales.items())


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_heads_on_regions_are_quantised_and_not_compared(placement, folder) -> None:
    made = built("masks", folder, pipeline="detection", placement=placement)
    proto = proto_of(made)
    onnx.checker.check_model(proto, full_check=True)
    assert run(proto, {"images": np.load(folder / "0.npy")[np.newaxis]})
    rows = {row.name: row for row in (*made.errors.layers, *made.errors.outputs)}
    behind = ("fast_rcnn.", "mask_fcn.", "raw.fast", "raw.mask")
    regional = [row for name, row in rows.items() if name.startswith(behind)]
    assert len(regional) > 6
    assert {row.output for row in regional} == {None}
    assert all(row.weights for row in regional if not row.name.startswith("raw."))
    assert min(row.output for name, row in rows.items() if not name.startswith(behind)) > INT8_DECIBELS
    assert "fast_rcnn.conv1.weight_quantized" in weights_in(proto)


# ---- what is refused, what is warned of


def problem(**how):
    compilation = compiled(TINY)
    with pytest.raises(DiagnosticError) as caught:
        build(compilation, how.pop("request", OnnxRequest()), PrecisionRequest("int8", **how))
    (found,) = caught.value.diagnostics
    assert found.help
    return found


def test_without_images() -> None:
    found = problem()
    assert found.code == "SP057"
    assert "`--calibrate DIR`" in str(found.help)


def test_weights_that_nobody_trained_are_warned_of(folder, plain) -> None:
    compilation = compiled(TINY)
    made = build(compilation, OnnxRequest(), PrecisionRequest("int8", calibrate=folder))
    (warning,) = made.warnings
    assert warning.severity is Severity.WARNING
    assert "nobody has trained" in warning.message
    assert plain.warnings == ()


def test_values_that_overflow_name_the_value_and_the_image(folder, tmp_path) -> None:
    from safetensors.numpy import load_file, save_file

    weights = load_file(weights_of(TINY, tmp_path))
    for name in ("b2.norm1.weight", "b2.norm2.weight"):
        weights[name] = np.full_like(weights[name], 1e25)
    save_file(weights, tmp_path / "huge.safetensors")
    found = problem(calibrate=folder, request=OnnxRequest(weights=tmp_path / "huge.safetensors"))
    assert found.code == "SP057"
    assert "is not finite on “" in found.message and "0.npy" in found.message


def test_a_model_that_is_too_large_for_one_message(folder, monkeypatch) -> None:
    monkeypatch.setattr(quantisation, "PROTOBUF_LIMIT", 1000)
    found = problem(calibrate=folder)
    assert found.code == "SP002"
    assert "--precision fp16" in str(found.help)


def test_without_onnxruntime(folder, monkeypatch) -> None:
    import spinedsl.runtime.tools as tools

    def missing(name: str):
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(tools.importlib, "import_module", missing)
    found = problem(calibrate=folder)
    assert found.code == "SP052"
    assert "`--precision int8` needs onnxruntime" in found.message
