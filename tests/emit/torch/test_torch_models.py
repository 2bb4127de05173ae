"""Files of models: their text, their names and shapes, how they are drawn, compiled and exported."""

from __future__ import annotations

import ast
import math
import re
import subprocess
import warnings
from functools import cache

import pytest
import torch
from support import compile_model, model_text
from test_torch_text import GOLDEN, RUFF
from tolerances import SAME_MODULE
from torch import nn

from spinedsl.api import torch_source
from spinedsl.diagnostics import DiagnosticError
from spinedsl.ir.titles import class_name
from spinedsl.runtime import verify
from spinedsl.runtime.modules import load_module
from spinedsl.specification import open_spec, standard_models

STANDARD = [listed.name for listed in standard_models()]
NARROW = {"scale.width": "0.125"}
PARTS = {
    "detector": "head retinanet(classes = 3, width = 8, depth = 2, size = 3)",
    "separable": "head retinanet(classes = 3, width = 8, depth = 1, separable = true)",
    "two_stage": """
        head rpn(width = 8)
        head fast_rcnn(classes = 3, width = 8, depth = 2, features = 16)
        head mask_fcn(classes = 3, width = 8, depth = 2)""",
    "classifier": "head classifier(classes = 5)",
    "segmenter": "head semantic(classes = 5, width = 8)",
}
"""Small models of every task."""
OWN = """
head own -> classification(5) {
  from finest { maxpool 2x2 / 2, add(level), depthwise 3x3, norm, act }
  conv(init = glorot_uniform) 3x3 -> 6, conv(bias = true, std = 0.2) 1x1
  deconv(bias = true) 2x2 / 2, norm, act, global_pool, dense -> 64
  dense(std = 0.1, prior = 0.2) -> 5 => logits
}
"""


GROUPED = """
head grouped -> segmentation(2) {
  from coarsest { upsample(bilinear, level), add(level) }
  conv 1x1 -> 64, depthwise 3x3, conv(groups = 4, bias = true) 3x3 -> 64
  conv(bias = true) 1x1 -> 2 => logits
}
"""


def small(name: str):
    """The compilation of a small model, its module and its class."""
    body, before = PARTS.get(name, f"head {name}"), {"own": OWN, "grouped": GROUPED}.get(name, "")
    return made(compile_model(model_text(f'title "{name}" {body}', before=before)))


def made(compilation):
    text = torch_source(compilation)
    return compilation, text, load_module(text, class_name(compilation.subject))


@cache
def standard(name: str):
    return made(open_spec(f"std:{name}", NARROW))


def segments(text: str, *names: str) -> str:
    """The source of some classes of a file."""
    classes = {node.name: node for node in ast.parse(text).body if isinstance(node, ast.ClassDef)}
    return "\n\n\n".join(ast.get_source_segment(text, classes[name]) or "" for name in names) + "\n"


# ---- the text


def test_golden_of_a_file(golden):
    golden(small("classifier")[1], GOLDEN / "small_classifier.py")


def test_golden_of_heads(golden):
    """The classes that are written for heads, and the parts they share with nothing else."""
    texts = [
        segments(small("detector")[1], "Subnet", "RetinanetHead"),
        segments(small("two_stage")[1], "RegionSubnet", "RpnHead", "FastRcnnHead", "MaskFcnHead"),
        segments(small("segmenter")[1], "SemanticHead"),
        segments(small("own")[1], "OwnHead"),
    ]
    golden("\n\n".join(texts), GOLDEN / "small_heads.py")


@pytest.mark.parametrize("name", STANDARD)
def test_imports_torch_and_torchvision_alone_and_keeps_to_the_width(name):
    text = standard(name)[1]
    tree = ast.parse(text)
    imported = {
        (alias.name if isinstance(node, ast.Import) else node.module).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    assert imported - {"functools", "math", "typing"} in ({"torch"}, {"torch", "torchvision"})
    assert max(map(len, text.splitlines())) <= 100
    names = [node.name for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))]
    assert len(names) == len(set(names))


