"""Runs many command lines, each in a forked child with its own limits; speaks JSON.

Reads a list of argument lists from standard input, writes one result for each: exit code, CPU
seconds, peak memory in MiB, and everything that was printed. The modules are imported once.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from typing import IO

from spinedsl.cli import check_command, run, show_command, summary_command
from spinedsl.ir import model, resolve
from spinedsl.syntax.grammar import parser

ADDRESS_SPACE = 1 << 30
SECONDS = 20

# Everything is imported and built before the clock starts.
_ = (check_command, show_command, summary_command, model.Network, resolve, parser())


def child(arguments: list[str], output: IO[bytes]) -> None:
    os.dup2(output.fileno(), 1)
    os.dup2(output.fileno(), 2)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    code = run(arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def run_limited(arguments: list[str]) -> dict[str, object]:
    with tempfile.TemporaryFile() as output:
        started = time.monotonic()
        pid = os.fork()
        if pid == 0:
            child(arguments, output)
        _, status, usage = os.wait4(pid, 0)
        output.seek(0)
        return {
            "code": os.waitstatus_to_exitcode(status),
            "seconds": usage.ru_utime + usage.ru_stime,
            "waited": time.monotonic() - started,
            "mebibytes": usage.ru_maxrss / 1024,
            "output": output.read(1 << 20).decode("utf-8", "backslashreplace"),
        }


if __name__ == "__main__":
    cases = json.loads(sys.stdin.read())
    json.dump([run_limited(arguments) for arguments in cases], sys.stdout)
