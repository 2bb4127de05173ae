"""Lowering the arrows into a block: resampling each, merging them all."""

from __future__ import annotations

from dataclasses import dataclass

from spinedsl.diagnostics import Label, fail
from spinedsl.graph.builder import Feature, FunctionBuilder
from spinedsl.graph.program import Call, Function
from spinedsl.ir.binding import value_of
from spinedsl.ir.definitions import joins_two
from spinedsl.ir.expanded import Arrow, ExpandedBlock
from spinedsl.ir.expressions import Value
from spinedsl.ir.model import Network
from spinedsl.ops import Shape
from spinedsl.ops.words import Place, Settings
from spinedsl.passes.functions import FunctionMaker
from spinedsl.records import record


@record
class Source:
    """What an arrow can start from: the value, and what resampling rules may ask of it."""

    feature: Feature
    level: int
    width: int


def place_of(network: Network, level: int) -> Place:
    """The extent of a level: ceil(size / 2^level)."""
    step = 1 << level
    return Place(-(-network.input.height // step), -(-network.input.width // step))


def arrow_name(block: ExpandedBlock, index: int) -> str:
    """What an arrow's node is called; a further one from the same source has a number."""
    source = block.arrows[index].source
    again = [arrow.source for arrow in block.arrows[:index]].count(source)
    return f"{source.partition('.')[0]}_to_{block.base}" + (f"__{again + 1}" if again else "")


@dataclass
class Connector:
    """Adds the nodes of arrows and merges to `main`."""

    network: Network
    main: FunctionBuilder
    maker: FunctionMaker
    settings: Settings

    def resample(self, block: ExpandedBlock, arrow: Arrow, source: Source, index: int) -> Feature:
        """What an arrow brings to its block.

        Raises:
            DiagnosticError: the rule doesn't arrive at the block's extent and channels (SP037).
        """
        place = place_of(self.network, block.level)
        difference = block.level - source.level
        given: dict[str, Value] = {
            "source.width": source.width,
            "source.channels": source.feature.shape.channels,
            "source.level": source.level,
            "target": place,
            "target.width": block.width,
            "target.channels": block.channels,
            "target.level": block.level,
            "up": difference < 0,
            "down": difference > 0,
            "same": difference == 0,
            "steps": abs(difference),
            "factor": 1 << abs(difference),
            "input.channels": source.feature.shape.channels,
        }
        base = arrow.source.partition(".")[0]
        user = Label(arrow.span, f"for the connection “{base}” to “{block.base}”") if arrow.span else None
        arguments = {n: value_of(v) for n, v in arrow.rule.arguments.items()}
        function = self.maker.make(
            arrow.rule.name, arguments, given, (("x", source.feature.shape),), self.settings, user
        )
        ((_, value),) = function.outputs
        shape = function.shapes()[value]
        wanted = Shape(block.channels, place.height, place.width)
        if shape != wanted:
            raise fail(
                "SP037",
                f"“{arrow.rule.name}” makes {shape} of “{base}”; “{block.base}” needs {wanted}",
                arrow.span,
                secondary=[Label(self.maker.definitions[arrow.rule.name].name.span, "the rule")],
                help="choose another rule with `via`, or another source",
            )
        return self.main.call(arrow_name(block, index), function, (source.feature,), arrow.span)

    def merge(
        self,
        block: ExpandedBlock,
        features: list[Feature],
        levels: list[int],
        dangling: list[Feature],
        user: Label | None,
    ) -> Feature:
        """What a block's resampled inputs and unread blocks become.

        Raises:
            DiagnosticError: the merge takes another number of inputs, or forgets one (SP037).
        """
        rule = block.merge or self.network.merge
        everything = (*features, *dangling)
        given: dict[str, Value] = {
            "inputs": len(features),
            "levels": tuple(levels),
            "target": place_of(self.network, block.level),
            "target.width": block.width,
            "target.channels": block.channels,
            "target.level": block.level,
        }
        if len(features) != 2 and joins_two(self.maker.definitions[rule.name]):
            raise fail(
                "SP037",
                f"“{rule.name}” merges two inputs; “{block.base}” has {len(features)}",
                block.span,
                secondary=[Label(self.maker.definitions[rule.name].name.span, "the merge")],
                help="connect two blocks, or choose another merge",
            )
        arguments = {n: value_of(v) for n, v in rule.arguments.items()}
        inputs = tuple((f"x{i}", f.shape) for i, f in enumerate(everything))
        function = self.maker.make(rule.name, arguments, given, inputs, self.settings, user)
        self._refuse_unread(function, block)
        if any(isinstance(n.target, Call) or n.target.parameters() for n in function.nodes):
            return self.main.call(f"{block.base}_merge", function, everything, block.span)
        return self._written_out(function, everything, f"{block.base}_")

    def _refuse_unread(self, function: Function, block: ExpandedBlock) -> None:
        """A merge that forgets an input would drop a block without a word."""
        read = {name for node in function.nodes for name in node.inputs}
        read.update(value for _, value in function.outputs)
        names = [a.source.partition(".")[0] for a in block.arrows] + list(block.dangling)
        for port, name in zip(function.inputs, names, strict=True):
            if port.name not in read:
                raise fail(
                    "SP037",
                    f"“{function.definition}” leaves out “{name}”, which “{block.base}” merges",
                    block.span,
                    secondary=[Label(self.maker.definitions[function.definition].name.span, "the merge")],
                    help="let it use all of `inputs` and `dangling`, or choose another merge",
                )

    def _written_out(self, function: Function, inputs: tuple[Feature, ...], prefix: str) -> Feature:
        """The nodes of a function without parameters, in `main` itself."""
        features = {port.name: feature for port, feature in zip(function.inputs, inputs, strict=True)}
        for node in function.nodes:
            assert not isinstance(node.target, Call)
            operands = tuple(features[i] for i in node.inputs)
            features[node.output] = self.main.apply(node.target, operands, node.span, prefix)
        ((_, value),) = function.outputs
        return features[value]
