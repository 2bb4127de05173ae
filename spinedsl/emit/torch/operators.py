"""What each operator is in torch: the only table of operators of this target."""

from __future__ import annotations

from spinedsl.emit.torch.extents import Extents, exact_nearest, pooling
from spinedsl.emit.torch.layout import Binding, Expression, call, total
from spinedsl.emit.torch.rule import Form, Operands, Rule, Slot, Texts, options, square, torch_momentum
from spinedsl.graph.program import Node
from spinedsl.ops import (
    Activation,
    Add,
    BatchNorm,
    Concat,
    Convolution,
    Deconvolution,
    Dense,
    DropPath,
    GlobalPool,
    Multiply,
    Operator,
    Pool,
    Scale,
    Shape,
    SpaceToDepth,
    Upsample,
    WeightedAdd,
)
from spinedsl.ops.activation import SIXTH


def _no_form(operator: Operator, extents: Extents, shape: Shape) -> Form:
    return Form()


def _no_slots(operator: Operator, form: Form) -> list[Slot]:
    return []


def _layer_call(form: Form, texts: Texts, layer: str, operands: Operands) -> Expression:
    return call(layer, [operand.text for operand in operands])


# ---- convolution

_CONVOLUTIONS = {
    "truncated_normal": ("nn.Conv2d", ""),
    "glorot_uniform": ("GlorotConv2d", "glorot_conv2d"),
    "normal": ("NormalConv2d", "normal_conv2d"),
}
"""Law of the weights → the layer, and the helper text it needs."""


def _conv_form(operator: Convolution, extents: Extents, shape: Shape) -> Form:
    kind = (operator.bias, operator.pads.symmetric, operator.initial.law, operator.norm)
    return Form(kind, _CONVOLUTIONS[operator.initial.law][1])


def _drawn(operator: Convolution | Dense) -> list[Slot]:
    """How a layer is drawn that isn't drawn by its fans alone."""
    if operator.initial.law != "normal":
        return []
    prior = operator.initial_bias.value if operator.initial_bias.law == "logit" else 0.5
    return [Slot("std", operator.initial.value), Slot("prior", prior)]


def _conv_slots(operator: Convolution, form: Form) -> list[Slot]:
    top, left, bottom, right = operator.pads
    if operator.pads.symmetric:
        padding = Slot("padding", square((top, left)))
    else:
        padding = Slot("pads", (left, right, top, bottom), in_forward=True)
    return [
        Slot("in", operator.in_channels, "in"),
        Slot("out", operator.out_channels, "out"),
        Slot("kernel_size", square(operator.kernel)),
        Slot("stride", operator.stride),
        Slot("dilation", operator.dilation),
        padding,
        Slot("groups", operator.groups, "groups"),
        *_drawn(operator),
    ]


def _conv_layer(form: Form, texts: Texts) -> Expression:
    bias, symmetric, law, _ = form.kind
    items = [texts["in"], texts["out"], texts["kernel_size"], *options(texts, stride="1")]
    if symmetric:
        items += options(texts, padding="0")
    items += options(texts, dilation="1", groups="1")
    if not bias:
        items.append("bias=False")
    if law == "normal":
        items += [f"std={texts['std']}", *options(texts, prior="0.5")]
    return call(_CONVOLUTIONS[law][0], items)


def _conv_value(form: Form, texts: Texts, layer: str, operands: Operands) -> Expression:
    (x,) = operands
    _, symmetric, _, _ = form.kind
    return call(layer, [x.text if symmetric else f"F.pad({x.text}, {texts['pads']})"])


def _deconv_form(operator: Deconvolution, extents: Extents, shape: Shape) -> Form:
    return Form((operator.bias,))


def _deconv_slots(operator: Deconvolution, form: Form) -> list[Slot]:
    return [
        Slot("in", operator.in_channels, "in"),
        Slot("out", operator.out_channels, "out"),
        Slot("stride", operator.stride),
    ]


def _deconv_layer(form: Form, texts: Texts) -> Expression:
    items = [texts["in"], texts["out"], texts["stride"], f"stride={texts['stride']}"]
    return call("nn.ConvTranspose2d", items if form.kind[0] else [*items, "bias=False"])


# ---- dense


def _dense_form(operator: Dense, extents: Extents, shape: Shape) -> Form:
    pixels = shape.height * shape.width
    normal = operator.initial.law == "normal"
    return Form((operator.bias, normal, pixels), "normal_dense" if normal else "dense")


def _dense_slots(operator: Dense, form: Form) -> list[Slot]:
    channels = operator.in_features // form.kind[2]
    slots = [Slot("in", channels, "in"), Slot("out", operator.out_channels, "out")]
    return slots + _drawn(operator)


