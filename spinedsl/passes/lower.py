"""Lower an expanded network to a Program.

1. Every block kind, resampling rule, merge with parameters, endpoint rule and part becomes a
   function, once for each combination of arguments, shapes and settings.
2. A merge without parameters is written into `main` itself.
3. A function that does nothing is not called.
4. The endpoints stand in level order.

Requires: EXPANSION has run.
Ensures: shapes fit, level i is ceil(size / 2^i), names are unique.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from spinedsl.diagnostics import Diagnostics, Label, fail
from spinedsl.graph.builder import Feature, FunctionBuilder
from spinedsl.graph.program import Endpoint, Program
from spinedsl.ir.binding import value_of
from spinedsl.ir.expanded import ExpandedBlock, ExpandedNetwork
from spinedsl.ir.expressions import NoValue, Value
from spinedsl.ir.model import ImageInput, Network, StemStep
from spinedsl.ir.settings import MAX_EXTENT
from spinedsl.ops import Shape
from spinedsl.ops.activation import SIXTH
from spinedsl.ops.words import Settings
from spinedsl.passes.body import BodyRunner, Budget
from spinedsl.passes.connections import Connector, Source, place_of
from spinedsl.passes.functions import FunctionMaker
from spinedsl.passes.scale_widths import scaled
from spinedsl.source import Span

IMAGE = "image"
MAX_OPERATORS = 1_000_000
"""Most operators of a network: 20,000 blocks of the largest kinds have half as many."""
STEPS = 10_000
STEPS_PER_BLOCK = 100


def lower(expanded: ExpandedNetwork) -> Program:
    """The network as a Program.

    Raises:
        DiagnosticError: sizes that don't divide, shapes that don't fit, names that collide.
    """
    lowering = Lowering(expanded)
    lowering.inputs()
    with lowering.diagnostics.absorbing():
        lowering.stem()
    lowering.diagnostics.stop_on_errors()
    for block in expanded.blocks:
        with lowering.diagnostics.absorbing():
            lowering.block(block)
        lowering.check_total()
    lowering.diagnostics.stop_on_errors()
    program = lowering.finish()
    _refuse_equal_names(program, expanded)
    if program.main.levelled:
        from spinedsl.passes.sharing import refuse_levelled

        refuse_levelled(program, "leave out `per_level`, or write a `head`")
    return program


def check_size(network: Network, deepest: int) -> None:
    """See that the input divides down to the deepest level.

    Raises:
        DiagnosticError: it doesn't, and `sizes any` isn't declared (SP038).
    """
    multiple = 1 << deepest
    height, width = network.input.height, network.input.width
    if network.sizes == "any" or (height % multiple == 0 and width % multiple == 0):
        return
    near = " x ".join(str(max(1, round(e / multiple)) * multiple) for e in (height, width))
    possible = f"use {near}" if multiple <= MAX_EXTENT else "use lower levels"
    raise fail(
        "SP038",
        f"an input of {height} x {width} doesn't divide down to level {deepest}",
        network.input.span or network.span,
        f"height and width must be multiples of {multiple}",
        help=f"{possible}, or accept rounded-up levels with `sizes any`",
    )


def deepest_of(expanded: ExpandedNetwork) -> int:
    """The highest level of a network's blocks; 0 without blocks."""
    return max((block.level for block in (*expanded.stem_blocks(), *expanded.blocks)), default=0)


def steps_of(expanded: ExpandedNetwork) -> int:
    """How many steps the bodies of a network's definitions may take in all."""
    arrows = sum(1 + len(block.arrows) for block in expanded.blocks)
    return STEPS + STEPS_PER_BLOCK * (arrows + len(expanded.stem))


def settings_of(network: Network) -> Settings:
    """What the operators of a network follow."""
    norm = network.norm.arguments
    return Settings(
        padding=network.padding,
        pool_padding=network.pool_padding,
        norm_eps=float(norm["eps"]),
        norm_momentum=float(norm["momentum"]),
        activation=network.act.name,
        activation_slope=float(network.act.arguments.get("slope", SIXTH)),
    )


