"""How long the language server takes from an edit to its diagnostics: `python -m benchmarks.language_server`.

Two texts of 500 lines: a family of ten networks, and one network of 488 blocks. Their lines are edited in
turn: a letter in a name, a line more, a line half written, a remark. What is timed is what the server
does before it reports (`Workspace.change` and `diagnostics`), and where it goes; the protocol's own
share, JSON out, is timed with it. Times are the processor's, so that what else runs beside it doesn't
count. Large networks are compiled later, in a thread.
"""

from __future__ import annotations

import gc
import json
import random
import statistics
import time
from collections.abc import Callable, Iterator

from pygls.protocol import default_converter

from spinedsl.language_server.analysis import Parser, analyse, completed
from spinedsl.language_server.converting import Converter
from spinedsl.language_server.reparsing import reparse
from spinedsl.language_server.workspace import Document, Replacement, Workspace
from spinedsl.source import Source
from spinedsl.syntax.parser import parse_what_stands

EDITS = 120
LINES = 500
GOAL = 50
"""Milliseconds."""

FAMILY = """
# A variant of the family.
network net{n} {{
  input 3 x 256 x 256
  width {{ 2..7: 32 }}

  stem {{
    conv 7x7 / 2 -> 32, norm, act
    maxpool 3x3 / 2
    s0: bottleneck @2
    s1: bottleneck @2
  }}

{blocks}

  endpoints 3..7 -> 64
}}
"""


def family() -> str:
    """Networks of 15 blocks, remarks and empty lines, until there are 500 lines."""
    parts = ['import "std/resnet.spine"\n']
    levels = (2, 4, 3, 4, 6, 4, 5, 7, 5, 5, 4, 3, 5, 7, 6)
    for n in range(LINES):
        earlier, lines = ["s0", "s1"], []
        for index, level in enumerate(levels, 2):
            endpoint = f" => P{level}" if index > 11 else ""
            kind = "residual" if index % 3 == 0 else "bottleneck"
            lines.append(f"  b{index}: {kind} @{level} <- {earlier[-2]}, {earlier[-1]}{endpoint}")
            earlier.append(f"b{index}")
        parts.append(FAMILY.format(n=n, blocks="\n".join(lines)))
        if "".join(parts).count("\n") >= LINES:
            break
    return "".join(parts)


def single() -> str:
    """One network that fills 500 lines."""
    lines, earlier = [], ["s0", "s1"]
    for index in range(LINES - 18):
        level = 2 + (index * 7) % 6
        kind = "bottleneck" if index % 3 else "residual"
        lines.append(f"  b{index}: {kind} @{level} <- {earlier[-2]}, {earlier[-1]}")
        earlier.append(f"b{index}")
    lines[-1] = f"  last: residual @3 <- {earlier[-3]}, {earlier[-2]} => P3"
    network = FAMILY.format(n=0, blocks="\n".join(lines)).replace("  endpoints 3..7 -> 64\n", "")
    return 'import "std/resnet.spine"\n' + network


def edits(text: str) -> Iterator[Replacement]:
    """Edits of single lines all over a text, and the edit that takes each back."""
    choose = random.Random(1)
    lines = text.split("\n")
    blocks = [number for number, line in enumerate(lines) if "<-" in line]
    for index in range(EDITS // 2):
        number = choose.choice(blocks)
        line = lines[number]
        new = (
            line.replace(": ", ": x", 1),
            f"{line}\n  new: residual @3 <- {line.split(':')[0].strip()}",
            line[: line.index("<-") + 2],
            f"{line}  # a remark",
        )[index % 4]
        yield _whole(number, line, new)
        yield _whole(number, new, line)


def _whole(number: int, old: str, new: str) -> Replacement:
    last = old.rpartition("\n")[2]
    return Replacement(((number, 0), (number + old.count("\n"), len(last))), new)


def measure(text: str) -> list[float]:
    """Milliseconds from each edit to its diagnostics, as JSON."""
    workspace, converter = Workspace(), default_converter()
    document = workspace.open("file:///specs/net.spine", None, text, 1)
    settle(workspace, document)
    times = []
    for edit in edits(text):
        gc.collect()
        started = time.process_time()
        workspace.change(document.uri, [edit], document.version)
        found = Converter(workspace, document).diagnostics(workspace.diagnostics(document))
        json.dumps(converter.unstructure(found))
        times.append(1e3 * (time.process_time() - started))
        settle(workspace, document)
    return times


def settle(workspace: Workspace, document: Document) -> None:
    """What the server does in a thread when nobody types."""
    analysis = workspace.analysis(document)
    if analysis is not None:
        document.analysis = completed(analysis, analysis.pending)


def best(action: Callable[[], object], repeats: int = 7) -> float:
    """Milliseconds of the fastest of several runs."""
    times = []
    for _ in range(repeats):
        started = time.process_time()
        action()
        times.append(time.process_time() - started)
    return 1e3 * min(times)


def shares(text: str) -> dict[str, float]:
    """Milliseconds of the parts: from nothing, and after an edit in the middle."""
    line = text.count("\n") // 2
    middle = text.index("\n", len(text) // 2) + 1
    before, after = Source("a", text), Source("a", f"{text[:middle]}  # {line}\n{text[middle:]}")
    parser, parsed = Parser(), parse_what_stands(before)
    known = analyse(before, parser=parser)
    known = completed(known, known.pending)
    edited = analyse(after, known, parser=parser)
    return {
        "parse": best(lambda: parse_what_stands(after)),
        "parse after an edit": best(lambda: reparse(parsed, before, after)),
        "names and values": best(lambda: analyse(after, parser=parser)),
        "names and values after an edit": best(lambda: analyse(after, known, parser=parser)),
        "compile what it changed": best(lambda: completed(edited, edited.pending), 3),
    }


def main() -> None:
    """Print percentiles, and where the time goes."""
    gc.disable()
    for name, text in (("ten networks", family()), ("one network of 482 blocks", single())):
        times = sorted(measure(text))
        over = sum(t > GOAL for t in times)
        print(f"{name}, {text.count(chr(10))} lines, {len(times)} edits, from an edit to its diagnostics:")
        print(
            f"  median {statistics.median(times):.1f} ms, 90 % {times[int(0.9 * len(times))]:.1f} ms, "
            f"99 % {times[int(0.99 * len(times))]:.1f} ms, at most {times[-1]:.1f} ms; {over} over {GOAL} ms"
        )
        for share, milliseconds in shares(text).items():
            print(f"    {share:32} {milliseconds:6.1f} ms")


if __name__ == "__main__":
    main()
