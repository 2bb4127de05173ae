"""Models in the IR: lineages, settings and where they go, and the ways to JSON and back."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError
from support import HEADS, compile_model, compile_text, model_text, network_text, problems

from spinedsl.cli import run
from spinedsl.diagnostics import DiagnosticError
from spinedsl.ir.fingerprint import spec_hash
from spinedsl.ir.model import Model
from spinedsl.ir.titles import class_name
from spinedsl.ir.writing import model_text as written
from spinedsl.pipeline import ModelCompilation
from spinedsl.specification import open_spec, standard_models
from spinedsl.weights import initial_weights

NAMES = [listed.name for listed in standard_models()]
NECK = """
network neck_ {
  input of 64 x 64 { c3 @3 -> 8  c4 @4 -> 8 }
  width { 3..4: 8 }
  rounding nearest
  act swish
  n3: residual @3 <- c3 => P3
  n4: residual @4 <- c4 => P4
}
"""
ALL = model_text(
    """
  title "Tiny – “model”"
  published "A"
  published "B"
  neck neck_
  neck neck_
  head retinanet(classes = 3, size = 5 / 2, separable = true)
  head own(on = false, how = swish)
  pixels unit
  conventions garden
  act hard_sigmoid(slope = 0.2)
  default subnet(prior = 0.25)
  default residual(dilation = 2)
  input 3 x 128 x 192
  repeat 2
  expect params = 1M within 0.3%
  expect macs(64, 48) = 1
  expect output(own_logits) = 2 x 1 x 1
""",
    before=NECK
    + """
