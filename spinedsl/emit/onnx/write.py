"""Writing a model into a file, or into two where one would be too large for protobuf."""

from __future__ import annotations

from pathlib import Path

from spinedsl.diagnostics import fail
from spinedsl.emit.onnx.model import OnnxModel, Tensors
from spinedsl.emit.output import Written, staged, write_output

PROTOBUF_LIMIT = 2**31 - 1
"""Largest message that protobuf reads, in bytes."""


def write_model(
    path: Path,
    model: OnnxModel,
    weights: Tensors,
    *,
    force: bool = False,
    limit: int = PROTOBUF_LIMIT,
    data_name: str | None = None,
) -> tuple[Written, ...]:
    """Write a model; what a reader finds at `path` is complete at every moment.

    Args:
        path: where to.
        weights: every parameter in order; one tensor at a time is held.
        force: replace files that spinec did not write.
        limit: largest file in bytes; a model beyond it leaves its weights to a second file.
        data_name: name of that file, in the same folder; the model's and `.data` if not given.

    Returns:
        The model's file, and the data's if there is one.

    Raises:
        DiagnosticError: a file can't be written, or `data_name` leads out of the folder (SP050).
    """
    name = f"{path.name}.data" if data_name is None else _plain_name(data_name, path)
    if model.size <= limit:
        return (write_output(path, model.chunks(weights), "onnx", force),)
    data = path.parent / name
    with staged(data, model.data_chunks(weights), "onnx-data", force) as tensors:
        changed = tensors.temporary is not None
        main_file = staged(path, model.without_weights(name), "onnx", force, always=changed)
        with main_file as main:
            if changed and data.exists():
                # An old model must not meet new weights: between the two renames there is none.
                path.unlink(missing_ok=True)
            written = tensors.commit()
            return main.commit(), written


def _plain_name(name: str, path: Path) -> str:
    """A name that can't lead out of the folder: readers resolve it against the model's.

    Raises:
        DiagnosticError: it could (SP050).
    """
    if name in ("", ".", "..", path.name) or any(sign in name for sign in "/\\:\0"):
        raise fail(
            "SP050",
            f"“{name}” can't hold the data of “{path}”",
            help="give a plain file name; the data lies in the folder of the model",
        )
    return name
