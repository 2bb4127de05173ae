class Subnet(nn.Module):
    """`depth` convolutions and the one that predicts; all levels share them.

    A fresh network answers almost zero, or `prior` as a probability.
    """

    def __init__(
        self, in_channels: int, width: int, out_channels: int, prior: float, levels: tuple[str, ...]
    ) -> None:
        super().__init__()
        self.conv1 = NormalConv2d(in_channels, width, 3, padding=1, std=0.01)
        self.norm1 = nn.ModuleDict({level: BatchNorm2d(width) for level in levels})
        self.conv2 = NormalConv2d(width, width, 3, padding=1, std=0.01)
        self.norm2 = nn.ModuleDict({level: BatchNorm2d(width) for level in levels})
        self.conv3 = NormalConv2d(width, out_channels, 3, padding=1, std=1e-05, prior=prior)

    def forward(self, x: torch.Tensor, level: str) -> torch.Tensor:
        x = F.relu(self.norm1[level](self.conv1(x)))
        x = F.relu(self.norm2[level](self.conv2(x)))
        return self.conv3(x)


class RetinanetHead(nn.Module):
    """At every pixel of every level, `octaves` x `aspects` anchors; the smallest is `size`
    strides wide.

    Takes a dict of the features of images whose height and width are multiples of 16 (P3: level 3,
    8 channels; P4: level 4, 8 channels); returns a dict of its outputs.

    output     channels  height x width
    scores_P3        27           8 x 8
    scores_P4        27           4 x 4
    boxes_P3         36           8 x 8
    boxes_P4         36           4 x 4

    7,063 parameters.

    Args:
        generator: what the initialisation draws from; torch's own if there is none.
    """

    levels = ("P3", "P4")

    def __init__(self, *, generator: torch.Generator | None = None) -> None:
        super().__init__()
        # Made without memory, so that weights are drawn only once: by `initialise`.
        with torch.device("meta"):
            self.scores = Subnet(8, width=8, out_channels=27, prior=0.01, levels=self.levels)
            self.boxes = Subnet(8, width=8, out_channels=36, prior=0.5, levels=self.levels)
        self.to_empty(device=torch.empty(0).device)
        self.initialise(generator)

    def initialise(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights anew, as published; from `generator` alone if there is one."""
        for module in self.modules():
            if isinstance(module, NormalConv2d):
                nn.init.normal_(module.weight, std=module.std, generator=generator)
                nn.init.constant_(module.bias, math.log(module.prior / (1 - module.prior)))
            elif isinstance(module, (nn.BatchNorm2d, nn.SyncBatchNorm)):
                module.reset_parameters()

    def forward(self, features: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        height, width = features["P3"].shape[-2:]
        if not torch.jit.is_tracing() and (height % 2 or width % 2):
            raise ValueError(
                f"height and width of P3 must be multiples of 2, not {height} x {width}"
            )
        for name, times in (("P4", 2),):
            expected = (-(-height // times), -(-width // times))
            if not torch.jit.is_tracing() and features[name].shape[-2:] != expected:
                raise ValueError(f"{name} must be {expected[0]} x {expected[1]} here")
        P3 = features["P3"]
        P4 = features["P4"]
        scores_P3 = self.scores(P3, "P3")
        boxes_P3 = self.boxes(P3, "P3")
        scores_P4 = self.scores(P4, "P4")
        boxes_P4 = self.boxes(P4, "P4")
        return {
            "scores_P3": scores_P3,
            "scores_P4": scores_P4,
            "boxes_P3": boxes_P3,
            "boxes_P4": boxes_P4,
        }


class RegionSubnet(nn.Module):
    """What looks at every pixel's surroundings before the two predictions."""

    def __init__(self, in_channels: int, width: int, levels: tuple[str, ...]) -> None:
        super().__init__()
        self.conv1 = NormalConv2d(in_channels, width, 3, padding=1, std=0.01)
        self.norm1 = nn.ModuleDict({level: BatchNorm2d(width) for level in levels})

    def forward(self, x: torch.Tensor, level: str) -> torch.Tensor:
        return F.relu(self.norm1[level](self.conv1(x)))


class RpnHead(nn.Module):
    """The first stage: where something could be.

    Its convolutions serve all levels.

    Takes a dict of the features of images whose height and width are multiples of 16 (P3: level 3,
    8 channels; P4: level 4, 8 channels); returns a dict of its outputs.

    output     channels  height x width
    scores_P3         3           8 x 8
    scores_P4         3           4 x 4
    boxes_P3         12           8 x 8
    boxes_P4         12           4 x 4

    751 parameters.

    Args:
        generator: what the initialisation draws from; torch's own if there is none.
    """

    levels = ("P3", "P4")

    def __init__(self, *, generator: torch.Generator | None = None) -> None:
        super().__init__()
        # Made without memory, so that weights are drawn only once: by `initialise`.
        with torch.device("meta"):
            self.region_subnet = RegionSubnet(8, width=8, levels=self.levels)
            self.scores = NormalConv2d(8, 3, 1, std=1e-05)
            self.boxes = NormalConv2d(8, 12, 1, std=1e-05)
        self.to_empty(device=torch.empty(0).device)
        self.initialise(generator)

    def initialise(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights anew, as published; from `generator` alone if there is one."""
        for module in self.modules():
            if isinstance(module, NormalConv2d):
                nn.init.normal_(module.weight, std=module.std, generator=generator)
                nn.init.zeros_(module.bias)
            elif isinstance(module, (nn.BatchNorm2d, nn.SyncBatchNorm)):
                module.reset_parameters()

    def forward(self, features: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        height, width = features["P3"].shape[-2:]
        if not torch.jit.is_tracing() and (height % 2 or width % 2):
            raise ValueError(
                f"height and width of P3 must be multiples of 2, not {height} x {width}"
            )
        for name, times in (("P4", 2),):
            expected = (-(-height // times), -(-width // times))
            if not torch.jit.is_tracing() and features[name].shape[-2:] != expected:
                raise ValueError(f"{name} must be {expected[0]} x {expected[1]} here")
        P3 = features["P3"]
        P4 = features["P4"]
        region_subnet_P3 = self.region_subnet(P3, "P3")
        scores_P3 = self.scores(region_subnet_P3)
        boxes_P3 = self.boxes(region_subnet_P3)
        del region_subnet_P3
        region_subnet_P4 = self.region_subnet(P4, "P4")
        return {
            "scores_P3": scores_P3,
            "scores_P4": self.scores(region_subnet_P4),
            "boxes_P3": boxes_P3,
            "boxes_P4": self.boxes(region_subnet_P4),
        }


class FastRcnnHead(nn.Module):
    """The second stage: what stands in a region of 7 x 7, class 0 being the background, and its
    exact box.

    Takes regions, R x 8 x 7 x 7; returns a dict of its outputs.

    output  channels  height x width
    scores         3
    boxes         12

    7,775 parameters.

    Args:
        generator: what the initialisation draws from; torch's own if there is none.
    """

    def __init__(self, *, generator: torch.Generator | None = None) -> None:
        super().__init__()
        # Made without memory, so that weights are drawn only once: by `initialise`.
        with torch.device("meta"):
            self.conv1 = nn.Conv2d(8, 8, 3, padding=1)
            self.norm1 = BatchNorm2d(8)
            self.conv2 = nn.Conv2d(8, 8, 3, padding=1)
            self.norm2 = BatchNorm2d(8)
            self.dense1 = Dense(49 * 8, 16)
            self.norm3 = BatchNorm2d(16)
            self.scores = NormalDense(16, 3, std=0.01)
            self.boxes = NormalDense(16, 12, std=0.001)
        self.to_empty(device=torch.empty(0).device)
        self.initialise(generator)

    def initialise(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights anew, as published; from `generator` alone if there is one."""
        for module in self.modules():
            if isinstance(module, NormalDense):
                nn.init.normal_(module.weight, std=module.std, generator=generator)
                nn.init.zeros_(module.bias)
            elif isinstance(module, (nn.Conv2d, nn.Linear)):
                truncated_normal_(module.weight, module.weight[0].numel(), generator)
                nn.init.zeros_(module.bias)
            elif isinstance(module, (nn.BatchNorm2d, nn.SyncBatchNorm)):
                module.reset_parameters()

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        if not torch.jit.is_tracing() and x.shape[-2:] != (7, 7):
            raise ValueError("regions must be 7 x 7")
        x = F.relu(self.norm1(self.conv1(x)))
        x = F.relu(self.norm2(self.conv2(x)))
        x = F.relu(self.norm3(self.dense1(x)))
        return {
            "scores": self.scores(x).flatten(1),
            "boxes": self.boxes(x).flatten(1),
        }


class MaskFcnHead(nn.Module):
    """A mask of 28 x 28 for every class, from a region of 14 x 14.

    Takes regions, R x 8 x 14 x 14; returns a dict of its outputs.

    output  channels  height x width
    masks          3         28 x 28

    1,507 parameters.

    Args:
        generator: what the initialisation draws from; torch's own if there is none.
    """

    def __init__(self, *, generator: torch.Generator | None = None) -> None:
        super().__init__()
        # Made without memory, so that weights are drawn only once: by `initialise`.
        with torch.device("meta"):
            self.conv1 = nn.Conv2d(8, 8, 3, padding=1)
            self.norm1 = BatchNorm2d(8)
            self.conv2 = nn.Conv2d(8, 8, 3, padding=1)
            self.norm2 = BatchNorm2d(8)
            self.deconv1 = nn.ConvTranspose2d(8, 8, 2, stride=2)
            self.norm3 = BatchNorm2d(8)
            self.masks = nn.Conv2d(8, 3, 1)
        self.to_empty(device=torch.empty(0).device)
        self.initialise(generator)

    def initialise(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights anew, as published; from `generator` alone if there is one."""
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                truncated_normal_(module.weight, module.weight[0].numel(), generator)
                nn.init.zeros_(module.bias)
            elif isinstance(module, (nn.BatchNorm2d, nn.SyncBatchNorm)):
                module.reset_parameters()

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        if not torch.jit.is_tracing() and x.shape[-2:] != (14, 14):
            raise ValueError("regions must be 14 x 14")
        x = F.relu(self.norm1(self.conv1(x)))
        x = F.relu(self.norm2(self.conv2(x)))
        x = F.relu(self.norm3(self.deconv1(x)))
        return {
            "masks": self.masks(x),
        }


class SemanticHead(nn.Module):
    """All levels enlarged to the finest one and added, then convolutions (tf-models-official
    2.20.0, official/vision/modeling/heads/segmentation_heads.py, 'pyramid_fusion').

    Takes a dict of the features of images whose height and width are multiples of 16 (P3: level 3,
    8 channels; P4: level 4, 8 channels); returns a dict of its outputs.

    output  channels  height x width
    logits         5           8 x 8

    1,229 parameters.

    Args:
        generator: what the initialisation draws from; torch's own if there is none.
    """

    def __init__(self, *, generator: torch.Generator | None = None) -> None:
        super().__init__()
        # Made without memory, so that weights are drawn only once: by `initialise`.
        with torch.device("meta"):
            self.conv1 = NormalConv2d(8, 8, 3, padding=1, bias=False, std=0.01)
            self.norm1 = BatchNorm2d(8)
            self.conv2 = NormalConv2d(8, 8, 3, padding=1, bias=False, std=0.01)
            self.norm2 = BatchNorm2d(8)
            self.logits = NormalConv2d(8, 5, 1, std=0.01)
        self.to_empty(device=torch.empty(0).device)
        self.initialise(generator)

    def initialise(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights anew, as published; from `generator` alone if there is one."""
        for module in self.modules():
            if isinstance(module, NormalConv2d):
                nn.init.normal_(module.weight, std=module.std, generator=generator)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, (nn.BatchNorm2d, nn.SyncBatchNorm)):
                module.reset_parameters()

    def forward(self, features: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        height, width = features["P3"].shape[-2:]
        if not torch.jit.is_tracing() and (height % 2 or width % 2):
            raise ValueError(
                f"height and width of P3 must be multiples of 2, not {height} x {width}"
            )
        for name, times in (("P4", 2),):
            expected = (-(-height // times), -(-width // times))
            if not torch.jit.is_tracing() and features[name].shape[-2:] != expected:
                raise ValueError(f"{name} must be {expected[0]} x {expected[1]} here")
        P3 = features["P3"]
        P4 = features["P4"]
        x = F.interpolate(P4, scale_factor=2, mode="nearest") + P3
        x = F.relu(self.norm1(self.conv1(x)))
        x = F.relu(self.norm2(self.conv2(x)))
        return {
            "logits": self.logits(x),
        }


class OwnHead(nn.Module):
    """The head “own”.

    Takes a dict of the features of images whose height and width are multiples of 16 (P3: level 3,
    8 channels; P4: level 4, 8 channels); returns a dict of its outputs.

    output  channels  height x width
    logits         5

    1,497 parameters.

    Args:
        generator: what the initialisation draws from; torch's own if there is none.
    """

    def __init__(self, *, generator: torch.Generator | None = None) -> None:
        super().__init__()
        # Made without memory, so that weights are drawn only once: by `initialise`.
        with torch.device("meta"):
            self.conv1 = nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False)
            self.norm1 = BatchNorm2d(8)
            self.conv2 = GlorotConv2d(8, 6, 3, padding=1, bias=False)
            self.conv3 = NormalConv2d(6, 6, 1, std=0.2)
            self.deconv1 = nn.ConvTranspose2d(6, 6, 2, stride=2)
            self.norm2 = BatchNorm2d(6)
            self.dense1 = Dense(6, 64)
            self.logits = NormalDense(64, 5, std=0.1, prior=0.2)
        self.to_empty(device=torch.empty(0).device)
        self.initialise(generator)

    def initialise(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights anew, as published; from `generator` alone if there is one."""
        for module in self.modules():
            if isinstance(module, (NormalConv2d, NormalDense)):
                nn.init.normal_(module.weight, std=module.std, generator=generator)
                nn.init.constant_(module.bias, math.log(module.prior / (1 - module.prior)))
            elif isinstance(module, nn.Conv2d):
                fan_in, fan_out = fans(module)
                if isinstance(module, GlorotConv2d):
                    limit = (6 / (fan_in + fan_out)) ** 0.5
                    nn.init.uniform_(module.weight, -limit, limit, generator=generator)
                else:
                    truncated_normal_(module.weight, fan_in, generator)
            elif isinstance(module, (nn.ConvTranspose2d, nn.Linear)):
                truncated_normal_(module.weight, module.weight[0].numel(), generator)
                nn.init.zeros_(module.bias)
            elif isinstance(module, (nn.BatchNorm2d, nn.SyncBatchNorm)):
                module.reset_parameters()

    def forward(self, features: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        height, width = features["P3"].shape[-2:]
        if not torch.jit.is_tracing() and (height % 2 or width % 2):
            raise ValueError(
                f"height and width of P3 must be multiples of 2, not {height} x {width}"
            )
        for name, times in (("P4", 2),):
            expected = (-(-height // times), -(-width // times))
            if not torch.jit.is_tracing() and features[name].shape[-2:] != expected:
                raise ValueError(f"{name} must be {expected[0]} x {expected[1]} here")
        P3 = features["P3"]
        P4 = features["P4"]
        x = F.max_pool2d(P3, 2, stride=2) + P4
        x = F.relu(self.norm1(self.conv1(x)))
        x = self.conv2(x)
        x = self.conv3(x)
        x = F.relu(self.norm2(self.deconv1(x)))
        x = x.mean((2, 3), keepdim=True)
        x = self.dense1(x)
        return {
            "logits": self.logits(x).flatten(1),
        }
