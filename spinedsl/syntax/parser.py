"""Text to syntax model: one lark parse, then one loop over its tree. No meaning here.

Nothing recurses: neither a long file nor deep brackets can exhaust the stack, and brackets deeper
than `MAX_DEPTH` are refused before lark sees them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any

from lark import Token, Tree
from lark.exceptions import UnexpectedInput

from spinedsl.diagnostics import Diagnostic, DiagnosticError, Diagnostics, fail, in_order
from spinedsl.records import record
from spinedsl.source import Source, Span
from spinedsl.syntax import nodes
from spinedsl.syntax.grammar import parser
from spinedsl.syntax.lexer import MAX_RUN, TooManyWords

MAX_DEPTH = 64
"""Deepest nesting of brackets, and of operators in one expression."""
MAX_ARROWS = 20_000
MAX_BODIES = 4096
MAX_LINES = 100_000
MAX_DIGITS = 40
MAX_EXPONENT = 30
MAX_NAME = 64
MAX_TEXT = 2000
MAX_INVISIBLE = 20
"""Most characters that are reported as invisible; what is wrong beside them is then not looked for."""

_BRACKETS = re.compile(r"""#[^\n]*|"[^"\n]*"|[(){}]""")
_INVISIBLE = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, which could command a terminal; signs that reorder what a reader sees; halves
of characters. None has a place in a text, not even in a comment."""
DIRECTIVE = re.compile(r"#[ \t]*spinec[ \t]*:")
"""How a comment begins that speaks to a tool: `# spinec: ignore[SP101]`."""
_BROKEN = object()
"""Stands for what can't be built, until something leaves it out."""
_COLLECTIONS = frozenset({"start", "network", "model", "conventions", "stem", "body", "space"})
"""Rules that are sound without one of their parts."""
_OPERATOR_NAMES = {"and": "a and b", "or": "a or b", "not": "not a", "negative": "-a"}


@record
class Parsed:
    """What stands of a text, and what is wrong with it.

    Attributes:
        file: all declarations that could be read; None if none could.
    """

    file: nodes.File | None
    diagnostics: tuple[Diagnostic, ...] = ()


def parse(source: Source) -> nodes.File:
    """Parse a source text.

    Raises:
        DiagnosticError: the text is not of the language (SP002, SP006, SP010–SP012).
    """
    parsed = parse_what_stands(source)
    if parsed.diagnostics or parsed.file is None:
        raise DiagnosticError(parsed.diagnostics)
    return parsed.file


def parse_what_stands(source: Source) -> Parsed:
    """Parse a source text as far as it can be read; never raises. For editors, and for `parse`."""
    found = Diagnostics()
    file = None
    with found.absorbing():
        _refuse_hostile(source)
        file = _Builder(source, found).file(_tree(source, found))
    return Parsed(file, tuple(in_order(found.found)))


def _tree(source: Source, found: Diagnostics) -> Tree[Token]:
    """lark's tree; what was wrong on the way is recorded."""
    try:
        try:
            return parser().parse(source.text)
        except UnexpectedInput as problem:
            # Imported where something is wrong: what is right is read sooner.
            from spinedsl.syntax.recovery import recover

            tree, errors = recover(source, problem)
            found.extend(errors)
            return tree
    except TooManyWords as problem:
        raise fail(
            "SP002",
            f"a list or declaration of more than {MAX_RUN:,} words",
            Span(source, problem.position, problem.position + 1),
            "it goes on here",
            help="split it up; a block reads at most 256 others",
        ) from None


def _refuse_hostile(source: Source) -> None:
    """Refuse, by counts that cost next to nothing, what would be expensive or harmful to parse."""
    text = source.text
    for sign, most, what in (
        ("<-", MAX_ARROWS, "blocks"),
        ("{", MAX_BODIES, "definitions and bodies"),
        ("\n", MAX_LINES, "lines"),
    ):
        if text.count(sign) > most:
            raise fail(
                "SP002",
                f"more than {most:,} {what} in one file",
                Span(source, 0, 1),
                help="use `repeat`, or several files joined by `import`",
            )
    if _INVISIBLE.search(text):
        from spinedsl.syntax.errors import invisible_character

        some = itertools.islice(_INVISIBLE.finditer(text), MAX_INVISIBLE)
        raise DiagnosticError([invisible_character(source, match.start()) for match in some])
    _refuse_depth(source)


def _refuse_depth(source: Source) -> None:
    depth = 0
    for match in _BRACKETS.finditer(source.text):
        sign = match.group()
        if sign in "({":
            depth += 1
            if depth > MAX_DEPTH:
                raise fail(
                    "SP006",
                    f"brackets nest more than {MAX_DEPTH} deep",
                    Span(source, match.start(), match.end()),
                    help="name the inner parts and use the names",
                )
        elif sign in ")}":
            depth -= 1