head own(on = true, how = relu) -> classification(2) {
  from coarsest { upsample(bilinear, level), add(level) }
  when on { act(how) } else { helped }
  each level { side = act }
  global_pool, dense(std = 0.01, prior = 0.1) -> 2 => logits
}
# Helps.
part helped { act }
""",
)


def small(body: str, **parts: str) -> Model:
    return compile_model(model_text(body, **parts)).model


def schema() -> dict[str, Any]:
    with redirect_stdout(io.StringIO()) as printed:
        run(["schema", "--model"])
    parsed: dict[str, Any] = json.loads(printed.getvalue())
    return parsed


VALIDATOR = jsonschema.Draft202012Validator(schema())


# ---- there and back


def models() -> Iterator[Any]:
    for name in NAMES:
        yield pytest.param(lambda name=name: open_spec(f"std:{name}").subject, id=name)
    yield pytest.param(lambda: compile_model(ALL).model, id="all")


def alike(first: Model, second: Model) -> bool:
    """Equal; a space is proved while a spec is read, not written back."""

    def without(model: Model) -> Model:
        return model.model_copy(update={"backbone": model.backbone.model_copy(update={"space": None})})

    return without(first) == without(second)


@pytest.mark.parametrize("model_of", list(models()))
def test_round_trip(model_of: Any) -> None:
    model = model_of()
    document = model.model_dump_json()
    from_json = Model.model_validate_json(document)
    assert from_json == model
    assert from_json.model_dump_json() == document
    from_text = compile_model(written(from_json)).model
    assert alike(from_text, model)
    assert written(from_text) == written(model)
    VALIDATOR.validate(json.loads(document))


@pytest.mark.parametrize("name", ["spinenet49_mask_rcnn", "r50_nas_fpn_retinanet", "spinenet49_classifier"])
def test_json_compiles_to_the_same_program(name: str) -> None:
    compilation = open_spec(f"std:{name}")
    assert isinstance(compilation, ModelCompilation)
    again = ModelCompilation(given=Model.model_validate_json(compilation.model.model_dump_json()))
    assert again.assembly == compilation.assembly


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("conventions", ["torch", "garden", "port"])
def test_pydantic_agrees_with_resolution(name: str, conventions: str) -> None:
    model = open_spec(f"std:{name}", {"conventions": conventions}).subject
    again = Model.model_validate(model.model_dump(), strict=True)
    assert again == model
    assert repr(again) == repr(model)


def test_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert VALIDATOR.schema["title"] == "spinec model IR"


# ---- lineages


def lineage(*members: str) -> Model:
    text = HEADS + network_text("a: residual @3 <- s0 => P3  b: residual @4 <- a => P4")
    text += 'network other extends tiny { title "Other" }\n'
    return compile_model(text + "\n".join(members)).model


FIRST = """
model first {
  title "First"  published "here"  backbone tiny  head classifier  act relu  input 3 x 32 x 32  pixels unit
  default classifier(classes = 7)
  expect params = 5
}
"""


def test_a_model_states_its_differences() -> None:
    second = lineage(FIRST, "model second extends first { backbone other  act swish }")
    assert (second.name, second.backbone.name) == ("second", "other")
    assert (second.backbone.act.name, second.backbone.input.height) == ("swish", 32)
    assert (second.pixels, second.defaults) == ("unit", {"classifier": {"classes": 7}})
    assert [head.name for head in second.heads] == ["classifier"]


def test_what_a_model_claims_is_not_inherited() -> None:
    second = lineage(FIRST, "model second extends first {}")
    assert (second.title, second.published, second.expectations) == (None, (), ())


def test_heads_and_necks_replace_all_others() -> None:
    second = lineage(FIRST, "model second extends first { head rpn  head retinanet(classes = 3) }")
    assert [head.name for head in second.heads] == ["rpn", "retinanet"]
    third = compile_model(
        ALL + "network more extends neck_ {}\nmodel third extends small { neck more }"
    ).model
    assert [neck.name for neck in third.necks] == ["more"]
    assert [head.name for head in third.heads] == ["retinanet", "own"]


def test_later_settings_win_and_sum_up() -> None:
    model = lineage(
        FIRST,
        "model second extends first { act swish  default classifier(classes = 8) }",
        "model third extends second { act sigmoid  repeat 2 }",
    )
    assert (model.backbone.act.name, model.backbone.repeat) == ("sigmoid", 2)
    assert model.defaults == {"classifier": {"classes": 8}}


def test_overrides_are_a_last_member() -> None:
    text = model_text("head classifier  act relu  expect params = 5")
    changed = compile_model(text, act="swish", head="classifier(classes = 3)", pixels="unit").model
    assert (changed.backbone.act.name, changed.pixels) == ("swish", "unit")
    assert changed.heads[0].arguments == {"classes": 3}
    # What the model as written claims needn't hold any more.
    assert (compile_model(text).model.expectations[0].expected, changed.expectations) == (5, ())


def test_what_the_backbone_claims_alone_it_need_not_as_a_part() -> None:
    text = model_text("head classifier  scale width 0.5", declarations="expect params = 1")
    assert [d.code for d in problems(text)] == ["SP040"]  # of the network, once
    assert compile_model(text).model.backbone.expectations == ()


# ---- settings


def test_settings_are_the_backbones_and_those_of_operators_the_necks_too() -> None:
    model = compile_model(ALL).model
    neck = model.necks[0]
    assert (model.backbone.conventions, neck.conventions) == ("garden", "garden")
    assert (model.backbone.padding, neck.padding) == ("same", "same")
    assert model.backbone.act == neck.act
    assert neck.act.name == "hard_sigmoid"
    assert model.backbone.defaults["residual"] == neck.defaults["residual"] == {"dilation": 2}
    # How often, how wide, how deep: each network its own.
    assert (model.backbone.repeat, neck.repeat) == (2, 1)
    assert (model.backbone.rounding.policy, neck.rounding.policy) == ("floor", "nearest")
    assert (model.backbone.input.height, neck.input.height) == (128, 64)


def test_defaults_are_those_of_what_heads_use() -> None:
    model = compile_model(ALL).model
    assert model.defaults == {"subnet": {"prior": 0.25}}
    assert {d.name.text for d in model.definitions} == {"retinanet", "subnet", "own", "helped"}


def test_pixels_are_those_of_imagenet_unless_said_otherwise() -> None:
    assert small("head classifier").pixels == "imagenet"
    assert small("head classifier pixels unit").pixels == "unit"


@pytest.mark.parametrize("setting", ["act none", "norm batch(eps = 0.25)", "padding same pools symmetric"])
def test_operator_settings_reach_every_part(setting: str) -> None:
    model = small(f"head classifier neck neck_ {setting}", before=NECK)
    for network in (model.backbone, *model.necks):
        key = setting.partition(" ")[0]
        assert getattr(network, key) != getattr(small("head classifier", before=NECK).backbone, key)


# ---- identity and title


def test_hash_belongs_to_the_meaning() -> None:
    text = model_text("head classifier(classes = 3)")
    same = text.replace("head classifier(classes = 3)", "head   classifier( 3 )\n pixels imagenet")
    assert spec_hash(compile_model(text).model) == spec_hash(compile_model(same).model)
    for other in ("head classifier(classes = 4)", "head classifier(classes = 3) act swish",
                  "head classifier(classes = 3) pixels unit"):  # fmt: skip
        assert spec_hash(compile_model(model_text(other)).model) != spec_hash(compile_model(text).model)
    assert spec_hash(compile_model(text).model) != spec_hash(compile_text(text).network)


@pytest.mark.parametrize(
    ("title", "expected"),
    [("Tiny-Net 5", "TinyNet5"), ("5 nets", "Model5Nets"), ("DropPath", "ModelDropPath"), ("é", "Small")],
)
def test_class_name(title: str, expected: str) -> None:
    assert class_name(small(f'head classifier title "{title}"')) == expected


def test_spans_take_no_part_in_comparison() -> None:
    text = model_text("head classifier")
    apart = text.replace("\n", "\n\n")
    assert compile_model(apart).model == compile_model(text).model
    assert compile_model(model_text("head classifier(classes = 3)")).model != compile_model(text).model


def test_models_are_frozen() -> None:
    model = small("head classifier")
    with pytest.raises(ValidationError):
        model.pixels = "unit"
    with pytest.raises(ValidationError):
        model.backbone.repeat = 2


# ---- what JSON may not say

DOCUMENT = json.loads(compile_model(ALL).model.model_dump_json())


def changed(path: str, value: Any) -> str:
    """The document with one value replaced or added; the path's steps are keys and indices."""
    document: Any = json.loads(json.dumps(DOCUMENT))
    *steps, last = path.split(".")
    place = document
    for step in steps:
        place = place[int(step) if step.isdigit() else step]
    place[int(last) if last.isdigit() else last] = value
    return json.dumps(document)


