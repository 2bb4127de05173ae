"""SP108: what the files of weights record, against the networks that get them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from lint_support import network
from safetensors.numpy import save_file

from spinedsl.checking.checked import CheckedFile
from spinedsl.lint import Settings, lint_spec
from spinedsl.specification import open_spec
from spinedsl.weights import random_weights
from spinedsl.weights.provenance import Provenance

GARDEN = network("b0: residual @2 <- s0 => P2", "conventions garden")


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.spine"
    path.write_text(GARDEN)
    return path


def weights(spec: Path, conventions: str | None, *, more: tuple[str, ...] = ()) -> Path:
    """Weights for the network as it is now, that record conventions or nothing."""
    compilation = open_spec(spec)
    tensors = dict(random_weights(compilation.inlined.parameters()))
    tensors |= {name: np.zeros(1, np.float32) for name in more}
    metadata = None if conventions is None else Provenance.of(compilation, "a test", conventions).metadata()
    path = spec.with_suffix(".safetensors")
    save_file(tensors, path, metadata)
    return path


def linted(spec: Path, path: Path, name: str = "tiny") -> CheckedFile:
    return lint_spec(str(spec), settings=Settings(weights={name: path}))


def said(spec: Path, path: Path, name: str = "tiny") -> list[tuple[str, str]]:
    return [(d.code, d.primary.span.text if d.primary else "") for d in linted(spec, path, name).diagnostics]


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [("garden", []), ("tpu", [("SP108", "conventions garden")]), (None, [])],
)
def test_the_conventions_of_the_record(spec, recorded, expected):
    assert said(spec, weights(spec, recorded)) == expected


@pytest.mark.parametrize("name", ["tiny", ""])
def test_a_file_is_of_a_network_or_of_whatever_is_linted(spec, name):
    (diagnostic,) = linted(spec, weights(spec, "port"), name).diagnostics
    assert diagnostic.severity.value == "error"
    assert "under “port”" in diagnostic.message and "`conventions port`" in diagnostic.help
    assert said(spec, weights(spec, "port"), "other") == []


@pytest.mark.parametrize(
    ("declaration", "detail"),
    [
        ("norm batch(eps = 1e-4)", "its norm"),
        ("padding symmetric", "its padding, the padding of its pools"),
        ("default cross_scale(pooling = single)", "`pooling` of “cross_scale”"),
        ("act swish", None),
        ("drop_path 0.2", None),
        ('title "Another"', None),
    ],
)
def test_a_detail_that_was_changed_since(spec, declaration, detail):
    path = weights(spec, "garden")
    spec.write_text(GARDEN.replace("conventions garden", f"conventions garden\n  {declaration}"))
    diagnostics = linted(spec, path).diagnostics
    assert [d.code for d in diagnostics] == ([] if detail is None else ["SP108"])
    assert all(d.message.endswith(f"what “garden” decides: {detail}") for d in diagnostics)


def test_a_detail_that_was_there_when_the_file_was_made_is_meant(spec):
    spec.write_text(GARDEN.replace("conventions garden", "conventions garden\n  norm batch(eps = 1e-4)"))
    assert said(spec, weights(spec, "garden")) == []


def test_counters_of_batches_are_passed_over(spec):
    assert said(spec, weights(spec, "garden", more=("b0.norm1.num_batches_tracked",))) == []


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda path: path.write_bytes(b"no such thing"), id="no safetensors"),
        pytest.param(lambda path: path.unlink(), id="missing"),
        pytest.param(lambda path: save_file({"x": np.zeros(1, np.float32)}, path), id="another network's"),
    ],
)
def test_weights_of_nothing_are_an_error(spec, spoil):
    path = weights(spec, "garden")
    spoil(path)
    assert {code for code, _ in said(spec, path)} == {"SP051"}


def test_a_model_has_the_conventions_of_its_backbone(spec):
    text = GARDEN.replace("\n", '\nimport "std/classifier.spine"\n', 1)
    spec.write_text(text + "model m {\n  backbone tiny\n  head classifier(classes = 8)\n}\n")
    compilation = open_spec(f"{spec}:m")
    path = spec.with_suffix(".safetensors")
    metadata = Provenance.of(compilation, "a test", "tpu").metadata()
    save_file(dict(random_weights(compilation.parameters)), path, metadata)
    assert said(spec, path, "m") == [("SP108", "m")]
