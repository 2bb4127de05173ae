"""Makes the pictures of docs/pictures: drawings by `spinec draw`, and `spinec view` in a browser.

python -m tools.pictures
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from spinedsl.emit.draw.write import Format, picture
from spinedsl.emit.view.page import page_of
from spinedsl.specification import open_spec
from tools.browser import browser

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "pictures"
WIDE = {"width": 1360, "height": 900}

DRAWINGS: dict[str, tuple[str, Format, dict[str, Any]]] = {
    "spinenet49.svg": ("std:spinenet49", "svg", {}),
    "r50_fpn.png": ("std:r50_fpn", "png", {"scale": 1.2}),
    "spinenet49_mask_rcnn.png": ("std:spinenet49_mask_rcnn", "png", {"scale": 1.2}),
}
PAGES = {
    "view.png": (("std:spinenet49",), "light", "level"),
    "view-dark.png": (("std:spinenet49",), "dark", "level"),
    "view-costs.png": (("std:spinenet49",), "light", "parameters"),
    "view-two.png": (("std:spinenet49", "std:r0_sp53"), "light", "level"),
}
"""By file: the networks, the theme, and what blocks are coloured by."""


def main() -> None:
    """Write every picture."""
    FOLDER.mkdir(exist_ok=True)
    for name, (spec, form, settings) in DRAWINGS.items():
        (FOLDER / name).write_bytes(picture(open_spec(spec), form, **settings))
    with browser() as chromium, tempfile.TemporaryDirectory() as folder:
        for name, (specs, scheme, colours) in PAGES.items():
            file = Path(folder, "page.html")
            file.write_text(page_of([open_spec(spec) for spec in specs]), encoding="utf-8")
            page = chromium.new_page(viewport=WIDE, color_scheme=scheme, device_scale_factor=1)
            page.goto(file.as_uri())
            page.locator("#colours").get_by_text(colours, exact=True).click()
            page.locator(".drawing").first.locator(".block", has_text="b14").hover()
            page.wait_for_timeout(400)
            page.screenshot(path=FOLDER / name)
            page.close()
    for file in sorted(FOLDER.iterdir()):
        print(f"{file.relative_to(FOLDER.parents[1])}  {file.stat().st_size / 1024:,.0f} KiB")


if __name__ == "__main__":
    main()
