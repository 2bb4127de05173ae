"""A generated PyTorch module as an object."""

from __future__ import annotations

import types
from typing import Any

from spinedsl.runtime.tools import need
from spinedsl.weights import Weights


def load_module(source: str, name: str) -> Any:
    """The class `name` of a generated module, without a file and without an entry in `sys.modules`.

    The text is spinec's own, made of a network; never run one from elsewhere through this.

    Raises:
        DiagnosticError: torch isn't installed (SP052).
    """
    need("torch", "running the generated module")
    module = types.ModuleType(f"spinec_generated_{name}")
    exec(compile(source, f"<spinec: {name}>", "exec"), module.__dict__)
    return getattr(module, name)


def load_state(network: Any, weights: Weights) -> None:
    """Put weights into a generated network; its counters of batches stay as they are.

    Raises:
        RuntimeError: the names aren't the network's: a bug in one of the targets.
    """
    torch = need("torch", "running the generated module")
    state = {name: torch.from_numpy(array) for name, array in weights}
    missing, unexpected = network.load_state_dict(state, strict=False)
    missing = [name for name in missing if not name.endswith(".num_batches_tracked")]
    if missing or unexpected:
        raise RuntimeError(f"targets disagree on names: missing {missing}, unexpected {unexpected}")
