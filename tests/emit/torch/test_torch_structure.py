"""From functions to classes: operators, grouping, names, hostile text."""

from __future__ import annotations

import ast
import builtins
from dataclasses import replace
from typing import ClassVar

import pytest
import torch
import torch.nn.functional as F

from spinedsl.diagnostics import DiagnosticError
from spinedsl.emit.torch import emit
from spinedsl.emit.torch.extents import exact_nearest
from spinedsl.emit.torch.operators import RULES
from spinedsl.emit.torch.prose import plain
from spinedsl.graph.inline import inline
from spinedsl.ir.loading import load
from spinedsl.ops import OPERATORS, Operator, Shape
from spinedsl.pipeline import Compilation
from spinedsl.source import Source, Span


def compiled(blocks: str, before: str = "", declarations: str = "", size: str = "64 x 64") -> Compilation:
    """Blocks of 8 channels behind a stem that ends at level 2."""
    text = f"""import "std/resnet.spine"
{before}
network tiny {{
  input 3 x {size}
  width {{ 2..5: 8 }}
  {declarations}
  stem {{ conv 3x3 / 2 -> 8, norm, act  maxpool 3x3 / 2  s0: residual @2 }}
  {blocks}
}}
"""
    scope = load(Source("tiny.spine", text))
    return Compilation(scope, scope.networks()[-1])


def text_of(compilation: Compilation) -> str:
    return emit(compilation.network, compilation.program, compilation.inlined)


def one_block(body: str, channels: str = "width", **kwargs: str) -> Compilation:
    """A network whose only block has this body."""
    before = f"block tested(width) -> {channels} {{ {body} }}"
    return compiled("b1: tested @2 <- s0 => P2", before=before, **kwargs)


def run_block(generated, x):
    """What the only block makes of x."""
    block = generated.network().eval().b1
    with torch.no_grad():
        return block(x)


# ---- operators


def test_every_operator_has_a_rule():
    assert set(RULES) == set(OPERATORS)


class Unheard(Operator):
    label: ClassVar[str] = "unheard"

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        return inputs[0]


def test_an_operator_without_a_rule_is_refused_where_it_stands():
    compilation = compiled("b1: residual @2 <- s0 => P2")
    span = Span(Source("tiny.spine", "unheard"), 0, 7)
    function = next(iter(compilation.program.functions.values()))
    odd = replace(function.nodes[0], target=Unheard(), span=span)
    changed = replace(function, nodes=(odd, *function.nodes[1:]))
    program = replace(
        compilation.program, functions={**compilation.program.functions, function.name: changed}
    )
    with pytest.raises(DiagnosticError) as caught:
        emit(compilation.network, program, inline(program))
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "SP042"
    assert diagnostic.primary.span == span


X = torch.randn(2, 8, 16, 16, generator=torch.Generator().manual_seed(1))

FUNCTIONS = {
    "relu6": F.relu6(X),
    "swish": X * X.sigmoid(),
    "hard_swish": X * F.relu6(X + 3) / 6,
    "sigmoid": X.sigmoid(),
    "act(hard_sigmoid)": F.relu6(X + 3) / 6,
    "act(hard_sigmoid, 0.16667)": F.relu6(X + 3) * 0.16667,
    "global_pool, upsample(nearest, 16)": X.mean((2, 3), keepdim=True).expand_as(X),
    "global_maxpool, upsample(nearest, 16)": X.amax((2, 3), keepdim=True).expand_as(X),
    "maxpool 2x2 / 2, upsample(nearest, 2)": F.max_pool2d(X, 2)
    .repeat_interleave(2, 2)
    .repeat_interleave(2, 3),
    "gate = global_pool, sigmoid\n input, multiply(gate)": X * X.mean((2, 3), keepdim=True).sigmoid(),
}


@pytest.mark.parametrize("body", FUNCTIONS)
def test_operators_compute(body, generate):
    compilation = one_block(f"{body}, norm")
    torch.testing.assert_close(run_block(generate(compilation), X), FUNCTIONS[body] / 1.001**0.5)


def test_space_to_depth_orders_row_column_channel(generate):
    body = "space_to_depth(2), conv 1x1 -> width, upsample(nearest, 2)"
    generated = generate(one_block(body))
    assert generated.module.space_to_depth(X, 2)[:, 8 * 2 + 3].equal(X[:, 3, 1::2, 0::2])
    assert run_block(generated, X).shape == X.shape


