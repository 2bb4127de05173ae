"""Lower a head to a Program over the levels it reads, or over the regions cut out of them.

1. `each level { … }` is written once for every level; nodes of one name share their parameters, but
   for those with `per_level`.
2. `from coarsest { … }` carries a value from one end of the pyramid to the other.
3. `chain => name` gives the chain's last node, and with it its parameters, the output's name.

Requires: the parts before the head are lowered.
Ensures: the outputs are those of the head's task; what shares parameters has them in one shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from spinedsl.diagnostics import DiagnosticError, Label, fail
from spinedsl.graph.builder import Feature, FunctionBuilder
from spinedsl.graph.program import Endpoint, Program
from spinedsl.graph.tasks import Classification, RegionBoxes, RegionMasks, Segmentation, Task
from spinedsl.ir.binding import bind, value_of
from spinedsl.ir.expressions import Value
from spinedsl.ir.model import Call, Model
from spinedsl.ops import Shape
from spinedsl.passes.body import BodyRunner, Budget
from spinedsl.passes.functions import FunctionMaker
from spinedsl.passes.lower import STEPS, settings_of
from spinedsl.passes.sharing import refuse_levelled, refuse_unequal
from spinedsl.passes.tasks import Site, TaskWord, read_task, wrong_outputs
from spinedsl.records import record
from spinedsl.source import Span
from spinedsl.syntax import nodes

ENDS = ("coarsest", "finest")
REGION = "region"
"""What a head on regions calls its input."""


@record
class Head:
    """A lowered head: its program, what its outputs mean, and whether it runs on regions."""

    program: Program
    task: Task
    regions: bool


@record
class Level:
    """One level that a head reads."""

    endpoint: Endpoint
    feature: Feature


def lower_head(call: Call, model: Model, endpoints: Sequence[Endpoint], stride: int) -> Head:
    """A head of a model as a Program.

    Args:
        call: the head, with its stated arguments.
        model: for definitions, defaults and settings.
        endpoints: of the part it reads, finest first.
        stride: what the image's height and width are multiples of.

    Raises:
        DiagnosticError: an argument, shape or output is wrong.
    """
    return _Lowering(call, model, tuple(endpoints), stride).run()


@dataclass
class _Lowering:
    call: Call
    model: Model
    endpoints: tuple[Endpoint, ...]
    stride: int
    main: FunctionBuilder = field(default_factory=FunctionBuilder)

    def run(self) -> Head:
        """The program."""
        call, model = self.call, self.model
        definitions = {d.name.text: d for d in model.definitions}
        definition = definitions[call.name]
        maker = FunctionMaker(definitions, model.defaults, Budget(STEPS))
        user = Label(call.span, f"for the head “{call.name}”") if call.span else None
        environment = self._environment(definition)
        task, word = read_task(definition, environment, Site(call.name, self.endpoints), user)
        self.main.owner = call.name
        levels = self._inputs(task, word)
        runner = HeadRunner(
            self.main, environment, settings_of(model.backbone), maker.call_part, maker.budget, user,
            levels=levels, span=definition.name.span,
        )  # fmt: skip
        runner.offer(task, definition.parameters)
        runner.run(definition.body, None if levels else Feature(REGION, self.main.inputs[0].shape))
        shapes = {name: tuple(f.shape for f in by.values()) for name, by in runner.outputs.items()}
        problem = wrong_outputs(call.name, word, task, shapes, definition.name.span)
        problem = problem or runner.wrong_levels(word)
        if problem is not None:
            raise _naming(problem, user)
        program = self._program(runner, maker, definition, task)
        refuse_levelled(program, "write it into `each level { … }`, or leave out `per_level`", user)
        refuse_unequal(program, user)
        if isinstance(task, Segmentation):
            logits = runner.outputs["logits"][""].shape
            task = replace(task, stride=self._stride_of(logits, definition.name.span))
        return Head(program, task, word.regions)

    def _environment(self, definition: nodes.Definition) -> dict[str, Value]:
        arguments = {name: value_of(value) for name, value in self.call.arguments.items()}
        given: dict[str, Value] = {"levels": len(self.endpoints)}
        defaults = self.model.defaults.get(self.call.name, {})
        return bind(definition, arguments, defaults, given, self.call.span)

    def _inputs(self, task: Task, word: TaskWord) -> tuple[Level, ...]:
        """What enters: the levels, finest first, or a region."""
        if not word.regions:
            return tuple(Level(e, self.main.add_input(e.name, e.shape)) for e in self.endpoints)
        channels = {e.shape.channels for e in self.endpoints}
        if len(channels) > 1:
            widths = ", ".join(f"{e.name} {e.shape.channels:,}" for e in self.endpoints)
            raise fail(
                "SP044", f"“{self.call.name}” cuts regions out of levels of one width; here they are {widths}",
                self.call.span, help="bring them to one width: `endpoints -> 256`",
            )  # fmt: skip
        assert isinstance(task, RegionBoxes | RegionMasks)
        self.main.add_input(REGION, Shape(channels.pop(), task.pool, task.pool))
        return ()

    def _program(
        self, runner: HeadRunner, maker: FunctionMaker, definition: nodes.Definition, task: Task
    ) -> Program:
        levels = {e.name: e.level for e in self.endpoints}
        named, endpoints = [], []
        for output, by_instance in runner.outputs.items():
            for instance, value in by_instance.items():
                name = f"{output}_{instance}" if instance else output
                level = levels.get(instance)
                if isinstance(task, Segmentation):
                    level = self._stride_of(value.shape, definition.name.span).bit_length() - 1
                named.append((name, value.name))
                flat = isinstance(task, Classification | RegionBoxes)
                endpoints.append(Endpoint(name, level, value.shape, flat))
        main = self.main.finish("main", tuple(named), definition=self.call.name, doc=definition.doc)
        return Program(self.call.name, main, maker.functions, tuple(endpoints), self.stride)

    def _stride_of(self, shape: Shape, span: Span) -> int:
        """How many pixels of the image one of `shape` stands for."""
        given = self.model.backbone.input
        for step in range(given.height.bit_length()):
            stride = 1 << step
            if -(-given.height // stride) == shape.height and -(-given.width // stride) == shape.width:
                return stride
        raise fail(
            "SP041", f"“logits” of “{self.call.name}” are {shape}, which is no level of the image", span,
            help="enlarge them to one of the levels: `upsample(bilinear, level)`",
        )  # fmt: skip


@dataclass
class HeadRunner(BodyRunner):
    """Runs the body of a head.

    Attributes:
        levels: finest first; none on regions.
        span: of the head's name.
        outputs: output → level ("" without one) → value.
        walking: whether the statement that runs stands in a walk over the levels.
    """

    levels: tuple[Level, ...] = ()
    span: Span | None = None
    outputs: dict[str, dict[str, Feature]] = field(default_factory=dict)
    walking: bool = False

    def offer(self, task: Task, parameters: Sequence[nodes.Parameter]) -> None:
        """Put what a head finds under names into the environment.

        Raises:
            DiagnosticError: a parameter has one of these names (SP024).
        """
        found: dict[str, Value] = {}
        anchors = getattr(task, "anchors", None)
        if anchors is not None:
            found["anchors"] = anchors.count
        if self.levels:
            found["features"] = tuple(level.feature for level in self.levels)
        for parameter in parameters:
            name = parameter.name.text
            if name in found or name == "input" or (self.levels and name == "level"):
                raise self.error(
                    "SP024", f"“{name}” is a parameter, and what a head finds in its body", parameter.span,
                    "rename the parameter",
                )  # fmt: skip
        self.environment |= found
        if not self.levels:
            (port,) = self.builder.inputs
            self.bind("input", Feature(port.name, port.shape))

    def head_statement(
        self, statement: nodes.Each | nodes.Descend | nodes.Output, current: Feature | None
    ) -> Feature | None:
        """Rules 1 to 3."""
        if isinstance(statement, nodes.Output):
            self._output(statement, current)
            return current
        if not self.levels:
            raise self.error(
                "SP044", "a head on regions has no levels", statement.span,
                "write what happens to one region, which is `input`",
            )  # fmt: skip
        if self.walking:
            raise self.error(
                "SP031", "a walk over the levels stands inside another one", statement.span,
                "close the body of the first one before",
            )  # fmt: skip
        self.walking = True
        if isinstance(statement, nodes.Each):
            self._each(statement)
        else:
            current = self._descend(statement)
        self.walking = False
        return current

    def _each(self, statement: nodes.Each) -> None:
        outside = dict(self.environment)
        with self.builder.shared([level.endpoint.name for level in self.levels]) as instances:
            for level, _ in zip(self.levels, instances, strict=True):
                self.environment = dict(outside)
                self._enter(level)
                self.bind("input", level.feature)
                self.run(statement.body, level.feature)
        self.environment = outside

    def _descend(self, statement: nodes.Descend) -> Feature | None:
        if statement.start.text not in ENDS:
            raise self.error(
                "SP020", f"levels start from the coarsest or the finest, not from “{statement.start}”",
                statement.start.span, "write `from coarsest { … }`",
            )  # fmt: skip
        first, *others = self.levels if statement.start.text == "finest" else self.levels[::-1]
        current: Feature | None = first.feature
        outside = dict(self.environment)
        for level in others:
            self.environment = dict(outside)
            self._enter(level)
            current = self.run(statement.body, current)
        self.environment = outside
        return current

    def _enter(self, level: Level) -> None:
        self.bind("level", level.feature)
        self.environment["level.number"] = level.endpoint.level

    def _output(self, statement: nodes.Output, current: Feature | None) -> None:
        name, instance = statement.name.text, self.builder.instance
        by_instance = self.outputs.setdefault(name, {})
        if instance in by_instance:
            raise self.error("SP024", f"“{name}” is put out twice", statement.name.span, "rename one of them")
        *before, last = statement.chain.steps
        if before:
            current = self.chain(replace(statement.chain, steps=tuple(before)), current)
        if self.builder.has(name):
            raise self.error(
                "SP024", f"the output “{name}” is called like a part before it", statement.name.span,
                "rename the part: both would name parameters",
            )  # fmt: skip
        self.builder.wanted = name
        value = self.chain(replace(statement.chain, steps=(last,)), current)
        self.builder.wanted = ""
        assert value is not None
        by_instance[instance] = value

    def wrong_levels(self, word: TaskWord) -> DiagnosticError | None:
        """Outputs that a level lacks, that have another extent, or that stand by levels for no reason."""
        extents = {level.endpoint.name: level.endpoint.shape for level in self.levels}
        wanted = set(extents) if word.by_level else {""}
        for name, by_instance in self.outputs.items():
            if set(by_instance) != wanted:
                help = (
                    "put it into `each level { … }`" if word.by_level else "put it out of `each level { … }`"
                )
                return fail("SP044", f"“{name}” must be put out once" + (" a level" if word.by_level else ""),
                            self.span, help=help)  # fmt: skip
            for level, value in by_instance.items() if word.by_level else ():
                shape = extents[level]
                if (value.shape.height, value.shape.width) != (shape.height, shape.width):
                    return fail(
                        "SP041", f"“{name}” is {value.shape} at {level}, which has {shape.height} x {shape.width} pixels",
                        self.span, help="a level's outputs have one pixel for each of its own: leave out the stride",
                    )  # fmt: skip
        return None


def _naming(problem: DiagnosticError, user: Label | None) -> DiagnosticError:
    if user is None:
        return problem
    return DiagnosticError([replace(d, secondary=(*d.secondary, user)) for d in problem.diagnostics])
