"""Reading a revision of a git repository: what is read, what is refused, and what never runs."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest
from repositories import Repository

from spinedsl.diagnostics import DiagnosticError
from spinedsl.repository import git
from spinedsl.repository.revisions import revision_of
from spinedsl.resources import folder as data_folder
from spinedsl.source import MAX_SOURCE_BYTES, SourceProblem
from spinedsl.specification import open_spec

NETWORK = """import "parts/small.spine"

network n {
  input 3 x 8 x 8
  width { 1: 4 }
  stem { conv 3x3 / 2 -> 4  s0: small @1 }
  b0: small @1 <- s0 => P1
}
"""


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "re po")


def refusal(name: str, folder: Path) -> tuple[str, str, str | None]:
    """Code, message and help of the one diagnostic."""
    with pytest.raises(DiagnosticError) as caught:
        revision_of(name, folder)
    (found,) = caught.value.diagnostics
    return found.code, found.message, found.help


def changed(repository: Repository) -> set[Path]:
    """What differs from the last commit."""
    return revision_of("HEAD", repository.folder).changed(repository.folder)


# ---- reading


@pytest.mark.parametrize(
    "path", ["a.spine", "deep/er/a b.spine", "ünï/ß.spine", "li\nne.spine", "a@b:c.spine"]
)
def test_files_are_read_as_they_were(path: str, repository: Repository) -> None:
    repository.commit({path: "old\n"})
    repository.commit({path: "new\n"})
    file = repository.write(path, "unsaved\n")
    for name, text in {"HEAD~1": "old\n", "main": "new\n"}.items():
        revision = revision_of(name, file.parent)
        assert revision.holds(file)
        assert revision.read(file).text == text


def test_a_file_is_read_though_its_folder_is_gone(repository: Repository) -> None:
    repository.commit({"deep/er/a.spine": "old\n"})
    repository.git("rm", "-r", "--quiet", "deep")
    file = repository.folder / "deep" / "er" / "a.spine"
    revision = revision_of("HEAD", file.parent)
    assert revision.read(file).text == "old\n"
    assert not file.parent.exists()


def test_texts_are_named_by_path_and_revision(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit({"deep/a.spine": "old\n"})
    monkeypatch.chdir(repository.folder)
    revision = revision_of("main", Path("deep"))
    assert revision.read(Path("deep/a.spine"), "whatever").name == "deep/a.spine@main"


def test_imports_are_those_of_the_revision(repository: Repository) -> None:
    block = "block small(width) -> width { conv 1x1 -> %s, norm  conv 1x1 -> width, norm }\n"
    repository.commit({"n.spine": NETWORK, "parts/small.spine": block % 8})
    repository.commit({"parts/small.spine": block % 16})
    file = repository.folder / "n.spine"
    before, after = (
        open_spec(file, files=revision_of(name, repository.folder)) for name in ("HEAD~1", "HEAD")
    )
    convs = [
        next(p.shape for n, p in c.parameters.items() if n.startswith("b0.conv")) for c in (before, after)
    ]
    assert [shape[0] for shape in convs] == [8, 16]


def test_files_outside_the_repository_come_from_the_disk(repository: Repository, tmp_path: Path) -> None:
    repository.commit()
    outside = tmp_path / "b.spine"
    outside.write_text("now\n")
    revision = revision_of("HEAD", repository.folder)
    assert revision.holds(outside) and revision.read(outside).text == "now\n"
    assert revision.holds(data_folder("specs") / "std" / "resnet.spine")


def test_a_worktree_and_a_sub_folder_find_their_repository(repository: Repository, tmp_path: Path) -> None:
    repository.commit({"deep/a.spine": "old\n"})
    repository.git("worktree", "add", "--quiet", "--detach", tmp_path / "other tree")
    file = tmp_path / "other tree" / "deep" / "a.spine"
    file.write_text("new\n")
    assert revision_of("HEAD", file.parent).read(file).text == "old\n"
    assert revision_of("HEAD", file.parent).changed(file.parent) == {file}


def test_the_environment_of_a_hook_does_not_mislead(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Repository(tmp_path / "other")
    other.commit({"a.spine": "other\n"})
    repository.commit({"a.spine": "old\n"})
    monkeypatch.setenv("GIT_DIR", str(other.folder / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "none"))
    file = repository.folder / "a.spine"
    assert revision_of("HEAD", repository.folder).read(file).text == "old\n"


def test_a_repository_of_sha256_names(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r", "--object-format=sha256")
    repository.commit({"a.spine": "old\n", "b.spine": "old\n"})
    file = repository.write("a.spine", "new\n")
    assert changed(repository) == {file}


# ---- refusing


@pytest.mark.parametrize(
    ("path", "content", "code", "words"),
    [
        ("gone.spine", None, "SP001", "no such file at that revision"),
        ("deep", None, "SP001", "not a regular file"),
        ("link.spine", None, "SP001", "not a regular file"),
        ("sub", None, "SP001", "not a regular file"),
        ("large.spine", b"#" * (MAX_SOURCE_BYTES + 1), "SP002", "1,048,577 bytes"),
        ("latin.spine", b"# na\xefve", "SP003", "byte 0xef in line 1"),
        ("nul.spine", b"\0", "SP004", "NUL"),
    ],
)
def test_what_is_no_source_is_refused(
    path: str, content: bytes | None, code: str, words: str, repository: Repository
) -> None:
    repository.commit({"deep/a.spine": "old\n"} | ({path: content} if content is not None else {}))
    (repository.folder / "link.spine").symlink_to("deep/a.spine")
    head = repository.git("rev-parse", "HEAD").strip()
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{head},sub")
    repository.git("add", "link.spine")
    repository.git("commit", "--quiet", "--message", "odd")
    revision = revision_of("HEAD", repository.folder)
    file = repository.folder / path
    assert revision.holds(file) is (content is not None)
    with pytest.raises(SourceProblem, match=words) as caught:
        revision.read(file)
    assert caught.value.code == code


@pytest.mark.parametrize("name", ["-n", "--all", "", "a\nb", "\0", "x" * 300, "ü" * 200 + "\ud800"])
def test_what_can_be_no_revision_is_refused(name: str, repository: Repository) -> None:
    repository.commit()
    code, message, help_text = refusal(name, repository.folder)
    assert code == "SP020" and "is no revision" in message and help_text


@pytest.mark.parametrize(
    ("name", "help_text"),
    [
        ("mian", "did you mean “main”?"),
        ("HEAD~7", "name a branch, a tag or a commit"),
        ("HEAD:a.spine", "name a branch"),
        ("main..main", "name a branch"),
        ("HEAD^{tree}", "name a branch"),
    ],
)
def test_an_unknown_revision(name: str, help_text: str, repository: Repository) -> None:
    repository.commit({"a.spine": "old\n"})
    code, message, given = refusal(name, repository.folder)
    assert (code, message) == ("SP020", f"there is no revision “{name}”")
    assert given is not None and help_text in given


def test_a_repository_without_commits(repository: Repository) -> None:
    assert (
        refusal("HEAD", repository.folder)[2] == "this repository has no commit yet: commit the specs first"
    )


def test_a_shallow_clone_says_so(repository: Repository, tmp_path: Path) -> None:
    repository.commit({"a.spine": "old\n"})
    repository.commit({"a.spine": "new\n"})
    repository.git("clone", "--quiet", "--depth=1", repository.folder.as_uri(), tmp_path / "clone")
    code, _, help_text = refusal("HEAD~1", tmp_path / "clone")
    assert code == "SP020" and help_text is not None and "git fetch --unshallow" in help_text


def test_a_partial_clone_fetches_nothing(repository: Repository, tmp_path: Path) -> None:
    repository.commit({"a.spine": "old\n"})
    repository.commit({"a.spine": "new\n"})
    repository.git("config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    repository.git("clone", "--quiet", "--filter=blob:none", repository.folder.as_uri(), clone)
    assert revision_of("HEAD", clone).read(clone / "a.spine").text == "new\n"
    with pytest.raises(SourceProblem, match="this clone is partial"):
        revision_of("HEAD~1", clone).read(clone / "a.spine")


def test_no_repository_and_none_with_a_working_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    (tmp_path / "plain").mkdir()
    code, message, help_text = refusal("HEAD", tmp_path / "plain")
    assert code == "SP001" and message.endswith("is in no git repository")
    assert help_text == "run it where the specs are kept under git"
    with pytest.raises(DiagnosticError) as caught:
        revision_of("HEAD", tmp_path / "plain", "do without")
    assert caught.value.diagnostics[0].help == f"do without, or {help_text}"
    Repository(tmp_path / "bare", "--bare")
    code, message, _ = refusal("HEAD", tmp_path / "bare")
    assert code == "SP001" and message.endswith("has no working tree")


def test_git_is_not_installed(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository.folder))
    code, message, help_text = refusal("HEAD", repository.folder)
    assert code == "SP052" and "needs git" in message and help_text is not None and "git-scm.com" in help_text


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell script as git")
def test_git_does_not_end(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository.commit({"a.spine": "old\n"})
    revision = revision_of("HEAD", repository.folder)
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 30\n")
    slow.chmod(slow.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{slow.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(git, "SECONDS", 0.2)
    with pytest.raises(SourceProblem, match="git gave no answer"):
        revision.read(repository.folder / "a.spine")
    assert not revision.holds(repository.folder / "a.spine")
    with pytest.raises(DiagnosticError, match="can't list the files of “HEAD”"):
        revision.changed(repository.folder)


@pytest.mark.skipif(sys.platform == "win32", reason="needs shell scripts as programs")
def test_no_program_that_a_repository_names_is_run(repository: Repository, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch '{ran}'\ncat\n")
    program.chmod(0o755)
    repository.commit({"a.spine": "old\n", ".gitattributes": "*.spine filter=evil diff=evil\n"})
    settings = (
        "core.fsmonitor", "core.pager", "pager.ls-tree", "diff.external", "diff.evil.textconv", "diff.evil.command",
        "filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "core.sshCommand", "core.editor",
    )  # fmt: skip
    for setting in settings:
        repository.git("config", setting, str(program))
    hooks = repository.folder / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for hook in ("post-index-change", "post-checkout", "reference-transaction", "fsmonitor-watchman"):
        (hooks / hook).symlink_to(program)
    file = repository.write("a.spine", "new\n")
    index = (repository.folder / ".git" / "index").read_bytes()
    assert changed(repository) == {file}
    assert revision_of("HEAD", repository.folder).read(file).text == "old\n"
    assert not ran.exists()
    assert (repository.folder / ".git" / "index").read_bytes() == index


# ---- what changed


def test_every_kind_of_change_counts_once(repository: Repository) -> None:
    names = ("same", "committed", "staged", "unstaged", "touched", "back", "gone", "moved", "converted")
    repository.commit({f"s/{name}.spine": f"{name}\n" for name in names} | {"other.spine": "x\n"})
    base = repository.commit({"s/notes.txt": "no spec"})
    repository.commit({"s/committed.spine": "new\n", "s/back.spine": "new\n", "s/ü\n.spine": "new\n"})
    repository.write("s/staged.spine", "new\n")
    repository.git("add", "--all")
    for name in ("unstaged", "untracked", "ignored"):
        repository.write(f"s/{name}.spine", "new\n")
    repository.write("s/touched.spine", "touched\n")
    repository.write("s/back.spine", "back\n")
    repository.write("s/converted.spine", "converted\r\n")
    repository.write(".gitignore", "ignored.spine\n")
    repository.write("other.spine", "new\n")
    (repository.folder / "s" / "gone.spine").unlink()
    repository.git("mv", "s/moved.spine", "s/there.spine")
    folder = repository.folder / "s"
    revision = revision_of(base, folder)
    changed = {str(path.relative_to(folder)) for path in revision.changed(folder)}
    expected = {"committed", "staged", "unstaged", "untracked", "there", "ü\n"}
    assert changed == {f"{name}.spine" for name in expected}
    gone = {str(path.relative_to(folder)) for path in revision.deleted(folder)}
    assert gone == {"gone.spine", "moved.spine"}


def test_a_link_that_became_a_file_has_changed(repository: Repository) -> None:
    repository.write("a.spine", "old\n")
    link = repository.folder / "link.spine"
    link.symlink_to("a.spine")
    repository.commit()
    assert changed(repository) == set()
    link.unlink()
    link.write_text("old\n")
    assert changed(repository) == {link}


def test_a_folder_elsewhere_has_nothing(repository: Repository, tmp_path: Path) -> None:
    repository.commit({"a.spine": "old\n"})
    revision = revision_of("HEAD", repository.folder)
    assert (revision.changed(tmp_path), revision.deleted(tmp_path)) == (set(), set())
