"""Networks in place of compiled ones: a backbone, a neck and a head of every kind.

Their text goes into the files under test, so it needs the imports of a generated file only.
"""

import torch  # noqa: F401 (the text behind this one uses it)
import torch.nn.functional as F
from torch import nn


class Network(nn.Module):
    """What generated classes have in common: `generator` and `initialise`."""

    def initialise(self, generator=None):
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                std = (2 / module.weight[0].numel()) ** 0.5
                nn.init.normal_(module.weight, std=std, generator=generator)
                nn.init.zeros_(module.bias)


class Backbone(Network):
    """P3 to P5 in 16 channels."""

    def __init__(self, *, drop_path=0.0, generator=None):
        super().__init__()
        self.drop_path = drop_path
        self.stem = nn.Sequential(
            nn.Conv2d(3, 16, 3, 2, 1), nn.BatchNorm2d(16, momentum=0.3), nn.ReLU(),
            nn.Conv2d(16, 16, 3, 2, 1), nn.BatchNorm2d(16, momentum=0.3), nn.ReLU(),
            nn.Conv2d(16, 16, 3, 2, 1), nn.BatchNorm2d(16, momentum=0.3), nn.ReLU(),
        )  # fmt: skip
        self.down1 = nn.Conv2d(16, 16, 3, 2, 1)
        self.down2 = nn.Conv2d(16, 16, 3, 2, 1)
        self.initialise(generator)

    def forward(self, image):
        p3 = self.stem(image)
        p4 = F.relu(self.down1(p3))
        return {"P3": p3, "P4": p4, "P5": F.relu(self.down2(p4))}


class Neck(Network):
    """Reads c3 to c5, and keeps their channels."""

    def __init__(self, *, generator=None):
        super().__init__()
        self.conv = nn.Conv2d(16, 16, 3, padding=1)
        self.initialise(generator)

    def forward(self, features):
        return {f"P{level}": F.relu(self.conv(features[f"c{level}"])) for level in (3, 4, 5)}


class AnchorHead(Network):
    """Scores and boxes at every anchor of every level."""

    def __init__(self, classes, anchors, *, generator=None):
        super().__init__()
        self.conv = nn.Conv2d(16, 32, 3, padding=1)
        self.norm = nn.BatchNorm2d(32, momentum=0.3)
        self.scores = nn.Conv2d(32, anchors * classes, 3, padding=1)
        self.boxes = nn.Conv2d(32, anchors * 4, 3, padding=1)
        self.initialise(generator)

    def initialise(self, generator=None):
        super().initialise(generator)
        for conv in (self.scores, self.boxes):
            nn.init.normal_(conv.weight, std=0.01, generator=generator)

    def forward(self, features):
        towers = {name: F.relu(self.norm(self.conv(x))) for name, x in features.items()}
        return {f"scores_{name}": self.scores(x) for name, x in towers.items()} | {
            f"boxes_{name}": self.boxes(x) for name, x in towers.items()
        }


class DetectionHead(AnchorHead):
    """Three classes, nine anchors; scores start at 0.01."""

    def __init__(self, *, generator=None):
        super().__init__(3, 9, generator=generator)

    def initialise(self, generator=None):
        super().initialise(generator)
        nn.init.constant_(self.scores.bias, -4.6)


class ProposalHead(AnchorHead):
    """One score, three anchors."""

    def __init__(self, *, generator=None):
        super().__init__(1, 3, generator=generator)


class BoxHead(Network):
    """Three classes and the background, of regions of 7 x 7."""

    def __init__(self, *, generator=None):
        super().__init__()
        self.conv = nn.Conv2d(16, 32, 3, padding=1)
        self.norm = nn.BatchNorm2d(32, momentum=0.3)
        self.scores = nn.Linear(32 * 49, 4)
        self.boxes = nn.Linear(32 * 49, 16)
        self.initialise(generator)

    def initialise(self, generator=None):
        super().initialise(generator)
        nn.init.normal_(self.scores.weight, std=0.01, generator=generator)
        nn.init.normal_(self.boxes.weight, std=0.001, generator=generator)

    def forward(self, regions):
        x = F.relu(self.norm(self.conv(regions))).flatten(1)
        return {"scores": self.scores(x), "boxes": self.boxes(x)}


class MaskHead(Network):
    """Masks of 28 x 28 from regions of 14 x 14."""

    def __init__(self, *, generator=None):
        super().__init__()
        self.conv = nn.Conv2d(16, 32, 3, padding=1)
        self.norm = nn.BatchNorm2d(32, momentum=0.3)
        self.masks = nn.Conv2d(32, 4, 1)
        self.initialise(generator)

    def forward(self, regions):
        x = F.relu(self.norm(self.conv(regions)))
        return {"masks": self.masks(F.interpolate(x, scale_factor=2.0, mode="nearest"))}


class ClassHead(Network):
    """Five classes an image."""

    def __init__(self, *, generator=None):
        super().__init__()
        self.dense = nn.Linear(16, 5)
        self.initialise(generator)

    def forward(self, features):
        return {"logits": self.dense(features["P5"].mean((2, 3)))}


class PixelHead(Network):
    """Five classes for each 8 x 8 pixels."""

    def __init__(self, *, generator=None):
        super().__init__()
        self.conv = nn.Conv2d(16, 5, 1)
        self.initialise(generator)

    def forward(self, features):
        return {"logits": self.conv(features["P3"])}
