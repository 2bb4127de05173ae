"""What every test may use: golden texts with an update flag."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How fast texts are drawn says how busy the machine is, nothing of spinec.
settings.register_profile("spinec", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("spinec")

# What somebody else's run found to be fine proves nothing here, and colours are as a fresh shell has them.
os.environ["SPINEC_NO_CACHE"] = "1"
for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "SPINEC_CACHE_DIR"):
    os.environ.pop(name, None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        default=False,
        help="Write golden files anew instead of comparing.",
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, Path], None]:
    """`golden(actual, path)`: the text must equal the file; `--update-golden` writes the file."""
    update = request.config.getoption("--update-golden", default=False)

    def check(actual: str, path: Path) -> None:
        if update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(actual, encoding="utf-8")
            return
        if not path.is_file():
            pytest.fail(f"{path.name} is missing: run pytest with --update-golden, and read what it writes")
        expected = path.read_text(encoding="utf-8")
        if actual != expected:
            lines = difflib.unified_diff(
                expected.splitlines(), actual.splitlines(), f"{path.name} (expected)", "actual", lineterm=""
            )
            pytest.fail("\n".join(lines), pytrace=False)

    return check
