"""Finding blocks in a page, and waiting for what happens in it."""

from __future__ import annotations

from typing import Any

import pytest


def until(page: Any, condition: str) -> None:
    """Wait for something in the page; the page's policy forbids Playwright's own way, which evaluates there."""
    for _ in range(500):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(20)
    pytest.fail(f"it never came true that {condition}")


def block_in(page: Any, label: str, pane: int = 0) -> Any:
    """A block of the drawing in a pane, by what is written in it."""
    return page.locator(".drawing").nth(pane).locator(f'.block[aria-label^="{label}:"]')


def view_of(page: Any, pane: int = 0) -> tuple[float, ...]:
    """What is seen of the drawing in a pane: x, y, width and height."""
    box = page.locator(".drawing").nth(pane).get_attribute("viewBox")
    return tuple(float(value) for value in box.split())