@dataclass
class Lowering:
    """The steps of `lower`, each of which adds to `main`."""

    expanded: ExpandedNetwork
    network: Network = field(init=False)
    main: FunctionBuilder = field(default_factory=FunctionBuilder)
    sources: dict[str, Source] = field(default_factory=dict)
    diagnostics: Diagnostics = field(default_factory=Diagnostics)
    settings: Settings = field(init=False)
    maker: FunctionMaker = field(init=False)
    connector: Connector = field(init=False)

    def __post_init__(self) -> None:
        self.network = network = self.expanded.network
        definitions = {d.name.text: d for d in network.definitions}
        self.maker = FunctionMaker(definitions, network.defaults, Budget(steps_of(self.expanded)))
        self.deepest = deepest_of(self.expanded)
        check_size(network, self.deepest)
        self.settings = settings_of(network)
        self.connector = Connector(network, self.main, self.maker, self.settings)

    def check_total(self) -> None:
        """See that the network stays within `MAX_OPERATORS`.

        Raises:
            DiagnosticError: it doesn't (SP002).
        """
        if self.main.operators > MAX_OPERATORS:
            raise fail(
                "SP002",
                f"“{self.network.name}” has more than {MAX_OPERATORS:,} operators",
                self.network.span,
                help="lower `repeat` or `stack`",
            )

    # ---- the network

    def inputs(self) -> None:
        """What enters: one image, or features."""
        given = self.network.input
        if isinstance(given, ImageInput):
            self.main.add_input(IMAGE, Shape(given.channels, given.height, given.width))
            return
        for feature in given.features:
            place = place_of(self.network, feature.level)
            value = self.main.add_input(feature.name, Shape(feature.channels, place.height, place.width))
            self.sources[feature.name] = Source(value, feature.level, feature.channels)

    def stem(self) -> None:
        """Operators and blocks, one after the other."""
        if not isinstance(self.network.input, ImageInput):
            if self.expanded.stem:
                raise fail(
                    "SP030", "a graph over features has no stem", self.network.span,
                    help="remove the stem, or declare `input 3 x 640 x 640`",
                )  # fmt: skip
            return
        current = Feature(IMAGE, self.main.inputs[0].shape)
        steps = 0
        for item in self.expanded.stem:
            self.main.owner = item.base if isinstance(item, ExpandedBlock) else "stem"
            if isinstance(item, ExpandedBlock):
                current = self._stem_block(item, current)
            else:
                steps += 1
                current = self._stem_step(item, current, "stem" if steps == 1 else f"stem{steps}")

    def _stem_step(self, item: StemStep, current: Feature, name: str) -> Feature:
        builder = FunctionBuilder()
        inside = builder.add_input("x", current.shape)
        environment: dict[str, Value] = {
            "scaled": lambda width: scaled(self.network, width),
            "width": self._width_at,
            "input.channels": current.shape.channels,
        }
        runner = BodyRunner(builder, environment, self.settings, self.maker.call_part, self.maker.budget)
        result = runner.chain(item.operators, inside)
        assert result is not None
        function = builder.finish(
            name,
            (("", result.name),),
            definition=name,
            doc="What stands before the first block." if name == "stem" else "",
        )
        if function.nodes:
            self.maker.functions[name] = function
        return self.main.call(name, function, (current,), item.span)

    def _width_at(self, level: Value) -> int:
        number = int(level)
        if number != level or number not in self.network.widths:
            known = ", ".join(map(str, self.network.widths)) or "none"
            raise NoValue(
                "SP034",
                f"level {level} has no width",
                f"levels with a width: {known}",
                f"add it to the table: `width {{ {level}: … }}`",
            )
        return scaled(self.network, self.network.widths[number])

    def _stem_block(self, block: ExpandedBlock, current: Feature) -> Feature:
        place = place_of(self.network, block.level)
        height, width = current.shape.height, current.shape.width
        stride = 1
        # An extent of 1 stays 1 at every level: the other one says how far it is.
        while -(-height // stride) > place.height or -(-width // stride) > place.width:
            stride *= 2
        if height < place.height or width < place.width:
            raise fail(
                "SP037",
                f"stem block “{block.base}” is at level {block.level}, but its input is coarser already: "
                f"{height} x {width}",
                block.span,
                help="a stem only goes down; put the block at a higher level, or outside of the stem",
            )
        return self.run_block(block, current, stride)

    def block(self, block: ExpandedBlock) -> None:
        """One scale-permuted block: resample, merge, activate, run."""
        self.main.owner = block.base
        if block.after is not None:
            source = self.sources.get(block.after)
            if source is not None:
                self.run_block(block, source.feature, 1)
            return
        features, levels = [], []
        label = Label(block.span, f"for block “{block.base}”") if block.span else None
        complete = True
        # Every connection is looked at, so that all that fail are named at once.
        for index, arrow in enumerate(block.arrows):
            source = self.sources.get(arrow.source)
            if source is None:
                complete = False
                continue
            with self.diagnostics.absorbing():
                features.append(self.connector.resample(block, arrow, source, index))
                levels.append(source.level)
                continue
            complete = False
        dangling = [self.sources[name].feature for name in block.dangling if name in self.sources]
        if complete and len(dangling) == len(block.dangling):
            merged = self.connector.merge(block, features, levels, dangling, label)
            self.run_block(block, merged, 1)

    def run_block(self, block: ExpandedBlock, current: Feature, stride: int) -> Feature:
        """The block itself, behind its merge.

        Raises:
            DiagnosticError: its kind makes another shape (SP041).
        """
        settings = self.settings
        if block.drop_path:
            settings = replace(settings, drop_path=block.drop_path)
        given: dict[str, Value] = {
            "width": block.width,
            "channels": block.channels,
            "level": block.level,
            "stride": stride,
            "input.channels": current.shape.channels,
        }
        user = Label(block.span, f"for block “{block.base}”") if block.span else None
        arguments = {n: value_of(v) for n, v in block.kind.arguments.items()}
        function = self.maker.make(block.kind.name, arguments, given, (("x", current.shape),), settings, user)
        ((_, value),) = function.outputs
        shape = function.shapes()[value]
        place = place_of(self.network, block.level)
        wanted = Shape(block.channels, place.height, place.width)
        if shape != wanted:
            raise fail(
                "SP041",
                f"“{block.kind.name}” makes {shape}; block “{block.base}” must be {wanted}",
                block.span,
                secondary=[Label(self.maker.definitions[block.kind.name].name.span, "the kind")],
                help="its body must stride by `stride` and end with the channels it declares",
            )
        result = self.main.call(block.name, function, (current,), block.span)
        self.sources[block.name] = Source(result, block.level, block.width)
        return result

    # ---- endpoints

    def finish(self) -> Program:
        """The program, with its endpoints in level order."""
        outputs = sorted((b for b in self.expanded.blocks if b.endpoint is not None), key=lambda b: b.level)
        named, endpoints = [], []
        for block in outputs:
            with self.diagnostics.absorbing():
                assert block.endpoint is not None
                self.main.owner = block.endpoint
                value = self.endpoint(block)
                named.append((block.endpoint, value.name))
                endpoints.append(Endpoint(block.endpoint, block.level, value.shape))
        self.diagnostics.stop_on_errors()
        main = self.main.finish("main", tuple(named), doc=self.network.doc)
        return Program(
            self.network.name,
            main,
            self.maker.functions,
            tuple(endpoints),
            1 << self.deepest,
            self.network.drop_path.rate,
        )

    def endpoint(self, block: ExpandedBlock) -> Feature:
        """What the rule for endpoints makes of a block."""
        source = self.sources[block.name].feature
        rule = self.network.endpoints.rule
        if rule is None:
            return source
        arguments = {n: value_of(v) for n, v in rule.arguments.items()}
        if self.network.endpoints.channels is not None:
            arguments.setdefault("channels", self.network.endpoints.channels)
        given: dict[str, Value] = {"input.channels": source.shape.channels}
        user = Label(block.span, f"for endpoint “{block.endpoint}”") if block.span else None
        function = self.maker.make(rule.name, arguments, given, (("x", source.shape),), self.settings, user)
        assert block.endpoint is not None
        return self.main.call(block.endpoint, function, (source,), block.span)


def _refuse_equal_names(program: Program, expanded: ExpandedNetwork) -> None:
    """Two things of one name would share their parameters."""
    seen: set[str] = {port.name for port in program.main.inputs}
    spans: dict[str, Span | None] = {b.name: b.span for b in expanded.blocks}
    diagnostics = Diagnostics()
    for node in program.main.nodes:
        if node.name in seen:
            diagnostics.add(
                "SP024",
                f"the generated name “{node.name}” would be used twice",
                spans.get(node.name) or node.span,
                help="rename the block",
            )
        seen.add(node.name)
    diagnostics.stop_on_errors()
