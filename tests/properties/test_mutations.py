"""Specs with some bytes changed: whatever they say then, the answer is a network or a diagnostic."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from support import SPEC_FILES, SPEC_IDS

from spinedsl.analysis.checking import check
from spinedsl.diagnostics import DiagnosticError, Diagnostics
from spinedsl.ir.definitions import check_definitions
from spinedsl.ir.loading import load
from spinedsl.pipeline import Compilation
from spinedsl.source import SourceProblem, source_from_bytes

MUTATIONS = 40
ALPHABET = b'{}()<>=-@:,./*+"# \n0123456789abcdefghijklmnopqrstuvwxyz_\x00\xff\xc3\xa9'
WORDS = [
    b"repeat", b"width", b"network", b"-1", b"0", b"1e99", b"not", b"when", b"else", b"input", b"same", b"true",
    b"<-", b"=>", b"..", b"/ 0", b"3x3", b"max(", b"(1, 2)", b"stride", b"inputs", b"coarse", b"multiply", b"norm",
]  # fmt: skip


def mutated(data: bytes, chance: random.Random) -> bytes:
    """One to four changes: bytes replaced, removed or doubled, words put in, pieces exchanged."""
    result = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(result))
        length = chance.choice([1, 1, 1, 2, 8, 40])
        what = chance.randrange(5)
        if what == 0:
            result[at : at + 1] = bytes([chance.choice(ALPHABET)])
        elif what == 1:
            del result[at : at + length]
        elif what == 2:
            result[at:at] = result[at : at + length]
        elif what == 3:
            result[at:at] = b" " + chance.choice(WORDS) + b" "
        else:
            other = chance.randrange(len(result))
            result[at : at + length] = result[other : other + length]
        if not result:
            return b""
    return bytes(result)


def compile_bytes(data: bytes, path: Path) -> None:
    """Everything `spinec check` does; its problems are of one of two types."""
    try:
        scope = load(source_from_bytes(data, path.name, path))
    except (SourceProblem, DiagnosticError):
        return
    check_definitions(scope, Diagnostics())
    for network in scope.networks()[:2]:
        check(Compilation(scope, network))


@pytest.mark.parametrize("path", SPEC_FILES, ids=SPEC_IDS)
def test_mutated_specs_never_crash(path: Path) -> None:
    data = path.read_bytes()
    for seed in range(MUTATIONS):
        changed = mutated(data, random.Random(f"{path.name} {seed}"))
        try:
            compile_bytes(changed, path)
        except DiagnosticError:
            pass
        except Exception as error:
            error.add_note(f"seed {seed}:\n{changed.decode('utf-8', 'backslashreplace')}")
            raise
