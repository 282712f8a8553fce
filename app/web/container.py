"""One container: what it has done, what is expected of it, and why it is or is not on the route."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint

from app.assets.models import Container
from app.assets.queries import StandingContainer, list_standing
from app.db import TenantSession
from app.planning.queries import find_decision, list_decisions_of
from app.telemetry.models import ContainerForecast, ContainerState, ForecastRun, Lift
from app.telemetry.queries import find_forecast_of, lifts, list_measurements
from app.tenancy.api import requires, session
from app.tenancy.models import Scope
from app.tenancy.scope import get_row, rows_of
from app.web.chart import Band, Chart, Line, draw
from app.web.night_view import service_date_to_show
from app.web.pages import render_page

blueprint = Blueprint("container", __name__)

SHOWN = timedelta(days=21)
AHEAD = timedelta(days=4)
MOST_READINGS = 4000
USABLE = 2
LATEST_LIFTS = 20


@blueprint.get("/containers/<int:container_id>")
@requires(Scope.PLANS_READ)
def container(container_id: int) -> str:
    own = get_row(session(), Container, container_id)
    (standing,) = list_standing(session(), [own.id])
    service_date = service_date_to_show(session())
    forecast = find_forecast_of(session(), own.id)
    emptied = list(session().scalars(lifts(session(), container_id=own.id).order_by(Lift.lifted_at.desc()).limit(LATEST_LIFTS)))
    return render_page(
        "dispatcher/container.html",
        standing=standing,
        state=_state(session(), own.id),
        decision=find_decision(session(), own.id, service_date),
        service_date=service_date,
        forecast=forecast,
        expected=[] if forecast is None else _expected(*forecast),
        chart=_chart(session(), standing, forecast, emptied),
        lifts=emptied,
        earlier=list_decisions_of(session(), own.id, limit=10),
    )


def _state(session: TenantSession, container_id: int) -> ContainerState | None:
    return session.scalars(rows_of(session, ContainerState).where(ContainerState.container_id == container_id)).one_or_none()


def _expected(run: ForecastRun, row: ContainerForecast) -> list[dict[str, Any]]:
    """The forecast every twelve hours, as the table beside the chart shows it."""
    columns = zip(run.horizons_h, row.q10_pct, row.q50_pct, row.q90_pct, row.naive_pct, row.overflow_probability, strict=True)
    return [
        {"at": run.origin_at + timedelta(hours=hour), "low": low, "middle": middle, "high": high, "naive": naive, "overflow": overflow}
        for hour, low, middle, high, naive, overflow in columns
        if hour % 12 == 0 and timedelta(hours=hour) <= AHEAD
    ]


def _chart(
    session: TenantSession, standing: StandingContainer, forecast: tuple[ForecastRun, ContainerForecast] | None, emptied: list[Lift]
) -> Chart | None:
    since = datetime.now(UTC) - SHOWN
    readings = list_measurements(session, standing.container.id, since=since, until=None, after=None, limit=MOST_READINGS)
    said = [(reading.observed_at, reading.fill_pct) for reading in readings if reading.fill_pct is not None and reading.quality >= USABLE]
    lines, bands = [Line("measured", "line", said)], []
    if forecast is not None:
        ahead, band = _forecast_lines(*forecast)
        lines, bands = [*lines, *ahead], [band]
    return draw(lines, unit="% full", bands=bands, marks=[(lift.lifted_at, "emptied") for lift in emptied])


def _forecast_lines(run: ForecastRun, row: ContainerForecast) -> tuple[list[Line], Band]:
    hours = [hour for hour in run.horizons_h if timedelta(hours=hour) <= AHEAD]
    at = [run.origin_at + timedelta(hours=hour) for hour in hours]
    middle = Line("forecast", "forecast", list(zip(at, row.q50_pct, strict=False)))
    naive = Line("naive", "naive", list(zip(at, row.naive_pct, strict=False)))
    return [middle, naive], Band("80 % interval", "interval", list(zip(at, row.q10_pct, row.q90_pct, strict=False)))
