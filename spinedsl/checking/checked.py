"""What `spinec check` found in a file, as data: cheap to import, for who shows it or remembers it."""

from __future__ import annotations

from spinedsl.diagnostics import Diagnostic, Severity
from spinedsl.records import record


@record
class CheckedNetwork:
    """A network or model that was looked at.

    Attributes:
        file: as the user named it.
        expectations: how many were proved or refuted.
        errors: of that network.
    """

    file: str
    name: str
    expectations: int
    errors: int


@record
class CheckedFile:
    """What was found in a file.

    Attributes:
        file: as the user named it.
        diagnostics: in the order of their places.
        networks: one entry a network or model.
        others: how many definitions, conventions and spaces it declares.
    """

    file: str
    diagnostics: tuple[Diagnostic, ...]
    networks: tuple[CheckedNetwork, ...] = ()
    others: int = 0

    @property
    def errors(self) -> int:
        """How many of the diagnostics are errors."""
        return sum(d.severity is Severity.ERROR for d in self.diagnostics)
