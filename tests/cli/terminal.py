"""A program in a real terminal, of which a test reads what comes and types what it likes."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_SEQUENCE = re.compile(r"\x1b(?:\[[0-9;?>=]*[A-Za-z]|\][^\x07]*\x07|[()][A-Z0-9]|[=>])")


class Terminal:
    """A process with a terminal of 100 columns as its standard input, output and error."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self.text = ""
        self.process, self.descriptor = pty.fork()
        if self.process == 0:
            try:
                # Before it starts: fish lists nothing on a terminal without rows.
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
                os.chdir(folder)
                os.execvpe(command[0], list(command), dict(environment))
            finally:
                os._exit(127)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *problem: object) -> None:
        os.close(self.descriptor)  # which hangs up
        os.waitpid(self.process, 0)

    def type(self, text: str) -> None:
        """Type something."""
        os.write(self.descriptor, text.encode())

    def until(self, wanted: str, seconds: float = 20.0) -> str:
        """Read until a text has come, without the terminal's sequences; what came up to its end."""
        end = time.monotonic() + seconds
        while wanted not in (shown := _SEQUENCE.sub("", self.text)):
            assert time.monotonic() < end, f"{wanted!r} didn't come, but {shown!r}"
            if not self._read(0.1):
                break
        assert wanted in shown, f"{wanted!r} didn't come, but {shown!r}"
        before, found, self.text = shown.partition(wanted)
        return before + found

    def rest(self) -> str:
        """All that comes until the process ends, as it is."""
        while self._read(30.0):
            pass
        return self.text

    def _read(self, seconds: float) -> bool:
        """Whether more may come."""
        ready, _, _ = select.select([self.descriptor], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self.descriptor, 65_536)
        except OSError:  # how Linux tells that the other side is gone
            return False
        self.text += data.decode("utf-8", "replace")
        return bool(data)
