"""The figures of a period: what each is, how it went week by week, and what areas need."""

from datetime import UTC, datetime, timedelta

from flask import Blueprint, request

from app.assets.service_days import local_date
from app.errors import FieldProblem, NotFound, Rejected
from app.reporting.figures import KPIS
from app.reporting.queries import By, Figure, Slice, area_trends, kpis, skips_by_reason
from app.tenancy.api import requires, session
from app.tenancy.models import Scope
from app.tenancy.queries import get_tenant
from app.web.chart import Chart, Line, draw
from app.web.pages import read_date, render_page

blueprint = Blueprint("dashboard", __name__)

USUAL_PERIOD = timedelta(days=27)
FIRST_SHOWN = "volume_per_km"


@blueprint.get("/kpis")
@requires(Scope.KPIS_READ)
def figures() -> str:
    of, before = _periods()
    name = request.args.get("figure", FIRST_SHOWN)
    if name not in KPIS:
        raise NotFound(f"There is no figure '{name[:60]}'.")
    past = {figure.name: figure.value for figure in kpis(session(), before)}
    (charted,) = kpis(session(), of, by=By.DAY, names=[name])
    return render_page(
        "dashboard/kpis.html",
        of=of,
        before=before,
        figures=kpis(session(), of),
        past=past,
        charted=charted,
        chart=_chart(charted),
        skips=skips_by_reason(session(), of),
        trends=area_trends(session(), of),
    )


def _chart(figure: Figure) -> Chart | None:
    return draw([Line(figure.label, "line", [(group.key, group.value) for group in figure.groups])], unit=figure.unit)


def _periods() -> tuple[Slice, Slice]:
    """The period that was asked for (by default four weeks up to today), and the one before it of the same length."""
    wanted_last, wanted_first = request.args.get("to"), request.args.get("from")
    last = read_date(wanted_last) if wanted_last else local_date(get_tenant(session()), datetime.now(UTC))
    first = read_date(wanted_first) if wanted_first else last - USUAL_PERIOD
    if first > last:
        raise Rejected("The period begins after its end.", fields=(FieldProblem("from", "lies after its end", "Choose an earlier day."),))
    length = last - first + timedelta(days=1)
    return Slice(first, last), Slice(first - length, last - length)
