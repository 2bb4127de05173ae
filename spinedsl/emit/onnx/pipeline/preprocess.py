"""From images of any size to the network's input.

1. Images are uint8, (N, height, width, 3), red, green and blue, all of one size.
2. `letterbox` keeps the aspect: the image becomes as large as fits, rounded to whole pixels, and lies
   at the top left. `stretch` makes it exactly as large as the input. `crop` cuts the middle out
   first, the part that remains of an image resized with a margin of 32 pixels.
3. Pixels are interpolated bilinearly, pixel centre to pixel centre, without smoothing before an image
   is made smaller: so networks of this kind are trained and evaluated.
4. Pixels / 255 are shifted and scaled by the mean and deviation; then what a letterbox leaves free is
   filled with zeros, which is the mean colour.

Source of 2 to 4: tf-models-official 2.20.0, official/vision/ops/preprocess_ops.py,
`resize_and_crop_image` and `center_crop_image`. Sizes are whole numbers here, so that no float
decides about a pixel.
"""

from __future__ import annotations

import numpy as np

from spinedsl.emit.onnx.pipeline.options import Fit
from spinedsl.emit.onnx.pipeline.steps import BATCH, Steps
from spinedsl.graph.tasks import Preprocessing
from spinedsl.records import record

IMAGES = "images"
"""Name of a pipeline's input."""

CROP_MARGIN = 32
"""Pixels, at the network's size, that a central crop leaves away. Source: as above, CROP_PADDING."""


@record
class Placement:
    """Where images lie in the network's input.

    Attributes:
        size: height and width of the network's input.
        image: name of a value, int64 (2): height and width of the images, each at least 1.
        content: the same of what an image covers of the network's input, from the top left on.
    """

    size: tuple[int, int]
    image: str
    content: str


def preprocess(
    steps: Steps, output: str, size: tuple[int, int], pixels: Preprocessing, fit: Fit
) -> Placement:
    """Declare the images, and write what makes the network's input of them.

    Args:
        output: what the network's input is called: float32 (N, 3, height, width).
        size: height and width of the network's input.
    """
    steps.graph.add_input(IMAGES, (BATCH, "height", "width", 3), np.uint8)
    shape = steps.add("shape", "Shape", IMAGES, start=1, end=3)
    # An image without pixels is refused by Resize; before, ONNX Runtime 1.20 dies of a division by zero.
    image = steps.add("size", "Max", shape, steps.integers(1))
    source = _cropped(steps, image, size) if fit == "crop" else IMAGES
    content = _letterboxed(steps, image, size) if fit == "letterbox" else steps.integers(*size)
    # A quarter of the memory: the bytes are transposed, not the floats.
    planes = steps.add("planes", "Transpose", source, perm=(0, 3, 1, 2))
    batch = steps.add("batch", "Shape", IMAGES, start=0, end=1)
    sizes = steps.add("sizes", "Concat", batch, steps.integers(3), content, axis=0)
    resized = bilinear(steps, "resized", steps.cast("floats", planes, np.float32), sizes)
    normal = _normalised(steps, resized, pixels)
    if fit == "letterbox":
        free = steps.add("free", "Sub", steps.integers(*size), content)
        pads = steps.add("pads", "Concat", steps.integers(0, 0, 0, 0, 0, 0), free, axis=0)
        normal = steps.add("padded", "Pad", normal, pads)
    steps.graph.node(
        "Reshape", (normal, steps.integers(0, 3, *size)), output, f"{output}/reshape", {}
    )  # states the extents, which no shape inference finds
    steps.graph.describe(output, (BATCH, 3, *size))
    return Placement(size, image, content)


def bilinear(steps: Steps, name: str, value: str, sizes: str) -> str:
    """The value in other sizes (4), from pixel centre to pixel centre."""
    return steps.add(
        name, "Resize", value, "", "", sizes, mode="linear", coordinate_transformation_mode="half_pixel"
    )


def _letterboxed(steps: Steps, image: str, size: tuple[int, int]) -> str:
    """Height and width of an image in the letterbox: one fills it, the other one is round(h · W / w)."""
    height, width = size
    other = steps.add("across", "Gather", image, steps.integers(1, 0))
    grown = steps.add("grown", "Mul", image, steps.integers(2 * width, 2 * height))
    twice = steps.add("twice", "Mul", other, steps.integers(2))
    rounded = steps.add("rounded", "Div", steps.add("half", "Add", grown, other), twice)
    least = steps.add("least", "Max", rounded, steps.integers(1))
    return steps.add("content", "Min", least, steps.integers(*size))


def _cropped(steps: Steps, image: str, size: tuple[int, int]) -> str:
    """The middle of the images that remains of an image resized with a margin, in the input's aspect."""
    height, width = size
    padded_height, padded_width = height + CROP_MARGIN, width + CROP_MARGIN
    # h' = min(h · H / (H + 32), w · H / (W + 32)), and the same for w'.
    by_height = steps.add("by_height", "Gather", image, steps.integers(0, 0))
    by_width = steps.add("by_width", "Gather", image, steps.integers(1, 1))
    wanted = steps.integers(height, width)
    tall = steps.add(
        "tall", "Div", steps.add("tall.product", "Mul", by_height, wanted), steps.integers(padded_height)
    )
    wide = steps.add(
        "wide", "Div", steps.add("wide.product", "Mul", by_width, wanted), steps.integers(padded_width)
    )
    window = steps.add("window", "Max", steps.add("smaller", "Min", tall, wide), steps.integers(1))
    around = steps.add("around", "Add", steps.add("outside", "Sub", image, window), steps.integers(1))
    start = steps.add("start", "Div", around, steps.integers(2))
    end = steps.add("end", "Add", start, window)
    return steps.add("cropped", "Slice", IMAGES, start, end, steps.integers(1, 2))


def _normalised(steps: Steps, value: str, pixels: Preprocessing) -> str:
    """(x / 255 - mean) / std, the divisions joined."""
    mean = np.array(pixels.mean).reshape(3, 1, 1) * 255
    scale = 1 / (np.array(pixels.std).reshape(3, 1, 1) * 255)
    shifted = steps.add("shifted", "Sub", value, steps.constant(mean, np.float32))
    return steps.add("normal", "Mul", shifted, steps.constant(scale, np.float32))
