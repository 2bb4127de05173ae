"""Making functions of definitions: each combination of arguments and shapes is one function.

Lowering asks for them; what a body's statements mean is in body.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from spinedsl.diagnostics import Label, fail
from spinedsl.graph.builder import Feature, FunctionBuilder
from spinedsl.graph.program import Function
from spinedsl.ir.binding import bind, check_arguments, positional_names
from spinedsl.ir.expressions import Value
from spinedsl.ir.model import Scalar
from spinedsl.ops import Shape
from spinedsl.ops.words import Settings
from spinedsl.passes.body import BodyRunner, Budget
from spinedsl.syntax import nodes


@dataclass
class FunctionMaker:
    """Makes functions, each once.

    Attributes:
        definitions: by name.
        defaults: arguments that the network sets, by definition and parameter.
        budget: what all bodies together may run.
        functions: those made so far that have nodes, callees before callers.
    """

    definitions: dict[str, nodes.Definition]
    defaults: Mapping[str, Mapping[str, Scalar]]
    budget: Budget
    functions: dict[str, Function] = field(default_factory=dict)
    _made: dict[Any, Function] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def make(
        self,
        name: str,
        arguments: Mapping[str, Value],
        given: dict[str, Value],
        inputs: tuple[tuple[str, Shape], ...],
        settings: Settings,
        user: Label | None,
        depth: int = 0,
    ) -> Function:
        """The function that a definition makes.

        Args:
            name: of the definition.
            arguments: stated for it, by parameter.
            given: what its place gives, by name.
            inputs: names and shapes of the features that enter.
            settings: what its operators follow.
            user: what it is made for, named in errors.
            depth: how many parts deep this is.

        Raises:
            DiagnosticError: an argument, shape, name or count is wrong.
        """
        definition = self.definitions[name]
        span = user.span if user else None
        environment = bind(definition, arguments, self.defaults.get(name, {}), given, span)
        key = (name, tuple(environment.items()), inputs, settings)
        known = self._made.get(key)
        if known is not None:
            return known
        builder = FunctionBuilder()
        features = [builder.add_input(n, s) for n, s in inputs]
        runner = BodyRunner(
            builder, dict(environment), settings, self.call_part, self.budget, user=user, depth=depth
        )
        self._offer(definition, runner, features)
        first = None if definition.kind == "merge" else features[0]
        result = runner.run(definition.body, first)
        if result is None:
            raise fail(
                "SP041", f"“{name}” makes no value", definition.name.span,
                secondary=[user] if user else [], help="end its body with a chain such as `sum(inputs)`",
            )  # fmt: skip
        self._counts[name] = self._counts.get(name, 0) + 1
        function = builder.finish(
            f"{name}.{self._counts[name]}",
            (("", result.name),),
            definition=name,
            doc=definition.doc,
            arguments=tuple((n, v) for n, v in environment.items() if isinstance(v, (int, Fraction))),
        )
        self._made[key] = function
        if function.nodes:
            self.functions[function.name] = function
        return function

    def _offer(self, definition: nodes.Definition, runner: BodyRunner, features: list[Feature]) -> None:
        """Put the features that enter under the names the body knows them by."""
        if definition.kind != "merge":
            runner.bind("input", features[0])
            return
        count = runner.environment.pop("inputs")
        levels = runner.environment.pop("levels")
        inputs, dangling = tuple(features[:count]), tuple(features[count:])
        runner.environment.update(inputs=inputs, dangling=dangling)
        if count == 2:
            coarse, fine = inputs if levels[0] >= levels[1] else inputs[::-1]
            runner.bind("coarse", coarse)
            runner.bind("fine", fine)

    def call_part(self, runner: BodyRunner, step: nodes.Step, current: Feature) -> Feature:
        """Run a step that names a part: a call of the part's function."""
        definition = self.definitions.get(step.name.text)
        if definition is None or definition.kind != "part":
            raise runner.error(
                "SP020", f"there is no operator or part called “{step.name}”", step.name.span,
                "define it: `part name { … }`",
            )  # fmt: skip
        if step.kernel or step.stride or step.result:
            raise runner.error(
                "SP031", f"the part “{step.name}” takes arguments only", step.span,
                f"write `{step.name}(…)`",
            )  # fmt: skip
        names = positional_names(definition)
        arguments: dict[str, Value] = {}
        for index, argument in enumerate(step.arguments):
            if argument.name is None and index >= len(names):
                raise runner.error(
                    "SP031", f"too many arguments for “{step.name}”", argument.span,
                    f"its parameters are {', '.join(names)}" if names else "it takes none",
                )  # fmt: skip
            name = argument.name.text if argument.name else names[index]
            check_arguments(definition, [name], argument.span)
            arguments[name] = runner.value(argument.value)
        inputs = (("x", current.shape),)
        given = {"input.channels": current.shape.channels}
        function = self.make(
            step.name.text, arguments, given, inputs, runner.settings, runner.user, runner.depth
        )
        if function.nodes:
            runner.builder.taken.append(f"with_{step.name}")
        return runner.builder.call(runner.builder.part_name(step.name.text), function, (current,), step.span)