def test_concat_and_weighted_sum(generate):
    merge = "merge together { concat(inputs), conv 1x1 -> target.channels }"
    blocks = """
      b1: residual @3 <- s0
      b2: residual @2 merge together <- b1, s0
      b3: residual @3 merge weighted <- b2, b1
      b4: residual @2 merge together <- b3, b2, b1 => P2
    """
    generated = generate(compiled(blocks, before=merge))
    network = generated.network().eval()
    fusion = next(m for n, m in network.named_modules() if n.endswith("fusion1"))
    a, b = torch.randn(2, 1, 8, 4, 4)
    torch.nn.init.constant_(fusion.weight, -1)
    with torch.no_grad():
        fusion.weight[0] = 3
        torch.testing.assert_close(fusion(a, b), 3 * a / (3 + 1e-4))
    assert list(network.state_dict()) == list(generated.compilation.inlined.parameters())
    assert network(torch.randn(1, 3, 64, 64))["P2"].shape == (1, 8, 16, 16)


PADDED = {
    "maxpool 3x3 / 2": lambda x: F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=float("-inf")), 3, 2),
    "avgpool 3x3 / 2": lambda x: (
        F.avg_pool2d(F.pad(x, (0, 1, 0, 1)), 3, 2) / F.avg_pool2d(F.pad(torch.ones_like(x), (0, 1, 0, 1)), 3, 2)
    ),
    "maxpool 2x2 / 1, maxpool 2x2 / 2": lambda x: F.max_pool2d(
        F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=float("-inf")), 2, 1), 2, 2
    ),
    "avgpool 2x2 / 1, maxpool 2x2 / 2": lambda x: F.max_pool2d(
        F.avg_pool2d(F.pad(x, (0, 1, 0, 1)), 2, 1)
        / F.avg_pool2d(F.pad(torch.ones_like(x), (0, 1, 0, 1)), 2, 1), 2, 2
    ),
}  # fmt: skip


@pytest.mark.parametrize("body", PADDED)
@pytest.mark.parametrize("extent", [16, 24])
def test_pads_behind_never_count(body, extent, generate):
    compilation = one_block(f"{body}, upsample(nearest, 2)", declarations="padding same")
    x = torch.randn(1, 8, extent, extent)
    expected = PADDED[body](x).repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(run_block(generate(compilation), x), expected)


def test_any_size_is_compiled_for_that_size_alone(generate):
    blocks = """
      b1: residual @5 <- s0
      b2: residual @2 <- b1, s0 => P2
    """
    rule = "resample cross_scale(alpha = 1.0) sizes any padding same"
    generated = generate(compiled(blocks, declarations=rule, size="100 x 84"))
    network = generated.network().eval()
    with torch.no_grad():
        assert network(torch.randn(1, 3, 100, 84))["P2"].shape == (1, 8, 25, 21)
    with pytest.raises(ValueError, match="must be 100 x 84, not 128 x 128"):
        network(torch.randn(1, 3, 128, 128))


