"""`.spine → IR → JSON → IR → .spine → IR` is the identity, for every network that ships."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError
from support import STEM, compile_text, compile_tiny, network_text

from spinedsl.cli import run
from spinedsl.diagnostics import DiagnosticError
from spinedsl.ir.fingerprint import spec_hash
from spinedsl.ir.model import Network
from spinedsl.ir.titles import class_name
from spinedsl.ir.writing import network_text as written
from spinedsl.pipeline import Compilation
from spinedsl.specification import open_spec, standard_networks

NAMES = [listed.name for listed in standard_networks()]

TINY = """import "std/resnet.spine"
conventions own { padding symmetric pools same  default endpoint(activate = false) }
block k(width, on = true, how = swish) -> width { conv 3x3 -> width  when on { act(how) } }
part last(channels) { conv 1x1 -> channels }

# Two lines
#
# and one more.
network tiny {
  title "Tiny – “net”"
  published "A"
  published "B"
  conventions own
  input 3 x 64 x 48
  width { 2: 8, 4: 2 * 8 }
  scale width 1 / 3
  rounding multiple 4
  repeat 2
  act hard_sigmoid(slope = 0.2)
  drop_path 0.2 linear of max(blocks, 16)
  resample cross_scale(alpha = 1 / 3, pooling = single)
  merge weighted(eps = 0.001)
  dangling prune
  stem { conv 3x3 / 2 -> scaled(9), norm, act  maxpool 3x3 / 2  s0: residual @2 width 9 repeat 2 }
  b1: k(on = false, how = relu) @2 width 12 repeat 3 merge attention <- s0, s0 via cross_scale(alpha = 1)
  b2: residual(dilation = 2) @4 <- s0, b1 => P4
  b3: k @2 <- s0 => P2
  endpoints via last -> 8
  expect params = 1M within 0.3%
  expect macs(64, 48) = 1
  expect output(P4) = 8 x 4 x 3
}
"""


def schema() -> dict[str, Any]:
    with redirect_stdout(io.StringIO()) as printed:
        run(["schema"])
    parsed: dict[str, Any] = json.loads(printed.getvalue())
    return parsed


VALIDATOR = jsonschema.Draft202012Validator(schema())


def networks() -> Iterator[Any]:
    for name in NAMES:
        yield pytest.param(lambda name=name: open_spec(f"std:{name}").network, id=name)
    yield pytest.param(lambda: compile_text(TINY).network, id="tiny")
    yield pytest.param(lambda: compile_tiny("b1: residual @2 <- s0 => P2").network, id="smallest")


def alike(first: Network, second: Network) -> bool:
    """Equal; spans never count, and a space is proved while a spec is read, not written back."""
    return first.model_copy(update={"space": None}) == second.model_copy(update={"space": None})


@pytest.mark.parametrize("network_of", list(networks()))
def test_round_trip(network_of: Any) -> None:
    network = network_of()
    document = network.model_dump_json()
    from_json = Network.model_validate_json(document)
    assert from_json == network
    assert from_json.model_dump_json() == document
    from_text = compile_text(written(from_json)).network
    assert alike(from_text, network)
    assert written(from_text) == written(network.model_copy(update={"space": None}))
    VALIDATOR.validate(json.loads(document))


@pytest.mark.parametrize("name", ["spinenet49s", "spinenet_mobile49", "nas_fpn"])
def test_json_compiles_to_the_same_program(name: str) -> None:
    compilation = open_spec(f"std:{name}")
    again = Compilation(given=Network.model_validate_json(compilation.network.model_dump_json()))
    assert again.program == compilation.program


def test_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert VALIDATOR.schema["$schema"].endswith("2020-12/schema")


# ---- what the models refuse

DOCUMENT = json.loads(compile_text(TINY).network.model_dump_json())


def changed(path: str, value: Any) -> dict[str, Any]:
    """The document with one value replaced or added; the path's steps are keys and indices."""
    document: Any = json.loads(json.dumps(DOCUMENT))
    *steps, last = path.split(".")
    place = document
    for step in steps:
        place = place[int(step) if step.isdigit() else step]
    place[int(last) if last.isdigit() else last] = value
    return document


