"""A rule about the weights that a network will get: SP108.

What is known of weights is what their file records: for which network they were made, and under which
conventions. The numbers don't tell. A file without a record is taken at its word, as `spinec compile` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from spinedsl.diagnostics import Label, fail
from spinedsl.ir.fingerprint import spec_hash
from spinedsl.lint.rule import Finding, Found, Settings, Whole, declaration_of, place_in
from spinedsl.pipeline import AnyCompilation
from spinedsl.specification import compilation_of

DETAILS = {"norm": "its norm", "padding": "its padding", "pool_padding": "the padding of its pools"}
"""What conventions say of the numbers, as fields of a network and in words."""

ANY = ""
"""In the settings, what stands for the name of the network, whatever it is."""

COUNTER = ".num_batches_tracked"
"""What torch keeps beside the statistics of norms, and nobody reads."""


def conventions_unlike_weights(whole: Whole, settings: Settings) -> Found:
    """SP108: weights that record other conventions than those of the network that gets them.

    1. The record has other conventions: with these, the same numbers are another network.
    2. It has the same ones, but the network was changed since the file was made, and sets a detail of
       the conventions itself.
    """
    path = settings.weights.get(whole.declared.name.text) or settings.weights.get(ANY)
    if path is None:
        return
    recorded = _record_of(path, whole.compilation)
    if "conventions" not in recorded:
        return
    name, conventions = whole.declared.name, whole.compilation.network.conventions
    theirs = recorded["conventions"][:64]
    place = Label(place_in(whole.declared, declaration_of(whole.declared, "conventions", "norm", "padding")))
    if theirs != conventions:
        yield Finding(
            f"“{name}” has the conventions “{conventions}”, and its weights in “{path}” were trained "
            f"under “{theirs}”: it would compute something else",
            place,
            help=f"write `conventions {theirs}`, or take weights that were trained under “{conventions}”",
            facts=frozenset({name.text}),
        )
    elif recorded.get("spec_hash") != spec_hash(whole.compilation.subject):
        details = _own_details(whole.compilation, conventions)
        if details:
            yield Finding(
                f"“{name}” was changed since its weights in “{path}” were made, and says itself what "
                f"“{theirs}” decides: {', '.join(details)}",
                place,
                help="leave that to the conventions, or import the weights again for this network",
                facts=frozenset({name.text}),
            )


def _record_of(path: Path, compilation: AnyCompilation) -> Mapping[str, str]:
    """What a file of weights records of itself; no tensor is read.

    Raises:
        DiagnosticError: it is no safetensors file, or has not the parameters of the network (SP051).
    """
    # numpy, where weights are named.
    from spinedsl.weights.comparing import compare
    from spinedsl.weights.files import FileProblem
    from spinedsl.weights.safetensors_file import SafetensorsFile

    try:
        with closing(SafetensorsFile(path)) as file:
            entries = {name: each for name, each in file.entries.items() if not name.endswith(COUNTER)}
            compare(str(path), {name: each.shape for name, each in compilation.parameters.items()}, entries)
            return file.metadata
    except FileProblem as problem:
        raise fail(
            "SP051", f"can't read weights from “{path}”: {problem}", help="give a .safetensors file"
        ) from None


def _own_details(compilation: AnyCompilation, conventions: str) -> list[str]:
    """What a network says itself although its conventions do, in words."""
    assert compilation.scope is not None and compilation.syntax is not None
    network = compilation.network
    plain = compilation_of(compilation.scope, compilation.syntax, {"conventions": conventions}).network
    details = [words for field, words in DETAILS.items() if getattr(plain, field) != getattr(network, field)]
    for definition, values in plain.defaults.items():
        own = network.defaults.get(definition, {})
        details += [f"`{key}` of “{definition}”" for key in values if own.get(key) != values[key]]
    return details
