"""A TensorFlow checkpoint as a file of tensors: variables by the names that published code gives them.

1. In a TensorFlow 2 checkpoint names come from the graph of objects; in one of TensorFlow 1, keys are
   the names.
2. What an optimizer keeps beside a variable, counters and settings are left out, and counted.
3. Moving averages of variables, which some training keeps, are left out too, or taken instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from spinedsl.weights.files import FileProblem, TensorFile
from spinedsl.weights.tensorflow.bundle import STRING, Bundle
from spinedsl.weights.tensorflow.objects import GRAPH_KEY, Variable, read_objects
from spinedsl.weights.types import Array

AVERAGES = ("average", "ExponentialMovingAverage")
"""What averages of a variable are called, in TensorFlow 2 and 1."""

SLOTS = (
    "Momentum", "RMSProp", "RMSProp_1", "RMSProp_2", "Adam", "Adam_1", "Adagrad", "Adadelta", "Adadelta_1",
    "ExponentialMovingAverage",
)  # fmt: skip
"""Last names of what TensorFlow 1's optimizers keep beside a variable."""


class Checkpoint(TensorFile):
    """An open checkpoint.

    Raises:
        FileProblem: it can't be read, or it lies about itself.
    """

    def __init__(self, prefix: Path, averages: bool = False) -> None:
        """Open a checkpoint.

        Args:
            prefix: its path without `.index`.
            averages: take the moving average of each variable that has one.
        """
        super().__init__(prefix)
        self._bundle = Bundle(prefix)
        self._keys: dict[str, str] = {}
        self.format = "TensorFlow 2 checkpoint"
        try:
            self._sort(list(self._variables()), averages)
        except BaseException:
            self.close()
            raise
        self.entries = {name: self._bundle.entries[key] for name, key in self._keys.items()}

    def close(self) -> None:
        """Close its files."""
        self._bundle.close()

    def read(self, name: str) -> Array:
        """One variable as float32, in TensorFlow's layout.

        Raises:
            FileProblem: its bytes are missing or damaged, or are no floats.
        """
        return self._bundle.read(self._keys[name])

    def _variables(self) -> Iterator[Variable]:
        entries = self._bundle.entries
        if GRAPH_KEY in entries:
            for variable in read_objects(self._bundle.text(GRAPH_KEY)):
                if variable.key not in entries:
                    raise FileProblem(f"it lacks “{variable.key[:80]}”, which its objects speak of")
                yield variable
            return
        self.format = "TensorFlow 1 checkpoint"
        for key in entries:
            owner, _, last = key.rpartition("/")
            slot = last in SLOTS and owner in entries
            yield Variable(key, key, last, owner) if slot else Variable(key, key)

    def _sort(self, variables: list[Variable], averages: bool) -> None:
        """Weights to `_keys`, everything else to `left_out`."""
        average: dict[str, str] = {}
        for variable in variables:
            entry = self._bundle.entries[variable.key]
            if variable.slot in AVERAGES:
                average[variable.owner] = variable.key
            elif not entry.shape or entry.dtype == STRING:
                # A network's parameters have at least one axis.
                self.left_out["counters and settings"] += 1
            elif variable.slot or _is_optimizers(variable.key):
                self.left_out["optimizer slots"] += 1
            elif variable.name in self._keys:
                raise FileProblem(f"it holds two variables called “{variable.name[:80]}”")
            else:
                self._keys[variable.name] = variable.key
                if variable.rank is not None:
                    self.ranks[variable.name] = variable.rank
        if average and averages:
            self.left_out["weights behind moving averages"] += len(average)
            self._keys |= {name: key for name, key in average.items() if name in self._keys}
        elif average:
            self.left_out["moving averages"] += len(average)
        elif averages:
            raise FileProblem("it keeps no moving averages")


def _is_optimizers(key: str) -> bool:
    """Whether a variable hangs on an optimizer: Keras's newer ones keep no slots, but lists."""
    return any(part.endswith("optimizer") for part in key.partition("/.ATTRIBUTES")[0].split("/"))
