"""Searches share the machine's cores, and whoever dies gives his back."""

import threading
from dataclasses import replace

import pytest

from app.config import Settings
from app.planning import night as night_module
from app.planning.cores import held_cores
from app.planning.night import compute_night
from routing.solve import insert_only
from tests.factories.planning import EVE, THURSDAY


@pytest.fixture
def four(settings: Settings) -> Settings:
    return replace(settings, solver_cores=4)


def test_alone_a_search_has_all_cores_or_as_many_as_it_may(four: Settings):
    with held_cores(four) as cores:
        assert cores == 4
    with held_cores(four, most=3) as cores:
        assert cores == 3


def test_the_next_search_has_what_is_left_and_then_waits(four: Settings):
    begun, found = threading.Event(), []

    def search() -> None:
        begun.set()
        with held_cores(four, most=2) as cores:
            found.append(cores)

    with held_cores(four, most=3) as first, held_cores(four) as second:
        assert (first, second) == (3, 1)
        waiting = threading.Thread(target=search)
        waiting.start()
        assert begun.wait(5)
        assert found == []
        with held_cores(four, wait=False) as hurried:
            assert hurried == 1
    waiting.join(5)
    # It may look while the others are still giving theirs back, one by one.
    assert found in ([1], [2])


def test_a_search_that_fails_gives_its_cores_back(four: Settings):
    with pytest.raises(RuntimeError), held_cores(four):
        raise RuntimeError
    with held_cores(four) as cores:
        assert cores == 4


def test_the_night_searches_on_its_share_and_says_so(monkeypatch, database, session, tenant_id, four, town):
    town.add("A", 3)
    town.fills("A", 95, 12)
    session.commit()
    asked = []

    def solved(problem, *, cores, **_):
        asked.append(cores)
        return insert_only(problem)

    monkeypatch.setattr(night_module, "solve_in_subprocess", solved)
    result = compute_night(database, tenant_id, THURSDAY, settings=replace(four, cores_a_night=3), origin_at=EVE)
    assert asked == [3]
    assert result.summary["cores"] == 3
