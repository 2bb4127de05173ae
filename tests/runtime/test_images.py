"""Image files of every kind as RGB; and files that are no images, or hostile."""

from __future__ import annotations

import io
import os
import random
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from spinedsl.diagnostics import DiagnosticError
from spinedsl.runtime.images import load_image

pillow = pytest.importorskip("PIL.Image")

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)


def saved(folder: Path, image, name: str = "image.png", **how) -> Path:
    path = folder / name
    image.save(path, **how)
    return path


def problem_of(path: Path, **how):
    with pytest.raises(DiagnosticError) as caught:
        load_image(path, **how)
    (diagnostic,) = caught.value.diagnostics
    assert str(path) in diagnostic.message
    assert diagnostic.help
    return diagnostic


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.ppm", "a.tiff", "a.dat"])
def test_exact_formats_give_their_pixels(name, tmp_path):
    how = {"format": "PNG"} if name == "a.dat" else {}
    found = load_image(saved(tmp_path, pillow.fromarray(PIXELS), name, **how))
    assert found.dtype == np.uint8
    assert found.flags.c_contiguous
    assert (found == PIXELS).all()


@pytest.mark.parametrize("name", ["a.jpg", "a.webp", "a.jp2", "a.avif", "a.gif"])
def test_lossy_formats_come_near(name, tmp_path):
    flat = np.full((16, 24, 3), (200, 60, 30), np.uint8)
    try:
        path = saved(tmp_path, pillow.fromarray(flat), name)
    except (OSError, KeyError, ValueError) as missing:
        pytest.skip(f"this pillow writes no {name}: {missing}")
    found = load_image(path)
    assert found.shape == flat.shape
    assert np.abs(found.astype(int) - flat).max() <= 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_rotation_of_the_camera_is_undone(orientation, tmp_path):
    """The eight orientations of EXIF: what row 0 and column 0 of the stored pixels are."""
    stored = {
        1: PIXELS,
        2: PIXELS[:, ::-1],
        3: PIXELS[::-1, ::-1],
        4: PIXELS[::-1],
        5: PIXELS.transpose(1, 0, 2),
        6: PIXELS.transpose(1, 0, 2)[::-1],
        7: PIXELS.transpose(1, 0, 2)[::-1, ::-1],
        8: PIXELS.transpose(1, 0, 2)[:, ::-1],
    }[orientation]
    tags = pillow.Exif()
    tags[0x0112] = orientation
    path = saved(tmp_path, pillow.fromarray(np.ascontiguousarray(stored)), exif=tags)
    assert (load_image(path) == PIXELS).all()


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_unknown_rotation_is_none(orientation, tmp_path):
    tags = pillow.Exif()
    tags[0x0112] = orientation
    assert (load_image(saved(tmp_path, pillow.fromarray(PIXELS), exif=tags)) == PIXELS).all()


def test_damaged_tags_do_not_lose_the_image(tmp_path):
    path = saved(tmp_path, pillow.fromarray(PIXELS), exif=b"Exif\0\0II*\0\xff\xff\xff\x7fgarbage")
    assert (load_image(path) == PIXELS).all()


GREY = PIXELS[:, :, 0]


@pytest.mark.parametrize("mode", ["L", "1"])
def test_greyscale(mode, tmp_path):
    values = GREY if mode == "L" else np.where(GREY > 127, 255, 0).astype(np.uint8)
    path = saved(tmp_path, pillow.fromarray(values).convert(mode))
    assert (load_image(path) == values[:, :, None]).all()


@pytest.mark.parametrize("name", ["a.png", "a.tiff"])
def test_16_bits_keep_the_upper_8(name, tmp_path):
    values = (GREY.astype(np.uint16) << 8) + 255
    assert (load_image(saved(tmp_path, pillow.fromarray(values), name)) == GREY[:, :, None]).all()


def test_16_bits_of_a_portable_greymap(tmp_path):
    path = tmp_path / "a.pgm"
    values = (GREY.astype(">u2") << 8) + 1
    path.write_bytes(b"P5 7 5 65535\n" + values.astype(">u2").tobytes())
    assert (load_image(path) == GREY[:, :, None]).all()


@pytest.mark.parametrize("type_", [np.int32, np.float32])
def test_numbers_without_a_white_are_refused(type_, tmp_path):
    values = GREY.astype(type_) * 1000
    diagnostic = problem_of(saved(tmp_path, pillow.fromarray(values), "a.tiff"))
    assert diagnostic.code == "SP054"
    assert "white" in diagnostic.message


def test_palette(tmp_path):
    image = pillow.fromarray((GREY % 4).astype(np.uint8))
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90, 1, 2, 3])
    expected = np.array([[10, 20, 30], [40, 50, 60], [70, 80, 90], [1, 2, 3]])[GREY % 4]
    assert (load_image(saved(tmp_path, image)) == expected).all()


def test_transparency_shows_white(tmp_path):
    alpha = np.zeros((5, 7, 4), np.uint8)
    alpha[:, :, 0] = 255
    alpha[:2, :, 3] = 255
    alpha[2, :, 3] = 128
    found = load_image(saved(tmp_path, pillow.fromarray(alpha)))
    assert (found[:2] == (255, 0, 0)).all()
    assert (found[2] == (255, 127, 127)).all()
    assert (found[3:] == 255).all()


