"""What a checkpoint is instead, when it isn't what it was taken for."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping

from spinedsl.diagnostics import DiagnosticError
from spinedsl.graph.tasks import Detection
from spinedsl.pipeline import AnyCompilation, ModelCompilation
from spinedsl.specification import open_spec
from spinedsl.weights.files import Entry
from spinedsl.weights.published.names import Origin, published_names
from spinedsl.weights.published.recognition import recognise

CANDIDATES = (
    "spinenet49", "spinenet49_p2", "spinenet49s", "spinenet49s_published", "spinenet96", "spinenet143",
    "spinenet143l", "spinenet190", "spinenet_mobile49", "spinenet_mobile49s", "spinenet_mobile49xs",
)  # fmt: skip
"""Networks of which checkpoints exist."""


def other_classes(compilation: AnyCompilation, shapes: Mapping[str, tuple[int, ...]]) -> str | None:
    """A remedy if the checkpoint's head scores another number of classes.

    Args:
        compilation: the model.
        shapes: parameter → the shape that the checkpoint has for it.
    """
    if not isinstance(compilation, ModelCompilation):
        return None
    for task in compilation.assembly.tasks:
        if isinstance(task, Detection):
            start = f"{task.head}.scores.conv"
            biases = [s for name, s in shapes.items() if name.startswith(start) and name.endswith(".bias")]
            # The last convolution is the one that predicts; it has a score for every class and anchor.
            channels = biases[-1][0] if biases else 0
            classes, rest = divmod(channels, task.anchors.count)
            if classes and not rest and classes != task.classes:
                return f"the checkpoint scores {classes} classes: write `head {task.head}(classes = {classes}, …)`"
    return None


def resemblance(entries: Mapping[str, Entry], origin: Origin, same_names: bool) -> str | None:
    """A remedy that names the standard network whose backbone the checkpoint holds, if there is one.

    Args:
        entries: what the checkpoint holds.
        origin: whose it is.
        same_names: whether its names are those wanted: then only widths differ, and only a network
            that has the very same is worth naming.
    """
    alike = None
    for name, shapes in _candidates(origin):
        found = recognise(entries, shapes, origin, backbone=True).names
        if found.keys() != shapes.keys():
            continue
        if all(entries[found[variable]].shape == shape for variable, shape in shapes.items()):
            return f"the checkpoint's backbone is that of std:{name}"
        alike = alike or name
    if alike and not same_names:
        return f"the checkpoint's backbone is built like std:{alike}, in other widths"
    return None


@functools.cache
def _compiled(name: str) -> AnyCompilation:
    """A candidate, which is compiled once for all origins."""
    return open_spec(f"std:{name}")


def _candidates(origin: Origin) -> Iterator[tuple[str, dict[str, tuple[int, ...]]]]:
    """The published names of each candidate's variables, with their shapes."""
    for name in CANDIDATES:
        compilation = _compiled(name)
        try:
            published = published_names(compilation, origin)
        except DiagnosticError:
            continue
        parameters = compilation.inlined.parameters()
        yield name, {p.name: p.shape_there(parameters[n].shape) for n, p in published.items()}
