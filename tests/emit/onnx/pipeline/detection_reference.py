"""What raw outputs mean, by torchvision: its box coder, its clipping, its suppression."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import torch
import torchvision
from pipeline_support import Bare
from torchvision.models.detection._utils import BoxCoder
from torchvision.models.detection.retinanet import RetinaNet

from spinedsl.graph.tasks import Anchors


def anchors_of(anchors: Anchors, stride: int, height: int, width: int) -> torch.Tensor:
    """Corners of a level's anchors, by counting: (height · width · anchors, 4)."""
    found = []
    for row, column in itertools.product(range(height), range(width)):
        x, y = (column + 0.5) * stride, (row + 0.5) * stride
        for octave, aspect in itertools.product(range(anchors.octaves), anchors.aspects):
            area = (anchors.size * stride * 2 ** (octave / anchors.octaves)) ** 2
            h = (area / aspect) ** 0.5
            w = area / h
            found.append((x - w / 2, y - h / 2, x + w / 2, y + h / 2))
    return torch.tensor(found, dtype=torch.float64).reshape(-1, 4).float()


def levels_of(bare: Bare) -> list[torch.Tensor]:
    """Anchors, level by level."""
    task = bare.pipeline.purpose
    return [
        anchors_of(task.anchors, stride, *bare.shapes[f"scores_{endpoint}"][1:])
        for endpoint, stride in zip(task.endpoints, task.strides, strict=True)
    ]


def every_anchor(bare: Bare) -> torch.Tensor:
    """Anchors of all levels."""
    return torch.cat(levels_of(bare))


def by_level(task, raw: dict[str, np.ndarray], kind: str, channels: int) -> list[torch.Tensor]:
    """Raw outputs as torchvision has them: for each level (N, height · width · anchors, channels)."""
    found = []
    for endpoint in task.endpoints:
        value = torch.from_numpy(raw[f"{kind}_{endpoint}"])
        n, _, height, width = value.shape
        split = value.reshape(n, task.anchors.count, channels, height, width)
        found.append(split.permute(0, 3, 4, 1, 2).reshape(n, -1, channels))
    return found


def retinanet(
    bare: Bare, raw: dict[str, np.ndarray], covered: tuple[int, int]
) -> list[dict[str, np.ndarray]]:
    """`RetinaNet.postprocess_detections` of torchvision, with the published numbers."""
    task, options = bare.pipeline.purpose, bare.pipeline.options
    levels = levels_of(bare)
    scores, codes = by_level(task, raw, "scores", task.classes), by_level(task, raw, "boxes", 4)
    model = SimpleNamespace(
        score_thresh=options.score_threshold,
        topk_candidates=1000,
        nms_thresh=options.overlap_threshold,
        detections_per_img=options.detections,
        box_coder=BoxCoder((1.0, 1.0, 1.0, 1.0)),
    )
    batch = len(scores[0])
    found = RetinaNet.postprocess_detections(
        model, {"cls_logits": scores, "bbox_regression": codes}, [levels] * batch, [covered] * batch
    )
    return [{key: value.numpy() for key, value in image.items()} for image in found]


def suppressed(boxes, scores, groups, overlap: float) -> torch.Tensor:
    """torchvision's `nms` for each group; of equal scores the first comes first, unlike `batched_nms`."""
    kept = []
    for group in groups.unique():
        rows = torch.nonzero(groups == group)[:, 0]
        kept.append(rows[torchvision.ops.nms(boxes[rows], scores[rows], overlap)])
    rows = torch.cat([*kept, torch.zeros(0, dtype=torch.int64)]).sort().values
    return rows[scores[rows].sort(descending=True, stable=True).indices]


def best_5000(
    bare: Bare, raw: dict[str, np.ndarray], covered: tuple[int, int]
) -> list[dict[str, np.ndarray]]:
    """The same with the candidates of all levels together, by sorting all of them."""
    task, options = bare.pipeline.purpose, bare.pipeline.options
    anchors = every_anchor(bare)
    coder = BoxCoder((1.0, 1.0, 1.0, 1.0))
    every_score = torch.cat(by_level(task, raw, "scores", task.classes), 1)
    every_code = torch.cat(by_level(task, raw, "boxes", 4), 1)
    found = []
    for logits, codes in zip(every_score, every_code, strict=True):
        flat = logits.flatten()
        order = flat.sort(descending=True, stable=True).indices[: options.candidates]
        scores = flat[order].sigmoid()
        order, scores = order[scores > options.score_threshold], scores[scores > options.score_threshold]
        anchor, label = order // task.classes, order % task.classes
        boxes = coder.decode_single(codes[anchor], anchors[anchor])
        boxes = torchvision.ops.clip_boxes_to_image(boxes, covered)
        kept = suppressed(boxes, scores, label, options.overlap_threshold)[: options.detections]
        found.append(
            {"boxes": boxes[kept].numpy(), "scores": scores[kept].numpy(), "labels": label[kept].numpy()}
        )
    return found


def every_box(
    bare: Bare, raw: dict[str, np.ndarray], covered: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (N, anchors, 4) and logits (N, anchors, classes) of all anchors."""
    task = bare.pipeline.purpose
    anchors = every_anchor(bare)
    coder = BoxCoder((1.0, 1.0, 1.0, 1.0))
    boxes = [
        torchvision.ops.clip_boxes_to_image(coder.decode_single(codes, anchors), covered)
        for codes in torch.cat(by_level(task, raw, "boxes", 4), 1)
    ]
    return torch.stack(boxes).numpy(), torch.cat(by_level(task, raw, "scores", task.classes), 1).numpy()
