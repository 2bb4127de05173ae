"""The configurations for Neovim and Helix, as they are printed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "editors" / "README.md"
ASK = """
local found = vim.wait(20000, function() return #vim.diagnostic.get(0) > 0 end, 50)
for _, d in ipairs(vim.diagnostic.get(0)) do
  print(string.format("%s %d:%d %s", d.code, d.lnum + 1, d.col + 1, d.message))
end
local hover = vim.lsp.buf_request_sync(0, "textDocument/hover", {
  textDocument = vim.lsp.util.make_text_document_params(0), position = { line = 5, character = 3 },
}, 20000)
for _, answer in pairs(hover or {}) do print(answer.result.contents.value) end
vim.cmd("quitall!")
"""
SPEC = """import "std/resnet.spine"
network tiny {
  input 3 x 64 x 64
  width { 2..3: 32 }
  stem { conv 3x3 / 2 -> 8  s0: residual @2 }
  b0: residual @3 <- s0
  b1: residul @2 <- s0, b0 => P2
}
"""


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found[1]


def test_helix_is_told_in_toml() -> None:
    told = tomllib.loads(block("toml"))
    (language,) = told["language"]
    assert language["language-servers"] == list(told["language-server"])


def test_neovim_shows_diagnostics(tmp_path: Path) -> None:
    neovim = shutil.which("nvim")
    if neovim is None:
        pytest.skip("Neovim is not installed")
    version = subprocess.run([neovim, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.match(r"NVIM v(\d+)\.(\d+)", version)
    if found is None or (int(found[1]), int(found[2])) < (0, 11):
        pytest.skip(f"Neovim 0.11 is needed, this is {version.splitlines()[0]}")
    spinec = f'"{sys.executable}", "-m", "spinedsl", "lsp"'
    (tmp_path / "init.lua").write_text(block("lua").replace('"spinec", "lsp"', spinec, 1))
    (tmp_path / "ask.lua").write_text(ASK)
    spec = tmp_path / "net.spine"
    spec.write_text(SPEC)
    run = subprocess.run(
        [neovim, "--headless", "--clean", "-u", "init.lua", str(spec), "-c", "luafile ask.lua"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = run.stdout + run.stderr
    assert "SP020 7:7 there is no kind of block called “residul”" in said
    assert "b0: residual @3 <- s0" in said
