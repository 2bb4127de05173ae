"""Nothing is lost and nothing is run twice when a process is killed, or a storage goes away."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import optuna
import pytest
from optuna.storages import RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState
from search_support import request_of, results, searched

from spinedsl.analysis.requirements import Requirements
from spinedsl.diagnostics import DiagnosticError
from spinedsl.search import claims, storages
from spinedsl.search.claims import NETWORK, REASON, Claims
from spinedsl.search.samplers import Candidates
from spinedsl.search.search import Events

pytestmark = pytest.mark.usefixtures("folder")
POSTGRESQL = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)), None)
MAIN = "import sys; from spinedsl.cli import main\nif __name__ == '__main__': main()\n"


def started(*arguments: str) -> subprocess.Popen[str]:
    """A search of its own process, as somebody types it."""
    Path("spinec.py").write_text(MAIN)
    command = [sys.executable, "spinec.py", "search", "small.spine:small", *arguments]
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def wait_for(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.05)


def calls(kind: str) -> list[str]:
    """The networks that functions have begun with, or ended."""
    path = Path("calls.txt")
    lines = path.read_text().splitlines() if path.exists() else []
    return [line.split()[1] for line in lines if line.startswith(kind)]


def killed(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def output(process: subprocess.Popen[str], seconds: float = 240.0) -> str:
    text, _ = process.communicate(timeout=seconds)
    assert process.returncode == 0, text
    return text


def check_trials(trials: list[FrozenTrial], limit: int) -> None:
    """What has to hold when all is over: as many trials as were asked for, each network once, none left."""
    assert {trial.state for trial in trials} <= {TrialState.COMPLETE, TrialState.FAIL}
    complete = [trial.user_attrs[NETWORK] for trial in trials if trial.state is TrialState.COMPLETE]
    assert len(complete) == limit
    assert len(set(complete)) == limit
    # What was lost was run again by another trial.
    lost = [t for t in trials if t.state is TrialState.FAIL and REASON not in t.user_attrs]
    networks = {trial.user_attrs[NETWORK] for trial in lost if NETWORK in trial.user_attrs}
    assert networks <= set(complete)
    # And nothing else was: the function ends once for each network, or twice if it ended as its process was killed.
    ended = Counter(calls("end"))
    assert len(ended) == limit
    assert sum(count - 1 for count in ended.values()) <= len(networks)


def journal_trials(folder: str = "found") -> list[FrozenTrial]:
    storage = optuna.storages.JournalStorage(JournalFileBackend(f"{folder}/journal.log"))
    return optuna.load_study(study_name="small", storage=storage).get_trials(deepcopy=False)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_search_goes_on_where_it_was_killed() -> None:
    asked = ("--maximise", "mine:noted", "-o", "found", "--trials", "14", "--jobs", "2", "--seed", "1")
    first = started(*asked)
    wait_for(lambda: len(calls("end")) >= 4)
    # In the middle of two networks.
    wait_for(lambda: len(calls("begin")) > len(calls("end")))
    killed(first)
    known = calls("end")
    begun = len(journal_trials())
    assert 4 <= len(known) < 14
    text = output(started(*asked))
    assert "14 networks tried" in text
    trials = journal_trials()
    check_trials(trials, 14)
    assert len(trials) > begun
    lost = [t for t in trials if t.state is TrialState.FAIL and REASON not in t.user_attrs]
    # Those that were measured, and perhaps one that had no network yet.
    assert 1 <= len(lost) <= 3
    # Whoever is asked once more has nothing to do.
    assert "14 networks tried" in output(started(*asked))
    assert len(journal_trials()) == len(trials)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_what_a_killed_search_has_started_ends_with_it() -> None:
    first = started("--maximise", "mine:endless", "-o", "found")
    wait_for(lambda: Path("found/trial_0.spine").exists())
    children = subprocess.run(["pgrep", "-P", str(first.pid)], capture_output=True, text=True).stdout.split()
    wait_for(lambda: len(children) > 0 or _children(first.pid, children))
    killed(first)
    wait_for(lambda: not any(_runs(int(pid)) for pid in children), 20)


def _children(pid: int, found: list[str]) -> bool:
    found += subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split()
    return bool(found)


def _runs(pid: int) -> bool:
    with contextlib.suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_interrupted_it_leaves_results_and_goes_on() -> None:
    asked = ("--maximise", "mine:noted", "-o", "found", "--trials", "8")
    first = started(*asked)
    wait_for(lambda: len(calls("end")) >= 2)
    first.send_signal(signal.SIGINT)
    text, _ = first.communicate(timeout=60)
    assert first.returncode == 130
    assert "the same command goes on" in text
    assert Path("found/results.json").exists() and Path("found/report.html").exists()
    output(started(*asked))
    check_trials(journal_trials(), 8)


# ---- two processes


def test_two_processes_with_one_journal_share_a_search() -> None:
    asked = ("--maximise", "mine:noted", "-o", "found", "--trials", "12")
    both = [started(*asked, "--seed", seed) for seed in "12"]
    for process in both:
        output(process)
    check_trials(journal_trials(), 12)
    assert len({line.split()[2] for line in Path("calls.txt").read_text().splitlines()}) == 2


def test_what_others_lose_is_run_although_nothing_new_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another machine had a network of a small space, and is silent."""
    searched("macs", space="tiny", trials=3)
    storage = optuna.storages.JournalStorage(JournalFileBackend("found/journal.log"))
    study = optuna.load_study(study_name="tiny", storage=storage)
    candidates = Candidates(request_of("macs", space="tiny").space, Requirements(()))
    seen = {trial.user_attrs[NETWORK] for trial in study.trials}
    encoding = candidates.new(None, seen, Random(0))
    study.enqueue_trial(candidates.digits(encoding))
    trial = study.ask(dict(candidates.distributions))
    elsewhere = Claims(study, process="elsewhere:1:1")
    elsewhere.begin(trial)
    assert elsewhere.claim(trial, candidates.identity(encoding))

    monkeypatch.setattr(claims, "SILENCE", 3.0)
    news: list[str] = []
    outcome = searched("macs", space="tiny", trials=None, minutes=5.0, events=Events(news=news.append))
    assert len(outcome.tried) == len({t.encoding for t in outcome.tried}) > 20
    assert encoding in {t.encoding for t in outcome.tried}
    assert news == [
        "every network that meets what is required has been tried", "waiting for 1 that other processes are at"
    ]  # fmt: skip


