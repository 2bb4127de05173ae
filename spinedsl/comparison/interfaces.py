"""Which inputs and outputs of a network, and which tasks of a model, are no longer what they were."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cached_property

from spinedsl.comparison.places import Places, remark
from spinedsl.diagnostics import Diagnostic, Label
from spinedsl.graph.program import Endpoint
from spinedsl.graph.tasks import Anchors, Task
from spinedsl.ir.model import FeatureInput
from spinedsl.pipeline import AnyCompilation, Compilation, ModelCompilation
from spinedsl.records import record


@record
class Interface:
    """What two versions of a network show to others.

    Attributes:
        before, after: the versions.
    """

    before: AnyCompilation
    after: AnyCompilation

    def broken(self) -> Iterator[Diagnostic]:
        """A diagnostic for every input, output and task that changed (SP210 to SP231)."""
        yield from self._input_names()
        yield from self._input_channels()
        yield from self._input_size()
        yield from self._outputs()
        if isinstance(self.before, ModelCompilation) and isinstance(self.after, ModelCompilation):
            yield from self._pixels(self.before, self.after)
            yield from self._tasks(self.before, self.after)

    # ---- inputs

    def _input_names(self) -> Iterator[Diagnostic]:
        old, new = _inputs(self.before), _inputs(self.after)
        if list(old) != list(new):
            yield self._found(
                "SP210", f"“{self._name}” reads {_listed(new)}, not {_listed(old)}", "input",
                help="give its inputs the names and the order that they had",
            )  # fmt: skip

    def _input_channels(self) -> Iterator[Diagnostic]:
        old, new = _inputs(self.before), _inputs(self.after)
        for name, facts in new.items():
            if name in old and old[name] != facts:
                yield self._found(
                    "SP211", f"input “{name}” of “{self._name}” has {facts}, not {old[name]}", "input",
                    help="keep the input as it was, and adapt what follows it",
                )  # fmt: skip

    def _input_size(self) -> Iterator[Diagnostic]:
        old, new = self.before.network.input, self.after.network.input
        sizes = [f"{given.height} x {given.width}" for given in (old, new)]
        if sizes[0] != sizes[1]:
            yield self._found(
                "SP212", f"“{self._name}” is for images of {sizes[1]}, not {sizes[0]}", "input",
                help="keep the size, and give another one with `--set input` where it is wanted",
            )  # fmt: skip
        strides = [compilation.program.stride for compilation in (self.before, self.after)]
        if strides[0] % strides[1]:
            yield self._found(
                "SP212",
                f"height and width of images for “{self._name}” must be multiples of {strides[1]}, not {strides[0]}",
                "input", help="write `sizes any`, or keep its deepest level",
            )  # fmt: skip

    def _pixels(self, before: ModelCompilation, after: ModelCompilation) -> Iterator[Diagnostic]:
        old, new = before.model.pixels, after.model.pixels
        if old != new:
            yield self._found(
                "SP213", f"“{self._name}” wants pixels as in `{new}`, not as in `{old}`", "",
                help=f"write `pixels {old}`, or train anew",
            )  # fmt: skip

    # ---- outputs

    def _outputs(self) -> Iterator[Diagnostic]:
        old = {endpoint.name: endpoint for endpoint in self.before.program.endpoints}
        new = {endpoint.name: endpoint for endpoint in self.after.program.endpoints}
        gone = [name for name in old if name not in new]
        if gone:
            yield self._found(
                "SP220", f"“{self._name}” no longer puts out {_listed(gone)}", _owner(self.before, gone[0]),
                help=f"give an output the name “{gone[0]}” again",
            )  # fmt: skip
        yield from self._facts(
            "SP221", old, new, _stride, "keep its level, and put out the other under a new name"
        )
        yield from self._facts(
            "SP222", old, new, _channels, "keep its channels, or adapt everything that reads it"
        )
        if not gone and list(new)[: len(old)] != list(old):
            yield self._found(
                "SP223", f"outputs of “{self._name}” come in another order: {_listed(new)}, not {_listed(old)}",
                _owner(self.after, next(iter(new))),
                help="put new outputs behind the others, or see that they are read by their names",
            )  # fmt: skip

    def _facts(
        self, code: str, old: _Endpoints, new: _Endpoints, fact: Callable[[Endpoint], str], help: str
    ) -> Iterator[Diagnostic]:
        """One diagnostic for all outputs that changed alike."""
        alike: dict[tuple[str, str], list[str]] = {}
        for name, endpoint in old.items():
            if name in new and fact(endpoint) != fact(new[name]):
                alike.setdefault((fact(endpoint), fact(new[name])), []).append(name)
        for (was, now), names in alike.items():
            yield self._found(
                code, f"{_listed(names)} of “{self._name}” {_have(names)} {now}, not {_last(was, now)}",
                _owner(self.after, names[0]), help=help,
            )  # fmt: skip

    # ---- tasks

    def _tasks(self, before: ModelCompilation, after: ModelCompilation) -> Iterator[Diagnostic]:
        now = {task.head: task for task in after.assembly.tasks}
        for old in before.assembly.tasks:
            new = now.get(old.head)
            if type(new) is not type(old):
                what = "is gone" if new is None else f"is for {_words(new)}, not for {_words(old)}"
                yield self._found(
                    "SP231", f"head “{old.head}” of “{self._name}” {what}", old.head,
                    help="keep the head, and put the other one into a model of its own",
                )  # fmt: skip
                continue
            classes = [getattr(task, "classes", None) for task in (old, new)]
            if classes[0] != classes[1]:
                yield self._found(
                    "SP230", f"head “{old.head}” of “{self._name}” tells {classes[1]:,} classes apart, not {classes[0]:,}",
                    old.head, help="keep the classes, or publish weights and labels of the new ones",
                )  # fmt: skip
            for name, was, is_now in _coding(old, new):
                yield self._found(
                    "SP231", f"outputs of head “{old.head}” of “{self._name}” mean something else: {name} {is_now}, not {was}",
                    old.head, help="keep what the outputs mean, or train anew and decode them so",
                )  # fmt: skip

    # ---- saying it

    @property
    def _name(self) -> str:
        return self.after.subject.name

    @cached_property
    def _places(self) -> tuple[Places, Places]:
        return Places(self.before), Places(self.after)

    def _found(self, code: str, message: str, owner: str, *, help: str) -> Diagnostic:
        before, after = self._places
        place, was = after.of(owner), before.of(owner)
        label = Label(place) if place else None
        return Diagnostic(code, message, primary=label, secondary=remark(was, "before"), help=help)


_Endpoints = Mapping[str, Endpoint]


def _inputs(compilation: AnyCompilation) -> dict[str, str]:
    """What comes in by name: channels, and of a feature its level."""
    given = compilation.network.input
    if isinstance(given, FeatureInput):
        return {f.name: f"level {f.level} and {f.channels:,} channels" for f in given.features}
    return {port.name: f"{port.shape.channels:,} channels" for port in compilation.program.main.inputs}


def _owner(compilation: AnyCompilation, output: str) -> str:
    """The part that an output is made by; an endpoint's own name in a network."""
    if isinstance(compilation, Compilation):
        return output
    value = compilation.inlined.outputs[output]
    return next((node.owner for node in compilation.inlined.nodes if node.name == value), "")


