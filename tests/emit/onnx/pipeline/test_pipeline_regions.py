"""Two-stage detections with masks, against torchvision's own stages on the same raw outputs."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from pipeline_support import (
    LEVELS,
    STRIDES,
    Bare,
    checked,
    levels_of,
    made,
    random_images,
    random_raw,
    run,
    session,
)

from spinedsl.emit.onnx import OPSETS
from spinedsl.emit.onnx.builder import GraphBuilder
from spinedsl.emit.onnx.pipeline import Value
from spinedsl.emit.onnx.pipeline.regions import Regions, cut_regions
from spinedsl.emit.onnx.pipeline.steps import Steps
from spinedsl.graph.tasks import Anchors, Proposals, RegionBoxes, RegionMasks
from spinedsl.ops import Shape

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")
from detection_reference import by_level, every_anchor  # noqa: E402
from torchvision.models.detection import roi_heads  # noqa: E402
from torchvision.models.detection._utils import BoxCoder  # noqa: E402
from torchvision.models.detection.roi_heads import RoIHeads, maskrcnn_inference  # noqa: E402
from torchvision.models.detection.rpn import RegionProposalNetwork  # noqa: E402
from torchvision.ops import roi_align  # noqa: E402
from torchvision.ops.poolers import LevelMapper  # noqa: E402

SIZE = (256, 384)
IMAGES = (500, 600)
COVERED = (256, 307)
CHANNELS, CLASSES, POOL, CELLS = 3, 5, 7, 28
ANCHORS = Anchors(8.0, 1)
PIXEL = 1e-5 * 600


def weights(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


SCORE_WEIGHTS = weights(1, CLASSES, CHANNELS * POOL * POOL) * 0.1
BOX_WEIGHTS = weights(2, 4 * CLASSES, CHANNELS * POOL * POOL) * 0.3
MASK_WEIGHTS = weights(3, CHANNELS, CLASSES, 2, 2)


def run_part(graph: GraphBuilder, head: str, regions: str) -> dict[str, Value]:
    """Heads on regions: a dense layer each for scores and boxes, a transposed convolution for masks."""

    def constant(name, value):
        graph.node("Constant", (), f"{head}.{name}", f"{head}.{name}", {"value": value})
        return f"{head}.{name}"

    def dense(name, weight):
        flat = f"{head}.{name}.flat"
        graph.node("Flatten", (regions,), flat, flat, {"axis": 1})
        graph.node(
            "Gemm",
            (flat, constant(f"{name}.w", weight)),
            f"{head}.{name}.2",
            f"{head}.{name}.2",
            {"transB": 1},
        )
        axes = constant(f"{name}.axes", np.array([2, 3]))
        graph.node("Unsqueeze", (f"{head}.{name}.2", axes), f"{head}.{name}", f"{head}.{name}", {})
        return Value(f"{head}.{name}", Shape(len(weight), 1, 1))

    if head == "boxes":
        return {"scores": dense("scores", SCORE_WEIGHTS), "boxes": dense("boxes", BOX_WEIGHTS)}
    weight = constant("weight", MASK_WEIGHTS)
    graph.node("ConvTranspose", (regions, weight), f"{head}.masks", f"{head}.masks", {"strides": (2, 2)})
    return {"masks": Value(f"{head}.masks", Shape(CLASSES, CELLS, CELLS))}


def two_stage(masks: bool = True, anchors: Anchors = ANCHORS, **options) -> Bare:
    proposals = Proposals("rpn", LEVELS, STRIDES, anchors)
    tasks = [proposals, RegionBoxes("boxes", LEVELS[:3], STRIDES[:3], CLASSES, POOL)]
    if masks:
        tasks.append(RegionMasks("masks", LEVELS[:3], STRIDES[:3], CLASSES, 14))
    shapes = {}
    for name, size in zip(LEVELS, levels_of(SIZE), strict=True):
        shapes[f"scores_{name}"] = Shape(ANCHORS.count, *size)
        shapes[f"boxes_{name}"] = Shape(4 * ANCHORS.count, *size)
    for name, size in zip(LEVELS[:3], levels_of(SIZE), strict=False):
        shapes[name] = Shape(CHANNELS, *size)
    return Bare(made(tasks, SIZE, **options), shapes, run_part)


def raw_of(bare: Bare, batch: int, seed: int = 0) -> dict[str, np.ndarray]:
    return random_raw(bare, batch, seed, shift=0)


# ---- torchvision's stages


@pytest.fixture(autouse=True)
def _small_boxes_remain(monkeypatch):
    """torchvision drops boxes below 0.01 pixels; the published implementation doesn't."""
    monkeypatch.setattr(
        roi_heads.box_ops, "remove_small_boxes", lambda boxes, min_size: torch.arange(len(boxes))
    )