def test_another_question_is_refused_and_nothing_is_lost() -> None:
    searched("macs", trials=5)
    before = Path("found/journal.log").read_bytes(), Path("found/results.json").read_bytes()
    with pytest.raises(
        DiagnosticError, match="asks something else: its objectives: minimise macs, not minimise"
    ):
        searched("params", trials=5)
    with pytest.raises(DiagnosticError, match="its requirements: none, not params <= 1M"):
        searched("macs", trials=5, require=("params <= 1M",))
    with pytest.raises(DiagnosticError, match=r"its space: small .*, not tiny "):
        searched("macs", trials=5, space="tiny", study="small")
    assert before == (Path("found/journal.log").read_bytes(), Path("found/results.json").read_bytes())


# ---- journals


def test_a_journal_that_has_only_begun_is_begun_anew() -> None:
    Path("found").mkdir()
    for text in ("", '{"op_c', '{"op_code":0,"work'):
        Path("found/journal.log").write_text(text)
        assert len(searched("macs", trials=2).tried) == 2


def test_a_line_that_was_never_finished_is_cut_off() -> None:
    whole = searched("macs", trials=12, folder="whole").tried
    searched("macs", trials=6)
    with Path("found/journal.log").open("a") as file:
        file.write('{"op_code": 4, "worker')
    assert searched("macs", trials=12).tried == whole


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_lock_is_let_go_when_its_holder_is_killed() -> None:
    searched("macs", trials=3)
    holding = (
        "import time; from pathlib import Path; from spinedsl.search.storages import Journal\n"
        "journal = Journal(Path('found/journal.log')); journal._lock.acquire(); print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", holding], text=True, stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    waiting = subprocess.Popen(
        [
            sys.executable,
            "-c",
            MAIN,
            "search",
            "small.spine:small",
            "--minimise",
            "macs",
            "-o",
            "found",
            "--trials",
            "6",
        ]
    )
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(4)
    killed(process)
    assert waiting.wait(60) == 0
    assert len(results()["trials"]) == 6


@pytest.mark.parametrize(
    "text", ["# my notes\n", "notes without an end of line", '{"name"', '{"name": "mine"}\n', "[1]\n"]
)
def test_somebodys_file_is_no_journal(text: str) -> None:
    Path("found").mkdir()
    Path("found/journal.log").write_text(text)
    with pytest.raises(DiagnosticError, match="is not the journal of a search"):
        searched("macs")
    assert Path("found/journal.log").read_text() == text


@pytest.mark.parametrize("again", [False, True])
def test_a_journal_that_is_taken_away(again: bool) -> None:
    def disturb(number: int, *_: object) -> None:
        if number == 5:
            Path("found/journal.log").rename("aside.log")
            if again:
                Path("found/journal.log").write_text("")

    with pytest.raises(DiagnosticError, match="can't be reached") as caught:
        searched("macs", trials=12, events=Events(finished=disturb))
    assert caught.value.diagnostics[0].code == "SP060"
    # What was found until then is written.
    assert results()["trials"] and results()["best"]
    Path("aside.log").rename("found/journal.log")
    assert len(searched("macs", trials=12).tried) == 12


