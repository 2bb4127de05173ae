"""Image files as arrays of RGB pixels, whatever they hold.

1. Only regular files of the formats in `FORMATS` are opened, by pillow; no other program is run.
2. An image of more than `MAX_PIXELS` is refused before any of it is decoded.
3. What the camera noted of its rotation (EXIF) is applied. Of an animation, the first picture counts.
4. Greyscale, palettes and CMYK become RGB; of 16 bits, the upper 8 are kept. What is transparent
   shows white, as in a viewer. Colour profiles are not applied: training pipelines don't either.
"""

from __future__ import annotations

import os
import stat
import warnings
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from spinedsl.diagnostics import DiagnosticError, fail
from spinedsl.runtime.tools import need

Image = NDArray[np.uint8]
"""Rows × columns × red, green, blue."""

FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "TIFF", "WEBP")
MAX_PIXELS = 100_000_000
"""Largest image accepted, some 300 MB as RGB; the largest cameras in use make 60 to 100 million."""

_ORIENTATION = 0x0112
_WHITE = (255, 255, 255, 255)


def load_image(path: Path, *, max_pixels: int = MAX_PIXELS) -> Image:
    """Read an image file.

    Args:
        path: a file of one of `FORMATS`, told by its content.
        max_pixels: rows times columns that are accepted.

    Returns:
        Rows × columns × 3 in RGB, upright, contiguous.

    Raises:
        DiagnosticError: the file can't be read (SP001), has too many pixels (SP002), is damaged or
            no image (SP054), or pillow isn't installed (SP052).
    """
    pillow = need("PIL", "reading images")
    with _opened(path) as file, warnings.catch_warnings():
        # pillow warns of large images, odd palettes and odd tags; what matters is an error here.
        warnings.simplefilter("ignore")
        try:
            return _decode(path, file, max_pixels)
        except DiagnosticError:
            raise
        except pillow.UnidentifiedImageError:
            raise fail(
                "SP054",
                f"“{path}” is no image",
                help=f"give a file of one of these formats: {', '.join(FORMATS)}",
            ) from None
        except Exception as problem:
            # Decoders raise what they trip over: OSError, SyntaxError, struct.error, IndexError, …
            reason = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
            raise fail(
                "SP054",
                f"the image “{path}” is damaged: {reason}",
                help="open it in a viewer, save it anew, or leave it out",
            ) from None


def _opened(path: Path) -> IO[bytes]:
    """The file, if it is one that can be read to an end."""
    try:
        # O_NONBLOCK: opening a pipe that nobody writes to must not wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise fail("SP001", f"can't read “{path}”: not a regular file", help="give the path of an image")
        return os.fdopen(descriptor, "rb")
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise fail(
            "SP001", f"can't read “{path}”: {reason.lower()}", help="check the path and its permissions"
        ) from None


def _decode(path: Path, file: IO[bytes], max_pixels: int) -> Image:
    from PIL import Image as pillow

    pillow.init()
    try:
        # An unlimited list would let a file start other programs: EPS is run through ghostscript.
        image: Any = pillow.open(file, formats=[name for name in FORMATS if name in pillow.OPEN])
    except pillow.DecompressionBombError:
        raise _too_large(path, max_pixels, "more pixels") from None
    if image.width * image.height > max_pixels:
        raise _too_large(path, max_pixels, f"{image.width:,} x {image.height:,} pixels, more")
    turn = _rotation(image)
    image = _to_rgb(path, image)
    if turn is not None:
        image = image.transpose(turn)
    return np.array(image, np.uint8)


def _too_large(path: Path, max_pixels: int, what: str) -> DiagnosticError:
    return fail(
        "SP002", f"“{path}” has {what} than the {max_pixels:,} allowed", help="make the image smaller first"
    )


def _rotation(image: Any) -> Any:
    """How to turn the image so that it stands upright: a pillow transposition, or None."""
    from PIL.Image import Transpose

    try:
        orientation = image.getexif().get(_ORIENTATION)
    except Exception:
        # Tags are an annex: an image whose tags are damaged is taken as it lies.
        return None
    return {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }.get(orientation)


def _to_rgb(path: Path, image: Any) -> Any:
    if image.mode == "F":
        raise fail(
            "SP054",
            f"“{path}” holds floating-point numbers, and doesn't say which is white",
            help="convert it to 8 or 16 bits a channel",
        )
    if image.mode.startswith("I"):
        return _from_16_bit(path, image).convert("RGB")
    if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
        return _on_white(image.convert("RGBA"))
    return image.convert("RGB")


def _from_16_bit(path: Path, image: Any) -> Any:
    """Greyscale of 16 bits, in whatever byte order, as 8: the upper half, as pillow does for colours."""
    from PIL import Image as pillow

    values = np.asarray(image)
    if values.size and not 0 <= int(values.min()) <= int(values.max()) <= 0xFFFF:
        raise fail(
            "SP054",
            f"“{path}” holds numbers outside of 0 to 65,535, and doesn't say which is white",
            help="convert it to 8 or 16 bits a channel",
        )
    return pillow.fromarray((values >> 8).astype(np.uint8))


def _on_white(image: Any) -> Any:
    from PIL import Image as pillow

    backdrop = pillow.new("RGBA", image.size, _WHITE)
    backdrop.alpha_composite(image)
    return backdrop.convert("RGB")
