"""Diagnostics as data, and the one exception that carries them.

What is here: the table of codes, `Diagnostic`, and `Diagnostics`, which a stage collects into.
What is not: how they are shown (spinedsl/cli/render.py).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import TypedDict

from spinedsl.records import record
from spinedsl.source import Span


class Severity(Enum):
    """How much a diagnostic matters; only errors stop a compilation."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


CODES: dict[str, str] = {
    "SP001": "a file can't be read",
    "SP002": "a file, a number or a network is larger than the limit",
    "SP003": "a file is not UTF-8",
    "SP004": "a file holds NUL bytes",
    "SP005": "a file declares nothing",
    "SP006": "brackets or expressions nest too deeply",
    "SP010": "a word or sign where the language expects another",
    "SP011": "a character the language doesn't know",
    "SP012": "the text ends in the middle of a construct",
    "SP020": "an unknown name",
    "SP021": "an import that can't be found",
    "SP022": "imports or networks that need each other in a circle",
    "SP023": "an import outside the allowed folders",
    "SP024": "a name declared twice",
    "SP025": "a name that would break the generated code",
    "SP026": "which network of the file is meant is not clear",
    "SP030": "a wrong value or type",
    "SP031": "a wrong argument",
    "SP032": "a declaration that is missing",
    "SP033": "a block that reads a later block, or itself",
    "SP034": "a level outside the declared widths",
    "SP035": "endpoint levels that are missing, doubled or mislabelled",
    "SP036": "a block that nobody reads",
    "SP037": "a resampling or merge that can't be done",
    "SP038": "an input size that the network can't take",
    "SP039": "a network that leaves its search space",
    "SP040": "an expectation that doesn't hold",
    "SP041": "shapes that don't fit",
    "SP042": "an operator that a target can't write",
    "SP043": "blocks that were removed because no endpoint needs them",
    "SP044": "parts of a model that don't fit together",
    "SP045": "a search space without a network",
    "SP046": "a number that no network of a search space has",
    "SP047": "requirements that no network meets",
    "SP050": "an output that can't be written",
    "SP051": "weights that don't fit the network",
    "SP052": "a tool that is needed is not installed",
    "SP053": "results that differ more than allowed",
    "SP054": "an image that is damaged, or is none",
    "SP055": "an ONNX model that can't be run",
    "SP056": "numbers that a precision can't hold",
    "SP057": "a calibration that can't be done",
    "SP058": "a network that a framework can't take",
    "SP059": "a file that a runtime would mishandle",
    "SP060": "a search that can't go on",
    # What only `spinec lint` finds.
    "SP100": "an ignore comment that ignores nothing",
    "SP101": "a block that nobody reads, and that joins an output block",
    "SP102": "a block that reads the same input twice",
    "SP103": "a connection across many levels",
    "SP104": "channels that are no multiple of 8",
    "SP105": "a connection that is reduced to few channels",
    "SP106": "an input size that the deepest level doesn't divide",
    "SP107": "an opset that is too new for the runtime",
    "SP108": "weights that were trained under other conventions",
    "SP109": "a definition that nobody uses",
    "SP110": "an import that nobody uses",
    "SP111": "an ignore comment that names no rule",
    # What only `spinec breaking` finds.
    "SP200": "a network or model that is gone",
    "SP201": "trained weights that a network no longer takes",
    "SP202": "weights that were never trained",
    "SP203": "weights of another shape",
    "SP204": "weights under another name",
    "SP205": "other results from the same weights",
    "SP210": "inputs of other names, or in another order",
    "SP211": "an input of other channels, or another level",
    "SP212": "another size of images",
    "SP213": "pixels that are prepared otherwise",
    "SP220": "an output that is gone",
    "SP221": "an output of another stride",
    "SP222": "an output of other channels",
    "SP223": "outputs in another order",
    "SP230": "another number of classes",
    "SP231": "a head for something else, or whose outputs mean something else",
}
"""Every code with what it is about. Codes are stable: none is ever reused."""


@record
class Label:
    """A remark on a span, shown under its excerpt."""

    span: Span
    text: str = ""


@record
class Edit:
    """A change of text: what `span` covers becomes `text`; an empty span inserts."""

    span: Span
    text: str


@record
class Fix:
    """A mend that a tool can make: all its edits, or none.

    Attributes:
        title: what it does, as an action: "write “<-”".
        edits: in the order of their file; they don't overlap.
        safe: it can only be what was meant, so `--fix` may make it unasked; an editor offers the others.
    """

    title: str
    edits: tuple[Edit, ...]
    safe: bool = True


