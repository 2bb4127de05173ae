"""Folders to calibrate with: images of every kind, arrays, what is left out, and what is refused."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from spinedsl.diagnostics import Diagnostic, DiagnosticError, Severity
from spinedsl.graph.tasks import PIXELS, Preprocessing
from spinedsl.onnx_target import OnnxRequest, stages
from spinedsl.ops import Shape
from spinedsl.runtime.calibration_images import calibration_folder, letterboxed, usable
from spinedsl.specification import open_spec

pillow = pytest.importorskip("PIL.Image")

STREAM = np.random.default_rng(0)
IMAGE = {"image": Shape(3, 64, 96)}
FEATURES = {"c3": Shape(8, 8, 8), "c4": Shape(16, 4, 4)}
NORMAL = Preprocessing()


def noise(rows: int, columns: int) -> np.ndarray:
    return STREAM.integers(0, 256, (rows, columns, 3)).astype(np.uint8)


def save(folder: Path, name: str, array: np.ndarray | None = None, mode: str = "RGB", **how) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pillow.fromarray(noise(9, 13) if array is None else array).convert(mode).save(path, **how)
    return path


def read(folder: Path, inputs=IMAGE, raw: str | None = None):
    """Everything usable, and the warnings."""
    warnings: list[Diagnostic] = []
    found = list(usable(calibration_folder(folder, inputs, None, raw), warnings))
    return found, warnings


def problem(folder: Path, inputs=IMAGE, raw: str | None = None) -> Diagnostic:
    with pytest.raises(DiagnosticError) as caught:
        read(folder, inputs, raw)
    (found,) = caught.value.diagnostics
    assert found.code == "SP057"
    assert found.help
    return found


# ---- how an image comes to the network's size


@pytest.fixture(scope="module", name="published")
def _published():
    """What stands before the network in a pipeline: an own implementation, run by onnxruntime."""
    compilation = open_spec("std:spinenet49_retinanet", {"scale.width": "0.125", "input": "3 x 128 x 256"})
    model = stages(compilation, OnnxRequest(pipeline="detection"))["before"]
    session = onnxruntime.InferenceSession(model.to_bytes([]), providers=["CPUExecutionProvider"])
    return lambda image: session.run(None, {"images": image[np.newaxis]})[0]


@pytest.mark.parametrize(
    "size", [(128, 256), (100, 100), (35, 301), (301, 35), (1, 1), (1, 400), (300, 500), (64, 128)]
)
def test_letterbox_is_the_pipelines(size, published) -> None:
    image = noise(*size)
    found = letterboxed(image, (128, 256), NORMAL)
    assert found.dtype == np.float32
    # Pixels are known to a bit in 255; the two interpolate in another order.
    np.testing.assert_allclose(found, published(image), atol=2e-4)


def test_pixels_of_another_model_are_normalised_otherwise() -> None:
    white = np.full((4, 6, 3), 255, np.uint8)
    assert letterboxed(white, (4, 6), PIXELS["unit"]) == pytest.approx(np.ones((1, 3, 4, 6)))
    expected = ((1 - np.array(NORMAL.mean)) / NORMAL.std)[None, :, None, None]
    np.testing.assert_allclose(
        letterboxed(white, (4, 6), NORMAL), np.broadcast_to(expected, (1, 3, 4, 6)), rtol=1e-6
    )


# ---- images


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK", "P", "RGBA", "1"])
def test_images_of_every_kind(mode: str, tmp_path: Path) -> None:
    save(tmp_path, "a.jpg" if mode == "CMYK" else "a.png", mode=mode)
    ((_, inputs),), warnings = read(tmp_path)
    assert inputs["image"].shape == (1, 3, 64, 96)
    assert np.isfinite(inputs["image"]).all()
    assert not warnings


def test_grey_of_16_bits(tmp_path: Path) -> None:
    pillow.fromarray(np.full((5, 5), 0x8000, np.uint16)).save(tmp_path / "a.png")
    ((_, inputs),), _ = read(tmp_path)
    grey = letterboxed(np.full((5, 5, 3), 0x80, np.uint8), (64, 96), NORMAL)
    np.testing.assert_array_equal(inputs["image"], grey)


def test_rotation_of_the_camera_is_applied(tmp_path: Path) -> None:
    exif = pillow.Exif()
    exif[0x0112] = 6
    flat = np.zeros((10, 40, 3), np.uint8)
    save(tmp_path, "a.png", flat, exif=exif)
    ((_, inputs),), _ = read(tmp_path)
    np.testing.assert_array_equal(
        inputs["image"], letterboxed(np.zeros((40, 10, 3), np.uint8), (64, 96), NORMAL)
    )


def test_extreme_sizes(tmp_path: Path) -> None:
    save(tmp_path, "large.png", np.zeros((6000, 8000, 3), np.uint8), "L")
    save(tmp_path, "one.png", np.full((1, 1, 3), 255, np.uint8))
    found, warnings = read(tmp_path)
    assert [path.name for path, _ in found] == ["large.png", "one.png"]
    assert found[1][1]["image"][0, 0, :, :64].std() < 1e-5
    assert not warnings


def test_order_is_that_of_the_paths_in_all_folders(tmp_path: Path) -> None:
    names = ["b.PNG", "a/z.jpg", "a.png", "c/d/e.webp", "a/b.png"]
    for name in names:
        save(tmp_path, name)
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "folder.png").mkdir()
    found, warnings = read(tmp_path)
    assert [path for path, _ in found] == sorted(tmp_path / name for name in names)
    assert not warnings


def test_links_to_images_are_images(tmp_path: Path) -> None:
    original = save(tmp_path / "elsewhere", "a.png")
    linked = tmp_path / "links"
    linked.mkdir()
    (linked / "b.png").symlink_to(original)
    (linked / "circle").symlink_to(linked)
    (linked / "dead.png").symlink_to(tmp_path / "nothing.png")
    found, _ = read(linked)
    assert [path.name for path, _ in found] == ["b.png"]


def test_a_pipeline_gets_images_as_they_are(tmp_path: Path) -> None:
    pixels = noise(7, 9)
    save(tmp_path, "a.png", pixels)
    np.save(tmp_path / "b.npy", pixels)
    found, _ = read(tmp_path, raw="images")
    for _, inputs in found:
        np.testing.assert_array_equal(inputs["images"], pixels[np.newaxis])
    np.save(tmp_path / "c.npy", np.zeros((3, 64, 96), np.float32))
    _, (warning,) = read(tmp_path, raw="images")
    assert "save bytes, rows x columns x 3" in str(warning.help)


# ---- arrays


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, ">f4"])
@pytest.mark.parametrize("shape", [(3, 64, 96), (1, 3, 64, 96)])
def test_floats_are_the_input_as_it_is(shape, dtype, order, tmp_path: Path) -> None:
    given = STREAM.standard_normal(shape).astype(dtype)
    np.save(tmp_path / "a.npy", np.asarray(given, order=order))
    ((_, inputs),), _ = read(tmp_path)
    assert inputs["image"].dtype == np.float32
    np.testing.assert_array_equal(inputs["image"].reshape(shape), given.astype(np.float32))


def test_bytes_are_an_image(tmp_path: Path) -> None:
    pixels = noise(20, 30)
    np.save(tmp_path / "a.npy", pixels)
    ((_, inputs),), _ = read(tmp_path)
    np.testing.assert_array_equal(inputs["image"], letterboxed(pixels, (64, 96), NORMAL))


def test_features_come_in_archives(tmp_path: Path) -> None:
    given = {name: STREAM.standard_normal(shape).astype(np.float32) for name, shape in FEATURES.items()}
    np.savez(tmp_path / "a.npz", more=np.zeros(3), **given)
    np.savez_compressed(tmp_path / "b.npz", **given)
    save(tmp_path, "c.png")
    found, warnings = read(tmp_path, FEATURES)
    assert [path.name for path, _ in found] == ["a.npz", "b.npz"]
    assert not warnings
    for _, inputs in found:
        for name, array in given.items():
            np.testing.assert_array_equal(inputs[name], array[np.newaxis])


def npy(array) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def header(text: str, data: bytes = b"") -> bytes:
    written = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(written).to_bytes(2, "little") + written + data


GOOD = npy(np.zeros((3, 64, 96), np.float32))
HUGE = "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999, 99999999, 3), }"
BAD_ARRAYS = {
    "empty": b"",
    "no array": b"hello",
    "cut short": GOOD[:-5],
    "cut in the header": GOOD[:40],
    "other shape": npy(np.zeros((3, 65, 96), np.float32)),
    "a batch of two": npy(np.zeros((2, 3, 64, 96), np.float32)),
    "integers": npy(np.zeros((3, 64, 96), np.int32)),
    "grey bytes": npy(np.zeros((64, 96), np.uint8)),
    "no pixels": npy(np.zeros((0, 9, 3), np.uint8)),
    "a scalar": npy(np.float32(1)),
    "not a number": npy(np.full((3, 64, 96), np.nan, np.float32)),
    "infinite": npy(np.full((3, 64, 96), np.inf, np.float32)),
    "huge": header(HUGE),
    "negative": header("{'descr': '<f4', 'fortran_order': False, 'shape': (-3, 64, 96), }"),
    "code": header("__import__('os').system('touch owned')"),
    "deep": header("(" * 100),
    "an object": header("{'descr': '|O', 'fortran_order': False, 'shape': (3, 64, 96), }", b"cos\nsystem\n"),
    "future version": b"\x93NUMPY\x09\x00" + GOOD[8:],
}


@pytest.mark.parametrize("kind", BAD_ARRAYS)
def test_bad_arrays_are_left_out_with_a_warning(kind: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.npy").write_bytes(BAD_ARRAYS[kind])
    (tmp_path / "good.npy").write_bytes(GOOD)
    found, (warning,) = read(tmp_path)
    assert [path.name for path, _ in found] == ["good.npy"]
    assert warning.severity is Severity.WARNING
    assert "1 of the 2 files" in warning.message and "bad.npy" in warning.message
    assert warning.help
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.npy", "good.npy"]


BAD_ARCHIVES = {
    "no archive": lambda path: path.write_bytes(b"hello"),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:200]),
    "missing": lambda path: np.savez(path, c3=np.zeros((8, 8, 8), np.float32)),
    "other shape": lambda path: np.savez(
        path, c3=np.zeros((8, 8, 8), np.float32), c4=np.zeros((1, 4, 4), np.float32)
    ),
    "pickled": lambda path: np.savez(path, c3=np.array([object()]), c4=np.zeros((16, 4, 4), np.float32)),
    "damaged inside": lambda path: path.write_bytes(path.read_bytes().replace(b"NUMPY", b"NUMPX")),
}


@pytest.mark.parametrize("kind", BAD_ARCHIVES)
def test_bad_archives_are_named(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, **{name: np.zeros(shape, np.float32) for name, shape in FEATURES.items()})
    BAD_ARCHIVES[kind](path)
    assert "a.npz" in problem(tmp_path, FEATURES).message


def test_a_missing_array_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", c3=np.zeros((8, 8, 8), np.float32))
    found = problem(tmp_path, FEATURES)
    assert "holds no array “c4”" in found.message
    assert found.help == "save one for each input: numpy.savez(path, c3=…, c4=…)"


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "c3.npy", header("{'descr': '<f4', 'fortran_order': False, 'shape': (8, 8, 8), }", bytes(10**8))
        )
        archive.writestr("c4.npy", npy(np.zeros((16, 4, 4), np.float32)))
    found, _ = read(tmp_path, FEATURES)
    assert found[0][1]["c3"].shape == (1, 8, 8, 8)


# ---- what is left out, what is refused


def test_damaged_images_are_left_out_with_one_warning(tmp_path: Path) -> None:
    good = save(tmp_path, "m.png")
    for name in "abcde":
        (tmp_path / f"{name}.png").write_bytes(good.read_bytes()[:60])
    found, (warning,) = read(tmp_path)
    assert [path.name for path, _ in found] == ["m.png"]
    assert warning.severity is Severity.WARNING
    assert warning.message.startswith(f"5 of the 6 files in “{tmp_path}” can't be used, and were left out: ")
    assert warning.message.endswith("; and 2 more")


def test_only_damaged_images_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff no image")
    assert problem(tmp_path).message.startswith(f"none of the 1 files in “{tmp_path}” can be used: ")


def test_an_empty_folder(tmp_path: Path) -> None:
    assert problem(tmp_path).message == f"the folder “{tmp_path}” is empty"


def test_a_folder_without_images(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    found = problem(tmp_path)
    assert found.message == f"the folder “{tmp_path}” holds nothing to calibrate with"
    assert ".png" in str(found.help)


@pytest.mark.parametrize("inputs", [FEATURES, {"x": Shape(4, 8, 8)}])
def test_images_are_nothing_for_a_network_that_reads_none(inputs, tmp_path: Path) -> None:
    save(tmp_path, "a.png")
    found = problem(tmp_path, inputs)
    assert "holds nothing to calibrate with" in found.message
    assert ".png" not in str(found.help)


@pytest.mark.parametrize("name", ["nothing", "a.png", "x" * 5000, "nul\0"])
def test_no_folder(name: str, tmp_path: Path) -> None:
    save(tmp_path, "a.png")
    problem(tmp_path / name)


def test_a_folder_that_may_not_be_read(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    save(tmp_path / "closed", "a.png")
    (tmp_path / "closed").chmod(0)
    try:
        problem(tmp_path / "closed")
    finally:
        (tmp_path / "closed").chmod(0o700)


def test_without_pillow_it_is_said_at_once(tmp_path: Path, monkeypatch) -> None:
    import spinedsl.runtime.tools as tools

    def missing(name: str):
        raise ModuleNotFoundError(name=name)

    save(tmp_path, "a.png")
    save(tmp_path, "b.png")
    monkeypatch.setattr(tools.importlib, "import_module", missing)
    with pytest.raises(DiagnosticError) as caught:
        read(tmp_path)
    assert [d.code for d in caught.value.diagnostics] == ["SP052"]
