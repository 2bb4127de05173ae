"""Lower a head to a Program over the levels it reads, or over the regions cut out of them.

1. `each level { … }` is written once for every level; nodes of one name share their parameters, but
   for those with `per_level`.
2. `from coarsest { … }` carries a value from one end of the pyramid to the other.
3. `chain => name` gives the chain's last node, and with it its parameters, the output's name.

Requires: the parts before the head are lowered.
Ensures: the outputs are those of the head's task; what shares parameters is the same at every level.
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
from spinedsl.passes.body import Budget
from spinedsl.passes.functions import FunctionMaker
from spinedsl.passes.head_body import HeadRunner, Level
from spinedsl.passes.lower import STEPS, settings_of
from spinedsl.passes.sharing import refuse_levelled, refuse_unequal
from spinedsl.passes.tasks import Site, TaskWord, read_task, wrong_outputs
from spinedsl.records import record
from spinedsl.source import Span
from spinedsl.syntax import nodes

REGION = "region"
"""What a head on regions calls its input."""


@record
class Head:
    """A lowered head: its program, what its outputs mean, and whether it runs on regions."""

    program: Program
    task: Task
    regions: bool


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

    @property
    def user(self) -> Label | None:
        """The place in the model that the head is lowered for."""
        return Label(self.call.span, f"for the head “{self.call.name}”") if self.call.span else None

    def run(self) -> Head:
        """The program."""
        call, model = self.call, self.model
        definitions = {d.name.text: d for d in model.definitions}
        definition = definitions[call.name]
        maker = FunctionMaker(definitions, model.defaults, Budget(STEPS))
        user = self.user
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
        # An extent that was rounded up may be that of several levels: those that are read come first.
        strides = [e.stride for e in self.endpoints if e.shape[1:] == shape[1:]]
        strides += [1 << step for step in range(max(given.height, given.width).bit_length() + 1)]
        for stride in strides:
            if -(-given.height // stride) == shape.height and -(-given.width // stride) == shape.width:
                return stride
        raise fail(
            "SP041", f"“logits” of “{self.call.name}” are {shape}, which is no level of the image", span,
            secondary=[self.user] if self.user else [], help="enlarge them to one of the levels: `upsample(bilinear, level)`",
        )  # fmt: skip


def _naming(problem: DiagnosticError, user: Label | None) -> DiagnosticError:
    if user is None:
        return problem
    return DiagnosticError([replace(d, secondary=(*d.secondary, user)) for d in problem.diagnostics])
