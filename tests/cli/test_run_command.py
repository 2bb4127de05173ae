"""`spinec run`: what is printed and written, and what one bad image does to the others."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from support import model_text

from spinedsl.cli import run

pillow = pytest.importorskip("PIL.Image")
sys.path.insert(0, str(Path(__file__).parents[1] / "runtime"))
from running_support import (  # noqa: E402
    CLASSIFICATION,
    DETECTION,
    LIKELY_SCORE,
    LOGITS,
    MASKS,
    QUARTERS,
    REGIONS,
    SCORES,
    SEGMENTATION,
    write,
)


@pytest.fixture(name="spinec")
def _spinec(tmp_path, monkeypatch, capsys):
    """The command line, in a folder with models and images."""
    monkeypatch.chdir(tmp_path)
    write(Path("detector.onnx"), DETECTION, SCORES, labels=("cat", "dog", "bird"))
    pillow.new("RGB", (128, 256)).save("tall.png")
    pillow.new("L", (300, 300)).save("grey.jpg")
    Path("broken.jpg").write_bytes(Path("grey.jpg").read_bytes()[:200])

    def spinec(*arguments: str):
        code = run(["run", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return spinec


def test_table(spinec):
    code, out, err = spinec("detector.onnx", "tall.png", "grey.jpg")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "tall.png  128 x 256, 1 detection",
        "  0.95  dog  64.0  64.0  128.0  192.0",
        "grey.jpg  300 x 300, 1 detection",
        "  0.95  dog  75.0  75.0  225.0  225.0",
    ]
    assert sorted(p.name for p in Path().iterdir()) == ["broken.jpg", "detector.onnx", "grey.jpg", "tall.png"]


def test_json(spinec):
    code, out, err = spinec("detector.onnx", "tall.png", "--json")
    assert (code, err) == (0, "")
    document = json.loads(out)
    (image,) = document.pop("images")
    (found,) = image.pop("detections")
    assert document == {"model": "detector.onnx", "kind": "detection"}
    assert image == {"image": "tall.png", "width": 128, "height": 256}
    assert found.pop("score") == pytest.approx(LIKELY_SCORE)
    assert found == {"label": "dog", "class": 1, "box": [64, 64, 128, 192]}


def test_threshold(spinec):
    assert "0 detections" in spinec("detector.onnx", "tall.png", "--threshold", "0.96")[1]
    assert "1 detection\n" in spinec("detector.onnx", "tall.png", "--threshold", "0.95")[1]


def test_labels(spinec):
    Path("names.txt").write_text("x\ny\nz\n")
    assert "0.95  y" in spinec("detector.onnx", "tall.png", "--labels", "names.txt")[1]
    Path("names.txt").write_text("x\ny\n")
    code, _, err = spinec("detector.onnx", "tall.png", "--labels", "names.txt")
    assert code == 1
    assert "SP030" in err


def test_bad_images_are_named_and_others_run(spinec):
    code, out, err = spinec("detector.onnx", "broken.jpg", "tall.png", "none.png")
    assert code == 1
    assert "tall.png  128 x 256, 1 detection" in out
    assert "broken.jpg" not in out
    assert "error[SP054]: the image “broken.jpg” is damaged" in err
    assert "error[SP001]: can't read “none.png”" in err


def test_bad_images_in_json(spinec):
    code, out, _ = spinec("detector.onnx", "broken.jpg", "tall.png", "--json")
    assert code == 1
    broken, tall = json.loads(out)["images"]
    assert broken["image"] == "broken.jpg"
    assert "damaged" in broken["error"]
    assert tall["detections"]


def test_pictures(spinec):
    code, out, _ = spinec("detector.onnx", "tall.png", "grey.jpg", "--draw")
    assert code == 0
    assert "  drawn into tall.detection.png" in out.splitlines()
    for name, size in (("tall", (128, 256)), ("grey", (300, 300))):
        with pillow.open(f"{name}.detection.png") as picture:
            assert picture.size == size
            assert len(picture.getcolors(100_000)) > 2


def test_pictures_go_where_they_are_told(spinec):
    assert spinec("detector.onnx", "tall.png", "--draw", "-o", "not/there")[0] == 1
    assert spinec("detector.onnx", "tall.png", "--draw", "-o", "grey.jpg")[0] == 1
    code, out, _ = spinec("detector.onnx", "tall.png", "--draw", "-o", "out", "--json")
    assert code == 0
    assert json.loads(out)["images"][0]["picture"] == str(Path("out/tall.detection.png"))
    assert [p.name for p in Path("out").iterdir()] == ["tall.detection.png"]


def test_pictures_of_others_are_not_overwritten(spinec):
    target = Path("tall.detection.png")
    pillow.new("RGB", (5, 5)).save(target)
    before = target.read_bytes()
    code, out, err = spinec("detector.onnx", "tall.png", "grey.jpg", "--draw")
    assert code == 1
    assert "SP050" in err
    assert target.read_bytes() == before
    assert "drawn into grey.detection.png" in out
    assert spinec("detector.onnx", "tall.png", "--draw", "--force")[0] == 0
    own = target.read_bytes()
    assert own != before
    assert spinec("detector.onnx", "tall.png", "--draw", "--threshold", "1")[0] == 0
    assert target.read_bytes() != own


def test_two_images_never_become_one_picture(spinec):
    Path("other").mkdir()
    pillow.new("RGB", (9, 9)).save("other/tall.jpg")
    code, _, err = spinec("detector.onnx", "tall.png", "other/tall.jpg", "--draw")
    assert code == 1
    assert "would both be drawn into" in err
    assert not Path("tall.detection.png").exists()
    assert spinec("detector.onnx", "tall.png", "tall.png", "--draw")[0] == 0


def test_masks(spinec):
    write(Path("masks.onnx"), MASKS, REGIONS)
    code, out, _ = spinec("masks.onnx", "grey.jpg", "--draw")
    assert code == 0
    assert "class 2" in out
    with pillow.open("grey.detection.png") as picture:
        left, right = picture.getpixel((100, 150)), picture.getpixel((200, 150))
    assert left == (0, 0, 0)
    assert right != left


def test_classification(spinec):
    write(Path("classifier.onnx"), CLASSIFICATION, LOGITS, labels=tuple("abcdefg"))
    code, out, _ = spinec("classifier.onnx", "tall.png", "--draw")
    assert code == 0
    assert out.splitlines() == [
        "tall.png  128 x 256", "  84.0%  d", "   5.0%  e", "   4.0%  f", "   3.0%  c", "   2.0%  b",
        "  drawn into tall.classification.png",
    ]  # fmt: skip
    best = json.loads(spinec("classifier.onnx", "tall.png", "--json")[1])["images"][0]["classes"]
    assert len(best) == 5
    assert best[0] == {"label": "d", "class": 3, "probability": pytest.approx(0.84)}


def test_numbers_that_are_none(spinec):
    write(Path("classifier.onnx"), CLASSIFICATION, {"logits": LOGITS["logits"] * float("nan")})
    assert "no number  class 0" in spinec("classifier.onnx", "tall.png")[1]
    entry = json.loads(spinec("classifier.onnx", "tall.png", "--json")[1])["images"][0]
    assert entry["classes"][0]["probability"] is None


def test_segmentation(spinec):
    write(Path("segmenter.onnx"), SEGMENTATION, QUARTERS)
    code, out, _ = spinec("segmenter.onnx", "tall.png", "--draw")
    assert code == 0
    assert out.splitlines() == [
        "tall.png  128 x 256", "  50.0%  class 0", "  50.0%  class 2", "  drawn into tall.segmentation.png",
    ]  # fmt: skip
    with pillow.open("tall.segmentation.png") as picture:
        assert len(picture.getcolors()) == 2


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["detector.onnx"], 2),
        (["none.onnx", "tall.png"], 1),
        (["tall.png", "tall.png"], 1),
        (["detector.onnx", "tall.png", "-o", "."], 2),
        (["detector.onnx", "tall.png", "--force"], 2),
        (["detector.onnx", "tall.png", "--threshold", "2"], 2),
        (["detector.onnx", "tall.png", "--labels", "none.txt"], 1),
    ],
)
def test_exit_codes(arguments, code, spinec):
    found, out, err = spinec(*arguments)
    assert (found, out) == (code, "")
    assert err


@pytest.mark.parametrize(
    ("head", "kind", "shown"),
    [
        ("retinanet(classes = 3, width = 8, depth = 1)", "detection", "detections"),
        ("classifier(classes = 3)", "classification", "%  y"),
        ("semantic(classes = 3, width = 8, depth = 1)", "segmentation", "%  "),
    ],
)
def test_what_compile_writes_runs(head, kind, shown, spinec):
    Path("m.spine").write_text(model_text(f"head {head}"))
    Path("names.txt").write_text("x\ny\nz\n")
    arguments = ["compile", "m.spine:small", "-o", "m.onnx", "--pipeline", kind, "--labels", "names.txt"]
    assert run(arguments) == 0
    code, out, _ = spinec("m.onnx", "tall.png", "--draw")
    assert code == 0
    assert shown in out
    assert f"drawn into tall.{kind}.png" in out


def test_threshold_is_for_detection(spinec):
    write(Path("segmenter.onnx"), SEGMENTATION, QUARTERS)
    code, _, err = spinec("segmenter.onnx", "tall.png", "--threshold", "0.5")
    assert code == 2
    assert "segmentation, not detection" in err
