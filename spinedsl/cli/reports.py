"""Diagnostics as what continuous integration reads: `spinec check --format …`.

concise  a line each, as compilers write them
json     one object
github   workflow commands, which GitHub shows beside the line
junit    a test suite a file, a test case a network
sarif    SARIF 2.1.0, with fingerprints that survive moved lines
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from spinedsl.checking import CheckedNetwork
from spinedsl.cli.render import as_json, printable
from spinedsl.diagnostics import CODES, Diagnostic, Severity
from spinedsl.version import __version__

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
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
    return json.dumps(report, indent=2, ensure_ascii=False)


# ---- GitHub


def github(networks: Sequence[CheckedNetwork], found: Sequence[Diagnostic]) -> str:
    """Workflow commands, an annotation each.

    Source: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
    """
    return "\n".join(_annotation(each) for each in found)


def _annotation(diagnostic: Diagnostic) -> str:
    word = "notice" if diagnostic.severity is Severity.NOTE else diagnostic.severity.value
    fields: dict[str, object] = {"title": diagnostic.code}
    place = as_json(diagnostic)["location"]
    if place is not None:
        fields |= {
            "file": place["file"], "line": place["line"], "endLine": place["end_line"], "col": place["column"],
            "endColumn": place["end_column"],
        }  # fmt: skip
    shown = ",".join(f"{key}={_escaped(str(value), ',:')}" for key, value in fields.items())
    help_text = f"\nhelp: {diagnostic.help}" if diagnostic.help else ""
    return f"::{word} {shown}::{_escaped(diagnostic.message + help_text)}"


def _escaped(text: str, more: str = "") -> str:
    return "".join(f"%{ord(c):02X}" if c in "%\r\n" + more else c for c in text)


# ---- JUnit


def junit(networks: Sequence[CheckedNetwork], found: Sequence[Diagnostic]) -> str:
    """A test suite for each file: a test case for each network, and one that fails for each error.

    Source: https://github.com/testmoapp/junitxml
    """
    root = ElementTree.Element("testsuites", name="spinec check")
    files = dict.fromkeys([*(n.file for n in networks), *(_file(d) for d in found)])
    for file in files:
        own = [d for d in found if _file(d) == file and d.severity is Severity.ERROR]
        fine = [n for n in networks if n.file == file and not n.errors]
        counts = {"name": _legal(file), "tests": str(len(own) + len(fine)), "failures": str(len(own))}
        suite = ElementTree.SubElement(root, "testsuite", counts)
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


# ---- SARIF


def sarif(networks: Sequence[CheckedNetwork], found: Sequence[Diagnostic]) -> str:
    """One run with a result for each diagnostic.

    Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
    """
    codes = sorted({d.code for d in found})
    seen: Counter[str] = Counter()
    rules = [{"id": code, "shortDescription": {"text": CODES[code]}} for code in codes]
    driver = {"name": "spinec", "version": __version__, "rules": rules}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(d, codes.index(d.code), seen) for d in found],
    }
    return json.dumps(
        {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False
    )


def _result(diagnostic: Diagnostic, rule: int, seen: Counter[str]) -> dict[str, Any]:
    text = diagnostic.message + (f". Help: {diagnostic.help}" if diagnostic.help else "")
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": diagnostic.severity.value,
        "message": {"text": text},
        "partialFingerprints": {"spinec/v1": _fingerprint(diagnostic, seen)},
    }
    described = as_json(diagnostic)
    if described["location"] is not None:
        result["locations"] = [_location(described["location"])]
    if described["related"]:
        result["relatedLocations"] = [
            {**_location(place), "id": number} for number, place in enumerate(described["related"])
        ]
    return result


def _location(place: dict[str, Any]) -> dict[str, Any]:
    region = {
        "startLine": place["line"],
        "startColumn": place["column"],
        "endLine": place["end_line"],
        "endColumn": place["end_column"],
    }
    artifact = {"uri": _uri(place["file"])}
    location: dict[str, Any] = {"physicalLocation": {"artifactLocation": artifact, "region": region}}
    if place["label"]:
        location["message"] = {"text": place["label"]}
    return location


def _uri(file: str) -> str:
    """The file relative to the working folder, if it lies below it."""
    path = Path(file)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return quote(path.as_posix(), safe="/:@")


def _fingerprint(diagnostic: Diagnostic, seen: Counter[str]) -> str:
    """Of file, code, message and the words there, not of the line's number; equal ones are counted."""
    words = diagnostic.primary.span.text if diagnostic.primary is not None else ""
    parts = (_file(diagnostic), diagnostic.code, diagnostic.message, words)
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]
    seen[digest] += 1
    return f"{digest}:{seen[digest]}"


REPORTS: dict[str, Report] = {
    "concise": concise,
    "json": as_object,
    "github": github,
    "junit": junit,
    "sarif": sarif,
}
"""Every format but the text with excerpts."""
