"""One container's forecast as people and programs read it: hour by hour, when it will be full, and how its past forecasts have done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from app.db import TenantSession
from app.forecasts.drift import HALF_WIDTH, JUDGED_H, LIMIT
from app.forecasts.models import ForecastError
from app.forecasts.outlook import WEEK_H, by_hour
from app.forecasts.queries import list_errors_of
from app.telemetry.models import ContainerForecast, ForecastRun
from app.telemetry.queries import find_forecast_of
from forecasting.density import QuantileTable, hours_until, overflow_probability

QUANTILES = (0.1, 0.5, 0.9)
LATELY = timedelta(days=28)


@dataclass(frozen=True, slots=True)
class HourTold:
    """One hour ahead; fills in percent."""

    hour: int
    at: datetime
    q10_pct: float
    q50_pct: float
    q90_pct: float
    overflow_probability: float
    naive_pct: float


@dataclass(frozen=True, slots=True)
class Full:
    """When it will be full: in one case of ten before `early`, in one of ten after `late`. None: not within the week."""

    early_at: datetime | None
    middle_at: datetime | None
    late_at: datetime | None


@dataclass(frozen=True, slots=True)
class NightError:
    """What came of one night's forecast of the container; points of full."""

    judged_at: datetime
    horizon_h: int
    error_pct: float
    naive_error_pct: float
    surprise: float
    by_model: bool


@dataclass(frozen=True, slots=True)
class Record:
    """How the last weeks' forecasts of the container have done at one horizon."""

    horizon_h: int
    nights: int
    mae_pct: float
    naive_mae_pct: float
    coverage: float


@dataclass(frozen=True, slots=True)
class Told:
    """A container's newest forecast and its record."""

    container_id: int
    run: ForecastRun
    method: str
    hours: list[HourTold]
    full: Full
    errors: list[NightError]
    records: list[Record]
    drift: str | None
    """In words; None where nothing says that it drifts."""

    @property
    def origin_at(self) -> datetime:
        return self.run.origin_at

    @property
    def model_version(self) -> str:
        return self.run.model_version

    @property
    def backtest(self) -> dict[str, dict[str, float]]:
        """Mean absolute error by estimator and hours ahead, of the whole tenant."""
        found = self.run.evaluation.get("mae_pct", {})
        return found if isinstance(found, dict) else {}

    @property
    def note(self) -> str | None:
        return self.run.evaluation.get("note")


def find_told(session: TenantSession, container_id: int) -> Told | None:
    """The container's newest forecast; None where no night has looked at it."""
    found = find_forecast_of(session, container_id)
    if found is None:
        return None
    run, row = found
    blocks = list_errors_of(session, container_id, run.origin_at - LATELY)
    errors = [error for block in blocks for error in _error_of(block, container_id)]
    return Told(
        container_id=container_id,
        run=run,
        method=row.method,
        hours=hours_of(run, row),
        full=_full(run, row),
        errors=errors,
        records=[record for horizon_h in JUDGED_H for record in _record(errors, horizon_h)],
        drift=_drift(blocks, container_id),
    )


def hours_of(run: ForecastRun, row: ContainerForecast) -> list[HourTold]:
    """Every hour of the week that the run reaches, between its own hours by straight lines."""
    hours = tuple(hour for hour in WEEK_H if run.horizons_h[0] <= hour <= run.horizons_h[-1])
    table = by_hour(_table(run, row), hours)
    low, middle, high = (100 * table.fill[0]).T.tolist()
    chance = overflow_probability(table)[0].tolist()
    naive = np.interp(hours, run.horizons_h, row.naive_pct).tolist()
    told = zip(hours, low, middle, high, chance, naive, strict=True)
    return [HourTold(hour, run.origin_at + timedelta(hours=hour), *values) for hour, *values in told]


def _table(run: ForecastRun, row: ContainerForecast) -> QuantileTable:
    fill = np.array([row.q10_pct, row.q50_pct, row.q90_pct], np.float64).T[None] / 100
    origin = np.array([int(run.origin_at.timestamp())], np.int64)
    return QuantileTable((row.container_id,), origin, tuple(run.horizons_h), QUANTILES, fill, (row.method,))


def _full(run: ForecastRun, row: ContainerForecast) -> Full:
    horizons = tuple(range(run.horizons_h[0], run.horizons_h[-1] + 1))
    hours = hours_until(by_hour(_table(run, row), horizons))[0].tolist()
    return Full(*(run.origin_at + timedelta(hours=hour) if hour <= horizons[-1] else None for hour in hours))


def _error_of(block: ForecastError, container_id: int) -> list[NightError]:
    """One, or none where it was not seen what came."""
    if container_id not in block.container_ids:
        return []
    i = block.container_ids.index(container_id)
    error = block.error_pct[i]
    if error != error:
        return []
    return [NightError(block.judged_at, block.horizon_h, error, block.naive_error_pct[i], block.surprise[i], block.by_model[i])]


def _record(errors: Sequence[NightError], horizon_h: int) -> list[Record]:
    own = [error for error in errors if error.horizon_h == horizon_h]
    if not own:
        return []
    mean, naive = (float(np.mean(np.abs(values))) for values in ([e.error_pct for e in own], [e.naive_error_pct for e in own]))
    covered = float(np.mean([abs(error.surprise) <= HALF_WIDTH for error in own]))
    return [Record(horizon_h, len(own), mean, naive, covered)]


def _drift(blocks: Sequence[ForecastError], container_id: int) -> str | None:
    newest = [block for block in blocks if block.horizon_h == JUDGED_H[0] and container_id in block.container_ids][-1:]
    for block in newest:
        i = block.container_ids.index(container_id)
        if block.cusum_high[i] > LIMIT:
            return "It has been filling up faster than forecast, night after night."
        if block.cusum_low[i] > LIMIT:
            return "It has been filling up more slowly than forecast, night after night."
    return None
