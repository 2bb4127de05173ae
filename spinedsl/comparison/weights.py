"""Which weights of a network no longer fit: what `load_state_dict(strict=True)` would refuse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping

from spinedsl.comparison.places import Places, remark
from spinedsl.diagnostics import Diagnostic, Label
from spinedsl.graph.assembly import part_name
from spinedsl.graph.inline import InlinedNode
from spinedsl.ir.model import Network, StemStep
from spinedsl.pipeline import AnyCompilation, Compilation, ModelCompilation
from spinedsl.records import record

SHOWN = 5
"""Parts that a message names."""


@record
class Weight:
    """A parameter or norm statistic: its shape, and the part of the network that it belongs to."""

    shape: tuple[int, ...]
    owner: str


def weights_of(compilation: AnyCompilation) -> dict[str, Weight]:
    """Every key of the `state_dict` but the counters of batches, which come and go with the statistics."""
    found: dict[str, Weight] = {}
    for node in nodes_of(compilation):
        for parameter in node.operator.parameters():
            found.setdefault(f"{node.holder}.{parameter.name}", Weight(parameter.shape, node.owner))
    return found


def nodes_of(compilation: AnyCompilation) -> Iterator[InlinedNode]:
    """Every operator, those that run on regions last."""
    yield from compilation.inlined.nodes
    if isinstance(compilation, ModelCompilation):
        for _, inlined in compilation.regions:
            yield from inlined.nodes


def broken_weights(
    before: AnyCompilation, after: AnyCompilation, names: Mapping[str, str]
) -> Iterator[Diagnostic]:
    """At most one diagnostic of each kind of trouble (SP201 to SP204), at the first part that has it.

    Args:
        names: of every block that is in both, as `summarise` names it, the name now → the name before.
    """
    old, new = weights_of(before), weights_of(after)
    gone = {key: weight for key, weight in old.items() if key not in new}
    fresh = {key: weight for key, weight in new.items() if key not in old}
    renamed = _renamed(gone, fresh, _new_prefixes(before, names))
    taken = set(renamed.values())
    report = _Report(after.subject.name, Places(before), Places(after))
    yield from report.gone({key: weight for key, weight in gone.items() if key not in renamed})
    yield from report.new({key: weight for key, weight in fresh.items() if key not in taken})
    yield from report.reshaped(
        {k: (old[k], w) for k, w in new.items() if k in old and old[k].shape != w.shape}
    )
    yield from report.renamed({key: (other, new[other]) for key, other in renamed.items()})


@record
class _Report:
    network: str
    before: Places
    after: Places

    def gone(self, weights: Mapping[str, Weight]) -> Iterator[Diagnostic]:
        if weights:
            owners = [weight.owner for weight in weights.values()]
            yield self._found(
                "SP201", f"“{self.network}” no longer takes {_counted(weights)} of {_listed(owners)}: {_shown(weights)}",
                owners[0], "bring them back, or publish weights without them",
            )  # fmt: skip

    def new(self, weights: Mapping[str, Weight]) -> Iterator[Diagnostic]:
        if weights:
            owners = [weight.owner for weight in weights.values()]
            yield self._found(
                "SP202", f"“{self.network}” wants {_counted(weights)} of {_listed(owners)} that nobody trained: {_shown(weights)}",
                owners[0], "take them out again, or train them and publish the weights",
            )  # fmt: skip

    def reshaped(self, weights: Mapping[str, tuple[Weight, Weight]]) -> Iterator[Diagnostic]:
        for key, (was, now) in list(weights.items())[:1]:
            owners = [weight.owner for _, weight in weights.values()]
            shapes = f"“{key}” is {_shape(now)}, not {_shape(was)}"
            yield self._found(
                "SP203", f"“{self.network}” wants {_counted(weights)} of {_listed(owners)} in another shape: {shapes}",
                owners[0], "keep widths and kinds of block, or publish weights of the new shapes",
            )  # fmt: skip

    def renamed(self, weights: Mapping[str, tuple[str, Weight]]) -> Iterator[Diagnostic]:
        for key, (other, _) in list(weights.items())[:1]:
            owners = [weight.owner for _, weight in weights.values()]
            yield self._found(
                "SP204",
                f"“{self.network}” has other names for {_counted(weights)} of {_listed(owners)}: “{key}” is “{other}” now",
                owners[0], "call blocks what they were called, or rename the keys of trained weights",
            )  # fmt: skip

    def _found(self, code: str, message: str, owner: str, help: str) -> Diagnostic:
        place = self.after.of(owner)
        was = remark(self.before.of(owner), "before") if self.before.knows(owner) else ()
        return Diagnostic(code, message, primary=Label(place) if place else None, secondary=was, help=help)


def _counted(weights: Collection[str]) -> str:
    return f"{len(weights):,} weight{'s' * (len(weights) != 1)}"


def _shape(weight: Weight) -> str:
    return " x ".join(map(str, weight.shape))


def _listed(owners: Iterable[str]) -> str:
    """The first parts by name, and how many more there are."""
    names = list(dict.fromkeys(owners))
    more = len(names) - SHOWN
    text = ", ".join(f"“{name}”" for name in names[:SHOWN])
    return f"{text} and {more:,} more part{'s' * (more > 1)}" if more > 0 else text


def _shown(weights: Mapping[str, Weight]) -> str:
    first = next(iter(weights))
    return f"“{first}”" if len(weights) == 1 else f"“{first}”, …"


# ---- weights of blocks that were renamed


def _renamed(
    gone: Mapping[str, Weight], fresh: Mapping[str, Weight], prefixes: Mapping[str, str]
) -> dict[str, str]:
    """Key before → key now, of weights that only have another name."""
    found: dict[str, str] = {}
    for key, weight in gone.items():
        for prefix in _prefixes(key):
            other = prefixes.get(prefix, prefix) + key.removeprefix(prefix)
            if other in fresh and fresh[other].shape == weight.shape:
                found[key] = other
    return found


def _prefixes(key: str) -> tuple[str, str]:
    """What may be a block or connection in it: of a network, and of a part of a model."""
    first, _, rest = key.partition(".")
    return first, f"{first}.{rest.partition('.')[0]}"


def _new_prefixes(before: AnyCompilation, names: Mapping[str, str]) -> dict[str, str]:
    """What blocks and connections were called → what they are called, in names of weights."""
    newer = {was: name for name, was in names.items()}
    if all(was == name for name, was in names.items()):
        return {}
    if isinstance(before, Compilation):
        return _of_network(before.network, newer, "", "")
    found: dict[str, str] = {}
    for index, part in enumerate(before.parts):
        name = part_name(index)
        # Blocks of the backbone go by their own names in `summarise`.
        found |= _of_network(part.network, newer, "" if index == 0 else f"{name}.", f"{name}.")
    return found


def _of_network(network: Network, newer: Mapping[str, str], known_as: str, prefix: str) -> dict[str, str]:
    def now(name: str) -> str:
        return newer.get(known_as + name, name).removeprefix(known_as)

    found = {
        prefix + b.name: prefix + now(b.name)
        for b in (*network.stem, *network.blocks)
        if not isinstance(b, StemStep)
    }
    for block in network.blocks:
        times: Counter[str] = Counter()
        for connection in block.inputs:
            times[connection.source] += 1
            again = f"__{times[connection.source]}" if times[connection.source] > 1 else ""
            old = f"{connection.source}_to_{block.name}{again}"
            found[prefix + old] = f"{prefix}{now(connection.source)}_to_{now(block.name)}{again}"
    return found
