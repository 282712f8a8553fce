"""A study goes on where it was left, and its arms know what they may know."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.planning.twin import study as module
from app.planning.twin.kept import Desk
from app.planning.twin.study import Study, captures, progress_of, run_arm, run_study, silent_sensors
from app.planning.twin.tours import Tours
from tests.app.planning.twin.towns import random_inflow, two_areas


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.setattr(module, "PRICES", (0.3, 3.0))
    town = two_areas()
    return Study(town, random_inflow(town, 90, mean=0.2), 70, 90)


def test_what_is_kept_is_not_replayed_again(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path, study.mark)
    first = run_arm("ours", study, desk=desk)
    monkeypatch.setattr(module, "replay", None)  # would fail
    again = run_arm("ours", study, desk=desk)
    for before, after in zip(first, again, strict=True):
        assert before.policy == after.policy and before.left == after.left
        assert (before.km == after.km).all() and (before.fill_at_collection == after.fill_at_collection).all()


def test_an_arm_that_was_stopped_goes_on_after_the_policies_that_it_has_done(study: Study, tmp_path: Path) -> None:
    desk = Desk(tmp_path, study.mark)
    whole = run_arm("threshold", study, desk=desk)
    desk._file("threshold", 3).unlink()
    desk.begin()
    again = run_arm("threshold", study, desk=desk)
    assert [one.policy for one in again] == [one.policy for one in whole]
    assert (again[3].km == whole[3].km).all()


def test_another_study_finds_nothing_on_the_desk(study: Study, tmp_path: Path) -> None:
    run_arm("daily", study, desk=Desk(tmp_path, study.mark))
    other = replace(study, inflow=study.inflow.changed(study.inflow.added * 1.01))
    assert other.mark != study.mark and replace(study, seed=2).mark != study.mark
    assert Desk(tmp_path, other.mark).find("daily", 0, "every weekday") is None


def test_progress_counts_days(study: Study, tmp_path: Path) -> None:
    desk = Desk(tmp_path, study.mark)
    assert progress_of(study, ["daily", "ours"], desk) == 0.0
    run_arm("daily", study, desk=desk)
    assert progress_of(study, ["daily", "ours"], desk) == pytest.approx(0.5)
    run_arm("ours", study, desk=desk)
    assert progress_of(study, ["daily", "ours"], desk) == pytest.approx(1.0)
    desk.begin()
    assert progress_of(study, ["daily", "ours"], desk) == 0.0


def test_knowing_more_never_costs_more_here(study: Study) -> None:
    """At one price: who is told tomorrow's inflow spends less on kilometres and overflow together."""
    with ThreadPoolExecutor(1) as pool:
        found = run_study(study, ["ours", "informed", "tomorrow"], pool)
    tour = Tours(study.town).of(np.ones(5, np.bool_)).km
    spent = {name: float(arm[1].km.sum() + 3.0 * tour * arm[1].overflowing.sum()) for name, arm in found.items()}
    assert spent["tomorrow"] < spent["ours"]
    assert captures(found) == []


def test_only_the_references_move_with_the_future(study: Study) -> None:
    added = study.inflow.added.copy()
    added[85:] = 1.2
    otherwise = replace(study, inflow=study.inflow.changed(added))
    for name, moves in (("ours", False), ("fixed", False), ("trimmed", False), ("informed", True)):
        before, after = ([one.km[:15].tolist() for one in run_arm(name, which)] for which in (study, otherwise))
        assert (before != after) is moves, name


def test_more_sensors_are_silent_with_a_greater_share() -> None:
    some, more = (silent_sensors(50, share, step=0.2, seed=3).silent for share in (0.1, 0.3))
    assert len(some) == 5 and len(more) == 15 and some < more


def test_tours_are_forgotten_when_too_many_are_known() -> None:
    tours = Tours(two_areas(), most_known_stops=6)
    for i in range(5):
        tours.of(np.arange(5) != i)
    assert len(tours) == 1
