"""How far long work is: a bar on a terminal, a plain line now and then elsewhere, nothing with `--quiet`.

All of it goes to standard error. Work that is soon done says nothing.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from spinedsl.cli import console
from spinedsl.cli.render import printable

Tell = Callable[..., None]
"""`tell(done, total, what)`: so much of so much is done; what comes next, or nothing."""
PATIENCE = 0.5
"""Seconds after which a bar appears."""
INTERVAL = 10.0
"""Seconds between plain lines, as a log has them."""
WIDTH = 20
"""Columns of the bar itself."""


@contextmanager
def progress(label: str, *, patience: float | None = None) -> Iterator[Tell]:
    """What tells a person how far something is.

    Args:
        label: what is done: "checking".
        patience: seconds before a bar appears, else `PATIENCE`; 0 for work whose steps take long.
    """
    if console.settings.quiet:
        yield lambda done, total, what="": None
    elif console.is_terminal(sys.stderr):
        bar = _Bar(label, PATIENCE if patience is None else patience)
        try:
            yield bar.tell
        finally:
            bar.close()
    else:
        yield _Lines(label).tell


class _Bar:
    """click's bar, made when it is worth showing, and wiped when the work is over."""

    def __init__(self, label: str, patience: float) -> None:
        self.label = label
        self.due = time.monotonic() + patience
        self.bar: Any = None

    def tell(self, done: int, total: int, what: str = "") -> None:
        if self.bar is None:
            if time.monotonic() < self.due:
                return
            console.before_line = self.wipe
            self.bar = click.progressbar(
                length=total, label=self.label, file=sys.stderr, show_pos=True, width=WIDTH, item_show_func=_shown
            )  # fmt: skip
        self.bar.length = total
        self.bar.current_item = what
        self.bar.make_step(done - self.bar.pos)
        self.bar.render_progress()

    def wipe(self) -> None:
        """Clear the line; the next step draws the bar anew."""
        sys.stdout.flush()  # or what was printed before would come into the bar's line
        sys.stderr.write("\r\x1b[K\x1b[?25h")  # the cursor is shown again, too
        sys.stderr.flush()
        self.bar._last_line = None

    def close(self) -> None:
        if self.bar is not None:
            self.wipe()
            console.before_line = None


def _shown(what: str | None) -> str | None:
    if not what:
        return None
    text = printable(what)
    # A line that wraps can't be wiped: the end of a path says most of it.
    room = max(2, shutil.get_terminal_size().columns - WIDTH - 35)
    return text if len(text) <= room else f"…{text[1 - room :]}"


class _Lines:
    def __init__(self, label: str) -> None:
        self.label = label
        self.due = time.monotonic() + INTERVAL

    def tell(self, done: int, total: int, what: str = "") -> None:
        now = time.monotonic()
        if now < self.due:
            return
        self.due = now + INTERVAL
        behind = f", {printable(what)}" if what else ""
        click.echo(f"{self.label}: {done:,} of {total:,}{behind}", err=True)
