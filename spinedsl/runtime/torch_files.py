"""Checkpoints of PyTorch, read without unpickling anything but tensors.

1. `torch.load` runs with `weights_only=True` and nothing else, in a release whose restriction holds.
2. A zip archive that would unpack to more than its own size is refused before torch sees it.
3. Tensors that claim more than their storage holds are refused: they cost nothing to write.
4. The weights may lie one level down, under a key of `NESTS`; what lies beside them doesn't count.
"""

from __future__ import annotations

import io
import os
import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spinedsl.diagnostics import fail
from spinedsl.runtime.tools import need
from spinedsl.weights import Array, Weights
from spinedsl.weights.files import Entry, FileProblem, TensorFile, open_regular

SUFFIXES = (".pth", ".pt")
NESTS = ("state_dict", "model", "model_state_dict", "net")
SAFE = (2, 6)
"""First release of torch whose `weights_only` keeps its word (CVE-2025-32434)."""

_OTHER_OBJECTS = re.compile(r"Unsupported (?:global|class)|not an allowed global")
_FLOATS = {"float32": "F32", "float16": "F16", "bfloat16": "BF16", "float64": "F64"}


class TorchFile(TensorFile):
    """An open checkpoint.

    Raises:
        FileProblem: it can't be read, or holds what isn't a tensor where weights should be.
        DiagnosticError: torch isn't installed, or too old to be trusted (SP052).
    """

    format = "PyTorch checkpoint"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._tensors = _state(_loaded(path), self.left_out)
        self.entries = {name: _entry(name, tensor) for name, tensor in self._tensors.items()}

    def close(self) -> None:
        """Let the tensors go."""
        self._tensors = {}

    def read(self, name: str) -> Array:
        """One tensor as float32.

        Raises:
            FileProblem: it holds no floats.
        """
        if self.entries[name].dtype not in _FLOATS.values():
            raise FileProblem(f"{self.entries[name].dtype} numbers are no weights")
        array: Array = self._tensors[name].detach().float().contiguous().numpy()
        return array


def torch_bytes(weights: Weights, metadata: Mapping[str, str]) -> bytes:
    """A checkpoint as mmdetection saves it: `meta`, and the weights under `state_dict`.

    Raises:
        DiagnosticError: torch isn't installed (SP052).
    """
    torch = need("torch", "writing a PyTorch checkpoint")
    state = {name: torch.from_numpy(array) for name, array in weights}
    buffer = io.BytesIO()
    # The metadata stand in front, so that spinec knows its own files by them.
    torch.save({"meta": dict(metadata), "state_dict": state}, buffer)
    return buffer.getvalue()


def _loaded(path: Path) -> Any:
    """What a checkpoint holds: tensors, numbers, texts, and lists and tables of them."""
    torch = need("torch", "reading a PyTorch checkpoint")
    version = tuple(int(part) for part in re.findall(r"\d+", torch.__version__)[:2])
    if version < SAFE:
        raise fail(
            "SP052",
            f"reading a PyTorch checkpoint needs torch {SAFE[0]}.{SAFE[1]} or newer, this is {torch.__version__}",
            help="older releases can be made to run what a checkpoint holds; upgrade: `pip install -U torch`",
        )
    with open_regular(path) as file, warnings.catch_warnings():
        # torch warns of odd protocols and slow checks; what matters is an error here.
        warnings.simplefilter("ignore")
        _see_that_it_unpacks_to_its_size(file)
        try:
            return torch.load(file, map_location="cpu", weights_only=True)
        except Exception as problem:
            # torch raises whatever a damaged file leads it to; nothing was executed.
            raise FileProblem(_reason(problem)) from None


def _see_that_it_unpacks_to_its_size(file: Any) -> None:
    if zipfile.is_zipfile(file):
        file.seek(0)
        try:
            unpacked = sum(item.file_size for item in zipfile.ZipFile(file).infolist())
        except (zipfile.BadZipFile, ValueError, NotImplementedError):
            raise FileProblem("its archive is damaged") from None
        if unpacked > os.fstat(file.fileno()).st_size:
            raise FileProblem("it would unpack to more than its own size")
    file.seek(0)


def _reason(problem: Exception) -> str:
    if _OTHER_OBJECTS.search(str(problem)):
        return "it holds more than tensors, and nothing else is ever unpickled"
    return "it is no PyTorch checkpoint, or it is damaged"


def _state(loaded: Any, left_out: Counter[str]) -> dict[str, Any]:
    """The tensors by name."""
    torch = need("torch", "reading a PyTorch checkpoint")
    table = loaded
    for key in NESTS:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(key), Mapping):
            table = loaded[key]
            break
    if not isinstance(table, Mapping):
        raise FileProblem("it holds no table of tensors")
    tensors = {}
    for name, value in table.items():
        if isinstance(value, torch.Tensor) and isinstance(name, str):
            tensors[name] = value
        else:
            left_out["values that are no tensors"] += 1
    if not tensors:
        raise FileProblem(f"it holds no tensors, neither at the top nor under {', '.join(NESTS)}")
    return tensors


def _entry(name: str, tensor: Any) -> Entry:
    torch = need("torch", "reading a PyTorch checkpoint")
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.device.type != "cpu":
        raise FileProblem(f"“{name[:80]}” is no plain tensor")
    length = tensor.numel() * tensor.element_size()
    if length > tensor.untyped_storage().nbytes():
        raise FileProblem(f"“{name[:80]}” claims more numbers than it holds")
    dtype = str(tensor.dtype).removeprefix("torch.")
    return Entry(_FLOATS.get(dtype, dtype), tuple(tensor.shape), 0, length)