def _dense_layer(form: Form, texts: Texts) -> Expression:
    bias, normal, pixels = form.kind
    items = [f"{pixels} * {texts['in']}" if pixels > 1 else texts["in"], texts["out"]]
    if not bias:
        items.append("bias=False")
    if normal:
        items += [f"std={texts['std']}", *options(texts, prior="0.5")]
    return call("NormalDense" if normal else "Dense", items)


# ---- norm


def _norm_slots(operator: BatchNorm, form: Form) -> list[Slot]:
    return [
        Slot("channels", operator.channels, "in"),
        Slot("eps", operator.eps),
        Slot("momentum", torch_momentum(operator.momentum)),
    ]


def _norm_layer(form: Form, texts: Texts) -> Expression:
    defaults = {"eps": texts["default eps"], "momentum": texts["default momentum"]}
    return call("BatchNorm2d", [texts["channels"], *options(texts, **defaults)])


# ---- pools


def _pool_form(operator: Pool, extents: Extents, shape: Shape) -> Form:
    how = pooling(operator, extents, shape)
    averaging = how == "pads" and operator.kind == "average"
    return Form((operator.kind, how), "padded_avg_pool2d" if averaging else "")


def _pool_slots(operator: Pool, form: Form) -> list[Slot]:
    top, left, bottom, right = operator.pads
    _, how = form.kind
    return [
        Slot("kernel_size", square(operator.kernel), in_forward=True),
        Slot("stride", operator.stride, in_forward=True),
        Slot("pads", (left, right, top, bottom), in_forward=True)
        if how == "pads"
        else Slot("padding", square((top, left)), in_forward=True),
    ]


def _pool_value(form: Form, texts: Texts, layer: str, operands: Operands) -> Expression:
    kind, how = form.kind
    x = operands[0].text
    window = [texts["kernel_size"], f"stride={texts['stride']}"]
    if how == "pads":
        if kind == "average":
            return call("padded_avg_pool2d", [x, *window, f"pads={texts['pads']}"])
        return call("F.max_pool2d", [f'F.pad({x}, {texts["pads"]}, value=float("-inf"))', *window])
    items = [x, *window, *options(texts, padding="0")]
    if how == "ceil":
        items.append("ceil_mode=True")
    if kind == "average" and (texts["padding"] != "0" or how == "ceil"):
        items.append("count_include_pad=False")
    return call("F.avg_pool2d" if kind == "average" else "F.max_pool2d", items)


def _global_form(operator: GlobalPool, extents: Extents, shape: Shape) -> Form:
    return Form((operator.kind,))


def _global_value(form: Form, texts: Texts, layer: str, operands: Operands) -> Expression:
    method = "mean" if form.kind == ("average",) else "amax"
    return call(f"{operands[0].inside(Binding.ATOM)}.{method}", ["(2, 3)", "keepdim=True"])


# ---- activations and arithmetic

ACTIVATIONS = {
    "relu": "F.relu",
    "relu6": "F.relu6",
    "swish": "F.silu",
    "hard_swish": "F.hardswish",
    "sigmoid": "torch.sigmoid",
    "hard_sigmoid": "F.hardsigmoid",
}


def _act_form(operator: Activation, extents: Extents, shape: Shape) -> Form:
    sloped = operator.function == "hard_sigmoid" and operator.slope != SIXTH
    return Form((operator.function, sloped, operator.in_place))


def _act_slots(operator: Activation, form: Form) -> list[Slot]:
    return [Slot("slope", operator.slope, in_forward=True)]


def _act_value(form: Form, texts: Texts, layer: str, operands: Operands) -> Expression:
    function, sloped, in_place = form.kind
    (x,) = operands
    if sloped:
        return Expression(f"F.relu6({x.text} + 3) * {texts['slope']}", Binding.PRODUCT)
    return call(ACTIVATIONS[function], [x.text, "inplace=True"] if in_place else [x.text])


def _add_form(operator: Add, extents: Extents, shape: Shape) -> Form:
    return Form((operator.in_place,))


def _add_value(form: Form, texts: Texts, layer: str, operands: Operands) -> Expression:
    if form.kind == (False,):
        return total(operands)
    result, *others = operands
    for other in others:
        result = call(f"{result.inside(Binding.ATOM)}.add_", [other.text])
    return result


def _multiply_value(form: Form, texts: Texts, layer: str, operands: Operands) -> Expression:
    first, second = operands
    text = f"{first.inside(Binding.PRODUCT)} * {second.inside(Binding.ATOM)}"
    return Expression(text, Binding.PRODUCT)


def _scale_slots(operator: Scale, form: Form) -> list[Slot]:
    return [Slot("factor", operator.factor, in_forward=True)]


def _scale_value(form: Form, texts: Texts, layer: str, operands: Operands) -> Expression:
    return Expression(f"{operands[0].inside(Binding.PRODUCT)} * {texts['factor']}", Binding.PRODUCT)


