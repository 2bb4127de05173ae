"""Running the body of a head: its levels, or a region, and what it puts out.

What other statements mean is in body.py; rules 1 to 3 are those of lower_head.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from spinedsl.diagnostics import DiagnosticError, fail
from spinedsl.graph.builder import Feature
from spinedsl.graph.program import Endpoint
from spinedsl.graph.tasks import Task
from spinedsl.ir.expressions import Value
from spinedsl.passes.body import BodyRunner
from spinedsl.passes.tasks import TaskWord
from spinedsl.records import record
from spinedsl.source import Span
from spinedsl.syntax import nodes

ENDS = ("coarsest", "finest")


@record
class Level:
    """One level that a head reads."""

    endpoint: Endpoint
    feature: Feature


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

    def no_value(self, step: nodes.Step) -> DiagnosticError:
        """A chain that begins outside of levels."""
        return self.error(
            "SP041", f"“{step.name}” has nothing to work on", step.name.span,
            "write it into `each level { … }`, or `from coarsest { … }` before it",
        )  # fmt: skip

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
