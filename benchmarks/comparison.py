"""SpineNets against modules written by hand and what exporters make of them, in every runtime.

    python -m benchmarks.comparison [--quick] [--charts FOLDER] [--only SPEC]

Contenders: benchmarks/contenders/, with spinec's weights and the same outputs, which is seen to before
anything is timed; torchvision's ResNet-50-FPN at the same size, for scale; spinec at all levels. Every
section is one process in which they take turns.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks.contenders import mobile, spinenet
from benchmarks.contenders.weights import take_weights
from spinedsl.api import torch_source
from spinedsl.benchmark import EXPORT, Bench, Wanted
from spinedsl.ir.titles import class_name
from spinedsl.pipeline import Compilation
from spinedsl.runtime import load_module
from spinedsl.runtime.bench import report as reports
from spinedsl.runtime.bench.comparison import Measured, Row, measure
from spinedsl.runtime.modules import load_state
from spinedsl.specification import open_spec
from spinedsl.weights import random_weights

HAND = "hand-written"
FOR_SCALE = "torchvision's ResNet-50-FPN"
TOLERANCE = 1e-4
"""Of outputs, relative to the largest number; float32 sums in other orders stay far below."""
RUNS = {
    "spinenet49s": (640, (2,)),
    "spinenet49": (640, (2, 8)),
    "spinenet96": (1024, (2,)),
    "spinenet_mobile49": (384, (2, 8)),
}
"""Spec → height and width, and how many images a step of training has."""


def by_hand(compilation: Compilation) -> nn.Module:
    """The network as people write it, with the random weights that spinec's contenders have."""
    name = compilation.network.name
    module: Any = mobile.SpineNetMobile() if "mobile" in name else spinenet.SpineNet(name)
    parts = mobile.parts(module) if "mobile" in name else spinenet.parts(module)
    state = {key: torch.from_numpy(array) for key, array in random_weights(compilation.parameters)}
    take_weights(parts, state)
    return module


def resnet50_fpn() -> nn.Module:
    """P2 to P6, 256 channels each."""
    from torchvision.models.detection.backbone_utils import resnet_fpn_backbone

    return resnet_fpn_backbone(
        backbone_name="resnet50", weights=None, norm_layer=nn.BatchNorm2d, trainable_layers=5
    )


def see_that_they_are_the_same(compilation: Compilation) -> float:
    """How far the outputs of the module by hand lie from spinec's, relative to the largest.

    Raises:
        ValueError: too far: it is another network.
    """
    ours = load_module(torch_source(compilation), class_name(compilation.network))()
    load_state(ours, random_weights(compilation.parameters))
    image = torch.randn(1, 3, 256, 256)
    with torch.inference_mode():
        expected, found = ours.eval()(image), by_hand(compilation).eval()(image)
    worst = max(
        float((found[name] - values).abs().max() / values.abs().max()) for name, values in expected.items()
    )
    if list(expected) != sorted(found) or worst > TOLERANCE:
        raise ValueError(f"{compilation.network.name} by hand differs by {worst:.1e}")
    return worst


def compare(name: str, size: int, batches: tuple[int, ...], repeats: int, compiled: bool) -> list[Measured]:
    """All sections of a spec; those that depend on no batch once."""
    compilation = open_spec(f"std:{name}")
    assert isinstance(compilation, Compilation)
    see_that_they_are_the_same(compilation)
    others: dict[str, Callable[[], Any]] = {HAND: partial(by_hand, compilation), FOR_SCALE: resnet50_fpn}
    found: list[Measured] = []
    with tempfile.TemporaryDirectory() as folder:
        for device in ("cpu", "cuda"):
            for batch in batches:
                wanted = Wanted((size, size), batch, compiled, device, repeats)
                for section in Bench(compilation, wanted, Path(folder), others).sections():
                    if section.title not in {each.title for each in found}:
                        print(f"{name}: {section.title}", file=sys.stderr, flush=True)
                        found.append(measure(section))
    return found


BARS = {
    "PyTorch, one image": ("spinec -O2", HAND),
    "PyTorch compiled, one image": ("spinec -O2, torch.compile", f"{HAND}, torch.compile"),
    "PyTorch, a step of training with 2": ("spinec -O1", HAND),
    "PyTorch, a step of training with 8": ("spinec -O1", HAND),
    "ONNX Runtime, one image": ("spinec -O2", f"{EXPORT}, {HAND}"),
    "OpenVINO, one image": ("spinec -O2", f"{EXPORT}, {HAND}"),
}
"""The start of a section's title → who is compared with whom in the summary."""


def summary(results: Mapping[str, Sequence[Measured]]) -> str:
    """A row for each network and section: how many times faster, in which share of the memory."""
    lines = [
        "| network | work | ours | theirs | faster | memory | nodes |",
        "|---|---|---|---|---:|---:|---:|",
    ]
    for title, found in results.items():
        for measured in found:
            for start, (ours, theirs) in BARS.items():
                rows = {row.name: row for row in measured.rows}
                if measured.title.startswith(start) and ours in rows:
                    lines.append(f"| {title} | {measured.title} | {_against(rows[ours], rows[theirs])} |")
    return "\n".join(lines)


def _against(ours: Row, theirs: Row) -> str:
    memory = f"{ours.peak / theirs.peak:.2f}" if ours.peak and theirs.peak else ""
    nodes = f"{ours.operators} / {theirs.operators}" if ours.operators else ""
    faster = theirs.time.median / ours.time.median
    return f"`{ours.name}` | {theirs.name} | {faster:.2f} | {memory} | {nodes}"


def report(quick: bool = False, charts: Path | None = None, only: str | None = None) -> str:
    """Markdown of all networks; charts and JSON go into a folder, if one is given."""
    texts: list[str] = []
    results: dict[str, list[Measured]] = {}
    for name, (size, batches) in RUNS.items():
        if only not in (None, name):
            continue
        repeats, compiled = (2, False) if quick else (9 if size < 1000 else 5, not quick)
        found = compare(name, size, batches, repeats, compiled)
        title = open_spec(f"std:{name}").subject.title or name
        results[title] = found
        texts += [f"## {title}\n", *(reports.markdown(each) for each in found)]
        if charts is not None:
            charts.mkdir(exist_ok=True)
            (charts / f"{name}.json").write_text(json.dumps(reports.as_json(title, found), indent=2) + "\n")
            reports.write_chart(charts / f"{name}.png", title, found, force=True)
    return "\n".join([summary(results), "", *texts])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="two runs, and no torch.compile")
    parser.add_argument("--charts", type=Path, help="a folder for pictures and JSON")
    parser.add_argument("--only", choices=list(RUNS))
    arguments = parser.parse_args()
    print(report(arguments.quick, arguments.charts, arguments.only))