def proposed(bare: Bare, raw, count: int = 1000) -> list[torch.Tensor]:
    task = bare.pipeline.purpose[0]
    view = SimpleNamespace(pipeline=SimpleNamespace(purpose=task), shapes=bare.shapes)
    anchors = every_anchor(view)
    counts = {"training": count, "testing": count}
    network = RegionProposalNetwork(
        None, None, 0.7, 0.3, 256, 0.5, {"training": 1000, "testing": 1000}, counts, 0.7
    )
    network.eval()
    codes = torch.cat(by_level(task, raw, "boxes", 4), 1)
    coder = BoxCoder((1.0, 1.0, 1.0, 1.0))
    boxes = torch.stack([coder.decode_single(code, anchors) for code in codes])
    levels = by_level(task, raw, "scores", 1)
    objectness = torch.cat(levels, 1)
    sizes = [COVERED] * len(codes)
    return network.filter_proposals(boxes, objectness, sizes, [level.shape[1] for level in levels])[0]


def cut(raw, boxes: list[torch.Tensor], pool: int, levels: int = 3) -> torch.Tensor:
    """torchvision's choice of levels, and of each level its RoIAlign."""
    level = LevelMapper(3, 2 + levels)(boxes)
    images = torch.cat([torch.full((len(b), 1), float(i)) for i, b in enumerate(boxes)])
    corners = torch.cat(boxes)
    found = torch.zeros(len(corners), CHANNELS, pool, pool)
    for index, (name, stride) in enumerate(zip(LEVELS[:levels], STRIDES, strict=False)):
        rows = torch.cat((images, corners + stride / 2), 1)[level == index]
        features = torch.from_numpy(raw[name])
        found[level == index] = roi_align(features, rows, pool, 1 / stride, sampling_ratio=1, aligned=True)
    return found


def refined(bare: Bare, raw, proposals) -> list[dict[str, torch.Tensor]]:
    options = bare.pipeline.options
    flat = cut(raw, proposals, POOL).flatten(1)
    heads = SimpleNamespace(
        box_coder=BoxCoder((10.0, 10.0, 5.0, 5.0)),
        score_thresh=options.score_threshold,
        nms_thresh=options.overlap_threshold,
        detections_per_img=options.detections,
    )
    scores, codes = flat @ torch.from_numpy(SCORE_WEIGHTS).T, flat @ torch.from_numpy(BOX_WEIGHTS).T
    found = RoIHeads.postprocess_detections(heads, scores, codes, proposals, [COVERED] * len(proposals))
    return [{"boxes": b, "scores": s, "labels": k} for b, s, k in zip(*found, strict=True)]


def masked(raw, found) -> list[torch.Tensor]:
    regions = cut(raw, [image["boxes"] for image in found], 14)
    logits = torch.nn.functional.conv_transpose2d(regions, torch.from_numpy(MASK_WEIGHTS), stride=2)
    return maskrcnn_inference(logits, [image["labels"] for image in found])


def assert_same(found, expected, masks=None) -> None:
    scale = np.array((IMAGES[1] / COVERED[1], IMAGES[0] / COVERED[0]) * 2)
    for number, image in enumerate(expected):
        count = len(image["scores"])
        assert found["num_detections"][number] == count
        boxes, scores, classes = (found[name][number] for name in ("boxes", "scores", "classes"))
        assert (classes[:count] == image["labels"].numpy()).all()
        assert np.abs(scores[:count] - image["scores"].numpy()).max(initial=0) < 1e-5
        assert np.abs(boxes[:count] - image["boxes"].numpy() * scale).max(initial=0) < PIXEL
        assert (boxes[count:] == 0).all()
        assert (scores[count:] == 0).all()
        assert (classes[count:] == -1).all()
        if masks is not None:
            assert np.abs(found["masks"][number][:count] - masks[number][:, 0].numpy()).max(initial=0) < 1e-4
            assert (found["masks"][number][count:] == 0).all()


