"""One container: what it has done, what is expected of it, how well that is known, and why it is or is not on the route."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint

from app.assets.models import Container
from app.assets.queries import list_standing
from app.db import TenantSession
from app.forecasts.told import HourTold, Told, find_told
from app.planning.queries import find_decision, list_decisions_of
from app.telemetry.models import ContainerState, Lift, Measurement
from app.telemetry.queries import lifts, list_measurements
from app.tenancy.api import requires, session
from app.tenancy.models import Scope
from app.tenancy.queries import get_tenant
from app.tenancy.scope import get_row, rows_of
from app.web.chart import Band, Chart, Line, draw
from app.web.forecast_words import how_forecast, how_good, when_full, why_quality
from app.web.night_view import service_date_to_show
from app.web.pages import render_page

blueprint = Blueprint("container", __name__)

SHOWN = timedelta(days=21)
AHEAD = timedelta(days=7)
TABLE_STEP_H = 12
MOST_READINGS = 4000
USABLE = 2
LATEST_LIFTS = 20
JUDGED_H = 24


@blueprint.get("/containers/<int:container_id>")
@requires(Scope.PLANS_READ)
def container(container_id: int) -> str:
    own = get_row(session(), Container, container_id)
    (standing,) = list_standing(session(), [own.id])
    service_date = service_date_to_show(session())
    told, state = find_told(session(), own.id), _state(session(), own.id)
    readings = _readings(session(), own.id)
    emptied = list(session().scalars(lifts(session(), container_id=own.id).order_by(Lift.lifted_at.desc()).limit(LATEST_LIFTS)))
    return render_page(
        "dispatcher/container.html",
        standing=standing,
        state=state,
        decision=find_decision(session(), own.id, service_date),
        service_date=service_date,
        told=told,
        how=None if told is None else how_forecast(told, state),
        good=None if told is None else how_good(told),
        full=None if told is None else when_full(told, get_tenant(session()).timezone),
        quality=why_quality(state, readings),
        expected=[] if told is None else _every_half_day(told),
        chart=_fill_chart(readings, told, emptied),
        error_chart=None if told is None else _error_chart(told),
        lifts=emptied,
        earlier=list_decisions_of(session(), own.id, limit=10),
    )


def _state(session: TenantSession, container_id: int) -> ContainerState | None:
    return session.scalars(rows_of(session, ContainerState).where(ContainerState.container_id == container_id)).one_or_none()


def _readings(session: TenantSession, container_id: int) -> list[Measurement]:
    since = datetime.now(UTC) - SHOWN
    return list_measurements(session, container_id, since=since, until=None, after=None, limit=MOST_READINGS)


def _every_half_day(told: Told) -> list[HourTold]:
    """The forecast as the table beside the chart shows it."""
    return [hour for hour in told.hours if hour.hour % TABLE_STEP_H == 0 and timedelta(hours=hour.hour) <= AHEAD]


def _fill_chart(readings: list[Measurement], told: Told | None, emptied: list[Lift]) -> Chart | None:
    said = [(reading.observed_at, reading.fill_pct) for reading in readings if reading.fill_pct is not None and reading.quality >= USABLE]
    lines, bands = [Line("measured", "line", said)], []
    if told is not None:
        hours = [hour for hour in told.hours if timedelta(hours=hour.hour) <= AHEAD]
        lines.append(Line("forecast", "forecast", [(hour.at, hour.q50_pct) for hour in hours]))
        lines.append(Line("naive", "naive", [(hour.at, hour.naive_pct) for hour in hours]))
        bands.append(Band("80 % interval", "interval", [(hour.at, hour.q10_pct, hour.q90_pct) for hour in hours]))
    return draw(lines, unit="% full", bands=bands, marks=[(lift.lifted_at, "emptied") for lift in emptied])


def _error_chart(told: Told) -> Chart | None:
    """How far the forecasts of a day ahead were off, night by night, beside the naive ones."""
    judged = [error for error in told.errors if error.horizon_h == JUDGED_H]
    lines: list[Any] = [
        Line("forecast", "forecast", [(error.judged_at, abs(error.error_pct)) for error in judged]),
        Line("naive", "naive", [(error.judged_at, abs(error.naive_error_pct)) for error in judged]),
    ]
    return draw(lines, unit="points off after a day") if len(judged) > 1 else None
