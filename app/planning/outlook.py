"""A city's outlook: the forecast of its containers, by tonight's model or at a glance."""

from datetime import datetime, timedelta

import numpy as np

from app.forecasts.night import Signals as Signals
from app.forecasts.night import forecast
from app.forecasts.night import load_signals as load_signals
from app.forecasts.outlook import HOURS_PER_DAY as HOURS_PER_DAY
from app.forecasts.outlook import WEEK_H as WEEK_H
from app.forecasts.outlook import Outlook as Outlook
from app.forecasts.subjects import Subjects, of_rows
from app.planning.city import City
from app.telemetry.models import ContainerState
from forecasting.baseline import KNOTS_H, ShrunkenRate
from forecasting.features import COLUMN, COLUMNS, SnapshotTable, training_table
from forecasting.level import HOUR_S


def predict_fill(city: City, signals: Signals) -> Outlook:
    """Fill by hour from the history up to the city's origin, by the fresh model, or by one that is learned now."""
    return forecast(subjects_of(city), signals, city.origin_at)


def subjects_of(city: City) -> Subjects:
    """The city's containers as the forecast sees them. Where a route still comes, its lift counts as done: on the safe side by hours."""
    rows = [(own.id, own.waste_class, site.lat, site.lon, own.volume_l, city.density_kg_m3(own)) for own, site, _ in city.containers]
    return of_rows(rows, tz=city.zone, holidays=city.holidays, coming=frozenset(city.coming_at))


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
    rate = ShrunkenRate().fit(training_table({}, [_second(city.origin_at)], subjects_of(city).context, KNOTS_H, _second(city.origin_at)))
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


def _second(at: datetime) -> int:
    return int(at.timestamp())


def _hours(since: datetime, until: datetime) -> float:
    return (until - since).total_seconds() / HOUR_S