def _concat_value(form: Form, texts: Texts, layer: str, operands: Operands) -> Expression:
    items = tuple(operand.text for operand in operands)
    return Expression(
        f"torch.cat([{', '.join(items)}], dim=1)", items=items, head="torch.cat([", tail="], dim=1)"
    )


def _fusion_form(operator: WeightedAdd, extents: Extents, shape: Shape) -> Form:
    return Form((operator.inputs,), "weighted_sum")


def _fusion_slots(operator: WeightedAdd, form: Form) -> list[Slot]:
    return [Slot("inputs", operator.inputs), Slot("eps", operator.eps)]


def _fusion_layer(form: Form, texts: Texts) -> Expression:
    return call("WeightedSum", [texts["inputs"], f"eps={texts['eps']}"])


def _drop_form(operator: DropPath, extents: Extents, shape: Shape) -> Form:
    return Form(helper="drop_path")


def _drop_slots(operator: DropPath, form: Form) -> list[Slot]:
    return [Slot("drop_path", operator.fraction, "drop_path")]


# ---- resolution


def _upsample_form(operator: Upsample, extents: Extents, shape: Shape) -> Form:
    if operator.method == "bilinear":
        return Form(("bilinear", operator.factor is None))
    if operator.factor is not None:
        # A power of two is exact in float32; the pixels' centres decide alike, and safely so.
        return Form(("nearest" if operator.factor.bit_count() == 1 else "nearest-exact",))
    if exact_nearest(shape.height, operator.height) and exact_nearest(shape.width, operator.width):
        return Form(("size",))
    return Form(("index",), "resize_nearest")


def _upsample_slots(operator: Upsample, form: Form) -> list[Slot]:
    if operator.factor is not None:
        return [Slot("factor", operator.factor, in_forward=True)]
    return [Slot("size", (operator.height, operator.width), in_forward=True)]


def _upsample_value(form: Form, texts: Texts, layer: str, operands: Operands) -> Expression:
    x = operands[0].text
    mode = form.kind[0]
    if mode == "bilinear":
        size = f"size={texts['size']}" if form.kind[1] else f"scale_factor={texts['factor']}"
        return call("F.interpolate", [x, size, 'mode="bilinear"', "align_corners=False"])
    if mode == "index":
        return call("resize_nearest", [x, texts["size"]])
    if mode == "size":
        return call("F.interpolate", [x, f"size={texts['size']}", 'mode="nearest"'])
    return call("F.interpolate", [x, f"scale_factor={texts['factor']}", f'mode="{mode}"'])


def _depth_form(operator: SpaceToDepth, extents: Extents, shape: Shape) -> Form:
    return Form(helper="space_to_depth")


def _depth_slots(operator: SpaceToDepth, form: Form) -> list[Slot]:
    return [Slot("block", operator.block, in_forward=True)]


def _depth_value(form: Form, texts: Texts, layer: str, operands: Operands) -> Expression:
    return call("space_to_depth", [operands[0].text, texts["block"]])


RULES: dict[type[Operator], Rule] = {
    Activation: Rule(_act_form, _act_slots, _act_value, folds=True),
    Add: Rule(_add_form, _no_slots, _add_value, folds=True),
    BatchNorm: Rule(_no_form, _norm_slots, _layer_call, _norm_layer, folds=True),
    Concat: Rule(_no_form, _no_slots, _concat_value),
    Convolution: Rule(_conv_form, _conv_slots, _conv_value, _conv_layer),
    Deconvolution: Rule(_deconv_form, _deconv_slots, _layer_call, _deconv_layer),
    Dense: Rule(_dense_form, _dense_slots, _layer_call, _dense_layer),
    DropPath: Rule(
        _drop_form, _drop_slots, _layer_call, lambda _, t: call("DropPath", [t["drop_path"]]), folds=True
    ),
    GlobalPool: Rule(_global_form, _no_slots, _global_value),
    Multiply: Rule(_no_form, _no_slots, _multiply_value, folds=True),
    Pool: Rule(_pool_form, _pool_slots, _pool_value),
    Scale: Rule(_no_form, _scale_slots, _scale_value, folds=True),
    SpaceToDepth: Rule(_depth_form, _depth_slots, _depth_value),
    Upsample: Rule(_upsample_form, _upsample_slots, _upsample_value),
    WeightedAdd: Rule(_fusion_form, _fusion_slots, _layer_call, _fusion_layer),
}
"""Every operator this target can write; any other is refused with SP042."""


def needs_layer(node: Node) -> bool:
    """Whether an operator has something to keep between calls."""
    return isinstance(node.target, Operator) and RULES[type(node.target)].layer is not None


def depthwise(node: Node) -> bool:
    """Whether a node is a convolution of every channel with a kernel of its own."""
    conv = node.target
    return isinstance(conv, Convolution) and conv.groups == conv.in_channels == conv.out_channels > 1
