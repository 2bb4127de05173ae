"""What `spinec bench` compares: a network as it was written and as it is rewritten, wherever it can run.

    compilation ─┬─ modules at -O0, -O1, -O2 ──▶ PyTorch: inference, and steps of training
                 └─ files at -O0, -O2 ─────────▶ ONNX Runtime, OpenVINO; beside them what torch.onnx.export
                                                 and onnxslim make of the written module

Modules have the same random weights; files have freshly drawn ones, or their module's. How fast they are doesn't
depend on that. Callers may add modules of their own to every section.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from functools import partial
from pathlib import Path
from typing import Any

from spinedsl.api import torch_source
from spinedsl.diagnostics import fail
from spinedsl.ir.model import FeatureInput
from spinedsl.ir.titles import class_name
from spinedsl.onnx_precision import PrecisionRequest, build
from spinedsl.onnx_target import OnnxRequest
from spinedsl.pipeline import Compilation, optimised
from spinedsl.profiles import Level
from spinedsl.records import record
from spinedsl.runtime.bench import graphs, modules
from spinedsl.runtime.bench.comparison import Contender, Maker, Section
from spinedsl.runtime.modules import load_module, load_state
from spinedsl.weights import random_weights

Others = Mapping[str, Callable[[], Any]]
"""Modules that take part beside ours: their names, and what makes them."""

EXPORT = "torch.onnx.export + onnxslim"


@record
class Wanted:
    """What is asked of a comparison.

    Attributes:
        size: height and width of the image.
        batch: images of a step of training; of inference there is one.
        compiled: whether torch.compile takes part.
        device: `cpu` or `cuda`.
        repeats: how often each contender counts; of steps of training a third.
    """

    size: tuple[int, int]
    batch: int = 2
    compiled: bool = False
    device: str = "cpu"
    repeats: int = 10


@record
class Bench:
    """A network and what it is compared with.

    Attributes:
        folder: where files are written.
        others: modules of the same network, or of another one, that take part.
    """

    compilation: Compilation
    wanted: Wanted
    folder: Path
    others: Others = field(default_factory=dict)

    def sections(self) -> list[Section]:
        """All comparisons, in order.

        Raises:
            DiagnosticError: the network reads features, or can't take the size.
        """
        network = self.compilation.network
        if isinstance(network.input, FeatureInput):
            raise fail(
                "SP044", f"“{network.name}” reads features, and there is nobody who makes any", network.span,
                help="name a network that reads images, or a model: `--pipeline`",
            )  # fmt: skip
        return self._on_cuda() if self.wanted.device == "cuda" else self._on_cpu()

    def _on_cpu(self) -> list[Section]:
        image, repeats = self._image(), self.wanted.repeats
        sections = [
            Section(
                f"PyTorch, one image of {image}",
                {name: partial(self._inference, make) for name, make in self._modules(0, 1, 2).items()},
                repeats,
            )
        ]
        if self.wanted.compiled:
            sections.append(Section(f"PyTorch compiled, one image of {image}", self._compiled(), repeats))
        files = {
            "ONNX Runtime": ("ort-cpu", graphs.in_onnxruntime),
            "OpenVINO": ("openvino", graphs.in_openvino),
        }
        return [
            *sections,
            self._steps("PyTorch"),
            *(
                Section(f"{title}, one image of {image}", self._files(*how), repeats)
                for title, how in files.items()
            ),
        ]

    def _on_cuda(self) -> list[Section]:
        image, repeats = self._image(), self.wanted.repeats
        makers: dict[str, Maker] = {}
        for name, make in self._modules(0, 2).items():
            makers[name] = partial(self._inference, make)
            makers[f"{name}, CUDA graph"] = partial(self._replayed, make)
        if self.wanted.compiled:
            makers |= self._compiled()
        files = self._files("ort-cuda", partial(graphs.in_onnxruntime, device="cuda"))
        return [
            Section(f"CUDA, fp16, channels last, one image of {image}", makers, repeats),
            self._steps("CUDA, fp32"),
            Section(f"ONNX Runtime, CUDA, one image of {image}", files, repeats),
        ]

    def _compiled(self) -> dict[str, Maker]:
        return {
            f"{name}, torch.compile": partial(self._inference, make, compiled=True)
            for name, make in self._modules(0, 2).items()
        }

    def _steps(self, where: str) -> Section:
        makers: dict[str, Maker] = {
            name: partial(self._training, make) for name, make in self._modules(0, 1).items()
        }
        makers["spinec -O1 --checkpoint"] = partial(self._training, partial(self._module, 1, checkpoint=True))
        title = f"{where}, a step of training with {self.wanted.batch} images of {self._image()}"
        return Section(title, makers, -(-self.wanted.repeats // 3))

    def _image(self) -> str:
        return " x ".join(map(str, self.wanted.size))

    def _modules(self, *levels: Level) -> Others:
        """The others, then ours at some levels."""
        return {**self.others, **{f"spinec -O{level}": partial(self._module, level) for level in levels}}

    # ---- contenders

    def _at(self, level: Level, runtime: str | None = None) -> Compilation:
        compilation = optimised(self.compilation.resized(*self.wanted.size), level, runtime)
        assert isinstance(compilation, Compilation)
        return compilation

    def _module(self, level: Level, checkpoint: bool = False) -> Any:
        compilation = self._at(level)
        name = class_name(compilation.network)
        module = load_module(torch_source(compilation, checkpoint=checkpoint), name)()
        load_state(module, random_weights(self.compilation.parameters))
        return module

    def _inference(self, make: Callable[[], Any], *, compiled: bool = False) -> Contender:
        return modules.inference(*self._placed(make), compiled=compiled)

    def _replayed(self, make: Callable[[], Any]) -> Contender:
        return modules.replayed(*self._placed(make))

    def _training(self, make: Callable[[], Any]) -> Contender:
        given = modules.images(self.wanted.batch, *self.wanted.size, self.wanted.device)
        return modules.training(make().to(self.wanted.device), given)

    def _placed(self, make: Callable[[], Any]) -> tuple[Any, Any]:
        """A module and an image where they run; on CUDA in fp16 with channels last."""
        given = modules.images(1, *self.wanted.size, self.wanted.device)
        module = make()
        if self.wanted.device == "cuda":
            return modules.half_channels_last(module.to("cuda")), modules.half_channels_last(given)
        return module, given

    def _files(self, runtime: str, run: Callable[[Path, Any], Contender]) -> dict[str, Maker]:
        def ours(level: Level) -> Contender:
            path = self.folder / f"{runtime}{level}.onnx"
            compilation = self._at(level, runtime)
            built = build(compilation, OnnxRequest(), PrecisionRequest())
            path.write_bytes(built.model.to_bytes(built.weights))
            return run(path, modules.images(1, *self.wanted.size).numpy())

        def theirs(make: Callable[[], Any], name: str) -> Contender:
            given = modules.images(1, *self.wanted.size)
            path = graphs.exported(make(), given, self.folder / f"{name}.onnx")
            return run(path, given.numpy())

        rivals: Others = self.others or {"spinec -O0": partial(self._module, 0)}
        return {
            **{f"{EXPORT}, {name}": partial(theirs, make, name) for name, make in rivals.items()},
            "spinec -O0": partial(ours, 0),
            "spinec -O2": partial(ours, 2),
        }