@record
class Diagnostic:
    """One problem, in the user's words.

    Attributes:
        code: key of `CODES`.
        message: one sentence, names in “quotes”.
        severity: error, warning or note.
        primary: where it is; None only if no source text exists yet.
        secondary: further places ("declared here").
        help: an action that mends it, or None.
        fix: the same, as edits, if a tool can make it.
    """

    code: str
    message: str
    severity: Severity = Severity.ERROR
    primary: Label | None = None
    secondary: tuple[Label, ...] = ()
    help: str | None = None
    fix: Fix | None = None

    def __post_init__(self) -> None:
        assert self.code in CODES, f"undeclared diagnostic code {self.code}"


class DiagnosticError(Exception):
    """Raised when a stage ends with at least one error.

    Attributes:
        diagnostics: everything the stage found, errors and warnings, in source order.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("; ".join(f"{d.code} {d.message}" for d in self.diagnostics))


MAX_ERRORS = 100


@dataclass
class Diagnostics:
    """Collects what one stage finds; `stop_on_errors` ends the stage."""

    found: list[Diagnostic] = field(default_factory=list)

    def add(
        self,
        code: str,
        message: str,
        span: Span | None = None,
        label: str = "",
        *,
        secondary: Iterable[Label] = (),
        help: str | None = None,
        severity: Severity = Severity.ERROR,
        fix: Fix | None = None,
    ) -> None:
        """Record one diagnostic; identical ones are recorded once."""
        primary = Label(span, label) if span is not None else None
        diagnostic = Diagnostic(code, message, severity, primary, tuple(secondary), help, fix)
        self.extend([diagnostic])

    def absorbing(self) -> _Absorbing:
        """A `with` block whose errors are recorded; the program goes on behind it."""
        return _Absorbing(self)

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Record several, each once."""
        for diagnostic in diagnostics:
            if diagnostic not in self.found:
                self.found.append(diagnostic)
        if len(self.found) >= MAX_ERRORS:
            self.stop_on_errors()

    @property
    def has_errors(self) -> bool:
        """Whether an error is among them."""
        return any(d.severity is Severity.ERROR for d in self.found)

    def stop_on_errors(self) -> None:
        """Raise everything found so far if an error is among it.

        Raises:
            DiagnosticError: at least one error was recorded.
        """
        if self.has_errors:
            raise DiagnosticError(in_order(self.found))


@record
class _Absorbing:
    into: Diagnostics

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        if not isinstance(error, DiagnosticError):
            return False
        self.into.extend(error.diagnostics)
        return True


def in_order(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Diagnostics as they come in their files."""
    return sorted(found, key=_place)


def _place(diagnostic: Diagnostic) -> tuple[str, int]:
    if diagnostic.primary is None:
        return ("", 0)
    return (diagnostic.primary.span.source.name, diagnostic.primary.span.start)


def fail(
    code: str,
    message: str,
    span: Span | None = None,
    label: str = "",
    *,
    secondary: Iterable[Label] = (),
    help: str | None = None,
    fix: Fix | None = None,
) -> DiagnosticError:
    """An exception holding one error, for problems that leave nothing more to look at."""
    primary = Label(span, label) if span is not None else None
    return DiagnosticError([Diagnostic(code, message, Severity.ERROR, primary, tuple(secondary), help, fix)])


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate most like `name`, or None if none is near."""
    # get_close_matches is quadratic in length and linear in candidates: bound both.
    pool = sorted({c for c in candidates if len(c) <= 64})[:2000]
    matches = difflib.get_close_matches(name[:64], pool, n=1, cutoff=0.6)
    return matches[0] if matches else None


def suggestion(name: str, candidates: Iterable[str], otherwise: str | None = None) -> str | None:
    """Help text naming the nearest candidate, or `otherwise`."""
    match = nearest(name, candidates)
    return f"did you mean “{match}”?" if match else otherwise


class Suggested(TypedDict):
    """Help and fix of a diagnostic: `diagnostics.add(…, **suggested(…))`."""

    help: str | None
    fix: Fix | None


def suggested(
    span: Span | None, name: str, candidates: Iterable[str], otherwise: str | None = None
) -> Suggested:
    """The nearest candidate in words and, where `span` begins with the name, as an edit."""
    match = nearest(name, candidates)
    if match is None:
        return {"help": otherwise, "fix": None}
    fix = None
    if span is not None and span.source.text.startswith(name, span.start):
        edit = Edit(Span(span.source, span.start, span.start + len(name)), match)
        fix = Fix(f"write “{match}”", (edit,), safe=False)
    return {"help": f"did you mean “{match}”?", "fix": fix}
