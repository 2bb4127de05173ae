"""SpineNet-Mobile by hand, in the style of benchmarks/contenders/spinenet.py."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import nn

WIDTHS = {0: 8, 1: 16, 2: 24, 3: 40, 4: 80, 5: 112, 6: 112, 7: 112}

BLOCKS: list[tuple[int, tuple[int, int], bool]] = [
    (2, (0, 1), False),
    (2, (1, 2), False),
    (4, (1, 2), False),
    (3, (3, 4), False),
    (4, (3, 5), False),
    (6, (4, 6), False),
    (4, (4, 6), False),
    (5, (7, 8), False),
    (7, (7, 9), False),
    (5, (9, 10), False),
    (5, (9, 11), False),
    (4, (6, 11), True),
    (3, (5, 11), True),
    (5, (8, 13), True),
    (7, (6, 15), True),
    (6, (13, 15), True),
]
"""Level, the two features that are read, whether it is an output."""
ENDPOINT_CHANNELS = 48


class ConvNorm(nn.Module):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int = 1,
        groups: int = 1,
        act: bool = True,
    ) -> None:
        super().__init__()
        padding = kernel // 2
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(out_channels, eps=1e-3, momentum=0.01)
        self.act = nn.SiLU(inplace=True) if act else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.conv(x))
        return x if self.act is None else self.act(x)


class SqueezeExcite(nn.Module):
    def __init__(self, channels: int, reduced: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, reduced, 1)
        self.expand = nn.Conv2d(reduced, channels, 1)
        self.act = nn.SiLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scale = F.adaptive_avg_pool2d(x, 1)
        scale = self.expand(self.act(self.reduce(scale)))
        return x * torch.sigmoid(scale)


class InvertedBottleneck(nn.Module):
    def __init__(self, in_channels: int, width: int, stride: int = 1) -> None:
        super().__init__()
        hidden = 6 * in_channels
        self.expand = ConvNorm(in_channels, hidden, 1)
        self.depthwise = ConvNorm(hidden, hidden, 3, stride, groups=hidden)
        self.excite = SqueezeExcite(hidden, max(1, in_channels // 5))
        self.project = ConvNorm(hidden, width, 1, act=False)
        self.adds = stride == 1 and in_channels == width

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.project(self.excite(self.depthwise(self.expand(x))))
        if self.adds:
            out += x
        return out


class Resample(nn.Module):
    """To `2 ** difference` times the extents, and other channels."""

    def __init__(self, in_channels: int, out_channels: int, difference: int) -> None:
        super().__init__()
        self.difference = difference
        downs = (ConvNorm(in_channels, in_channels, 3, 2, groups=in_channels) for _ in range(-difference))
        self.downs = nn.Sequential(*downs)
        self.project = ConvNorm(in_channels, out_channels, 1, act=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.downs(x)
        if self.difference > 0:
            x = F.interpolate(x, scale_factor=2**self.difference, mode="nearest")
        return self.project(x)


class SpineNetMobile(nn.Module):
    """SpineNet-Mobile-49; takes images whose sides are multiples of 128, gives P3 to P7 as a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = ConvNorm(3, WIDTHS[0], 3, stride=2)
        self.init_block1 = InvertedBottleneck(WIDTHS[0], WIDTHS[1])
        self.init_block2 = InvertedBottleneck(WIDTHS[1], WIDTHS[2], stride=2)
        levels = [1, 2]
        self.resamples = nn.ModuleList()
        self.blocks = nn.ModuleList()
        self.endpoints = nn.ModuleDict()
        for level, sources, is_output in BLOCKS:
            self.resamples.append(
                nn.ModuleList(Resample(WIDTHS[levels[s]], WIDTHS[level], levels[s] - level) for s in sources)
            )
            self.blocks.append(InvertedBottleneck(WIDTHS[level], WIDTHS[level]))
            if is_output:
                self.endpoints[f"P{level}"] = ConvNorm(WIDTHS[level], ENDPOINT_CHANNELS, 1)
            levels.append(level)

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        first = self.init_block1(self.conv1(image))
        features = [first, self.init_block2(first)]
        readers = [0, 0]
        outputs = {}
        for (level, sources, is_output), resamples, block in zip(
            BLOCKS, self.resamples, self.blocks, strict=True
        ):
            merged = resamples[0](features[sources[0]]) + resamples[1](features[sources[1]])
            for source in sources:
                readers[source] += 1
            if is_output:
                for number, feature in enumerate(features):
                    if readers[number] == 0 and feature.shape == merged.shape:
                        merged += feature
                        readers[number] += 1
            x = block(F.silu(merged, inplace=True))
            features.append(x)
            readers.append(0)
            if is_output:
                outputs[f"P{level}"] = self.endpoints[f"P{level}"](x)
        return outputs


def parts(network: SpineNetMobile) -> Iterator[tuple[str, nn.Module]]:
    """Every layer, with its norm or alone, by the name that it has in spinec's module."""

    def block(name: str, of: InvertedBottleneck) -> Iterator[tuple[str, nn.Module]]:
        yield f"{name}.conv1", of.expand
        yield f"{name}.conv2", of.depthwise
        yield f"{name}.squeeze_excite.conv1", of.excite.reduce
        yield f"{name}.squeeze_excite.conv2", of.excite.expand
        yield f"{name}.conv3", of.project

    yield "stem.conv1", network.conv1
    yield from block("s0", network.init_block1)
    yield from block("s1", network.init_block2)
    names = ["s0", "s1"]
    for (level, sources, is_output), resamples, made in zip(
        BLOCKS, network.resamples, network.blocks, strict=True
    ):
        name = f"b{len(names)}"
        for source, resample in zip(sources, resamples, strict=True):
            for number, layer in enumerate((*resample.downs, resample.project), 1):
                yield f"{names[source]}_to_{name}.conv{number}", layer
        yield from block(name, made)
        if is_output:
            yield f"P{level}.conv1", network.endpoints[f"P{level}"]
        names.append(name)
