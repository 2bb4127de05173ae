"""What a search leaves behind: files that can be read, and say what was found."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from search_support import front, request_of, results, searched

from spinedsl.diagnostics import DiagnosticError
from spinedsl.search.objectives import Objective
from spinedsl.search.picture import Axis, number_text, picture
from spinedsl.search.trials import Tried, best_of
from spinedsl.spaces.membership import encoding_of
from spinedsl.specification import open_spec

pytestmark = pytest.mark.usefixtures("folder")
SMALL, LARGE = Objective("macs", "minimise", "cost"), Objective("mine:gain", "maximise", "own")
SVG = "{http://www.w3.org/2000/svg}"


def tried(*values: tuple[float, ...]) -> list[Tried]:
    return [Tried(number, (number,), value, "" if value else "no", {}) for number, value in enumerate(values)]


def test_the_front_by_its_definition() -> None:
    values = [(float(a * 7 % 10), float(a * 3 % 8)) for a in range(30)]
    best = best_of(tried(*values, ()), (SMALL, LARGE))
    assert {(x, -y) for x, y in (each.values for each in best)} == front([(x, -y) for x, y in values])
    # Equal ones only once: the older.
    assert len({each.values for each in best}) == len(best)
    assert [each.number for each in best_of(tried((2.0,), (1.0,), (1.0,)), (SMALL,))] == [1]
    assert [each.number for each in best_of(tried((2.0,), (1.0,), (3.0,)), (LARGE,))] == [2]
    assert best_of(tried((), ()), (SMALL,)) == []


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_pictures_of_any_number_of_objectives(count: int) -> None:
    objectives = tuple(Objective(f"m:f{i}", "maximise" if i % 2 else "minimise", "own") for i in range(count))
    done = tried(*(tuple(float((k * (i + 3)) % 11) for i in range(count)) for k in range(25)))
    root = ElementTree.fromstring(picture(done, objectives, "a < b & c", "banner"))
    assert root.findtext(f"{SVG}title") == "a < b & c"
    panels = root.findall(f"{SVG}g")
    assert len(panels) == max(1, count * (count - 1) // 2)
    for panel in panels:
        dots = panel.findall(f"{SVG}circle")
        assert sum(dot.get("class") == "tried" for dot in dots) == 25
        assert sum(dot.get("class") == "best" for dot in dots) == len(best_of(done, objectives))
        assert all(0 < float(dot.get("cx", 0)) < 520 and 0 < float(dot.get("cy", 0)) < 380 for dot in dots)
    picture([], objectives, "nothing", "banner")
    picture(tried(tuple([5.0] * count)), objectives, "one", "banner")


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-3.0, 1e12), (0.1234, 0.1236), (99.0, 101.0)])
def test_ticks_are_round_and_within(low: float, high: float) -> None:
    ticks = list(Axis("x", low, high).ticks())
    assert 2 <= len(ticks) <= 6
    assert all(low <= tick <= high for tick in ticks)
    assert all(re.fullmatch(r"-?[\d.]+[TGM]?|-?\d{1,3}(,\d{3})*", number_text(tick)) for tick in ticks)


def test_the_winners_are_files_that_say_where_they_come_from() -> None:
    outcome = searched("params", "macs", trials=40, require=("depth <= 8",))
    document = results()
    assert {each["trial"] for each in document["best"]} == {each.number for each in outcome.best}
    assert len(list(Path("found/best").iterdir())) == len(outcome.best)
    for each, entry in zip(outcome.best, document["best"], strict=True):
        path = Path("found") / entry["file"]
        network = open_spec(path).network
        assert encoding_of(network, outcome.space) == each.encoding
        assert outcome.space.network(each.encoding, network.name).blocks == network.blocks
        top = path.read_text().split("\n\n")[0]
        assert f"trial {each.number}." in top and "Required: depth <= 8." in top
        assert f"minimise params, {each.values[0]:.6g}" in top
    assert document["question"]["objectives"] == ["minimise params", "minimise macs"]
    assert [trial["trial"] for trial in document["trials"]] == list(range(40))


def test_beaten_winners_go_and_somebodys_files_stay() -> None:
    first = searched("macs", trials=1)
    old = next(Path("found/best").iterdir())
    (Path("found/best") / "notes.spine").write_text("# mine\n")
    better = searched("macs", trials=60)
    assert better.best[0].values < first.best[0].values
    names = {path.name for path in Path("found/best").iterdir()}
    assert old.name not in names and "notes.spine" in names and len(names) == 2


def test_the_page_shows_everything_and_runs_nothing() -> None:
    Path("mine.py").write_text("def f(path):\n    raise ValueError('<script>alert(1)</script>')\n")
    searched("mine:f", trials=3)
    page = Path("found/report.html").read_text()
    assert "<script" not in page and "&lt;script&gt;" in page
    assert "3 networks were tried, 3 of them failed." in page
    searched("macs", trials=5, folder="other")
    page = Path("other/report.html").read_text()
    assert page.count("<tr") == 2 + 1 + 5
    assert re.search(r'<a href="best/small_\d+\.spine">', page)
    assert not re.search(r"(src|href)=.https?:", page)


def test_files_of_others_are_not_replaced() -> None:
    Path("found").mkdir()
    Path("found/report.html").write_text("mine")
    with pytest.raises(DiagnosticError, match=r"report.html. exists"):
        searched("macs", trials=3)
    assert Path("found/report.html").read_text() == "mine"
    searched("macs", trials=3, force=True)
    assert "mine" not in Path("found/report.html").read_text()


def test_a_folder_that_can_t_be_made() -> None:
    Path("file").write_text("")
    with pytest.raises(DiagnosticError) as caught:
        searched("macs", folder="file/under")
    assert caught.value.diagnostics[0].code == "SP050"
    assert request_of("macs").where == "found/journal.log"
