"""One small city of simulated containers, learned once for all tests of this package."""

from zoneinfo import ZoneInfo

import pytest

from forecasting.artifact import Artifact, learn
from forecasting.baseline import KNOTS_H
from forecasting.features import Context, SnapshotTable, TrainingTable, snapshots, training_table
from forecasting.history import History, build_histories
from tests.forecasting.worlds import HOUR_S, START, World, simulate

DAYS, CONTAINERS = 56, 40
UNTIL = START + 24 * DAYS * HOUR_S
ORIGINS = [START + (24 * day + 18) * HOUR_S for day in range(DAYS)]


@pytest.fixture(scope="session")
def worlds() -> dict[str, World]:
    """Rates from 0.04 to 0.2 a day."""
    return {f"c{i}": simulate(DAYS, per_day=0.04 + 0.16 * (i % 8) / 7, seed=i) for i in range(CONTAINERS)}


@pytest.fixture(scope="session")
def histories(worlds) -> dict[str, History]:
    """Hourly, four-a-day and daily sensors in turn; c0 has not reported yet."""
    readings = {key: world.readings((1, 6, 24)[i % 3], seed=i) for i, (key, world) in enumerate(worlds.items())}
    readings["c0"] = readings["c0"].until(0)
    return build_histories(readings, {key: world.lifts for key, world in worlds.items() if key != "c0"})


@pytest.fixture(scope="session")
def context(worlds) -> Context:
    return Context(ZoneInfo("Europe/Berlin"), {key: "paper" if i % 2 else "glass" for i, key in enumerate(worlds)})


@pytest.fixture(scope="session")
def training(histories, context) -> TrainingTable:
    return training_table(histories, ORIGINS, context, KNOTS_H, UNTIL)


@pytest.fixture(scope="session")
def artifact(training) -> Artifact:
    return learn(training)


@pytest.fixture(scope="session")
def tonight(histories, context) -> SnapshotTable:
    return snapshots(histories, [UNTIL], context)