class _Builder:
    """Turns lark's tree into syntax nodes; one method a rule, named like the rule."""

    def __init__(self, source: Source, found: Diagnostics) -> None:
        self.source = source
        self.found = found

    def file(self, tree: Tree[Token]) -> nodes.File:
        """The node of a whole tree; what can't be built is recorded, and left out."""
        order = []
        stack = [tree]
        while stack:
            node = stack.pop()
            order.append(node)
            stack.extend(child for child in node.children if isinstance(child, Tree))
        built: dict[int, Any] = {}
        for node in reversed(order):
            children = [built[id(c)] if isinstance(c, Tree) else c for c in node.children]
            built[id(node)] = _BROKEN
            if node.data in _COLLECTIONS:
                children = [child for child in children if child is not _BROKEN]
            if _BROKEN not in children:
                method: Callable[[list[Any], Span], Any] = getattr(self, node.data)
                with self.found.absorbing():
                    built[id(node)] = method(children, self._span_of(node))
        result: nodes.File = built[id(tree)]
        return result

    # ---- spans, names and numbers

    def _span_of(self, tree: Tree[Token]) -> Span:
        meta = tree.meta
        if meta.empty:
            return Span(self.source, 0, 0)
        return Span(self.source, meta.start_pos, meta.end_pos)

    def _token_span(self, token: Token) -> Span:
        assert token.start_pos is not None and token.end_pos is not None
        return Span(self.source, token.start_pos, token.end_pos)

    def _name(self, token: Token | None) -> nodes.Name:
        """A plain name: dots belong to references only."""
        assert token is not None
        span = self._token_span(token)
        if "." in token:
            raise fail(
                "SP010",
                f"“{token}” can't be a name here: it has a dot",
                span,
                help="dots only reach into values, as in `source.width`; use an underscore",
            )
        self._limit(token, MAX_NAME, "a name")
        return nodes.Name(str(token), span=span)

    def _limit(self, token: Token, most: int, what: str) -> None:
        if len(token) > most:
            raise fail(
                "SP002",
                f"{what} of {len(token):,} characters",
                self._token_span(token),
                f"at most {most:,}",
                help="shorten it",
            )

    def _optional_name(self, token: Token | None) -> nodes.Name | None:
        return None if token is None else self._name(token)

    def _number(self, token: Token) -> nodes.Number:
        span = self._token_span(token)
        mantissa, _, exponent = token.lower().rstrip("kmgt%").partition("e")
        if len(mantissa) > MAX_DIGITS or (exponent and abs(int(exponent[:9])) > MAX_EXPONENT):
            raise fail(
                "SP002",
                "a number with too many digits",
                span,
                help=f"use at most {MAX_DIGITS} digits, and exponents to {MAX_EXPONENT}",
            )
        return nodes.Number(str(token), span=span)

    def _integer(self, token: Token, what: str) -> int:
        number = self._number(token)
        if not number.text.isdigit() or int(number.text) > 62:
            raise fail(
                "SP030",
                f"{what} must be a whole number from 0 to 62, not “{number.text}”",
                number.span,
                help="a level says how often the input is halved: `@3` is 1/8 of its size",
            )
        return int(number.text)

    def _string(self, token: Token) -> str:
        self._limit(token, MAX_TEXT, "a text")
        return str(token)[1:-1]

    def _doc(self, span: Span) -> str:
        """The comment lines right above `span`, without their signs; not those that speak to a tool."""
        lines: list[str] = []
        line = span.line - 1
        while line > 0 and (text := self.source.line(line).strip()).startswith("#"):
            if not DIRECTIVE.match(text):
                lines.append(text.lstrip("#").strip())
            line -= 1
        return "\n".join(reversed(lines))

    # ---- files

    def start(self, children: list[Any], span: Span) -> nodes.File:
        return nodes.File(tuple(children), span=span)

    def import_(self, children: list[Any], span: Span) -> nodes.Import:
        return nodes.Import(self._string(children[0]), span=span)

    # ---- definitions

    def definition(self, children: list[Any], span: Span) -> nodes.Definition:
        kind, name, parameters, result, body = children
        doc = self._doc(span)
        return nodes.Definition(str(kind), self._name(name), parameters, result, body, doc, span=span)

    def head(self, children: list[Any], span: Span) -> nodes.Definition:
        name, parameters, task, body = children
        doc = self._doc(span)
        return nodes.Definition("head", self._name(name), parameters, None, body, doc, task, span=span)

    def parameters(self, children: list[Any], span: Span) -> tuple[nodes.Parameter, ...]:
        return tuple(child for child in children if child is not None)

    def parameter(self, children: list[Any], span: Span) -> nodes.Parameter:
        return nodes.Parameter(self._name(children[0]), children[1], span=span)

    def result(self, children: list[Any], span: Span) -> nodes.Expression | None:
        return children[0] if children else None

    def body(self, children: list[Any], span: Span) -> nodes.Body:
        return nodes.Body(tuple(children), span=span)

    def chain(self, children: list[Any], span: Span) -> nodes.Chain:
        return nodes.Chain(tuple(children), span=span)

    def let(self, children: list[Any], span: Span) -> nodes.Let:
        return nodes.Let(self._name(children[0]), children[1], span=span)

    def when(self, children: list[Any], span: Span) -> nodes.When:
        return nodes.When(children[0], children[1], children[2], span=span)

    def loop(self, children: list[Any], span: Span) -> nodes.Loop:
        return nodes.Loop(children[0], children[1], span=span)

    def each(self, children: list[Any], span: Span) -> nodes.Each:
        return nodes.Each(children[0], span=span)

    def descend(self, children: list[Any], span: Span) -> nodes.Descend:
        return nodes.Descend(self._name(children[0]), children[1], span=span)

    def output(self, children: list[Any], span: Span) -> nodes.Output:
        return nodes.Output(children[0], self._name(children[1]), span=span)

    def step(self, children: list[Any], span: Span) -> nodes.Step:
        name, arguments, kernel, stride, result = children
        extents = None
        if kernel is not None:
            height, width = (self._number_of(part, kernel) for part in kernel.split("x"))
            extents = (height, width)
        return nodes.Step(self._name(name), arguments, extents, stride, result, span=span)

    def stride(self, children: list[Any], span: Span) -> nodes.Expression:
        stride: nodes.Expression = children[1]
        return stride

    def _number_of(self, digits: str, token: Token) -> int:
        if len(digits) > 4:
            raise fail(
                "SP002", "a kernel with too many digits", self._token_span(token), help="use at most 4 digits"
            )
        return int(digits)

    def arguments(self, children: list[Any], span: Span) -> tuple[nodes.Argument, ...]:
        return tuple(child for child in children if child is not None)

    def argument(self, children: list[Any], span: Span) -> nodes.Argument:
        return nodes.Argument(None, children[0], span=span)

    def named_argument(self, children: list[Any], span: Span) -> nodes.Argument:
        return nodes.Argument(self._name(children[0]), children[1], span=span)

    def call(self, children: list[Any], span: Span) -> nodes.Call:
        return nodes.Call(self._name(children[0]), children[1], span=span)

    # ---- networks and conventions

    def conventions(self, children: list[Any], span: Span) -> nodes.Conventions:
        name, *settings = children
        return nodes.Conventions(self._name(name), tuple(settings), self._doc(span), span=span)

    def network(self, children: list[Any], span: Span) -> nodes.Network:
        name, extends, *declarations = children
        return nodes.Network(
            self._name(name),
            self._optional_name(extends),
            tuple(declarations),
            self._doc(span),
            span=span,
        )

    def title(self, children: list[Any], span: Span) -> nodes.Setting:
        return nodes.Setting("title", self._string(children[0]), span=span)

    def published(self, children: list[Any], span: Span) -> nodes.Setting:
        return nodes.Setting("published", self._string(children[0]), span=span)

    def image_input(self, children: list[Any], span: Span) -> nodes.Setting:
        return nodes.Setting("input", self._size(children[0]), span=span)

    def _size(self, token: Token) -> nodes.Size:
        span = self._token_span(token)
        parts = [part.strip() for part in token.split("x")]
        if any(len(part) > 9 for part in parts):
            raise fail("SP002", "a size out of range", span, help="use at most 9 digits")
        return nodes.Size(tuple(int(part) for part in parts), span=span)

    def size(self, children: list[Any], span: Span) -> nodes.Size:
        return self._size(children[0])

    def feature_inputs(self, children: list[Any], span: Span) -> nodes.FeatureInputs:
        size, *features = children
        return nodes.FeatureInputs(self._size(size), tuple(features), span=span)

    def feature(self, children: list[Any], span: Span) -> nodes.Feature:
        name, level, channels = children
        return nodes.Feature(self._name(name), self._integer(level, "a level"), channels, span=span)

    def widths(self, children: list[Any], span: Span) -> nodes.Widths:
        return nodes.Widths(tuple(c for c in children if c is not None), span=span)

    def width_entry(self, children: list[Any], span: Span) -> nodes.WidthEntry:
        return nodes.WidthEntry(children[0], children[1], span=span)

    def levels(self, children: list[Any], span: Span) -> nodes.Levels:
        first = self._integer(children[0], "a level")
        last = first if children[1] is None else self._integer(children[1], "a level")
        if last < first:
            raise fail("SP030", f"levels {first}..{last} run backwards", span, help=f"write {last}..{first}")
        return nodes.Levels(first, last, span=span)

    def use_conventions(self, children: list[Any], span: Span) -> nodes.Setting:
        return nodes.Setting("conventions", self._name(children[0]), span=span)

    def scale(self, children: list[Any], span: Span) -> nodes.Setting:
        return nodes.Setting("scale width", children[0], span=span)

    def rounding(self, children: list[Any], span: Span) -> nodes.Setting:
        return nodes.Setting("rounding", self._name(children[0]), children[1], span=span)

    def repeat(self, children: list[Any], span: Span) -> nodes.Setting:
        return nodes.Setting("repeat", children[0], span=span)

    def stack(self, children: list[Any], span: Span) -> nodes.Setting:
        return nodes.Setting("stack", children[0], span=span)

    def resample(self, children: list[Any], span: Span) -> nodes.Setting:
        return nodes.Setting("resample", children[0], span=span)

    def use_merge(self, children: list[Any], span: Span) -> nodes.Setting:
        return nodes.Setting("merge", children[0], span=span)

    def norm(self, children: list[Any], span: Span) -> nodes.Setting:
        return nodes.Setting("norm", children[-1], span=span)

    def act(self, children: list[Any], span: Span) -> nodes.Setting:
        return nodes.Setting("act", children[-1], span=span)

    def padding(self, children: list[Any], span: Span) -> nodes.Setting:
        padding, pools = children
        flag = None if pools is None else self._name(pools).text
        return nodes.Setting("padding", self._name(padding), flag=flag, span=span)

    def drop_path(self, children: list[Any], span: Span) -> nodes.Setting:
        rate, linear, of = children
        flag = None if linear is None else str(linear)
        return nodes.Setting("drop_path", rate, of, flag, span=span)

    def dangling(self, children: list[Any], span: Span) -> nodes.Setting:
        return nodes.Setting("dangling", self._name(children[0]), span=span)

    def sizes(self, children: list[Any], span: Span) -> nodes.Setting:
        return nodes.Setting("sizes", self._name(children[0]), span=span)

    def default(self, children: list[Any], span: Span) -> nodes.Setting:
        return nodes.Setting(f"default {children[0].name.text}", children[0], span=span)

    def stem(self, children: list[Any], span: Span) -> nodes.Stem:
        return nodes.Stem(tuple(children), span=span)

    def stem_block(self, children: list[Any], span: Span) -> nodes.Block:
        name, kind, level, *options = children
        self._integer(level, "a level")
        return nodes.Block(self._name(name), kind, self._number(level), tuple(options), (), None, span=span)

    def block(self, children: list[Any], span: Span) -> nodes.Block:
        name, kind, level, *rest = children
        self._integer(level, "a level")
        endpoint = self._optional_name(rest.pop())
        options = tuple(r for r in rest if isinstance(r, nodes.BlockOption))
        connections = tuple(r for r in rest if isinstance(r, nodes.Connection))
        return nodes.Block(
            self._name(name), kind, self._number(level), options, connections, endpoint, span=span
        )

    def block_option(self, children: list[Any], span: Span) -> nodes.BlockOption:
        return nodes.BlockOption(str(children[0]), children[1], span=span)

    def connection(self, children: list[Any], span: Span) -> nodes.Connection:
        return nodes.Connection(self._name(children[0]), children[1], span=span)

    def without(self, children: list[Any], span: Span) -> nodes.Without:
        return nodes.Without(tuple(self._name(child) for child in children), span=span)

    def endpoints(self, children: list[Any], span: Span) -> nodes.Endpoints:
        levels, via, channels = children
        return nodes.Endpoints(levels, via, channels, span=span)

    def member(self, children: list[Any], span: Span) -> nodes.Setting:
        return nodes.Setting("member of", self._name(children[0]), span=span)

    def expect(self, children: list[Any], span: Span) -> nodes.Expect:
        quantity, arguments, target, value, within = children
        return nodes.Expect(
            self._name(quantity),
            arguments,
            self._optional_name(target),
            value,
            None if within is None else self._number(within),
            span=span,
        )

    # ---- models

    def model(self, children: list[Any], span: Span) -> nodes.Model:
        name, extends, *declarations = children
        return nodes.Model(
            self._name(name),
            self._optional_name(extends),
            tuple(declarations),
            self._doc(span),
            span=span,
        )

    def backbone(self, children: list[Any], span: Span) -> nodes.Part:
        return nodes.Part("backbone", self._name(children[0]), span=span)

    def neck(self, children: list[Any], span: Span) -> nodes.Part:
        return nodes.Part("neck", self._name(children[0]), span=span)

    def use_head(self, children: list[Any], span: Span) -> nodes.UseHead:
        return nodes.UseHead(children[0], span=span)

    def pixels(self, children: list[Any], span: Span) -> nodes.Setting:
        return nodes.Setting("pixels", self._name(children[0]), span=span)

    # ---- search spaces

    def space(self, children: list[Any], span: Span) -> nodes.Space:
        name, seed, extends, *rules = children
        return nodes.Space(
            self._name(name),
            self._name(seed),
            self._optional_name(extends),
            tuple(rules),
            self._doc(span),
            span=span,
        )

    def permute(self, children: list[Any], span: Span) -> nodes.Permute:
        return nodes.Permute(tuple(self._name(child) for child in children), span=span)

    def connect(self, children: list[Any], span: Span) -> nodes.Connect:
        count, last, group = children
        return nodes.Connect(self._number(count), last, self._optional_name(group), span=span)

    def window(self, children: list[Any], span: Span) -> nodes.Number | None:
        token = children[0]
        return None if token.type == "EARLIER" else self._number(token)

    def adjust(self, children: list[Any], span: Span) -> nodes.Adjust:
        attribute, manner, *values, group = children
        return nodes.Adjust(
            self._name(attribute), manner.type == "BY", tuple(values), self._optional_name(group), span=span
        )

    def choose(self, children: list[Any], span: Span) -> nodes.Choose:
        setting, *values = children
        return nodes.Choose(setting, tuple(values), span=span)

    def setting(self, children: list[Any], span: Span) -> nodes.Name:
        return nodes.Name(" ".join(child for child in children if child is not None), span=span)

    def freeze(self, children: list[Any], span: Span) -> nodes.Freeze:
        return nodes.Freeze(tuple(children), span=span)

    def require(self, children: list[Any], span: Span) -> nodes.Require:
        return nodes.Require(children[0], span=span)

    def negative_number(self, children: list[Any], span: Span) -> nodes.Apply:
        return nodes.Apply("negative", (self._number(children[-1]),), depth=1, span=span)

    # ---- expressions

    def number(self, children: list[Any], span: Span) -> nodes.Number:
        return self._number(children[0])

    quantity = number

    def boolean(self, children: list[Any], span: Span) -> nodes.Boolean:
        return nodes.Boolean(children[0] == "true", span=span)

    def reference(self, children: list[Any], span: Span) -> nodes.Reference:
        self._limit(children[0], MAX_NAME, "a name")
        return nodes.Reference(str(children[0]), span=span)

    def apply(self, children: list[Any], span: Span) -> nodes.Apply:
        name, *operands = children
        function = self._name(name)
        if function.text in _OPERATOR_NAMES:
            raise _operator_as_function(function)
        return self._apply(function.text, operands, span)

    def or_(self, children: list[Any], span: Span) -> nodes.Apply:
        return self._apply("or", children, span)

    def and_(self, children: list[Any], span: Span) -> nodes.Apply:
        return self._apply("and", children, span)

    def not_(self, children: list[Any], span: Span) -> nodes.Apply:
        return self._apply("not", children, span)

    def compare(self, children: list[Any], span: Span) -> nodes.Apply:
        left, sign, right = children
        return self._apply(str(sign), [left, right], span)

    binary = compare

    def negative(self, children: list[Any], span: Span) -> nodes.Apply:
        return self._apply("negative", children[1:], span)

    def _apply(self, function: str, operands: list[Any], span: Span) -> nodes.Apply:
        depth = 1 + max(o.depth if isinstance(o, nodes.Apply) else 0 for o in operands)
        if depth > MAX_DEPTH:
            raise fail(
                "SP006",
                f"an expression of more than {MAX_DEPTH} nested operators",
                span,
                help="write the result as a number, or split it over several definitions",
            )
        return nodes.Apply(function, tuple(operands), span=span, depth=depth)


def _operator_as_function(name: nodes.Name) -> DiagnosticError:
    return fail(
        "SP020",
        f"there is no function “{name}”",
        name.span,
        help=f"write `{_OPERATOR_NAMES[name.text]}`",
    )


# lark names a rule after the grammar; `import` is a word of Python's.
setattr(_Builder, "import", _Builder.import_)