def test_transparent_palette_entry_and_colour(tmp_path):
    palette = pillow.fromarray((GREY % 2).astype(np.uint8))
    palette.putpalette([10, 20, 30, 40, 50, 60])
    for image, shown in ((palette, (40, 50, 60)), (pillow.fromarray((GREY % 2).astype(np.uint8)), (1, 1, 1))):
        found = load_image(saved(tmp_path, image, transparency=0))
        assert (found[GREY % 2 == 0] == 255).all()
        assert (found[GREY % 2 == 1] == shown).all()


def test_grey_with_alpha(tmp_path):
    image = pillow.merge("LA", (pillow.fromarray(GREY), pillow.new("L", (7, 5), 255)))
    assert (load_image(saved(tmp_path, image)) == GREY[:, :, None]).all()


def test_cmyk(tmp_path):
    inks = pillow.new("CMYK", (16, 8), (0, 255, 255, 0))
    for name in ("a.tiff", "a.jpg"):
        found = load_image(saved(tmp_path, inks, name))
        assert found.shape == (8, 16, 3)
        assert np.abs(found.astype(int) - (255, 0, 0)).max() <= 3


def test_first_picture_of_an_animation(tmp_path):
    frames = [pillow.new("RGB", (4, 4), colour) for colour in ((250, 0, 0), (0, 250, 0))]
    path = saved(tmp_path, frames[0], "a.gif", save_all=True, append_images=frames[1:])
    assert (load_image(path) == (250, 0, 0)).all()


def test_one_pixel(tmp_path):
    assert (load_image(saved(tmp_path, pillow.new("RGB", (1, 1), (1, 2, 3)))) == (1, 2, 3)).all()


# ---- what is no image


def test_no_image(tmp_path):
    for name, data in (("empty", b""), ("text", b"hello"), ("nul", bytes(1000))):
        path = tmp_path / name
        path.write_bytes(data)
        diagnostic = problem_of(path)
        assert diagnostic.code == "SP054"
        assert "PNG" in diagnostic.help


def test_formats_that_run_other_programs_are_no_images(tmp_path):
    path = tmp_path / "a.eps"
    pillow.fromarray(PIXELS).save(path)
    diagnostic = problem_of(path)
    assert diagnostic.code == "SP054"
    assert "is no image" in diagnostic.message
    assert "EPS" not in diagnostic.help


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM"])
def test_truncated_anywhere(format_, tmp_path):
    """Whatever is cut off, the file is named; only an end that holds no pixels may be missing."""
    whole = io.BytesIO()
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    pillow.fromarray(noise).save(whole, format_)
    data = whole.getvalue()
    path = tmp_path / "cut"
    for share in (0.02, 0.1, 0.5, 0.9):
        path.write_bytes(data[: int(len(data) * share)])
        assert problem_of(path).code == "SP054"


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "JPEG2000"])
def test_damaged_anywhere(format_, tmp_path):
    """Bytes changed at random: an image or a diagnostic, never another exception."""
    whole = io.BytesIO()
    pillow.fromarray(PIXELS).save(whole, format_, **({"exif": pillow.Exif()} if format_ == "JPEG" else {}))
    stream = random.Random(2)
    path = tmp_path / "damaged"
    refused = 0
    for _ in range(150):
        data = bytearray(whole.getvalue())
        for _ in range(stream.randint(1, 6)):
            data[stream.randrange(len(data))] = stream.randrange(256)
        path.write_bytes(data)
        try:
            found = load_image(path, max_pixels=1_000_000)
        except DiagnosticError:
            refused += 1
        else:
            assert found.ndim == 3
            assert found.shape[2] == 3
    assert refused or format_ == "PPM"


def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path):
    path = saved(tmp_path, pillow.new("1", (3000, 2000)))
    assert load_image(path, max_pixels=6_000_000).shape == (2000, 3000, 3)
    diagnostic = problem_of(path, max_pixels=5_999_999)
    assert diagnostic.code == "SP002"
    assert "3,000 x 2,000" in diagnostic.message


def test_a_bomb_costs_nothing(tmp_path):
    """50,000 x 50,000 white pixels in 30 kB: beyond pillow's own limit too."""
    path = tmp_path / "bomb.png"
    header = bytearray(saved(tmp_path, pillow.new("1", (8, 8))).read_bytes())
    header[16:24] = (50_000).to_bytes(4, "big") * 2
    header[29:33] = zlib.crc32(bytes(header[12:29])).to_bytes(4, "big")
    path.write_bytes(header)
    assert problem_of(path).code == "SP002"


@pytest.mark.filterwarnings("error")
def test_large_images_are_read_without_warnings(tmp_path):
    assert load_image(saved(tmp_path, pillow.new("1", (9500, 9500)))).shape == (9500, 9500, 3)


@pytest.mark.skipif(sys.platform == "win32", reason="needs pipes in the file system")
def test_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "none.png", Path("/dev/zero")):
        assert problem_of(path).code == "SP001"


def test_without_pillow(tmp_path, monkeypatch):
    path = saved(tmp_path, pillow.fromarray(PIXELS))
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(DiagnosticError) as caught:
        load_image(path)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "SP052"
    assert "needs pillow" in diagnostic.message
    assert "spinec[images]" in diagnostic.help
