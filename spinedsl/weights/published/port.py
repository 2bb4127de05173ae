"""Names in the PyTorch ports for mmdetection 1.x.

The ports share one file for the backbone; a convolution with its norm is mmdetection's `ConvModule`,
a block its ResNet's.
Source: lucifer443/SpineNet-Pytorch at d2bc835, mmdet/models/backbones/spinenet.py; open-mmlab/
mmdetection v1.1.0, mmdet/ops/conv_module.py and mmdet/models/backbones/resnet.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from spinedsl.diagnostics import fail
from spinedsl.weights.published.layers import CONVOLUTION, NORM, Layer
from spinedsl.weights.published.structure import MOBILE, Group, Structure

ENDPOINTS = (3, 4, 5, 6, 7)
"""Levels the ports can put out."""


def port_layers(structure: Structure) -> dict[str, Layer]:
    """Every operator's module in a port, by the operator's dotted name.

    Raises:
        DiagnosticError: the ports can't build the network (SP051).
    """
    if structure.family is MOBILE:
        raise fail(
            "SP051",
            "the PyTorch ports have no mobile SpineNet",
            help="`--from garden` and `--from tpu` have",
        )
    return dict(_layers(structure))


def _layers(structure: Structure) -> Iterator[tuple[str, Layer]]:
    for group in structure.groups:
        layers = _block(group) if group.kind else _modules(group)
        yield from (layer for layer in layers if group.kept)


def _block(group: Group) -> Iterator[tuple[str, Layer]]:
    if group.part == "stem block":
        path = f"init_block{group.place + 1}.{group.number}"
    else:
        path = f"scale_permuted_blocks.{group.place}.{group.number}"
    if group.projects:
        yield f"{group.name}.projection.conv1", Layer(CONVOLUTION, f"{path}.downsample.0")
        yield f"{group.name}.projection.norm1", Layer(NORM, f"{path}.downsample.1")
    for index, convolution in enumerate(group.convolutions, start=1):
        yield f"{group.name}.conv{index}", Layer(convolution, f"{path}.conv{index}")
        yield f"{group.name}.norm{index}", Layer(NORM, f"{path}.bn{index}")


def _modules(group: Group) -> Iterator[tuple[str, Layer]]:
    for index, (convolution, module) in enumerate(zip(group.convolutions, _names(group), strict=True), 1):
        yield f"{group.name}.conv{index}", Layer(convolution, f"{module}.conv")
        yield f"{group.name}.norm{index}", Layer(NORM, f"{module}.bn")


def _names(group: Group) -> Sequence[str]:
    """The `ConvModule` of each convolution."""
    if group.part == "connection":
        path = f"merge_ops.{group.place}.resample_ops.{group.number}"
        halving = [f"{path}.downsample_conv"] if len(group.convolutions) == 3 else []
        return [f"{path}.squeeze_conv", *halving, f"{path}.expand_conv"]
    if group.part == "endpoint":
        if group.level not in ENDPOINTS:
            raise fail(
                "SP051",
                f"the PyTorch ports have no endpoint of level {group.level}",
                help=f"their endpoints are P{ENDPOINTS[0]} to P{ENDPOINTS[-1]}",
            )
        return [f"endpoint_convs.{group.level}"]
    return ["conv1"]
