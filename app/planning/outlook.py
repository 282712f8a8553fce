"""What each container will look like by the hour for the next week, seen from one instant: nothing observed later is used."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.db import TenantSession
from app.planning.city import City
from app.planning.queries import find_artifact
from app.telemetry.models import ContainerState
from app.telemetry.queries import devices, load_history, load_lifts
from app.telemetry.state import sensor_of
from forecasting.artifact import Artifact, freeze, learn, thaw
from forecasting.baseline import KNOTS_H, ShrunkenRate
from forecasting.density import QuantileTable, expected_fill, overflow_probability
from forecasting.errors import ArtifactError
from forecasting.features import COLUMN, COLUMNS, Context, SnapshotTable, nightly_origins, snapshots, training_table
from forecasting.history import History, build_history
from forecasting.level import DEFAULT_SENSOR, HOUR_S, Readings, Sensor

WEEK_H = tuple(range(1, 169))
HISTORY = timedelta(days=120)
"""What a forecast learns from and starts from: one length for both, or a night planned twice would see two pasts."""
FRESH = timedelta(hours=20)
"""A model that learned within this time is used again: a night learns once, however often it is planned."""
HOURS_PER_DAY = 24.0
NOTHING = Readings.of([], [])


@dataclass(frozen=True, eq=False)
class Signals:
    """What sensors and crews have said of each container up to the origin, and the model that is fresh enough to read it."""

    readings: Mapping[int, Readings] = field(default_factory=dict)
    lifts: Mapping[int, NDArray[np.int64]] = field(default_factory=dict)
    """Epoch seconds of emptyings that somebody reported; those that a sensor saw are found again in its readings."""
    sensors: Mapping[int, Sensor] = field(default_factory=dict)
    model: bytes | None = None


def load_signals(session: TenantSession, origin_at: datetime) -> Signals:
    """Read what was observed up to the origin, and the model if one is fresh."""
    kept = find_artifact(session, until=origin_at)
    fresh = kept is not None and origin_at - kept.trained_until <= FRESH
    since = origin_at - HISTORY
    lifts = load_lifts(session, since, reported_only=True)
    return Signals(
        readings=load_history(session, since, until=origin_at + timedelta(microseconds=1)),
        lifts={container_id: at[at <= _second(origin_at)] for container_id, at in lifts.items()},
        sensors={d.container_id: sensor_of(d.kind) for d in session.scalars(devices(session)) if d.container_id is not None},
        model=kept.content if kept is not None and fresh else None,
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class Outlook:
    """The forecast of every container in service. Fills are fractions in `table`, percent from the methods."""

    origin_at: datetime
    table: QuantileTable
    naive: NDArray[np.float64]
    """Median of the shrunken rate at each hour, fraction of full."""
    level: NDArray[np.float64]
    """Now; NaN where nobody knows."""
    method: str
    model_version: str
    trained_until: datetime | None = None
    evaluation: dict[str, Any] = field(default_factory=dict)
    learned: bytes | None = None
    """The model as bytes, if this outlook had to learn one."""

    @cached_property
    def row(self) -> dict[Hashable, int]:
        return {key: row for row, key in enumerate(self.table.keys)}

    @cached_property
    def mean_pct(self) -> NDArray[np.float64]:
        return 100 * expected_fill(self.table)

    @cached_property
    def overflow(self) -> NDArray[np.float64]:
        """Probability that a container has overflowed by each hour; to a millionth, which is more than anybody knows."""
        return overflow_probability(self.table).round(6)

    def fill_now_pct(self, container_id: int) -> float | None:
        level = float(self.level[self.row[container_id]])
        return None if np.isnan(level) else 100 * level

    def expected_fill_pct(self, container_id: int, at: datetime) -> float:
        """Mean of the forecast distribution, provided that nobody empties it before."""
        return self._at(self.mean_pct[self.row[container_id]], at)

    def overflow_probability(self, container_id: int, by: datetime) -> float:
        return self._at(self.overflow[self.row[container_id]], by)

    def overflow_days(self, container_id: int, since: datetime, until: datetime) -> float:
        """Expected days in overflow between two instants: the integral of the probability, hour by hour."""
        hours = max(_hours(since, until), 0.0)
        steps = _hours(self.origin_at, since) + np.linspace(0, hours, max(round(hours), 1) + 1)
        chances = np.interp(steps, self.table.horizons_h, self.overflow[self.row[container_id]])
        return float(np.mean((chances[:-1] + chances[1:]) / 2)) * hours / HOURS_PER_DAY

    def _at(self, by_hour: NDArray[np.float64], at: datetime) -> float:
        return float(np.interp(_hours(self.origin_at, at), self.table.horizons_h, by_hour))


def predict_fill(city: City, signals: Signals) -> Outlook:
    """Fill by hour from the history up to the city's origin, by the fresh model, or by one that is learned now."""
    context = context_of(city)
    ids = [standing.container.id for standing in city.containers]
    histories: dict[Hashable, History] = {container_id: history_of(signals, container_id) for container_id in ids}
    kept = _thawed(signals.model)
    artifact = kept or learn_tonight(histories, city.origin_at, context)
    table = snapshots(histories | _once_driven(city, signals), [_second(city.origin_at)], context)
    model = artifact.model
    return Outlook(
        origin_at=city.origin_at,
        table=model.predict(table, WEEK_H),
        naive=model.baseline_.predict(table, WEEK_H).median,
        level=table["level"],
        method="quantile trees" if model.trees_ else "shrunken rate",
        model_version=f"{type(model).__name__} seed {model.seed}, {model.iterations} iterations",
        trained_until=datetime.fromtimestamp(artifact.trained_until, UTC),
        evaluation=_scores(artifact),
        learned=None if kept else freeze(artifact),
    )


