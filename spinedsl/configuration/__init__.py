"""What a project says of itself under `[tool.spinec]` in its pyproject.toml.

    [tool.spinec.lint]
    runtime = "ort-cuda"                                   # what ONNX files are for
    opset   = 18                                           # and in which opset they are written
    weights = { detector = "weights/detector.safetensors" }

    [tool.spinec.lint.rules]
    SP103            = "off"                               # or "note", "warning", "error"
    narrow-reduction = { level = "error", channels = 8 }

    [tool.spinec.lint.per-file-ignores]
    "specs/old/*.spine" = ["SP104"]

1. The nearest pyproject.toml above a file counts, of those that have such a table; they aren't joined.
2. Paths and patterns start from its folder.
3. What is wrong in it is an error that points at its line; nothing is guessed.
"""

from spinedsl.configuration.project import Configuration, configuration_for, read_configuration

__all__ = ["Configuration", "configuration_for", "read_configuration"]
