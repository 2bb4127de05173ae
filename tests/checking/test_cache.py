"""The cache of `spinec check`: what is remembered, when it no longer holds, and that nothing hurts but time."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spinedsl.checking import cache as result_cache
from spinedsl.checking import cache_files as result_files
from spinedsl.checking.cache import ResultCache, Witness, default_folder
from spinedsl.checking.cache_files import Answer, add_answers, read_answers
from spinedsl.cli import run
from spinedsl.cli.check_command import FORMATS
from spinedsl.source import MAX_SOURCE_BYTES

SPINEC = str(Path(sys.executable).with_name("spinec"))
NETWORK = """import "parts/small.spine"

network n {
  input 3 x 8 x 8
  width { 1: 4 }
  stem { conv 3x3 / 2 -> 4  s0: small @1 }
  b0: small @1 <- s0 => P1
  expect params = 424
}
"""
PART = "block small(width) -> width { conv 3x3 -> width }\n"
WRONG = PART.replace("3x3 -> width", "3x3 -> wdth")


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str
    hits: int


Check = Callable[..., Ran]


@pytest.fixture(name="check")
def _check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Check:
    """`spinec check` in a folder with `n.spine`, which imports `parts/small.spine`, and with a cache."""
    monkeypatch.delenv("SPINEC_NO_CACHE")
    folder = tmp_path / "specs"
    (folder / "parts").mkdir(parents=True)
    (folder / "n.spine").write_text(NETWORK)
    (folder / "parts" / "small.spine").write_text(PART)
    monkeypatch.chdir(folder)
    caches: list[ResultCache] = []

    class Watched(ResultCache):
        def __init__(self, *arguments: Path) -> None:
            super().__init__(*arguments)
            caches.append(self)

    monkeypatch.setattr("spinedsl.cli.check_command.ResultCache", Watched)

    def check(*arguments: str, cache: str = "../cache") -> Ran:
        caches.clear()
        code = run(["check", *(arguments or ("n.spine",)), "--cache-dir", cache])
        out, err = capsys.readouterr()
        return Ran(code, out, err, caches[0].hits)

    return check


def test_what_was_fine_is_not_checked_again(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    cold = check()
    assert (cold.code, cold.hits) == (0, 0) and "1 expectation holds" in cold.out
    monkeypatch.setitem(sys.modules, "spinedsl.checking.check", None)  # an import of it fails
    warm = check()
    assert (warm.code, warm.out, warm.err, warm.hits) == (0, cold.out, cold.err, 1)


def test_a_file_with_a_warning_is_checked_again(check: Check) -> None:
    """What was said of it must be said again."""
    unread = NETWORK.replace("  expect", "  b1: small @1 <- s0\n  dangling prune\n  expect")
    Path("n.spine").write_text(unread)
    first = check("n.spine")
    assert "warning[SP043]" in first.err
    again = check("n.spine")
    assert (again.hits, again.err) == (0, first.err)


def test_while_all_is_remembered_nothing_large_is_imported(check: Check) -> None:
    check()
    code = (
        "import sys; from spinedsl.cli import run; run(['check', 'n.spine', '--cache-dir', '../cache']);"
        "print([m for m in ('lark', 'pydantic', 'numpy', 'onnx', 'spinedsl.pipeline') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines() == ["ok  n.spine:n, 1 expectation holds", "[]"]


def write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


def link(path: str, target: str) -> None:
    Path(path).unlink(missing_ok=True)
    Path(path).symlink_to(target)


CHANGES: dict[str, Callable[[], object]] = {
    "the file": lambda: write("n.spine", NETWORK.replace("424", "425")),
    "what it imports": lambda: write("parts/small.spine", WRONG),
    "what it imports is gone": lambda: Path("parts/small.spine").unlink(),
    "what it imports becomes a folder": lambda: (Path("parts/small.spine").unlink(), Path("parts/small.spine").mkdir()),
    "what it imports is no text any more": lambda: Path("parts/small.spine").write_bytes(b"\xff" + PART.encode()),
    "what it imports is a link now": lambda: (write("wrong.spine", WRONG), link("parts/small.spine", "../wrong.spine")),
    "what it imports imports itself": lambda: write("parts/small.spine", 'import "small.spine"\n' + PART),
    "what it imports leads out": lambda: (write("../out.spine", PART), link("parts/small.spine", "../../out.spine")),
}  # fmt: skip


def fresh(*arguments: str) -> str:
    """What `spinec check` says without a cache."""
    command = [SPINEC, "check", *(arguments or ("n.spine",)), "--no-cache"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_seen(check: Check, change: Callable[[], object]) -> None:
    assert check().code == check().code == 0
    change()
    changed = check()
    assert (changed.code, changed.hits) == (1, 0)
    assert changed.err == fresh()
    assert check() == changed  # what is wrong is said each time


def test_what_comes_before_the_library_s_is_seen_though_it_is_no_text(check: Check) -> None:
    write("n.spine", NETWORK.replace("parts/small.spine", "std/resnet.spine").replace("small", "residual"))
    write("n.spine", Path("n.spine").read_text().replace("  expect params = 424\n", ""))
    assert (check().code, check().hits) == (0, 1)
    write("std/resnet.spine", "")
    Path("std/resnet.spine").write_bytes(b"\xff\xfe")
    changed = check()
    assert (changed.code, changed.hits) == (1, 0)
    assert "SP003" in changed.err


def test_what_was_fine_is_not_mended(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check("n.spine", "--fix").hits == 0
    monkeypatch.setitem(sys.modules, "spinedsl.checking.check", None)  # an import of it fails
    again = check("n.spine", "--fix")
    assert (again.code, again.hits) == (0, 1)


def test_what_a_mended_file_gives_to_others_is_looked_at_again(check: Check) -> None:
    """`n` is fine and remembered, and so is not mended; what it imports is, before it is checked."""
    check()
    caches = ResultCache(Path("../cache"))
    assert caches.restored("n.spine") is not None
    write("parts/small.spine", WRONG)
    caches.forget_disk()
    assert (caches.restored("n.spine"), caches.hits) == (None, 0)


def test_a_link_that_leads_elsewhere_is_seen(check: Check) -> None:
    write("parts/one.spine", PART)
    write("parts/two.spine", WRONG)
    link("parts/small.spine", "one.spine")
    assert check().code == 0 and check().hits == 1
    link("parts/small.spine", "two.spine")
    assert check().code == 1
    link("parts/small.spine", "one.spine")
    assert check().hits == 1


def test_a_linked_folder_that_leads_elsewhere_is_seen(check: Check) -> None:
    Path("parts").rename("one")
    write("two/small.spine", WRONG)
    Path("parts").symlink_to("one")
    assert check().code == 0 and check().hits == 1
    Path("parts").unlink()
    Path("parts").symlink_to("two")
    assert check().code == 1


def test_a_file_that_comes_before_the_standard_library_is_seen(check: Check) -> None:
    write(
        "n.spine",
        NETWORK.replace("parts/small", "std/resnet").replace("small @", "residual @").replace("424", "744"),
    )
    cold = check()
    assert cold.code == 0, cold.err
    assert check().hits == 1
    write("std/resnet.spine", "block residual(width) -> width { conv 1x1 -> width }\n")
    assert check().code == 1
    Path("std/resnet.spine").unlink()
    assert check().hits == 1


def test_what_was_allowed_counts(check: Check) -> None:
    write("../common/small.spine", PART)
    write("n.spine", NETWORK.replace("parts/", "../common/"))
    assert check().code == 1
    assert check("n.spine", "--root", "../common").code == 0
    assert check("n.spine", "--root", "../common").hits == 1
    assert check().code == 1


def test_another_spinec_checks_again(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    check()
    monkeypatch.setattr(result_cache, "installation", lambda: "another")
    assert check().hits == 0
    assert check().hits == 1


def test_an_installation_is_known_by_its_files(tmp_path: Path) -> None:
    def state() -> set[str]:
        return set(result_cache._state_of(str(tmp_path)))

    write(str(tmp_path / "deep" / "a.py"), "x = 1")
    first = state()
    assert len(first) == 1
    write(str(tmp_path / "notes.md"), "no matter")
    write(str(tmp_path / "__pycache__" / "a.py"), "no matter")
    assert state() == first
    write(str(tmp_path / "deep" / "a.py"), "x = 2")
    os.utime(tmp_path / "deep" / "a.py", ns=(1, 1))
    assert state() != first


def test_an_installed_spinec_is_known_by_what_pip_recorded() -> None:
    record = (
        "../../../bin/spinec,sha256=AA,200\nspinec-0.1.0.dist-info/direct_url.json,sha256=BB,20\n"
        "spinedsl/source.py,sha256=CC,100\nspinedsl/_data/specs/a.spine,sha256=DD,50\n"
        "spinedsl/__pycache__/source.cpython-311.pyc,,\n"
    )
    assert result_cache._recorded(record, "spinedsl") == [
        "spinedsl/_data/specs/a.spine,sha256=DD,50",
        "spinedsl/source.py,sha256=CC,100",
    ]


def test_the_same_contents_elsewhere_are_known(check: Check) -> None:
    check()
    shutil.copytree(".", "../moved")
    there = check("../moved/n.spine")
    assert there.hits == 1
    assert there.out == "ok  ../moved/n.spine:n, 1 expectation holds\n"


def test_contents_that_were_there_before_are_known(check: Check) -> None:
    check()
    other = NETWORK.replace("network n", "network m")
    write("n.spine", other)
    check()
    write("n.spine", NETWORK)
    assert check().hits == 1
    # The same with what is imported, as on another branch.
    write("parts/small.spine", "# another\n" + PART)
    assert check().hits == 0
    write("parts/small.spine", PART)
    assert check().hits == 1


@pytest.mark.parametrize("spec", ["n.spine:n", "std:spinenet49s"])
def test_names_of_networks_are_checked_each_time(check: Check, spec: str) -> None:
    assert check(spec) == check(spec)
    assert check(spec).hits == 0


def test_a_file_called_like_a_standard_network_is_not_taken_for_one(check: Check) -> None:
    shutil.copytree("parts", "std:parts")
    write("std:x", NETWORK)
    write("copy.spine", NETWORK)
    assert check("copy.spine").code == 0
    assert check("std:x").code == 1


# ---- a cache that can't be trusted, or written


def shards(folder: str = "../cache") -> list[Path]:
    return sorted(Path(folder).glob("check-*.json"))


def replaced(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o600)


def with_document(path: Path, change: Callable[[dict], object]) -> None:
    document = json.loads(path.read_bytes())
    change(document)
    replaced(path, json.dumps(document).encode())


def first_answer(document: dict) -> list:
    return next(iter(document["answers"].values()))[0]


SPOILT: dict[str, Callable[[Path], object]] = {
    "empty": lambda p: replaced(p, b""),
    "torn": lambda p: replaced(p, p.read_bytes()[:-20]),
    "no JSON": lambda p: replaced(p, b"\x80\x04\x95 a pickle"),
    "a list": lambda p: replaced(p, b"[]"),
    "nested deeply": lambda p: replaced(p, b"[" * 100_000),
    "another format": lambda p: with_document(p, lambda d: d.update(format=99)),
    "no answers": lambda p: with_document(p, lambda d: d.pop("answers")),
    "answers of another kind": lambda p: with_document(p, lambda d: d.update(answers=[1])),
    "a name that is none": lambda p: with_document(p, lambda d: first_answer(d)[2][0].__setitem__(0, 7)),
    "a count that is none": lambda p: with_document(p, lambda d: first_answer(d).__setitem__(3, "x")),
    "too short": lambda p: with_document(p, lambda d: first_answer(d).pop()),
    "too large": lambda p: replaced(p, p.read_bytes() + b" " * result_files.MAX_BYTES),
    "writable by others": lambda p: p.chmod(0o666),
    "in a folder others write to": lambda p: p.parent.chmod(0o777),
    "a link": lambda p: (p.rename(p.with_suffix(".real")), p.symlink_to(p.with_suffix(".real").name)),
    "a pipe": lambda p: (p.unlink(), os.mkfifo(p, 0o600)),
    "a folder": lambda p: (p.unlink(), p.mkdir()),
    "unreadable": lambda p: p.chmod(0) if os.getuid() else p.unlink(),
    "somebody else's": lambda p: os.chown(p, 12345, 12345) if os.getuid() == 0 else p.unlink(),
}  # fmt: skip


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_a_spoilt_cache_costs_time_only(check: Check, spoil: Callable[[Path], object]) -> None:
    cold = check()
    (shard,) = shards()
    spoil(shard)
    again = check()
    assert (again.code, again.out, again.err, again.hits) == (0, cold.out, "", 0)


def test_a_path_in_a_spoilt_cache_is_only_looked_at(check: Check) -> None:
    check()
    (shard,) = shards()
    with_document(
        shard, lambda d: first_answer(d).__setitem__(1, [["/dev/zero", "/dev/zero", ""], ["a\0b", "", ""]])
    )
    assert check().hits == 0


@pytest.mark.parametrize("cache", ["n.spine", "n.spine/below", "/proc/none", "a\0b", "x" * 300])
def test_a_folder_that_can_not_be_made_costs_time_only(check: Check, cache: str) -> None:
    if "\0" in cache:
        assert ResultCache(Path(cache)).restored("n.spine") is None
        add_answers(Path(cache), {"0": {"0": Answer(0, (), (), 0)}}, 0)
        return
    ran = check(cache=cache)
    assert (ran.code, ran.err) == (0, "") and "ok  n.spine" in ran.out


def test_a_full_disk_costs_time_only(check: Check) -> None:
    check()
    write("n.spine", NETWORK + "# changed\n")
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0));"
        "from spinedsl.cli import run; raise SystemExit(run(['check', 'n.spine', '--cache-dir', '../cache']))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert list(Path("../cache").glob(".*.tmp")) == []
    write("n.spine", NETWORK)
    assert check().hits == 1


def test_only_its_owner_reads_it(check: Check) -> None:
    old = os.umask(0)
    try:
        check()
    finally:
        os.umask(old)
    assert stat.S_IMODE(Path("../cache").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in shards()} == {0o600}
    assert check().hits == 1


def test_a_cache_is_left_out_of_backups_and_commits(check: Check) -> None:
    check()
    assert Path("../cache/CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55")
    assert Path("../cache/.gitignore").read_text() == "*\n"


def test_many_processes_at_once(check: Check) -> None:
    for number in range(24):
        write(f"many/n{number}.spine", f"# {number}\n{PART}")
    commands = [[SPINEC, "check", "many", "--cache-dir", "../cache"] for _ in range(6)]
    environment = {key: value for key, value in os.environ.items() if key != "SPINEC_NO_CACHE"}
    running = [subprocess.Popen(c, env=environment, stdout=subprocess.PIPE) for c in commands]
    assert len({process.communicate()[0] for process in running}) == 1
    assert {process.returncode for process in running} == {0}
    check("many")
    assert check("many").hits == 24
    assert list(Path("../cache").glob(".*.tmp")) == []


# ---- bounds


def answer(day: int, path: str = "") -> Answer:
    return Answer(day, ((path, path, ""),), (("n", 0),), 0)


def test_what_was_not_used_for_long_goes(tmp_path: Path) -> None:
    add_answers(tmp_path, {"a": {"a1": answer(100)}}, 100)
    add_answers(tmp_path, {"a": {"a2": answer(120)}}, 120)
    assert set(read_answers(tmp_path, "a")) == {"a1", "a2"}
    add_answers(tmp_path, {"a": {"a3": answer(140)}}, 140)
    assert set(read_answers(tmp_path, "a")) == {"a2", "a3"}


def test_a_hit_keeps_it(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    for days in (0, 20, 40, 60):
        monkeypatch.setattr(time, "time", lambda days=days: now + 86_400 * days)
        assert check().hits == (days > 0)
    monkeypatch.setattr(time, "time", lambda: now + 86_400 * 120)
    add_answers(Path("../cache"), {shards()[0].stem[-1]: {}}, int(time.time() // 86_400))
    assert check().hits == 0


def test_the_oldest_go_where_there_are_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result_files, "MAX_KEYS", 10)
    for day in range(20, 35):
        add_answers(tmp_path, {"a": {f"a{day}": answer(day)}}, day)
    assert set(read_answers(tmp_path, "a")) == {f"a{day}" for day in range(25, 35)}
    monkeypatch.setattr(result_files, "MAX_BYTES", 300)
    add_answers(tmp_path, {"a": {"a40": answer(40)}}, 40)
    assert "a40" in read_answers(tmp_path, "a")
    assert len((tmp_path / "check-a.json").read_bytes()) <= 300


def test_a_content_has_few_answers(tmp_path: Path) -> None:
    for number in range(10):
        add_answers(tmp_path, {"a": {"a": answer(1, str(number))}}, 1)
    kept = read_answers(tmp_path, "a")["a"]
    assert [each.asked[0][0] for each in kept] == ["9", "8", "7", "6"]


# ---- where it is


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {"HOME": "/home/me"}, "/home/me/.cache/spinec"),
        ("linux", {"HOME": "/home/me", "XDG_CACHE_HOME": "/var/x"}, "/var/x/spinec"),
        ("linux", {"HOME": "/home/me", "XDG_CACHE_HOME": "relative"}, None),
        ("darwin", {"HOME": "/Users/me", "XDG_CACHE_HOME": "/var/x"}, "/Users/me/Library/Caches/spinec"),
        ("linux", {"HOME": "/home/me", "SPINEC_CACHE_DIR": "here"}, "here"),
        ("linux", {"HOME": "/home/me", "SPINEC_CACHE_DIR": "here", "SPINEC_NO_CACHE": "1"}, None),
    ],
)  # fmt: skip
def test_the_folder(platform, environment, expected, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_CACHE_HOME", "SPINEC_CACHE_DIR", "SPINEC_NO_CACHE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert default_folder() == (None if expected is None else Path(expected))


# ---- with a cache and without, the same is said

TEXTS = {
    "n.spine": ["", NETWORK, NETWORK.replace("424", "425"), NETWORK.replace("=> P1", ""), "network {", PART],
    "parts/small.spine": ["", PART, WRONG, "# other\n" + PART, 'import "../n.spine"\n' + PART],
    "parts/std/resnet.spine": ["", PART],
    "more.spine": [
        "",
        'import "std/resnet.spine"\n' + PART,
        'import "n.spine"\n' + PART.replace("small", "large"),
    ],
}
EDIT = st.sampled_from([(path, text) for path, texts in TEXTS.items() for text in texts])


@given(edits=st.lists(EDIT, min_size=1, max_size=8), style=st.sampled_from(("text", *FORMATS)))
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
def test_it_changes_nothing_but_the_time(edits, style, check: Check, capsys) -> None:
    for path, text in edits:
        write(path, text) if text else Path(path).unlink(missing_ok=True)
        cached = check(".", "--format", style)
        code = run(["check", ".", "--format", style, "--no-cache"])
        out, err = capsys.readouterr()
        assert (cached.code, cached.out, cached.err) == (code, out, err)


def test_what_a_witness_saw_is_what_was_read(check: Check) -> None:
    witness = Witness()
    path = Path("parts/small.spine")
    assert witness.read(path).text == PART
    assert witness.holds(path) and not witness.holds(Path("parts/none"))
    assert witness.resolve(path) == path.resolve()
    assert witness.led == {str(path): str(path.resolve())}


def test_a_large_or_odd_file_is_not_remembered(check: Check) -> None:
    write("n.spine", "#" * (MAX_SOURCE_BYTES + 1))
    assert check().code == 1
    os.mkfifo("pipe.spine")
    finished: list[Ran] = []
    thread = threading.Thread(target=lambda: finished.append(check("pipe.spine")))
    thread.start()
    thread.join(20)
    assert finished and finished[0].code == 1
