"""How long the stages of a compilation take, for who wants to see it: `--verbose`.

A stage that needs another one first is told without that one's time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Watcher = Callable[[str, float], None]
"""Told the name of a stage, and the seconds it took."""

_watchers: list[Watcher] = []
_inner = [0.0]
"""For each stage that is running, the seconds that others took meanwhile."""


@contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """While this runs, the watcher is told of every stage."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """What runs in here is a stage."""
    if not _watchers:
        yield
        return
    start = time.perf_counter()
    _inner.append(0.0)
    try:
        yield
    finally:
        seconds = time.perf_counter() - start
        own = seconds - _inner.pop()
        _inner[-1] += seconds
        for watcher in _watchers:
            watcher(name, own)
