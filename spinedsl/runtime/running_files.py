"""An ONNX file that takes images: what it says of itself, and a session that runs it.

Nothing in a file is trusted: what it says is checked before it is used, names are made printable
before they are shown, and ONNX Runtime's refusals become diagnostics.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from spinedsl.diagnostics import DiagnosticError, fail
from spinedsl.emit.onnx.pipeline import IMAGES, METADATA
from spinedsl.records import record
from spinedsl.runtime.tools import need

TRT_PLUGIN = "EfficientNMS_TRT"
RECOMPILE = "compile the model again: `spinec compile MODEL --target onnx --pipeline …`"

_OUTPUTS = {
    "detection": {"num_detections", "boxes", "scores", "classes"},
    "classification": {"probabilities", "classes"},
    "segmentation": {"labels"},
}
"""What a file of each kind must put out; detection may put out masks too."""


class Description(BaseModel):
    """What a pipeline's file says of itself, as `Pipeline.metadata` writes it.

    Attributes:
        classes: how many; the background of two-stage detectors included.
        labels: their names, in order; none if they aren't known.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    version: Literal[1]
    kind: Literal["detection", "classification", "segmentation"]
    classes: Annotated[int, Field(ge=1)]
    nms: Literal["none", "onnx", "trt"] = "onnx"
    labels: list[str] = []

    def label(self, number: int) -> str:
        """Name of a class, or its number."""
        if 0 <= number < len(self.labels):
            return self.labels[number]
        return f"class {number}"


@record
class PipelineFile:
    """A file that is ready to run.

    Attributes:
        session: of ONNX Runtime.
    """

    path: Path
    description: Description
    session: Any


def open_pipeline(path: Path, labels: tuple[str, ...] = ()) -> PipelineFile:
    """Open a file that `spinec compile --pipeline` wrote.

    Args:
        labels: names of the classes, instead of the file's own.

    Raises:
        DiagnosticError: the file can't be read (SP001), is no such file or can't be run (SP055), the
            names are too many or too few (SP030), or onnxruntime isn't installed (SP052).
    """
    onnxruntime = need("onnxruntime", "running a model")
    _see_that_it_is_a_file(path)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what goes wrong is said in a diagnostic
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as problem:
        # ONNX Runtime has a class of exception for each of its states, and no common one.
        raise _explained(path, problem) from None
    description = _described(path, session.get_modelmeta().custom_metadata_map)
    _see_that_ports_fit(path, description, session)
    return PipelineFile(path, _named(path, description, labels), session)


def first_line(problem: Exception) -> str:
    """What an exception says, in one printable line."""
    return printable(next(iter(str(problem).strip().splitlines()), "") or type(problem).__name__)


def printable(text: str) -> str:
    """A text without what could move a terminal's cursor."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def _see_that_it_is_a_file(path: Path) -> None:
    try:
        if not path.is_file():
            what = "not a regular file" if path.exists() else "no such file"
            raise fail("SP001", f"can't read “{path}”: {what}", help="give the path of an ONNX file")
        if not os.access(path, os.R_OK):
            raise fail("SP001", f"can't read “{path}”: permission denied", help="check its permissions")
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise fail("SP001", f"can't read “{path}”: {reason.lower()}", help="check the path") from None


def _explained(path: Path, problem: Exception) -> DiagnosticError:
    """Why ONNX Runtime doesn't take a file."""
    import onnx

    try:
        model = onnx.load(str(path), load_external_data=False)
    except Exception:
        # Protobuf's exception is that of another library, which only onnx depends on.
        model = onnx.ModelProto()
    if not model.graph.node:
        return fail(
            "SP055", f"“{path}” is no ONNX model", help="give a file that `spinec compile --pipeline` wrote"
        )
    if any(node.op_type == TRT_PLUGIN for node in model.graph.node):
        return fail(
            "SP055", f"“{path}” needs {TRT_PLUGIN}, a plugin of TensorRT, and runs there only",
            help="for `spinec run`, compile it without `--nms trt`",
        )  # fmt: skip
    return fail(
        "SP055", f"ONNX Runtime can't load “{path}”: {first_line(problem)}",
        help="it may be damaged, or of a newer opset, or its data file may be missing",
    )  # fmt: skip


def _described(path: Path, metadata: dict[str, str]) -> Description:
    if METADATA not in metadata:
        ours = "spinec.version" in metadata
        what = "takes features or tensors, not images" if ours else "wasn't written by spinec"
        raise fail("SP055", f"“{path}” has no pipeline: it {what}", help=RECOMPILE)
    try:
        found = Description.model_validate_json(metadata[METADATA])
    except ValidationError as problem:
        wrong = problem.errors()[0]
        where = ".".join(map(str, wrong["loc"])) or "the whole"
        raise fail(
            "SP055", f"what “{path}” says of its pipeline can't be read: {printable(where)}: {wrong['msg']}",
            help=RECOMPILE,
        ) from None  # fmt: skip
    if found.kind == "detection" and found.nms == "none":
        raise fail(
            "SP055", f"“{path}” leaves suppression to the program that runs it",
            help="for `spinec run`, compile it without `--nms none`",
        )  # fmt: skip
    return found


def _see_that_ports_fit(path: Path, description: Description, session: Any) -> None:
    inputs = {port.name for port in session.get_inputs()}
    outputs = {port.name for port in session.get_outputs()}
    if inputs != {IMAGES} or not _OUTPUTS[description.kind] <= outputs:
        raise fail(
            "SP055", f"“{path}” says that it does {description.kind}, but has other inputs or outputs",
            help=RECOMPILE,
        )  # fmt: skip


def _named(path: Path, description: Description, labels: tuple[str, ...]) -> Description:
    if labels and len(labels) != description.classes:
        raise fail(
            "SP030", f"“{path}” has {description.classes:,} classes, but there are {len(labels):,} names",
            help="write one name a line, in the order of the classes",
        )  # fmt: skip
    names = [printable(label) for label in labels or description.labels]
    return description.model_copy(update={"labels": names})
