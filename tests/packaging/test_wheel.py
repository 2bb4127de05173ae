"""The wheel: what is in it, and that it works away from a checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str, cwd: Path, **environment: str) -> str:
    process = subprocess.run(
        command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the source distribution, so that both are proved."""
    output = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(output), str(ROOT), cwd=output)
    (path,) = output.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel in a folder of its own, in front of everything else on the path."""
    target = tmp_path_factory.mktemp("site")
    run(
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        "--target",
        str(target),
        str(wheel),
        cwd=target,
    )
    return target


def test_the_wheel_holds_every_data_file_and_nothing_of_the_checkout(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("grammars", "codegen_templates", "specs"):
        shipped = [p for p in (ROOT / folder).rglob("*") if p.is_file() and p.suffix != ".md"]
        assert shipped, folder
        for path in shipped:
            assert f"spinedsl/_data/{path.relative_to(ROOT)}" in names
    top = {name.partition("/")[0] for name in names}
    assert {t for t in top if not t.endswith(".dist-info")} == {"spinedsl"}
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert "spinedsl/py.typed" in names


def test_it_compiles_a_standard_spec_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    path = {"PYTHONPATH": str(installed)}
    where = run(sys.executable, "-c", "import spinedsl; print(spinedsl.__file__)", cwd=tmp_path, **path)
    assert Path(where.strip()).is_relative_to(installed)
    command = (sys.executable, "-m", "spinedsl")
    assert "std:spinenet190" in run(*command, "list", cwd=tmp_path, **path)
    run(*command, "compile", "std:spinenet49", "--target", "torch", cwd=tmp_path, **path)
    run(
        *command,
        "compile",
        "std:spinenet49",
        "--set",
        "scale.width=0.125",
        "--target",
        "onnx",
        cwd=tmp_path,
        **path,
    )
    written = sorted(p.name for p in tmp_path.iterdir())
    assert written == ["spinenet49.onnx", "spinenet49.py"]
    compile((tmp_path / "spinenet49.py").read_text(), "spinenet49.py", "exec")


def test_a_checkout_works_without_being_installed(tmp_path: Path) -> None:
    assert "std:spinenet49" in run(sys.executable, str(ROOT / "cli.py"), "list", cwd=tmp_path)