HOSTILE = [
    ("surprise", 1),
    ("blocks.0.surprise", 1),
    ("span", {"start": 0}),
    ("blocks.0.span", 5),
    ("name", "a; import os"),
    ("name", "é"),
    ("name", "a" * 65),
    ("name", 'a"'),
    ("title", 'x" repeat 9 title "'),
    ("title", "x\ny"),
    ("title", "\x1b[2J"),
    ("published", ["x\ny"]),
    ("repeat", 0),
    ("repeat", "2"),
    ("repeat", 1.5),
    ("width_scale", 0),
    ("width_scale", float("inf")),
    ("width_scale", float("nan")),
    ("blocks.0.level", 63),
    ("blocks.0.level", -1),
    ("blocks.0.inputs", []),
    ("blocks.0.inputs.0.source", "s0, s0"),
    ("blocks.0.kind.name", "k(); evil"),
    ("blocks.0.kind.arguments", {"on = false, how": True}),
    ("blocks.0.kind.arguments", {"on": "relu) @9 <- s0"}),
    ("blocks.0.kind.arguments", {"on": [1]}),
    ("blocks.0.kind.arguments", {"on": None}),
    ("blocks.0.endpoint", "P 2"),
    ("defaults", {"endpoint": {"activate": "false)\n"}}),
    ("dangling", "ignore"),
    ("input.kind", "video"),
    ("input.height", 0),
    ("definitions.0", "block k(width) -> width {"),
    ("definitions.0", "network n {}"),
    ("definitions.0", "part a {} part b {}"),
    ("definitions.0", ""),
    ("definitions.0", 5),
    ("stem.0.operators", "norm } part x { norm"),
    ("stem.0.operators", "norm norm"),
    ("stem.0.operators", "when true { norm }"),
    ("drop_path.of", "1 {} part x"),
    ("drop_path.of", "("),
    ("drop_path.rate", 1.0),
    ("expectations.0.quantity", "params = 5 expect params"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value"), HOSTILE, ids=[f"{path}={value!r}"[:60] for path, value in HOSTILE]
)
def test_hostile_json_is_refused(path: str, value: object) -> None:
    with pytest.raises((ValidationError, DiagnosticError)):
        Network.model_validate_json(json.dumps(changed(path, value)))


@pytest.mark.parametrize("key", ["name", "input", "blocks", "norm", "act", "resample", "merge", "endpoints"])
def test_missing_json_is_refused(key: str) -> None:
    with pytest.raises(ValidationError):
        Network.model_validate_json(json.dumps({k: v for k, v in DOCUMENT.items() if k != key}))


def test_models_are_frozen() -> None:
    network = compile_text(TINY).network
    with pytest.raises(ValidationError):
        network.repeat = 3
    with pytest.raises(ValidationError):
        network.blocks[0].level = 3


def test_spans_take_no_part_in_comparison() -> None:
    apart = compile_text(
        TINY.replace("\n", "\n\n")
        .replace("#\n\n", "#\n")
        .replace("# Two lines\n\n", "# Two lines\n")
        .replace("more.\n\n", "more.\n")
    )
    assert apart.network == compile_text(TINY).network
    assert apart.network != compile_text(TINY.replace("repeat 3", "repeat 4")).network


# ---- identity and title


def test_what_is_imported_but_not_used_is_no_part_of_the_network() -> None:
    """The conventions speak of mbconv; a network without one says nothing of it."""
    text = network_text("b1: residual @2 <- s0 => P2", declarations="conventions garden")
    plain, importing = compile_text(text).network, compile_text('import "std/mbconv.spine"\n' + text).network
    assert plain == importing
    assert spec_hash(plain) == spec_hash(importing)
    assert alike(compile_text(written(importing)).network, importing)


def test_hash_belongs_to_the_meaning() -> None:
    text = network_text("b1: residual @2 <- s0 => P2")
    same = network_text("b1:residual@2<-s0=>P2", stem=STEM.replace("  ", "\n"))
    other = network_text("b1: residual @2 <- s0, s0 => P2")
    assert spec_hash(compile_text(text).network) == spec_hash(compile_text(same).network)
    assert spec_hash(compile_text(text).network) != spec_hash(compile_text(other).network)


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("SpineNet-49", "SpineNet49"),
        ("a b-c", "ABC"),
        ("49 SpineNet", "Network49SpineNet"),
        ("None", "NetworkNone"),
        ("true", "NetworkTrue"),
        ("–", "Tiny"),
        ("", "Tiny"),
        ("class", "Class"),
        ("); import os; (", "ImportOs"),
        ("é", "Tiny"),
    ],
)
def test_class_name(title: str, expected: str) -> None:
    network = compile_tiny("b1: residual @2 <- s0 => P2", declarations=f'title "{title}"').network
    assert class_name(network) == expected
    assert class_name(network).isidentifier()
