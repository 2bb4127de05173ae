"""What moving and multiplying costs in each runtime: the numbers of spinedsl/profiles.py.

    python -m benchmarks.costs

One sample, float32, all cores; every number is the median of `RUNS` runs. An up-sampling is measured
between two layers, as it stands in a network: what the three take, less what the layers take alone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from spinedsl.runtime.bench.timing import alternate

CHANNELS = 256
EXTENT = 80
"""Rows and columns behind the up-sampling: level 3 of an image of 640 x 640."""
RUNS = 80
BYTES = 4 * CHANNELS * EXTENT * EXTENT
MACS = CHANNELS * CHANNELS * EXTENT * EXTENT

Run = Callable[[Any], object]
Form = tuple[str, ...]
"""What a model does, one after the other."""
FORMS: dict[str, tuple[Form, int]] = {
    "layer": (("conv",), EXTENT),
    "layers": (("conv", "conv"), EXTENT),
    "small layer": (("conv",), EXTENT // 2),
    "small layers": (("conv", "conv"), EXTENT // 2),
    "enlarged": (("conv", "upsample", "conv"), EXTENT // 2),
    "active": (("conv", "act"), EXTENT),
    "added": (("conv", "act", "add"), EXTENT),
}
"""Name → what it does, and the rows and columns of its input."""


def in_torch(channels_last: bool) -> dict[str, Run]:
    """Eager."""

    class Model(nn.Module):
        def __init__(self, form: Form) -> None:
            super().__init__()
            self.form = form
            self.convs = nn.ModuleList(nn.Conv2d(CHANNELS, CHANNELS, 1) for part in form if part == "conv")

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            given, convs = x, iter(self.convs)
            for part in self.form:
                if part == "conv":
                    x = next(convs)(x)
                elif part == "upsample":
                    x = nn.functional.interpolate(x, scale_factor=2)
                elif part == "act":
                    x = torch.relu(x)
                else:
                    x = x + given
            return x

    def runner(form: Form) -> Run:
        layout = torch.channels_last if channels_last else torch.contiguous_format
        model = Model(form).eval().to(memory_format=layout)

        def run(image: Any) -> object:
            with torch.inference_mode():
                return model(torch.from_numpy(image).contiguous(memory_format=layout))

        return run

    return {name: runner(form) for name, (form, _) in FORMS.items()}


def in_onnxruntime() -> dict[str, Run]:
    """The CPU provider, with all its graph optimisations."""

    def runner(form: Form, extent: int) -> Run:
        session = onnxruntime.InferenceSession(
            model(form, extent).SerializeToString(), providers=["CPUExecutionProvider"]
        )
        return lambda image: session.run(None, {"x": image})

    return {name: runner(*form) for name, form in FORMS.items()}


def in_openvino() -> dict[str, Run]:
    """The CPU plugin, in float32."""
    import openvino

    def runner(form: Form, extent: int) -> Run:
        core = openvino.Core()
        compiled = core.compile_model(
            core.read_model(model(form, extent).SerializeToString()),
            "CPU", {"INFERENCE_PRECISION_HINT": "f32"},
        )  # fmt: skip
        return compiled.__call__

    return {name: runner(*form) for name, form in FORMS.items()}


def model(form: Form, extent: int) -> onnx.ModelProto:
    """An ONNX model of a form."""
    random = np.random.default_rng(0)
    scales = numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "scales")
    nodes, weights, value = [], [scales] if "upsample" in form else [], "x"
    for index, part in enumerate(form):
        result = f"y{index}"
        if part == "conv":
            shape = (CHANNELS, CHANNELS, 1, 1)
            weights.append(numpy_helper.from_array(random.standard_normal(shape, np.float32), f"w{index}"))
            weights.append(numpy_helper.from_array(np.zeros(CHANNELS, np.float32), f"b{index}"))
            nodes.append(helper.make_node("Conv", [value, f"w{index}", f"b{index}"], [result]))
        elif part == "upsample":
            how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
            nodes.append(helper.make_node("Resize", [value, "", "scales"], [result], **how))
        elif part == "act":
            nodes.append(helper.make_node("Relu", [value], [result]))
        else:
            nodes.append(helper.make_node("Add", [value, "x"], [result]))
        value = result
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, CHANNELS, extent, extent])
    graph = helper.make_graph(
        nodes, "form", [given], [helper.make_tensor_value_info(value, TensorProto.FLOAT, None)], weights
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def costs(runs: dict[str, Run]) -> dict[str, float]:
    """Nanoseconds for a multiply-add, a byte, and a byte that is up-sampled."""
    images = {
        name: np.random.default_rng(1).standard_normal((1, CHANNELS, extent, extent), np.float32)
        for name, (_, extent) in FORMS.items()
    }
    timed = alternate({name: partial(run, images[name]) for name, run in runs.items()}, RUNS)
    median = {name: 1e9 * found.median for name, found in timed.items()}
    # A second layer costs a layer; a single one costs what comes in and goes out, too.
    layer, small = (median[f"{size}layers"] - median[f"{size}layer"] for size in ("", "small "))
    around = (median["layer"] - layer + median["small layer"] - small) / 2
    # The activation between keeps the addition from being part of the layer.
    return {
        "mac": layer / MACS,
        "byte": (median["added"] - median["active"]) / (3 * BYTES),
        "upsampled byte": (median["enlarged"] - around - layer - small) / BYTES,
    }


def main() -> None:
    """Print a table."""
    runtimes: dict[str, Callable[[], dict[str, Run]]] = {
        "torch": lambda: in_torch(False),
        "torch, channels last": lambda: in_torch(True),
        "ort-cpu": in_onnxruntime,
        "openvino": in_openvino,
    }
    print("| runtime | ns a multiply-add | ns a byte | ns an up-sampled byte |\n|---|---:|---:|---:|")
    for name, make in runtimes.items():
        try:
            found = costs(make())
        except ImportError as missing:
            print(f"| {name} | not measured: {missing} | | |")
            continue
        print(f"| {name} | " + " | ".join(f"{value:.4f}" for value in found.values()) + " |")


if __name__ == "__main__":
    main()
