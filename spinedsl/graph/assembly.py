"""The parts of a model, each a Program of its own, and what joins them.

`backbone`, `neck` (`neck2`, …) and the heads, in running order. A part's name stands before the
names of its values and parameters: `backbone.b2.conv1.weight`. Heads on regions run once for every
region that is cut out of an image, so that they are no part of the image's Program.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from spinedsl.graph.program import Call, Endpoint, Function, Node, Program
from spinedsl.graph.tasks import Task
from spinedsl.records import record

Role = Literal["backbone", "neck", "head"]


def part_name(index: int) -> str:
    """What the backbone (0) and the necks above it are called."""
    return ("backbone", "neck")[index] if index < 2 else f"neck{index}"


@record
class Part:
    """One part of a model.

    Attributes:
        name: what its values and parameters are called after.
        reads: name of the part whose endpoints it reads; "" for the image.
        sources: its inputs, and which of those endpoints each reads.
        task: what a head is for.
        regions: whether it runs on regions instead of images.
    """

    name: str
    role: Role
    program: Program
    reads: str = ""
    sources: tuple[tuple[str, str], ...] = ()
    task: Task | None = None
    regions: bool = False


@record
class Assembly:
    """A lowered model.

    Attributes:
        parts: in running order; all of them have the functions of all, under names that differ.
        program: everything that runs on the whole image, as one program; its endpoints are what the
            heads put out.
        features: what the heads read: endpoint → the value in `program` that carries it.
    """

    name: str
    parts: tuple[Part, ...]
    program: Program
    features: dict[str, str]

    @property
    def tasks(self) -> tuple[Task, ...]:
        """Of the heads, in order."""
        return tuple(part.task for part in self.parts if part.task is not None)

    def region_programs(self) -> tuple[tuple[Part, Program], ...]:
        """The heads on regions, with the names that values and parameters have in the model."""
        return tuple((part, _prefixed(part)) for part in self.parts if part.regions)


def assemble(name: str, parts: Iterable[Part]) -> Assembly:
    """Join parts into a model."""
    parts = tuple(parts)
    functions: dict[str, Function] = {}
    mains = []
    for part in parts:
        renamed = {f: f"{part.name}/{f}" for f in part.program.functions}
        for key, function in part.program.functions.items():
            functions[renamed[key]] = _renamed(replace(function, name=renamed[key]), renamed)
        mains.append(_renamed(part.program.main, renamed))
    parts = tuple(
        replace(part, program=replace(part.program, main=main, functions=functions))
        for part, main in zip(parts, mains, strict=True)
    )
    program, carried = _whole(name, parts)
    below = next(part.reads for part in parts if part.role == "head")
    features = {endpoint: value for (part, endpoint), value in carried.items() if part == below}
    return Assembly(name, parts, program, features)


def _renamed(function: Function, names: dict[str, str]) -> Function:
    """The function, calling others by their new names."""
    nodes = tuple(
        replace(node, target=Call(names[node.target.function])) if isinstance(node.target, Call) else node
        for node in function.nodes
    )
    return replace(function, nodes=nodes)


def _whole(name: str, parts: tuple[Part, ...]) -> tuple[Program, dict[tuple[str, str], str]]:
    """What runs on the image, as one program; and the value of every part's endpoints."""
    nodes: list[Node] = []
    carried: dict[tuple[str, str], str] = {}
    outputs: list[tuple[str, str]] = []
    endpoints: list[Endpoint] = []
    whole = [part for part in parts if not part.regions]
    heads = [part for part in whole if part.role == "head"]
    first = parts[0].program
    for part in whole:
        main = part.program.main
        if part.reads:
            bound = {port: carried[part.reads, endpoint] for port, endpoint in part.sources}
        else:
            bound = {port.name: port.name for port in main.inputs}
        nodes += _nodes(part, bound)
        values = {**bound, **{node.output: f"{part.name}.{node.output}" for node in main.nodes}}
        for (output, value), endpoint in zip(main.outputs, part.program.endpoints, strict=True):
            carried[part.name, output] = values[value]
            if part.role == "head":
                shown = output if len(heads) == 1 else f"{part.name}_{output}"
                outputs.append((shown, values[value]))
                endpoints.append(replace(endpoint, name=shown))
    main = replace(first.main, nodes=tuple(nodes), outputs=tuple(outputs))
    stride = max(part.program.stride for part in parts)
    program = Program(
        name, main, first.functions, tuple(endpoints), stride, first.drop_path, first.optimisation
    )
    return program, carried


def _nodes(part: Part, bound: dict[str, str]) -> Iterable[Node]:
    for node in part.program.main.nodes:
        yield replace(
            node,
            name=f"{part.name}.{node.name}",
            inputs=tuple(bound.get(i, f"{part.name}.{i}") for i in node.inputs),
            output=f"{part.name}.{node.output}",
            owner=f"{part.name}.{node.owner}" if part.role != "head" else node.owner,
        )


def _prefixed(part: Part) -> Program:
    """A part on its own, with the names it has in the model."""
    main = part.program.main
    bound = {port.name: port.name for port in main.inputs}
    nodes = tuple(_nodes(part, bound))
    outputs = tuple((name, bound.get(value, f"{part.name}.{value}")) for name, value in main.outputs)
    return replace(part.program, main=replace(main, nodes=nodes, outputs=outputs))