@pytest.mark.parametrize("seed", range(3))
def test_as_torchvision_detects(seed):
    bare = two_stage()
    raw = raw_of(bare, 2, seed)
    proposals = proposed(bare, raw)
    assert all(900 < len(boxes) <= 1000 for boxes in proposals)
    expected = refined(bare, raw, proposals)
    assert all(len(image["scores"]) == 100 for image in expected)
    assert_same(run(bare.session(), random_images(2, *IMAGES), raw), expected, masked(raw, expected))


@pytest.mark.parametrize(("size", "kept"), [(8.0, 900), (0.5, 1000)])
def test_proposals_as_torchvision_proposes(size, kept):
    """With anchors of 4 pixels, which don't overlap, all regions come from the finest level."""
    bare = two_stage(anchors=Anchors(size, 1))
    raw = raw_of(bare, 2, 3)
    for name in LEVELS[1:]:
        raw[f"scores_{name}"] -= 3
    raw = {name: value - 3 if name.startswith("scores") else value for name, value in raw.items()}
    expected = proposed(bare, raw)
    proto = bare.proto()
    inner = onnx.helper.make_tensor_value_info(
        "behind/proposals/regions", onnx.TensorProto.FLOAT, ["batch", 1000, 4]
    )
    proto.graph.output.append(inner)
    found = run(session(proto.SerializeToString()), random_images(2, *IMAGES), raw)[inner.name]
    for regions, boxes in zip(found, expected, strict=True):
        assert kept <= len(boxes) <= 1000
        assert np.abs(regions[: len(boxes)] - boxes.numpy()).max() < PIXEL
        assert (regions[len(boxes) :] == 0).all()


def test_without_masks():
    bare = two_stage(masks=False)
    checked(bare.proto())
    raw = raw_of(bare, 1, 4)
    found = run(bare.session(), random_images(1, *IMAGES), raw)
    assert "masks" not in found
    assert_same(found, refined(bare, raw, proposed(bare, raw)))


@pytest.mark.parametrize("opset", OPSETS)
def test_every_opset(opset):
    bare = two_stage()
    checked(bare.proto(opset))
    raw = raw_of(bare, 1, 5)
    expected = refined(bare, raw, proposed(bare, raw))
    found = run(bare.session(opset), random_images(1, *IMAGES), raw)
    assert_same(found, expected, masked(raw, expected))


def test_few_proposals():
    """Most boxes of a level are one box: what remains fills a part of the 1000 regions."""
    bare = two_stage()
    raw = raw_of(bare, 2, 6)
    for name in raw:
        if name.startswith("boxes"):
            raw[name][:] = 0
            raw[name][:, 2::4] = raw[name][:, 3::4] = 4
    proposals = proposed(bare, raw)
    assert all(0 < len(boxes) < 900 for boxes in proposals)
    expected = refined(bare, raw, proposals)
    found = run(bare.session(), random_images(2, *IMAGES), raw)
    assert_same(found, expected, masked(raw, expected))


def test_no_detection():
    bare = two_stage(score_threshold=1.0)
    found = run(bare.session(), random_images(2, *IMAGES), raw_of(bare, 2))
    assert (found["num_detections"] == 0).all()
    assert (found["classes"] == -1).all()
    for name in ("boxes", "scores", "masks"):
        assert (found[name] == 0).all()


@pytest.mark.parametrize("kind", ["scores", "boxes", "P"])
@pytest.mark.parametrize("share", [0.01, 1.0])
def test_nan_never_reaches_a_result(kind, share):
    bare = two_stage()
    raw = raw_of(bare, 2, 7)
    stream = np.random.default_rng(8)
    for name, value in raw.items():
        if name.startswith(kind):
            value[stream.random(value.shape) < share] = np.nan
    found = run(bare.session(), random_images(2, *IMAGES), raw)
    for name in ("boxes", "scores"):
        assert np.isfinite(found[name]).all(), name
    assert share == 1 or (found["num_detections"] > 0).all()


