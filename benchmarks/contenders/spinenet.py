"""SpineNet by hand, as the public ports are written: a table of blocks, a loop over it, a list of features.

Nothing is done badly on purpose: activations are in place, additions too. The networks are those of
specs/spinenet.spine, parameter by parameter; `parts` says which is which.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import nn

WIDTHS = {2: 64, 3: 128, 4: 256, 5: 256, 6: 256, 7: 256}

BLOCKS: list[tuple[int, str, tuple[int, int], bool]] = [
    (2, "bottleneck", (0, 1), False),
    (4, "residual", (0, 1), False),
    (3, "bottleneck", (2, 3), False),
    (4, "bottleneck", (2, 4), False),
    (6, "residual", (3, 5), False),
    (4, "bottleneck", (3, 5), False),
    (5, "residual", (6, 7), False),
    (7, "residual", (6, 8), False),
    (5, "bottleneck", (8, 9), False),
    (5, "bottleneck", (8, 10), False),
    (4, "bottleneck", (5, 10), True),
    (3, "bottleneck", (4, 10), True),
    (5, "bottleneck", (7, 12), True),
    (7, "bottleneck", (5, 14), True),
    (6, "bottleneck", (12, 14), True),
]
"""Level, kind, the two features that are read, whether it is an output."""

MODELS: dict[str, tuple[float, float, int, int]] = {
    "spinenet49s": (0.65, 0.5, 1, 128),
    "spinenet49": (1.0, 0.5, 1, 256),
    "spinenet96": (1.0, 0.5, 2, 256),
    "spinenet143": (1.0, 1.0, 3, 256),
}
"""Spec → scale of the widths, alpha, repeats, channels of the endpoints."""


class ConvNorm(nn.Module):
    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, act: bool = True
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(out_channels, eps=1e-3, momentum=0.01)
        self.act = nn.ReLU(inplace=True) if act else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.conv(x))
        return x if self.act is None else self.act(x)


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_channels: int, width: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(in_channels, width, 1)
        self.conv2 = ConvNorm(width, width, 3)
        self.conv3 = ConvNorm(width, 4 * width, 1, act=False)
        self.downsample = ConvNorm(in_channels, 4 * width, 1, act=False) if in_channels != 4 * width else None
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        identity = x
        out = self.conv1(x)
        out = self.conv2(out)
        out = self.conv3(out)
        if self.downsample is not None:
            identity = self.downsample(x)
        out += identity
        return self.relu(out)


class Residual(nn.Module):
    expansion = 1

    def __init__(self, in_channels: int, width: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(in_channels, width, 3)
        self.conv2 = ConvNorm(width, width, 3, act=False)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        identity = x
        out = self.conv1(x)
        out = self.conv2(out)
        out += identity
        return self.relu(out)


KINDS: dict[str, type[Bottleneck] | type[Residual]] = {"bottleneck": Bottleneck, "residual": Residual}


class Resample(nn.Module):
    """To `2 ** difference` times the extents, and other channels."""

    def __init__(self, in_channels: int, hidden: int, out_channels: int, difference: int) -> None:
        super().__init__()
        self.difference = difference
        self.squeeze = ConvNorm(in_channels, hidden, 1)
        self.down = ConvNorm(hidden, hidden, 3, stride=2) if difference < 0 else None
        self.expand = ConvNorm(hidden, out_channels, 1, act=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.squeeze(x)
        if self.difference > 0:
            x = F.interpolate(x, scale_factor=2**self.difference, mode="nearest")
        if self.down is not None:
            x = self.down(x)
            for _ in range(-self.difference - 1):
                x = F.max_pool2d(x, kernel_size=3, stride=2, padding=1)
        return self.expand(x)


class SpineNet(nn.Module):
    """One of `MODELS`; takes images whose sides are multiples of 128, gives P3 to P7 as a dict."""

    def __init__(self, name: str) -> None:
        super().__init__()
        scale, alpha, repeats, endpoint_channels = MODELS[name]
        widths = {level: int(width * scale) for level, width in WIDTHS.items()}
        self.conv1 = ConvNorm(3, 64, 7, stride=2)
        self.init_block1 = self._block("bottleneck", 64, widths[2], repeats)
        self.init_block2 = self._block("bottleneck", 4 * widths[2], widths[2], repeats)
        bases, channels, levels = [widths[2]] * 2, [4 * widths[2]] * 2, [2, 2]
        self.resamples = nn.ModuleList()
        self.blocks = nn.ModuleList()
        self.endpoints = nn.ModuleDict()
        for level, kind, sources, is_output in BLOCKS:
            out_channels = KINDS[kind].expansion * widths[level]
            self.resamples.append(
                nn.ModuleList(
                    Resample(channels[s], int(bases[s] * alpha), out_channels, levels[s] - level)
                    for s in sources
                )
            )
            self.blocks.append(self._block(kind, out_channels, widths[level], repeats))
            if is_output:
                self.endpoints[f"P{level}"] = ConvNorm(out_channels, endpoint_channels, 1)
            bases.append(widths[level])
            channels.append(out_channels)
            levels.append(level)

    def _block(self, kind: str, in_channels: int, width: int, repeats: int) -> nn.Sequential:
        block = KINDS[kind]
        first = block(in_channels, width)
        return nn.Sequential(first, *(block(block.expansion * width, width) for _ in range(repeats - 1)))

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        x = F.max_pool2d(self.conv1(image), kernel_size=3, stride=2, padding=1)
        first = self.init_block1(x)
        features = [first, self.init_block2(first)]
        readers = [0, 0]
        outputs = {}
        for (level, _, sources, is_output), resamples, block in zip(
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
            x = block(F.relu(merged, inplace=True))
            features.append(x)
            readers.append(0)
            if is_output:
                outputs[f"P{level}"] = self.endpoints[f"P{level}"](x)
        return outputs


def parts(network: SpineNet) -> Iterator[tuple[str, nn.Module]]:
    """Every layer with its norm, by the name that it has in spinec's module."""

    def block(name: str, repeats: nn.Sequential) -> Iterator[tuple[str, nn.Module]]:
        for number, one in enumerate(repeats):
            prefix = f"{name}.{number}" if len(repeats) > 1 else name
            for layer, part in one.named_children():
                if isinstance(part, ConvNorm):
                    yield f"{prefix}.{layer.replace('downsample', 'projection.conv1')}", part

    yield "stem.conv1", network.conv1
    yield from block("s0", network.init_block1)
    yield from block("s1", network.init_block2)
    names = ["s0", "s1"]
    for (level, _, sources, is_output), resamples, repeats in zip(
        BLOCKS, network.resamples, network.blocks, strict=True
    ):
        name = f"b{len(names)}"
        for source, resample in zip(sources, resamples, strict=True):
            layers = [part for part in resample.children() if isinstance(part, ConvNorm)]
            for number, layer in enumerate(layers, 1):
                yield f"{names[source]}_to_{name}.conv{number}", layer
        yield from block(name, repeats)
        if is_output:
            yield f"P{level}.conv1", network.endpoints[f"P{level}"]
        names.append(name)
