"""Levels as sensors report them become what residents threw in."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from app.planning.twin.inflow import FEW, DailyInflow, inflow_of
from forecasting.features import Context
from forecasting.fill_files import LEVELS, FillFolder

BEGIN = datetime(2026, 1, 5, 12, tzinfo=UTC)


def folder_of(*levels: list[float | None]) -> FillFolder:
    at, raw = {}, {}
    for number, column in enumerate(levels):
        seen = [(day, level) for day, level in enumerate(column) if level is not None]
        at[f"bin {number}"] = np.array([int((BEGIN + timedelta(days=day)).timestamp()) for day, _ in seen], np.int64)
        raw[f"bin {number}"] = np.array([level for _, level in seen])
    return FillFolder("town", LEVELS, at, raw, Context(ZoneInfo("UTC")))


def inflow(*levels: list[float | None], seed: int = 1) -> DailyInflow:
    return inflow_of(folder_of(*levels), seed=seed)


def test_what_a_level_rose_by_is_what_came() -> None:
    found = inflow([0.0, 0.2, 0.2, 0.6])
    assert found.added[1:, 0].tolist() == pytest.approx([0.2, 0.0, 0.4])
    assert not found.imputed[1:].any()


def test_a_rise_over_a_short_gap_is_shared_out_over_its_days() -> None:
    found = inflow([0.0, None, 0.4, 0.4])
    assert found.added[1:3, 0].tolist() == pytest.approx([0.2, 0.2])


def test_on_the_day_of_an_emptying_at_least_what_lies_in_it_came_and_the_rest_is_drawn() -> None:
    found = inflow([0.0, 0.2, 0.6, 0.8, 0.4, 0.6])
    assert found.imputed[:, 0].tolist() == [True, False, False, False, True, False]
    assert found.added[4, 0] == pytest.approx(0.4)  # of the days seen only one added so much


def test_what_a_full_container_refused_is_drawn() -> None:
    found = inflow([0.0, 0.6, 1.0, 1.0])
    assert found.imputed[2:, 0].all()
    assert found.added[2, 0] >= 0.4


def test_days_are_drawn_from_days_before_them_alone() -> None:
    rng = np.random.default_rng(3)
    begins = np.cumsum(rng.choice([0.0, 0.01, 0.02], 30)).tolist()
    gap: list[float | None] = [None] * 10
    quiet = inflow([*begins, *gap, 0.0, 0.01, 0.02])
    busy = inflow([*begins, *gap, 0.0, 0.5, 0.9])
    assert len(begins) > FEW
    assert (quiet.added[:40] == busy.added[:40]).all()


def test_the_same_seed_draws_the_same_days() -> None:
    column: list[float | None] = [0.0, 0.2, 0.6, None, None, None, None, None, 0.2, 0.5]
    assert (inflow(column, seed=4).added == inflow(column, seed=4).added).all()
