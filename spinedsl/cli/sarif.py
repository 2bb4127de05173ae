"""Diagnostics as SARIF 2.1.0, which GitHub, Azure DevOps and editors read.

Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from spinedsl.checking.checked import CheckedNetwork
from spinedsl.cli.render import as_json, encodable
from spinedsl.diagnostics import Diagnostic, Fix, Severity
from spinedsl.explanations import Explanation, explanation
from spinedsl.resources import STANDARD
from spinedsl.source import Span, from_here
from spinedsl.version import __version__

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
ROOT = "%SRCROOT%"


def sarif(networks: Sequence[CheckedNetwork], found: Sequence[Diagnostic]) -> str:
    """One run with a result for each diagnostic, and a rule for each of their codes."""
    codes = sorted({d.code for d in found})
    seen: Counter[str] = Counter()
    driver = {
        "name": "spinec",
        "semanticVersion": __version__,
        "rules": [_rule(explanation(code), _worst(d for d in found if d.code == code)) for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "originalUriBaseIds": {ROOT: {"description": {"text": "The folder that spinec was run in."}}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(d, codes.index(d.code), seen) for d in found],
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return encodable(json.dumps(document, indent=2, ensure_ascii=False))


def _worst(found: Iterable[Diagnostic]) -> Severity:
    order = list(Severity)
    return min((d.severity for d in found), key=order.index)


def _rule(explained: Explanation, severity: Severity) -> dict[str, Any]:
    examples = "".join(f"\n\n{e.heading}:\n\n```{e.language}\n{e.text}```" for e in explained.examples)
    plain = "".join(f"\n\n{e.heading}:\n\n{e.text.rstrip()}" for e in explained.examples)
    return {
        "id": explained.code,
        "shortDescription": {"text": explained.title},
        "fullDescription": {"text": explained.paragraphs[0]},
        "help": {"text": "\n\n".join(explained.paragraphs) + plain, "markdown": explained.text + examples},
        "defaultConfiguration": {"level": severity.value},
    }


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
    if diagnostic.fix is not None:
        result["fixes"] = [_fix(diagnostic.fix)]
    return result


def _location(place: dict[str, Any]) -> dict[str, Any]:
    region = {
        "startLine": place["line"],
        "startColumn": place["column"],
        "endLine": place["end_line"],
        "endColumn": place["end_column"],
    }
    physical = {"artifactLocation": _artifact(place["file"]), "region": region}
    location: dict[str, Any] = {"physicalLocation": physical}
    if place["label"]:
        location["message"] = {"text": place["label"]}
    return location


def _fix(fix: Fix) -> dict[str, Any]:
    changes: dict[str, list[dict[str, Any]]] = {}
    for edit in fix.edits:
        replacement = {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}}
        changes.setdefault(edit.span.source.name, []).append(replacement)
    return {
        "description": {"text": fix.title},
        "artifactChanges": [
            {"artifactLocation": _artifact(file), "replacements": made} for file, made in changes.items()
        ],
    }


def _region(span: Span) -> dict[str, int]:
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}


def _artifact(file: str) -> dict[str, str]:
    """Relative to the working folder what lies below it, else absolute."""
    if file.startswith(STANDARD):
        return {"uri": STANDARD + quote(file.removeprefix(STANDARD))}
    shown = from_here(file)
    # Bytes, since a file's name need not be text.
    uri = quote(os.fsencode(Path(shown).as_posix()))
    if Path(shown).is_absolute():
        return {"uri": f"file://{'' if uri.startswith('/') else '/'}{uri}"}
    return {"uri": uri, "uriBaseId": ROOT}


def _fingerprint(diagnostic: Diagnostic, seen: Counter[str]) -> str:
    """Of file, code, message and the words there, not of the line's number; equal ones are counted."""
    place, words = "", ""
    if diagnostic.primary is not None:
        place, words = _artifact(diagnostic.primary.span.source.name)["uri"], diagnostic.primary.span.text
    parts = (place, diagnostic.code, diagnostic.message, words)
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]
    seen[digest] += 1
    return f"{digest}:{seen[digest]}"
