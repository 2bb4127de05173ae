"""Running the body of a definition at compile time: statements become nodes of a function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from spinedsl.diagnostics import DiagnosticError, Fix, Label, fail, suggested
from spinedsl.graph.builder import Feature, FunctionBuilder
from spinedsl.ir.expressions import Number, Symbol, Value, boolean, check_number, describe, evaluate
from spinedsl.ops import Operator, ShapeError
from spinedsl.ops.words import (
    MAX_CHANNELS,
    MAX_KERNEL,
    PER_LEVEL,
    WORDS,
    Place,
    Settings,
    Word,
    WordArgument,
    Written,
)
from spinedsl.source import Span
from spinedsl.syntax import nodes

MAX_OPERATORS = 4096
"""Most operators of one definition, those of its parts included."""
MAX_UNROLLED = 256
MAX_PARAMETERS = 1 << 28
"""Most parameters of one operator: a gigabyte of them."""
MAX_NESTED = 100
"""Deepest nesting of bodies, through parts too. Python's own stack holds several times as many."""

CallPart = Callable[["BodyRunner", nodes.Step, Feature], Feature]


@dataclass
class Budget:
    """How many steps all bodies of a network may still run: what they do may make no operator."""

    steps: int


@dataclass
class BodyRunner:
    """Runs statements in an environment, appending to a builder.

    Attributes:
        builder: what nodes are added to.
        environment: names → values; side branches add their features to it.
        settings: what operators follow.
        call_part: runs a step that names a part.
        budget: shared by all bodies of a network.
        user: the block or connection this is for, named in errors.
        depth: how many bodies this one stands in.
    """

    builder: FunctionBuilder
    environment: dict[str, Value]
    settings: Settings
    call_part: CallPart
    budget: Budget
    user: Label | None = None
    depth: int = 0

    def run(self, body: nodes.Body, current: Feature | None) -> Feature | None:
        """The running value behind the body.

        Raises:
            DiagnosticError: a wrong argument, shape, name or count.
        """
        self.depth += 1
        if self.depth > MAX_NESTED:
            raise self.error(
                "SP006",
                f"definitions nest more than {MAX_NESTED} deep",
                body.span,
                "write some of the parts out",
            )
        for statement in body.statements:
            self._spend(statement.span)
            if isinstance(statement, nodes.Chain):
                current = self.chain(statement, current)
            elif isinstance(statement, nodes.Let):
                value = self.chain(statement.chain, current)
                self.bind(statement.name.text, value)
            elif isinstance(statement, nodes.Loop):
                current = self._loop(statement, current)
            elif isinstance(statement, nodes.When):
                current = self._when(statement, current)
            else:
                current = self.head_statement(statement, current)
        self.depth -= 1
        return current

    def head_statement(
        self, statement: nodes.Each | nodes.Descend | nodes.Output, current: Feature | None
    ) -> Feature | None:
        """Levels and named outputs, which only a head has.

        Raises:
            DiagnosticError: this is no head's body.
        """
        raise self.error(
            "SP031", "levels and named outputs can stand in a head only", statement.span,
            "write a `head`, and let it call this",
        )  # fmt: skip

    def _spend(self, span: Span) -> None:
        self.budget.steps -= 1
        if self.builder.operators > MAX_OPERATORS:
            raise self.error(
                "SP002",
                f"a definition that makes more than {MAX_OPERATORS:,} operators",
                span,
                "lower the counts of its `repeat`",
            )
        if self.budget.steps < 0:
            raise self.error(
                "SP002",
                "definitions that take too many steps to work out",
                span,
                "lower the counts of their `repeat`",
            )

    def bind(self, name: str, value: Feature | None) -> None:
        """Give a feature a name, and its channels one."""
        if value is not None:
            self.environment[name] = value
            self.environment[f"{name}.channels"] = value.shape.channels

    def error(
        self, code: str, message: str, span: Span, help: str | None = None, fix: Fix | None = None
    ) -> DiagnosticError:
        """An error at a place of the definition, naming who uses it."""
        return fail(code, message, span, secondary=[self.user] if self.user else [], help=help, fix=fix)

    def value(self, node: nodes.Expression) -> Value:
        """What an expression stands for here."""
        with self._naming_user():
            return evaluate(node, self.environment)

    def _number(self, node: nodes.Expression) -> Number:
        with self._naming_user():
            return check_number(evaluate(node, self.environment), node.span, self.environment)

    def _truth(self, node: nodes.Expression) -> bool:
        with self._naming_user():
            return boolean(evaluate(node, self.environment), node, self.environment)

    @contextmanager
    def _naming_user(self) -> Iterator[None]:
        """Add to errors raised inside who uses the definition."""
        try:
            yield
        except DiagnosticError as error:
            users = (self.user,) if self.user else ()
            raise DiagnosticError(
                replace(d, secondary=(*d.secondary, *users)) for d in error.diagnostics
            ) from None

    def _loop(self, statement: nodes.Loop, current: Feature | None) -> Feature | None:
        count = self._integer(statement.count, "a repeat count", 0, MAX_UNROLLED)
        for _ in range(count):
            self._spend(statement.span)
            current = self.run(statement.body, current)
        return current

    def _when(self, statement: nodes.When, current: Feature | None) -> Feature | None:
        condition = statement.condition
        if self._truth(condition):
            if isinstance(condition, nodes.Reference):
                self.builder.taken.append(condition.name)
            return self.run(statement.body, current)
        return current if statement.otherwise is None else self.run(statement.otherwise, current)

    def _integer(self, node: nodes.Expression, what: str, least: int, most: int) -> int:
        value = self._number(node)
        if isinstance(value, Fraction) or not least <= value <= most:
            raise self.error(
                "SP030",
                f"{what} must be a whole number from {least} to {most:,}, not {describe(value)}",
                node.span,
                "cut it with `floor(…)`, keep it in bounds with `max(1, …)`",
            )
        return value

    # ---- steps

    def chain(self, chain: nodes.Chain, current: Feature | None) -> Feature | None:
        """Run steps, each on what the one before made."""
        for index, step in enumerate(chain.steps):
            named = self.environment.get(step.name.text)
            if index == 0 and isinstance(named, Feature) and step.name.text not in WORDS:
                current = named
                continue
            current = self._step(step, current)
        return current

    def _step(self, step: nodes.Step, current: Feature | None) -> Feature | None:
        self._spend(step.span)
        word = WORDS.get(step.name.text)
        if word is None:
            if current is None:
                raise self.no_value(step)
            return self.call_part(self, step, current)
        operands = self._operands(step, word, current)
        if not operands:
            raise self.no_value(step)
        stride = self._stride(step, word)
        written = Written(
            inputs=tuple(operand.shape for operand in operands),
            arguments=self._arguments(step, word),
            kernel=self._kernel(step, word, stride),
            stride=stride,
            channels=self._result(step, word),
            settings=self.settings,
        )
        try:
            operator = word.build(written)
            if operator is None:
                return operands[0]
            self._refuse_large(operator, step)
            own = bool(written.arguments.get(PER_LEVEL))
            return self.builder.apply(operator, operands, step.span, own=own)
        except ShapeError as problem:
            raise self.error("SP041", str(problem), step.span, problem.help) from None

    def _refuse_large(self, operator: Operator, step: nodes.Step) -> None:
        numbers = sum(parameter.elements for parameter in operator.parameters())
        if numbers > MAX_PARAMETERS:
            raise self.error(
                "SP002",
                f"“{step.name}” would have {numbers:,} parameters, more than the {MAX_PARAMETERS:,} allowed",
                step.span,
                "lower its channels or its kernel",
            )

    def no_value(self, step: nodes.Step) -> DiagnosticError:
        """A chain that begins without anything to begin from."""
        return self.error(
            "SP041", f"“{step.name}” has nothing to work on", step.name.span,
            help="start the chain with a value, such as `sum(inputs)`",
        )  # fmt: skip

    def _operands(self, step: nodes.Step, word: Word, current: Feature | None) -> tuple[Feature, ...]:
        """The features an operator reads: the running value, named ones, lists of them."""
        if word.operands == "none":
            return () if current is None else (current,)
        operands: list[Feature] = []
        if word.operands == "more" and current is not None:
            operands.append(current)
        for argument in step.arguments:
            if argument.name is not None:
                continue
            value = self.value(argument.value)
            if isinstance(value, Feature):
                operands.append(value)
            elif isinstance(value, tuple):
                operands.extend(value)
            else:
                features = [n for n, v in self.environment.items() if isinstance(v, (Feature, tuple))]
                raise self.error(
                    "SP020",
                    f"“{step.name}” takes features, and {describe(value)} is none",
                    argument.span,
                    **suggested(
                        argument.span,
                        value.name if isinstance(value, Symbol) else "",
                        features,
                        f"features here are {', '.join(features)}",
                    ),
                )
        return tuple(operands)

    def _arguments(self, step: nodes.Step, word: Word) -> dict[str, Any]:
        values = {name: declared.default for name, declared in word.arguments.items()}
        positional = list(word.arguments)
        seen: set[str] = set()
        for index, argument in enumerate(step.arguments):
            if argument.name is None and word.operands != "none":
                continue
            name = (
                argument.name.text if argument.name else positional[index] if index < len(positional) else ""
            )
            declared = word.arguments.get(name)
            if declared is None:
                known = ", ".join(positional)
                raise self.error(
                    "SP031",
                    f"“{step.name}” has no argument “{name}”"
                    if name
                    else f"too many arguments for “{step.name}”",
                    argument.span,
                    **suggested(
                        argument.span,
                        name,
                        positional,
                        f"its arguments are {known}" if known else "it takes none",
                    ),
                )
            if name in seen:
                raise self.error("SP031", f"“{name}” is given twice", argument.span, "remove one of them")
            seen.add(name)
            values[name] = self._argument(declared, name, argument.value)
        for name, declared in word.arguments.items():
            if values[name] is None and declared.type in ("integer", "extent"):
                raise self.error(
                    "SP031", f"“{step.name}” needs a value for “{name}”", step.span, f"write `{word.example}`"
                )
        return values

    def _argument(self, declared: WordArgument, name: str, node: nodes.Expression) -> Any:
        value = self.value(node)
        if declared.type == "bool":
            return self._truth(node)
        if declared.type == "name":
            if isinstance(value, Symbol) and value.name in declared.choices:
                return value.name
            raise self.error(
                "SP030",
                f"“{name}” can't be {describe(value)}",
                node.span,
                **suggested(
                    node.span,
                    value.name if isinstance(value, Symbol) else "",
                    declared.choices,
                    f"choose {' or '.join(declared.choices)}",
                ),
            )
        if declared.type == "extent" and isinstance(value, Place):
            return value
        if declared.type == "extent" and isinstance(value, Feature):
            return Place(value.shape.height, value.shape.width)
        if declared.type in ("integer", "extent"):
            return self._integer(node, f"“{name}”", 1, MAX_CHANNELS)
        return self._number(node)

    def _kernel(self, step: nodes.Step, word: Word, stride: int) -> tuple[int, int]:
        if step.kernel is None:
            if word.kernel == "needed":
                raise self.error(
                    "SP031", f"“{step.name}” needs a kernel", step.span, f"write `{word.example}`"
                )
            return (1, 1)
        if word.kernel == "none":
            raise self.error("SP031", f"“{step.name}” takes no kernel", step.span, f"write `{word.example}`")
        if not all(1 <= extent <= MAX_KERNEL for extent in step.kernel):
            raise self.error(
                "SP030", f"a kernel's sides must be 1 to {MAX_KERNEL}", step.span, f"write `{word.example}`"
            )
        # Windows that don't overlap need no pads.
        uneven = any(extent % 2 == 0 and extent != stride for extent in step.kernel)
        if uneven and self.settings.padding == "symmetric":
            raise self.error(
                "SP030", "an even kernel can't be padded symmetrically", step.span,
                "use an odd kernel, a stride of the same size, or `padding same`",
            )  # fmt: skip
        return step.kernel

    def _stride(self, step: nodes.Step, word: Word) -> int:
        if step.stride is None:
            return 1
        if not word.stride:
            raise self.error("SP031", f"“{step.name}” takes no stride", step.span, f"write `{word.example}`")
        return self._integer(step.stride, "a stride", 1, MAX_CHANNELS)

    def _result(self, step: nodes.Step, word: Word) -> int | None:
        if step.result is None:
            return None
        if not word.result:
            raise self.error(
                "SP031", f"“{step.name}” keeps its channels", step.span, f"write `{word.example}`"
            )
        return self._integer(step.result, "a number of channels", 1, MAX_CHANNELS)
