"""Pictures of one-coloured rectangles and ellipses: what a detector can learn in a moment."""

from __future__ import annotations

from typing import Any

import torch

COLOURS = torch.tensor([[2.0, -1.0, -1.0], [-1.0, 2.0, -1.0], [-1.0, -1.0, 2.0]])


def scenes(
    count: int, size: tuple[int, int] = (128, 128), first_label: int = 0, largest: int = 56
) -> tuple[Any, list[Any]]:
    """Images with two objects each, one in either half; with their boxes, labels and masks."""
    height, width = size
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    images, targets = torch.randn(count, 3, height, width) * 0.1, []
    for index in range(count):
        boxes, masks = [], []
        labels = torch.randint(len(COLOURS), (2,))
        for half in range(2):
            extent = torch.randint(largest // 2 - 4, largest, (2,))
            corner = torch.rand(2) * (torch.tensor([width // 2, height]) - extent)
            corner = corner.round() + torch.tensor([half * width // 2, 0])
            box = torch.cat((corner, corner + extent))
            centre = corner + extent / 2
            ellipse = ((x - centre[0]) / extent[0]) ** 2 + ((y - centre[1]) / extent[1]) ** 2 < 0.25
            images[index, :, ellipse] = COLOURS[labels[half]][:, None]
            boxes.append(box)
            masks.append(ellipse)
        targets.append(
            {
                "boxes": torch.stack(boxes),
                "labels": labels + first_label,
                "masks": torch.stack(masks).to(torch.uint8),
            }
        )
    return images, targets