def test_nan_displaces_no_candidate():
    """Regions whose features are NaN are more than candidates are allowed."""
    bare = two_stage(candidates=200)
    raw = raw_of(bare, 1, 7)
    raw["P3"][..., :24] = np.nan
    found = run(bare.session(), random_images(1, *IMAGES), raw)
    assert found["num_detections"] > 50


@pytest.mark.parametrize("batch", range(2, 9))
def test_batches_are_their_images(batch):
    bare = two_stage()
    ready = bare.session()
    images, raw = random_images(batch, *IMAGES), raw_of(bare, batch, 11)
    raw["scores_P3"][0] -= 100
    together = run(ready, images, raw)
    for number in range(batch):
        alone = run(ready, images[number : number + 1], {k: v[number : number + 1] for k, v in raw.items()})
        for name, value in alone.items():
            assert (together[name][number] == value[0]).all(), name


# ---- regions alone


def cutter(levels: int, opset: int = 17) -> onnx.ModelProto:
    """A model that cuts regions (N, 40, 4) out of levels."""
    graph = GraphBuilder()
    graph.nodes.name = "cutter"
    values = {}
    for name, size in zip(LEVELS[:levels], levels_of((1024, 1024)), strict=False):
        graph.add_input(name, ("batch", CHANNELS, *size))
        values[name] = Value(name, Shape(CHANNELS, *size))
    graph.add_input("corners", ("batch", 40, 4))
    graph.add_input("valid", ("batch", 40), np.bool_)
    task = RegionBoxes("boxes", LEVELS[:levels], STRIDES[:levels], CLASSES, POOL)
    found = cut_regions(Steps(graph, "cut", opset), task, Regions("corners", "valid", 40), values)
    graph.add_output("regions", ("regions", CHANNELS, POOL, POOL))
    graph.node("Identity", (found,), "regions", "regions", {})
    model = onnx.ModelProto(ir_version=8, graph=graph.nodes)
    model.graph.MergeFrom(graph.values)
    model.opset_import.add(version=opset)
    checked(model)
    return model


def regions_of_every_extent(seed: int) -> np.ndarray:
    """Boxes (2, 40, 4) from nothing to all of 1024 x 1024, some of them beyond its edges."""
    stream = np.random.default_rng(seed)
    extents = np.exp(stream.uniform(0, np.log(1024), (2, 40, 2)))
    centres = stream.uniform(-20, 1044, (2, 40, 2))
    boxes = np.concatenate([centres - extents / 2, centres + extents / 2], -1)
    boxes[:, 0] = 0
    boxes[:, 1] = (5, 5, 5, 300)
    return boxes.astype(np.float32)


@pytest.mark.parametrize("levels", [1, 2, 5])
@pytest.mark.parametrize("seed", range(3))
def test_regions_are_cut_as_torchvision_cuts(levels, seed):
    ready = session(cutter(levels).SerializeToString())
    boxes = regions_of_every_extent(seed)
    raw = {
        name: np.random.default_rng(seed).standard_normal((2, CHANNELS, *size), np.float32)
        for name, size in zip(LEVELS[:levels], levels_of((1024, 1024)), strict=False)
    }
    (found,) = ready.run(None, {**raw, "corners": boxes, "valid": np.ones((2, 40), bool)})
    expected = cut(raw, [torch.from_numpy(image) for image in boxes], POOL, levels).numpy()
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-4


@pytest.mark.parametrize(
    ("extent", "level"), [(111.9, 0), (112.1, 0), (223.9, 0), (224.1, 1), (447.9, 1), (448.1, 2)]
)
def test_levels_by_extent(extent, level):
    """A region of 224 is cut from stride 16 on (Lin et al. 2017): features tell where it came from."""
    ready = session(cutter(3).SerializeToString())
    raw = {
        name: np.full((1, CHANNELS, *size), float(number), np.float32)
        for number, (name, size) in enumerate(zip(LEVELS[:3], levels_of((1024, 1024)), strict=False))
    }
    boxes = np.tile(np.array([100, 100, 100 + extent / 2, 100 + extent * 2], np.float32), (1, 40, 1))
    (found,) = ready.run(None, {**raw, "corners": boxes, "valid": np.ones((1, 40), bool)})
    assert np.allclose(found, level)