def _stride(endpoint: Endpoint) -> str:
    if endpoint.flat:
        return "no place in the image"
    return f"stride {endpoint.stride}" if endpoint.level is not None else "no stride"


def _channels(endpoint: Endpoint) -> str:
    return f"{endpoint.shape.channels:,} channels"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"“{name}”" for name in names) or "nothing"


def _last(was: str, now: str) -> str:
    """Without the words that both have: of `256 channels` and `128 channels`, `256`."""
    return was.removesuffix(" channels") if now.endswith(" channels") else was


def _have(names: Sequence[str]) -> str:
    return "has" if len(names) == 1 else "have"


def _words(task: Task) -> str:
    """`Detection` → “detection”, `RegionBoxes` → “region boxes”."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(task).__name__).lower()


_SAID_ELSEWHERE = frozenset({"head", "endpoints", "strides", "stride", "classes"})
"""What other rules look at."""


def _coding(old: Task, new: Task) -> Iterator[tuple[str, str, str]]:
    """What else says how raw outputs are read: name, before, now."""
    for each in fields(old):
        was, now = getattr(old, each.name), getattr(new, each.name)
        if each.name in _SAID_ELSEWHERE or was == now:
            continue
        if isinstance(was, Anchors) and isinstance(now, Anchors):
            for part in fields(was):
                if getattr(was, part.name) != getattr(now, part.name):
                    yield (
                        f"anchor {part.name}",
                        _shown(getattr(was, part.name)),
                        _shown(getattr(now, part.name)),
                    )
        else:
            yield each.name.replace("_", " "), _shown(was), _shown(now)


def _shown(value: object) -> str:
    return ", ".join(f"{v:g}" for v in value) if isinstance(value, tuple) else f"{value:g}"