def context_of(city: City) -> Context:
    classes: dict[Hashable, str] = {standing.container.id: str(standing.container.waste_class) for standing in city.containers}
    return Context(city.zone, classes, city.holidays)


def _once_driven(city: City, signals: Signals) -> dict[Hashable, History]:
    """The pasts of containers that a route still comes for, as if it had been there: its hours until then are few, and on the safe side."""
    now = np.array([_second(city.origin_at)], np.int64)
    driven = {container_id: np.append(signals.lifts.get(container_id, now[:0]), now) for container_id in city.coming_at}
    here = (standing.container.id for standing in city.containers)
    return {container_id: history_of(replace(signals, lifts=driven), container_id) for container_id in here if container_id in driven}


def history_of(signals: Signals, container_id: int) -> History:
    """The container's past as the kernel sees it."""
    readings = signals.readings.get(container_id, NOTHING)
    lifts = [int(at) for at in signals.lifts.get(container_id, ())]
    if lifts and (not len(readings) or lifts[-1] // HOUR_S >= int(readings.observed_at[-1]) // HOUR_S):
        # A history ends with the last full hour before its last event: a lift that is the last word counts from its full hour on.
        lifts[-1] -= lifts[-1] % HOUR_S
        readings = readings.until(lifts[-1])
    return build_history(readings, lifts, signals.sensors.get(container_id, DEFAULT_SENSOR))


def learn_tonight(histories: Mapping[Hashable, History], origin_at: datetime, context: Context) -> Artifact:
    """Fit on all evenings that the histories have seen; without any, the model is the prior."""
    until = _second(origin_at)
    begun = [history.start for history in histories.values() if len(history)]
    first = context.local(min(begun, default=until)).date()
    evenings = [at for at in nightly_origins(first, context.local(until).date(), context.tz) if at <= until]
    return learn(training_table(histories, evenings or [until], context, KNOTS_H, until))


def glance(city: City) -> Outlook:
    """The same from the containers' states alone, in milliseconds: level now, and the rate since the last emptying.

    Good enough to load a truck on a fixed round, which goes there whatever the fill; choosing wants `predict_fill`.
    """
    ids = [standing.container.id for standing in city.containers]
    values = np.array([_values(city, container_id) for container_id in ids]).reshape(len(ids), len(COLUMNS))
    table = SnapshotTable(
        keys=tuple(ids),
        origin=np.full(len(ids), _second(city.origin_at), np.int64),
        values=values,
        waste_class=tuple(str(standing.container.waste_class) for standing in city.containers),
        rest_days=np.zeros((len(ids), 7), np.int8),
    )
    rate = ShrunkenRate().fit(training_table({}, [_second(city.origin_at)], context_of(city), KNOTS_H, _second(city.origin_at)))
    forecast = rate.predict(table, KNOTS_H)
    return Outlook(
        origin_at=city.origin_at,
        table=forecast,
        naive=forecast.median,
        level=table["level"],
        method="rate since the last emptying",
        model_version="states",
    )


def _values(city: City, container_id: int) -> list[float]:
    """The snapshot's columns that a container's state and last lift can fill."""
    known = dict.fromkeys(COLUMN, np.nan)
    state, lifted_at = city.states.get(container_id), city.last_lifted_at.get(container_id)
    if lifted_at is not None:
        since_h = _hours(lifted_at, city.origin_at)
        known |= {"level": 0.0, "spread": 0.05, "age_h": since_h, "emptied_h": since_h}
    if state is not None and _has_level(state, city.origin_at, lifted_at):
        assert state.fill_pct is not None and state.observed_at is not None
        known |= {"level": state.fill_pct / 100, "age_h": _hours(state.observed_at, city.origin_at)}
        known["spread"] = (state.fill_spread_pct or 5.0) / 100
        if lifted_at is not None and state.observed_at - lifted_at >= timedelta(hours=6):
            filled_d = _hours(lifted_at, state.observed_at) / HOURS_PER_DAY
            known |= {"rate_all": max(state.fill_pct / 100, 0.0) / filled_d, "history_d": filled_d}
    return list(known.values())


def _has_level(state: ContainerState, origin_at: datetime, lifted_at: datetime | None) -> bool:
    """A level that is neither from the future nor from before the last emptying."""
    if state.fill_pct is None or state.observed_at is None or state.observed_at > origin_at:
        return False
    return lifted_at is None or state.observed_at >= lifted_at


def _thawed(frozen: bytes | None) -> Artifact | None:
    """The model; None where there is none, or another version froze it: then this night learns anew."""
    try:
        return thaw(frozen) if frozen is not None else None
    except ArtifactError:
        return None


def _scores(artifact: Artifact) -> dict[str, Any]:
    """The backtest in a form that rows keep: the mean absolute error in percent of full, by estimator and horizon."""
    scores = artifact.evaluation.scores.items()
    errors = {name: {str(one.horizon_h): round(100 * one.mae, 2) for one in found if one.windows} for name, found in scores}
    return {"mae_pct": errors, "fall_back": len(artifact.evaluation.fall_back)}


def _second(at: datetime) -> int:
    return int(at.timestamp())


def _hours(since: datetime, until: datetime) -> float:
    return (until - since).total_seconds() / HOUR_S
