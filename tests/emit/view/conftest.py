"""A real browser, and pages opened in it that may neither complain nor fetch anything."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from viewing_support import until

from spinedsl.emit.view.page import page_of
from spinedsl.pipeline import AnyCompilation
from tools.browser import browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A Chromium without a window; for no longer than needed, since tests with an event loop can't run beside it."""
    with contextlib.ExitStack() as opened:
        try:
            started = opened.enter_context(browser())
        except (ImportError, FileNotFoundError) as missing:
            pytest.skip(str(missing))
        yield started


@pytest.fixture
def opened(chromium: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """`opened(compilation, …, **settings)`: the page of one or two, in the browser.

    In the end, nothing may have been fetched but the page, and nothing complained of.
    """
    complaints: list[str] = []
    fetched: list[str] = []
    contexts = []

    def open_page(*compilations: AnyCompilation, **settings: Any) -> Any:
        file = tmp_path / "page.html"
        file.write_text(page_of(compilations), encoding="utf-8")
        context = chromium.new_context(**{"viewport": {"width": 1300, "height": 900}, **settings})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append("a dialog"), dialog.dismiss()))
        page.on("request", lambda request: fetched.append(request.url))
        page.goto(file.as_uri())
        until(page, "panes.every((pane) => pane.view)")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
    assert [url for url in fetched if url != "data:," and not url.endswith("/page.html")] == []
