"""Makes the pictures of docs/pictures: drawings by `spinec draw`, and `spinec view` in a browser.

python -m tools.pictures
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spinedsl.emit.draw.write import Format, picture
from spinedsl.emit.view.page import page_of
from spinedsl.specification import open_spec

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "pictures"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDE = {"width": 1360, "height": 900}

DRAWINGS: dict[str, tuple[str, Format, dict[str, Any]]] = {
    "spinenet49.svg": ("std:spinenet49", "svg", {}),
    "r50_fpn.png": ("std:r50_fpn", "png", {"scale": 1.2}),
    "spinenet49_mask_rcnn.png": ("std:spinenet49_mask_rcnn", "png", {"scale": 1.2}),
}
PAGES = {
    "view.png": (("std:spinenet49",), "light"),
    "view-dark.png": (("std:spinenet49",), "dark"),
    "view-costs.png": (("std:spinenet49",), "light"),
    "view-two.png": (("std:spinenet49", "std:r0_sp53"), "light"),
}


def main() -> None:
    """Write every picture."""
    FOLDER.mkdir(exist_ok=True)
    for name, (spec, form, settings) in DRAWINGS.items():
        (FOLDER / name).write_bytes(picture(open_spec(spec), form, **settings))
    with browser() as chromium, tempfile.TemporaryDirectory() as folder:
        for name, (specs, scheme) in PAGES.items():
            file = Path(folder, "page.html")
            file.write_text(page_of([open_spec(spec) for spec in specs]), encoding="utf-8")
            page = chromium.new_page(viewport=WIDE, color_scheme=scheme, device_scale_factor=1)
            page.goto(file.as_uri())
            if "costs" in name:
                page.locator("#colours").get_by_text("parameters").click()
            page.locator(".drawing").first.locator(".block", has_text="b14").hover()
            page.wait_for_timeout(400)
            page.screenshot(path=FOLDER / name)
            page.close()
    for file in sorted(FOLDER.iterdir()):
        print(f"{file.relative_to(FOLDER.parents[1])}  {file.stat().st_size / 1024:,.0f} KiB")


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """A Chromium without a window."""
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        sys.exit(f"there is none of {', '.join(BROWSERS)} on this machine")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


if __name__ == "__main__":
    main()
