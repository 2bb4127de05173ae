"""A real browser without a window, for the pictures of pages and for the tests of them."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """The machine's Chromium, driven by playwright.

    Raises:
        ImportError: playwright is not installed.
        FileNotFoundError: there is no Chromium.
    """
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        raise FileNotFoundError(f"there is no browser: none of {', '.join(NAMES)}")
    with sync_playwright() as playwright:
        # Chromium's own sandbox refuses to run as root, as containers often do.
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()
