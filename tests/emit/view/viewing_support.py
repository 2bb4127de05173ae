"""Waiting for what happens in a page."""

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