@pytest.mark.skipif(RUFF is None, reason="ruff is not installed")
def test_ruff_has_nothing_to_say(tmp_path):
    for name in (*STANDARD, *PARTS, "own"):
        text = standard(name)[1] if name in STANDARD else small(name)[1]
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    for name in ("spinenet49_retinanet", "spinenet49_mask_rcnn"):
        compilation = open_spec(f"std:{name}", {"conventions": "garden"})
        (tmp_path / f"{name}_garden.py").write_text(torch_source(compilation), encoding="utf-8")
    style = ["--isolated", "--line-length=100", "."]
    rules = "--select=E,F,W,I,UP,B,SIM,C4,RET,PIE"
    for command in (["check", rules, *style], ["format", "--diff", *style]):
        run = subprocess.run([str(RUFF), *command], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stdout + run.stderr


def test_same_bytes_again():
    assert small("two_stage")[1] == small("two_stage")[1]


# ---- names and shapes


@pytest.mark.parametrize("name", STANDARD)
def test_names_and_shapes_are_the_programs(name):
    """Every key of the state dict, in order, and every raw output; without memory, on `meta`."""
    compilation, _, model_class = standard(name)
    with torch.device("meta"):
        model = model_class().eval()
        image = torch.empty(2, *compilation.program.main.inputs[0].shape)
    state = {key: tuple(tensor.shape) for key, tensor in model.state_dict().items()}
    assert state == {key: parameter.shape for key, parameter in compilation.parameters.items()}
    outputs = {key: tuple(tensor.shape) for key, tensor in model.outputs(image).items()}
    # A model of two stages has the features among its raw outputs.
    features = [key for key in outputs if key in compilation.assembly.features]
    expected = {e.name: (2, *e.shape[: 1 if e.flat else 3]) for e in compilation.program.endpoints}
    assert {key: shape for key, shape in outputs.items() if key not in features} == expected
    for part, program in compilation.assembly.region_programs():
        (port,) = program.main.inputs
        found = getattr(model, part.name)(torch.empty(7, *port.shape, device="meta"))
        shapes = {key: tuple(tensor.shape) for key, tensor in found.items()}
        assert shapes == {e.name: (7, *e.shape[: 1 if e.flat else 3]) for e in program.endpoints}


@pytest.mark.parametrize("name", [*PARTS, "own"])
def test_keys_stand_in_the_programs_order(name):
    compilation, _, model_class = small(name)
    parameters = [p for p in compilation.parameters if "norm" not in p]
    levelled = [k for k in model_class().state_dict() if "norm" not in k]
    assert levelled == parameters


def test_levels_have_norms_of_their_own_and_share_the_rest():
    _, _, model_class = small("detector")
    head = model_class().retinanet.train()
    features = {"P3": torch.randn(2, 8, 8, 8), "P4": torch.randn(2, 8, 4, 4)}
    before = {key: tensor.clone() for key, tensor in head.state_dict().items()}
    head(features)
    moved = {key for key, tensor in head.state_dict().items() if not torch.equal(tensor, before[key])}
    assert moved == {key for key in before if "running" in key}
    assert {key.split(".")[2] for key in moved} == {"P3", "P4"}
    # Without training: what P3 gives depends on the norms of P3 alone.
    head.eval()
    reference = head(features)
    with torch.no_grad():
        for key, parameter in head.named_parameters():
            if ".P4." in key:
                parameter.add_(1.0)
    changed = {key for key, tensor in head(features).items() if not torch.equal(tensor, reference[key])}
    assert changed == {"scores_P4", "boxes_P4"}


@pytest.mark.parametrize("endpoint", ["x", "features", "height", "name", "F3", "out", "image_", "print"])
def test_levels_may_be_called_like_variables(endpoint):
    text = model_text(
        PARTS["detector"], blocks=f"a: residual @3 <- s0 => {endpoint}  b: residual @4 <- a => P4"
    )
    compilation, _, model_class = made(compile_model(text))
    with torch.no_grad():
        outputs = model_class().eval().outputs(torch.randn(1, 3, 64, 64))
    assert list(outputs) == [e.name for e in compilation.program.endpoints]


@pytest.mark.parametrize(
    "head", ["each", "level", "model", "keys", "Conv2d", "print", "BatchNorm2d", "features", "Small"]
)
def test_heads_may_be_called_like_much_else(head):
    before = f"head {head} -> classification(2) {{ from coarsest {{ upsample(nearest, level), add(level), norm }} global_pool, dense -> 2 => logits }}"
    compilation, _, model_class = made(compile_model(model_text(f"head {head}", before=before)))
    model = model_class()
    assert list(model.state_dict()) == list(compilation.parameters)
    assert model(torch.randn(1, 3, 64, 64), torch.tensor([1])).keys() == {"classification"}


@pytest.mark.parametrize(
    "title", ["Targets", "Subnet", "Retinanet Head", "Tiny", "Batch Norm 2d", "F", "Residual"]
)
def test_titles_may_be_those_of_other_classes(title):
    """A model, or its backbone, may be titled like a helper, a block, a head or one another."""
    for declarations, body in ((f'title "{title}"', ""), ("", f'title "{title}"'), (f'title "{title}"',) * 2):
        text = model_text(f"{body} {PARTS['detector']}", declarations=declarations)
        compilation, source, model_class = made(compile_model(text))
        classes = [n.name for n in ast.parse(source).body if isinstance(n, ast.ClassDef)]
        assert len(classes) == len(set(classes))
        model = model_class(score_threshold=0.0).eval()
        assert set(model.state_dict()) == set(compilation.parameters)
        with torch.no_grad():
            assert len(model(torch.randn(1, 3, 64, 64))) == 1


# ---- one layer for all levels


def test_every_level_is_enlarged_by_its_own_factor():
    """An operator that keeps nothing may be another one at every level, in one class."""
    before = """
      head h -> detection(2) {
        from coarsest { upsample(nearest, level), add(level) }
        all = act
        each level {
          gate = upsample(nearest, all), multiply(all), global_pool
          multiply(gate), conv 1x1 -> 18 => scores
          conv 1x1 -> 36 => boxes
        }
      }
    """
    blocks = "a: residual @3 <- s0 => P3  b: residual @4 <- a => P4  c: residual @5 <- b => P5"
    compilation, text, _ = made(compile_model(model_text("head h", before=before, blocks=blocks)))
    assert {"scale_factor=2", "scale_factor=4"} <= set(re.findall(r"scale_factor=\d", text))
    assert verify(compilation).worst < 2e-5


def test_a_layer_that_would_have_to_differ_is_refused():
    """Pads behind a pool are a rounding up at one level, and pads at another: one layer can't be both."""
    before = """
      part pooled { maxpool 3x3 / 2, act, norm, upsample(nearest, 2) }
      head h -> detection(2) { each level { pooled, conv 1x1 -> 18 => scores  conv 1x1 -> 36 => boxes } }
    """
    compilation = compile_model(model_text("head h", before=before, declarations="padding same"))
    with pytest.raises(DiagnosticError, match="SP042"):
        torch_source(compilation)
    plain = compile_model(model_text("head h", before=before))
    assert "class HHead" in torch_source(plain)


# ---- weights


@pytest.mark.parametrize("name", [*PARTS, "own", "grouped"])
def test_weights_are_drawn_by_the_programs_laws(name):
    compilation, _, model_class = small(name)
    state = model_class(generator=torch.Generator().manual_seed(0)).state_dict()
    for key, parameter in compilation.parameters.items():
        initial, tensor = parameter.initial, state[key]
        # Six standard errors of a deviation that was estimated from so many numbers.
        sampled = 6 / math.sqrt(2 * tensor.numel())
        match initial.law:
            case "ones" | "zeros":
                assert (tensor == (initial.law == "ones")).all(), key
            case "logit":
                assert torch.sigmoid(tensor) == pytest.approx(initial.value), key
            case "normal":
                assert tensor.std().item() == pytest.approx(initial.value, rel=sampled), key
            case "truncated_normal":
                deviation = initial.fan_in**-0.5
                assert tensor.abs().max() <= 2 * deviation / 0.87962566103423978 * 1.0001, key
                assert tensor.std().item() == pytest.approx(deviation, rel=sampled), key
            case "glorot_uniform":
                limit = math.sqrt(6 / (initial.fan_in + initial.fan_out))
                assert tensor.abs().max() <= limit, key
                assert tensor.std().item() == pytest.approx(limit / 3**0.5, rel=sampled), key


def test_all_laws_are_drawn():
    laws = {p.initial.law for name in ("own", "detector") for p in small(name)[0].parameters.values()}
    assert laws == {"ones", "zeros", "logit", "normal", "truncated_normal", "glorot_uniform"}


@pytest.mark.parametrize("name", [*PARTS, "own"])
def test_a_generator_decides_alone(name):
    _, _, model_class = small(name)
    before = torch.get_rng_state()
    one = model_class(generator=torch.Generator().manual_seed(7))
    assert torch.equal(torch.get_rng_state(), before)
    two = model_class()
    two.initialise(torch.Generator().manual_seed(7))
    for (key, a), b in zip(one.state_dict().items(), two.state_dict().values(), strict=True):
        assert torch.equal(a, b), key


# ---- what users do


class Outputs(nn.Module):
    """A model's raw outputs as a module of its own, as exporters want them."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        return self.model.outputs(images)


def agree(actual, expected):
    assert list(actual) == list(expected)
    for name, tensor in actual.items():
        torch.testing.assert_close(tensor, expected[name], **SAME_MODULE)


@pytest.mark.parametrize("name", PARTS)
def test_outputs_compile_export_and_trace(name):
    outputs, images = Outputs(small(name)[2]()).eval(), torch.randn(1, 3, 64, 64)
    with torch.no_grad(), warnings.catch_warnings():
        expected = outputs(images)
        torch._dynamo.reset()
        agree(torch.compile(outputs, fullgraph=True, backend="eager")(images), expected)
        agree(torch.export.export(outputs, (images,)).module()(images), expected)
        warnings.simplefilter("error", torch.jit.TracerWarning)
        agree(torch.jit.trace(outputs, images, strict=False)(images), expected)


@pytest.mark.parametrize("name", PARTS)
def test_channels_last_changes_nothing(name):
    outputs, images = Outputs(small(name)[2]()).eval(), torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = outputs(images)
        outputs.to(memory_format=torch.channels_last)
        agree(outputs(images.to(memory_format=torch.channels_last)), expected)


def test_wrong_features_and_regions_are_refused():
    detector, stages = small("detector")[2](), small("two_stage")[2]()
    features = {"P3": torch.randn(1, 8, 8, 8), "P4": torch.randn(1, 8, 4, 4)}
    with pytest.raises(ValueError, match="height and width of P3 must be multiples of 2, not 7 x 8"):
        detector.retinanet({**features, "P3": torch.randn(1, 8, 7, 8)})
    with pytest.raises(ValueError, match="P4 must be 4 x 4 here"):
        detector.retinanet({**features, "P4": torch.randn(1, 8, 5, 5)})
    with pytest.raises(ValueError, match="regions must be 7 x 7"):
        stages.fast_rcnn(torch.randn(1, 8, 8, 8))


def test_sizes_divide_for_the_deepest_part():
    """A neck that goes deeper than the backbone decides, in every class of the file."""
    neck = """
      network deeper {
        input of 64 x 64 { c4 @4 -> 8 }
        width { 4..6: 8 }
        n4: residual @4 <- c4 => P4
        n6: residual @6 <- n4 => P6
      }
    """
    _, text, model_class = made(compile_model(model_text(f"neck deeper {PARTS['detector']}", before=neck)))
    assert "multiples of 16" not in text
    with pytest.raises(ValueError, match="height and width must be multiples of 64, not 48 x 64"):
        model_class().outputs(torch.randn(1, 3, 48, 64))
