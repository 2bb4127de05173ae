"""Diagnostics as what continuous integration reads: `spinec check --format …`.

concise  a line each, as compilers write them
json     one object
github   workflow commands, which GitHub shows beside the line
junit    a test suite a file, a test case a network
sarif    SARIF 2.1.0, with fingerprints that survive moved lines (spinedsl/cli/sarif.py)
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict
from xml.etree import ElementTree

from spinedsl.checking.checked import CheckedNetwork
from spinedsl.cli.render import as_json, encodable, printable
from spinedsl.cli.sarif import sarif
from spinedsl.diagnostics import Diagnostic, Severity
from spinedsl.source import from_here

_CONTROL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML may hold."""


Report = Callable[[Sequence[CheckedNetwork], Sequence[Diagnostic]], str]


def concise(networks: Sequence[CheckedNetwork], found: Sequence[Diagnostic]) -> str:
    """`file:line:column: error[SP010] message`, a line each."""
    return "\n".join(_concise(each) for each in found)


def _concise(diagnostic: Diagnostic) -> str:
    head = f"{diagnostic.severity.value}[{diagnostic.code}] {printable(diagnostic.message)}"
    return head if diagnostic.primary is None else f"{printable(str(diagnostic.primary.span))}: {head}"


def as_object(networks: Sequence[CheckedNetwork], found: Sequence[Diagnostic]) -> str:
    """One JSON object with the networks and all diagnostics."""
    report = {
        "networks": [asdict(network) for network in networks],
        "errors": sum(d.severity is Severity.ERROR for d in found),
        "diagnostics": [as_json(d) for d in found],
    }
    return encodable(json.dumps(report, indent=2, ensure_ascii=False))


# ---- GitHub


def github(networks: Sequence[CheckedNetwork], found: Sequence[Diagnostic]) -> str:
    """Workflow commands, an annotation each.

    Source: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
    """
    return encodable("\n".join(_annotation(each) for each in found))


def _annotation(diagnostic: Diagnostic) -> str:
    word = "notice" if diagnostic.severity is Severity.NOTE else diagnostic.severity.value
    fields: dict[str, object] = {"title": diagnostic.code}
    place = as_json(diagnostic)["location"]
    if place is not None:
        fields |= {"file": from_here(place["file"]), "line": place["line"], "endLine": place["end_line"]}
        if place["line"] == place["end_line"]:  # GitHub takes columns of one line only
            fields |= {"col": place["column"], "endColumn": place["end_column"]}
    shown = ",".join(f"{key}={_escaped(str(value), ',:')}" for key, value in fields.items())
    help_text = f"\nhelp: {diagnostic.help}" if diagnostic.help else ""
    return f"::{word} {shown}::{_escaped(diagnostic.message + help_text)}"


def _escaped(text: str, more: str = "") -> str:
    return "".join(f"%{ord(c):02X}" if c in "%\r\n" + more else c for c in text)


# ---- JUnit


def junit(networks: Sequence[CheckedNetwork], found: Sequence[Diagnostic]) -> str:
    """A test suite for each file: a test case for each network, and one that fails for each error.

    Sources: https://github.com/testmoapp/junitxml, and junit-10.xsd of Jenkins' xunit-plugin
    """
    root = ElementTree.Element("testsuites", name="spinec")
    files = dict.fromkeys([*(n.file for n in networks), *(_file(d) for d in found)])
    errors: defaultdict[str, list[Diagnostic]] = defaultdict(list)
    for diagnostic in found:
        if diagnostic.severity is Severity.ERROR:
            errors[_file(diagnostic)].append(diagnostic)
    sound: defaultdict[str, list[CheckedNetwork]] = defaultdict(list)
    for network in networks:
        if not network.errors:
            sound[network.file].append(network)
    for file in files:
        own, fine = errors[file], sound[file]
        counts = {"tests": str(len(own) + len(fine)), "failures": str(len(own)), "errors": "0"}
        suite = ElementTree.SubElement(root, "testsuite", {"name": _legal(file), **counts})
        for network in fine:
            ElementTree.SubElement(suite, "testcase", classname=_legal(file), name=network.name)
        for diagnostic in own:
            name = _legal(_concise(diagnostic))
            case = ElementTree.SubElement(suite, "testcase", classname=_legal(file), name=name)
            failure = ElementTree.SubElement(
                case, "failure", message=_legal(diagnostic.message), type=diagnostic.code
            )
            failure.text = _legal(diagnostic.help or "")
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode")


def _file(diagnostic: Diagnostic) -> str:
    return "spinec" if diagnostic.primary is None else diagnostic.primary.span.source.name


def _legal(text: str) -> str:
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


REPORTS: dict[str, Report] = {
    "concise": concise,
    "json": as_object,
    "github": github,
    "junit": junit,
    "sarif": sarif,
}
"""Every format but the text with excerpts."""