# ---- PostgreSQL


class Server:
    """A PostgreSQL of this test's own: a folder, and a port that nobody has."""

    def __init__(self, folder: Path) -> None:
        assert POSTGRESQL is not None
        self.folder, self.port = folder, 20_000 + os.getpid() % 20_000
        self.url = f"postgresql://searcher@127.0.0.1:{self.port}/postgres"

    def run(self, program: str, *arguments: str) -> None:
        assert POSTGRESQL is not None
        command = [str(POSTGRESQL.with_name(program)), *arguments]
        # It refuses to run as root.
        user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        subprocess.run([*user, *command], check=True, cwd="/", stdout=subprocess.DEVNULL, timeout=120)

    def make(self) -> None:
        self.run("initdb", "-D", str(self.folder / "data"), "-U", "searcher", "-A", "trust", "--no-sync")

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        log = str(self.folder / "log")
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-o", options, "-l", log, "-w", "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop")

    def trials(self) -> list[FrozenTrial]:
        url = self.url.replace("postgresql:", "postgresql+psycopg:")
        return optuna.load_study(study_name="small", storage=RDBStorage(url)).get_trials(deepcopy=False)


@pytest.fixture
def server() -> Iterator[Server]:
    if POSTGRESQL is None:
        pytest.skip("PostgreSQL is not installed")
    if os.geteuid() == 0 and shutil.which("runuser") is None:
        pytest.skip("PostgreSQL doesn't run as root, and there is no runuser")
    # pytest's folders are for this user only.
    folder = Path("/tmp") / f"spinec-postgresql-{os.getpid()}"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    found = Server(folder)
    try:
        found.make()
        found.start()
        yield found
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            found.stop()
        shutil.rmtree(folder, ignore_errors=True)


def test_two_workers_on_postgresql_of_which_one_is_killed(server: Server) -> None:
    asked = ("--maximise", "mine:noted", "--storage", server.url, "--trials", "16")
    one, other = started(*asked, "-o", "one", "--seed", "1"), started(*asked, "-o", "other", "--seed", "2")
    wait_for(lambda: len(calls("end")) >= 3 and len({p.rsplit(":", 2)[1] for p in _processes(server)}) == 2)
    wait_for(lambda: _running(server, one.pid))
    killed(one)
    assert "16 networks tried" in output(other)
    check_trials(server.trials(), 16)
    # And it goes on.
    more = ("--maximise", "mine:noted", "--storage", server.url, "--trials", "19", "-o", "one")
    assert "19 networks tried" in output(started(*more))
    check_trials(server.trials(), 19)


def _processes(server: Server) -> set[str]:
    return {trial.user_attrs["process"] for trial in server.trials() if "process" in trial.user_attrs}


def _running(server: Server, pid: int) -> bool:
    """Whether a process is in the middle of a network."""
    running = [trial for trial in server.trials() if trial.state is TrialState.RUNNING]
    return any(f":{pid}:" in trial.user_attrs.get("process", "") for trial in running)


def test_a_database_that_goes_away_and_comes_back(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    news: list[str] = []

    def disturb(number: int, *_: object) -> None:
        if number == 4:
            server.stop()

    def told(text: str) -> None:
        news.append(text)
        if len(news) == 2:
            server.start()

    outcome = searched("macs", trials=9, storage=server.url, events=Events(finished=disturb, news=told))
    assert len(outcome.tried) == 9
    assert all("can't be reached; trying again" in text and "searcher" in text for text in news)

    monkeypatch.setattr(storages, "PATIENCE", 1.0)
    with pytest.raises(DiagnosticError, match="can't be reached") as caught:
        searched(
            "macs",
            trials=30,
            storage=server.url,
            events=Events(finished=lambda n, *_: server.stop() if n == 12 else None),
        )
    assert caught.value.diagnostics[0].code == "SP060"
    server.start()
    assert len(searched("macs", trials=30, storage=server.url).tried) == 30


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "“nonsense” is not the address of a database"),
        (
            "postgresql://u:secret@127.0.0.1:1/none",
            r"“postgresql://u:\*\*\*@127.0.0.1:1/none” can't be",
        ),
        ("nodatabase://host/name", "nodatabase"),
        ("mysql://u@127.0.0.1:1/none", "the driver of mysql is missing"),
    ],
)
def test_storages_that_are_none(url: str, message: str) -> None:
    with pytest.raises(DiagnosticError, match=message) as caught:
        searched("macs", storage=url)
    assert "secret" not in str(caught.value.diagnostics)
