"""The audit of towns of which one knows what is to be said; and the page that says it."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path

import pytest

from app.planning.audit import contents
from app.planning.audit.as_json import as_json
from app.planning.audit.finding import Finding, audit
from app.planning.audit.page import html_report
from app.planning.audit.past import read_past, study_of
from app.planning.audit.prices import Prices
from app.planning.audit.verdict import Answer
from tests.app.planning.audit.folders import write_lifts

DAYS = 140
WEEKS = 12


def find(folder: Path, prices: Prices, weeks: int = WEEKS) -> Finding:
    past = read_past(folder, prices, seed=1)
    with ThreadPoolExecutor(1) as executor:
        return audit(past, study_of(past, weeks=weeks, figure="km", seed=1), prices, executor)


@pytest.fixture(scope="module")
def wasteful(tmp_path_factory: pytest.TempPathFactory) -> Finding:
    """Lifted every weekday at a tenth of full."""
    folder = tmp_path_factory.mktemp("wasteful")
    return find(write_lifts(folder, days=DAYS, weekdays=set(range(5)), fill_pct=lambda key, day, since: 10 * since), Prices())


@pytest.fixture(scope="module")
def spare(tmp_path_factory: pytest.TempPathFactory) -> Finding:
    """Lifted every day at 80 %: there is no day to leave out."""
    folder = tmp_path_factory.mktemp("spare")
    return find(write_lifts(folder, days=DAYS, weekdays=set(range(7)), fill_pct=lambda key, day, since: 80), Prices())


def test_where_daily_collection_is_wasteful_the_weekdays_come_first(wasteful: Finding):
    """A tenth a day lets a container wait ten days: a round a week, four of five saved, and sensors for three containers earn nothing."""
    assert wasteful.verdict.answer == Answer.WEEKDAYS_FIRST
    assert wasteful.verdict.sentence.startswith("Change the weekdays first: that costs nothing and saves")
    before, after = wasteful.free.used
    assert after.km <= 0.3 * before.km
    assert after.overflow_share <= wasteful.overflow_share + 1e-9
    assert wasteful.free.money.km.low > 0
    assert not wasteful.sensors.money.pays


def test_where_nothing_can_be_gained_nothing_is_bought(spare: Finding):
    assert spare.verdict.answer == Answer.BUY_NOTHING
    assert spare.verdict.sentence.startswith("Buy nothing")
    before, after = spare.free.used
    assert after.km == pytest.approx(before.km, rel=0.01)  # overflow that is tolerated is worth so much
    assert spare.attainable_pct.value < 1


def test_too_few_weeks_say_so(tmp_path: Path):
    folder = write_lifts(tmp_path, days=63, weekdays={0, 3}, fill_pct=lambda key, day, since: 15 * since)

    finding = find(folder, Prices(), weeks=4)

    assert finding.verdict.answer == Answer.TOO_FEW_WEEKS
    assert as_json(finding, currency="EUR")["steps"]["sensors"]["saved_a_year"]["net"]["low"] is None


def test_who_knows_the_future_is_never_worse_than_the_best_fixed_plan(wasteful: Finding, spare: Finding):
    for finding in (wasteful, spare):
        assert finding.perfect.used[1].km <= finding.free.used[1].km + 1e-9
        assert finding.floor.km <= finding.perfect.used[1].km


def test_the_printed_money_adds_up(wasteful: Finding):
    """Of every column: fuel and overtime are line 1; lines 1 and 3 less sensors are the net. To the rounding of each cell."""
    table = contents.money(wasteful)
    cells = {row[0]: [float(re.match(r"-?[\d,]+", cell)[0].replace(",", "")) for cell in row[1:]] for row in table.rows}

    for number in range(len(table.columns) - 1):
        column = {name: values[number] for name, values in cells.items()}
        at_once, cash = column["1 · avoidable at once"], column["3 · cash"]
        assert at_once == pytest.approx(column["fuel"] + column["overtime"], abs=2)
        assert cash == pytest.approx(column["shifts that disappear"] + column["trucks that disappear"], abs=2)
        assert column["net: 1 + 3 – sensors"] == pytest.approx(at_once + cash + column["less sensors"], abs=2)


class Page(HTMLParser):
    """What a page opens and closes, and what it would fetch."""

    VOID = frozenset({"meta", "line", "rect", "circle", "polyline", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.attributes: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_fetches_nothing(wasteful: Finding):
    text = html_report(wasteful, currency="AUD")
    page = Page()
    page.feed(text)
    page.close()

    assert page.open == []
    assert page.seen.count("svg") == 3
    assert not {"script", "link", "img", "iframe", "image", "use"} & set(page.seen)
    assert not {"src", "href", "xlink:href", "srcset"} & {name for name, _ in page.attributes}
    assert not re.search(r"https?:|//[a-z]|@import|url\(", text)
    assert "nan" not in " ".join(value for _, value in page.attributes)


def test_the_page_says_what_a_controller_asks(wasteful: Finding):
    text = html_report(wasteful, currency="AUD")

    assert "<title>What Kerbside would have saved" in text
    for said in (
        "great circle × 1.3",
        "prefers-color-scheme: dark",
        "@media print",
        "AUD/l",
        "a belief: ask the maker",
        "the tonnes alone",
    ):
        assert said in text
    for sentence in (wasteful.verdict.sentence, *wasteful.past.notes):
        assert sentence.replace("'", "&#x27;") in text


def test_names_cannot_break_the_page(wasteful: Finding):
    table = contents.Table("<b>", ("<i>",), (("<script>",),))

    from app.planning.audit.page import _table

    assert "<script>" not in _table(table)


def test_programs_read_the_same_figures(wasteful: Finding):
    whole = json.loads(json.dumps(as_json(wasteful, currency="EUR"), allow_nan=False))

    assert whole["verdict"]["answer"] == "weekdays_first"
    assert whole["steps"]["better_weekdays"]["saved_a_year"]["net"]["value"] == pytest.approx(wasteful.free.money.net.value)
    assert {one["key"] for one in whole["assumptions"]} == {one.key for one in Prices().assumptions()}