HOSTILE = [
    ("surprise", 1),
    ("span", {"start": 0}),
    ("name", "a; import os"),
    ("name", "é"),
    ("name", "a" * 65),
    ("title", 'x" head evil title "'),
    ("title", "\x1b[2J"),
    ("published", ["x\ny"]),
    ("backbone", None),
    ("backbone", "spinenet49"),
    ("backbone.surprise", 1),
    ("backbone.repeat", "2"),
    ("necks.0.name", "n } model m {"),
    ("necks", [1]),
    ("heads", []),
    ("heads.0.name", "retinanet(classes = 1) head evil"),
    ("heads.0.arguments", {"classes = 1) head evil(": 1}),
    ("heads.0.arguments", {"classes": [1]}),
    ("heads.0.arguments", {"classes": "3) head evil("}),
    ("heads.0.surprise", 1),
    ("pixels", "unit head evil"),
    ("pixels", 3),
    ("defaults", {"subnet": {"prior": "1)\n"}}),
    ("definitions.0", "head h -> classification(2) {"),
    ("definitions.0", "model m {}"),
    ("definitions.0", "part a {} part b {}"),
    ("definitions.0", 5),
    ("expectations.0.quantity", "params = 5 expect params"),
]


@pytest.mark.parametrize(
    ("path", "value"), HOSTILE, ids=[f"{path}={value!r}"[:60] for path, value in HOSTILE]
)
def test_hostile_json_is_refused(path: str, value: object) -> None:
    with pytest.raises((ValidationError, DiagnosticError)):
        Model.model_validate_json(changed(path, value))


@pytest.mark.parametrize("key", ["name", "backbone", "heads"])
def test_missing_json_is_refused(key: str) -> None:
    with pytest.raises(ValidationError):
        Model.model_validate_json(json.dumps({k: v for k, v in DOCUMENT.items() if k != key}))


def test_the_document_itself_is_fine_and_draws() -> None:
    model = Model.model_validate_json(json.dumps(DOCUMENT))
    parameters = ModelCompilation(given=model).parameters
    assert sum(array.size for _, array in initial_weights(parameters, 0)) == sum(
        p.elements for p in parameters.values()
    )