def test_nearest_rows_are_floors():
    for extent in range(1, 40):
        for target in range(extent, 90):
            x = torch.arange(extent, dtype=torch.float32).view(1, 1, extent, 1)
            rows = F.interpolate(x, size=(target, 1), mode="nearest").flatten().tolist()
            floors = [i * extent // target for i in range(target)]
            assert not exact_nearest(extent, target) or rows == floors


# ---- classes


def classes_of(text: str) -> dict[str, ast.ClassDef]:
    return {node.name: node for node in ast.parse(text).body if isinstance(node, ast.ClassDef)}


def test_numbers_that_differ_become_parameters(generate):
    blocks = """
      b1: residual(dilation = 1) @2 <- s0
      b2: residual(dilation = 2) @2 <- b1 => P2
    """
    generated = generate(compiled(blocks))
    assert "class Residual2" not in generated.text
    assert "Residual(8, width=8, dilation=2, drop_path=drop_path)" in generated.text
    assert "padding=dilation, dilation=dilation, bias=False)" in generated.text
    network = generated.network()
    assert network.b2.conv1.dilation == network.b2.conv1.padding == (2, 2)


def test_drop_path_does_not_split_a_class():
    text = text_of(compiled("b1: residual @2 <- s0 => P2"))
    assert [name for name in classes_of(text) if name.startswith("Residual")] == ["Residual"]


def test_names_that_python_or_the_file_needs_are_evaded(generate):
    blocks = """
      ValueError: value_error @2 <- s0
      dict: drop_path_ @2 <- ValueError
      height: residual @2 <- dict, ValueError
      out: bottleneck @2 <- height
      batch_norm2d: tiny @2 <- out => P2
    """
    parts = """
block value_error(width) -> width { conv 1x1 -> width }
block drop_path_(width) -> width { conv 1x1 -> width, norm }
block none(width) -> width { conv 1x1 -> width, norm, act }
block tiny(width) -> width { conv 1x1 -> width, act }
"""
    generated = generate(compiled(blocks, before=parts))
    names = classes_of(generated.text)
    assert "ValueError" not in names and len(names) == len(set(names))
    network = generated.network().eval()
    assert type(network).__name__ == "Tiny" and type(network.batch_norm2d).__name__ == "Tiny2"
    assert list(network.state_dict()) == list(generated.compilation.inlined.parameters())
    with pytest.raises(ValueError, match="multiples"):
        network(torch.randn(1, 3, 63, 64))
    assert network(torch.randn(1, 3, 64, 64))["P2"].shape == (1, 8, 16, 16)


@pytest.mark.parametrize(
    "title", ["Drop Path", "BatchNorm2d", "Value Error", "True", "F", "Residual", "a" * 999]
)
def test_the_network_has_a_class_name_of_its_own(title, generate):
    declared = compiled("b1: residual @2 <- s0 => P2", declarations=f'title "{title}"')
    generated = generate(declared)
    assert generated.network.__name__ not in dir(builtins)
    assert max(map(len, generated.text.splitlines())) <= 100
    assert generated.network().eval()(torch.randn(1, 3, 64, 64))["P2"].shape == (1, 8, 16, 16)


HOSTILE = [
    '"""\nimport os\nos.abort()\n"""',
    "\\",
    '\\"""; x = 1 #',
    "'''\n\r\u2028\u2029\x0b\x0c\x85 pass",
    "\u202e reversed \ufeff \x00 {{ 1 }} {% raw %}",
    '"' * 50 + "\\" * 51,
    "",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_free_text_stays_in_its_docstring(text):
    compilation = compiled("b1: residual @2 <- s0 => P2")
    honest = text_of(compilation)
    network = compilation.network.model_copy(update={"title": text, "doc": text, "published": (text, text)})
    program = compilation.program
    functions = {name: replace(f, doc=text) for name, f in program.functions.items()}
    written = emit(network, replace(program, functions=functions), compilation.inlined)
    assert without_docstrings(written) == without_docstrings(honest)
    assert max(map(len, written.splitlines())) <= 100
    written.encode()


def without_docstrings(text: str) -> list[str]:
    """The program that is left, with the public class called by one name."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                del body[0]
    *definitions, public = tree.body
    assert isinstance(public, ast.ClassDef)
    public.name = "Public"
    return [ast.dump(node) for node in (*definitions, public) if not isinstance(node, ast.Assign)]


def test_long_texts_are_cut_and_wrapped():
    compilation = compiled("b1: residual @2 <- s0 => P2")
    endless = "a" * 100_000
    network = compilation.network.model_copy(update={"doc": endless, "published": (endless,)})
    written = emit(network, compilation.program, compilation.inlined)
    assert max(map(len, written.splitlines())) <= 100 and len(written) < 30_000


def test_plain_drops_what_can_not_be_encoded():
    assert plain("a\ud800b\x00c") == "a b c"


def test_plain_keeps_what_is_harmless():
    assert plain("  Größe ×2,\n  “so” 'n' ") == "Größe ×2, “so” 'n'"


def test_a_thousand_blocks_nest_no_deeper_than_one():
    rows = [f"b{i}: residual @2 <- {f'b{i - 1}' if i > 1 else 's0'}, s0" for i in range(1, 1000)]
    text = text_of(compiled("\n".join([*rows, "b1000: residual @2 <- b999, s0 => P2"])))
    deepest = max(len(line) - len(line.lstrip()) for line in text.splitlines())
    assert deepest <= 16
    compile(text, "thousand.py", "exec")
