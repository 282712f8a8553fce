"""The verbs of forecasts: keep tonight's with the model behind it, take evidence of inflow in, and forget what nobody asks for any more."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from app.db import TenantSession
from app.forecasts.drift import judge_night
from app.forecasts.models import EvidenceSource, FillSurvey, ForecastError, ForecastScore, InflowEvidence
from app.forecasts.outlook import Outlook
from app.forecasts.store import delete_artifacts, delete_forecasts, delete_rows, insert_forecasts, replace_evidence
from app.telemetry.models import ForecastRun, ModelArtifact
from app.tenancy.scope import visible_tenant_id
from forecasting.density import overflow_probability

_log = logging.getLogger(__name__)

FORECASTS_KEPT, SURVEYS_KEPT, ERRORS_KEPT = timedelta(days=15), timedelta(days=130), timedelta(days=400)
ARTIFACTS_KEPT = timedelta(days=30)


def store_forecast(session: TenantSession, outlook: Outlook) -> ForecastRun | None:
    """The forecast, the model if this night learned one, and what came of the last nights' forecasts; None if nothing was forecast."""
    if outlook.trained_until is None:
        return None
    known = {"method": outlook.method, "evaluation": outlook.evaluation}
    if outlook.learned is not None:
        session.add(ModelArtifact(version=outlook.model_version, trained_until=outlook.trained_until, content=outlook.learned, **known))
    run = ForecastRun(origin_at=outlook.origin_at, model_version=outlook.model_version, horizons_h=list(outlook.table.horizons_h), **known)
    session.add(run)
    session.flush()
    insert_forecasts(session, run.id, np.array(outlook.table.keys, np.int64), outlook.table.method, _columns(outlook))
    realised = judge_night(session, outlook)
    if realised:
        run.evaluation = outlook.evaluation | {"realised": realised}
    session.flush()
    _tell(visible_tenant_id(session), outlook.note, realised)
    return run


def _tell(tenant_id: int | None, note: str | None, realised: dict[str, Any]) -> None:
    """Into the night's log, what somebody should look at."""
    for words in (note, *(score["alarm"] for score in realised.values())):
        if words is not None:
            _log.warning("forecast of tenant %s: %s", tenant_id, words)


def _columns(outlook: Outlook) -> dict[str, Any]:
    table = outlook.table
    low, middle, high = (np.asarray(100 * table.fill[:, :, column], np.float32) for column in range(3))
    return {
        "q10": low,
        "q50": middle,
        "q90": high,
        "overflow": overflow_probability(table).astype(np.float32),
        "naive": np.asarray(100 * outlook.naive, np.float32),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a deposit system or an access log believes of one container's hour."""

    container_id: int
    hour_at: datetime
    source: EvidenceSource
    expected_l: float
    spread_l: float


def record_evidence(session: TenantSession, evidence: Sequence[Evidence]) -> None:
    """Take hours of inflow in; what the same source had said of the same hour is replaced, so a repeat changes nothing."""
    if not evidence:
        return
    newest = {(one.container_id, one.hour_at, one.source): one for one in evidence}
    rows = [{name: getattr(one, name) for name in Evidence.__slots__} for one in newest.values()]
    replace_evidence(session, rows)


def forget_old_forecasts(session: TenantSession, now: datetime) -> None:
    """Containers' forecasts that have been judged, surveys that no rate reaches back to, and models that nobody would go back to."""
    delete_forecasts(session, made_before=now - FORECASTS_KEPT)
    delete_artifacts(session, trained_before=now - ARTIFACTS_KEPT)
    delete_rows(session, FillSurvey, FillSurvey.surveyed_at, before=now - SURVEYS_KEPT)
    delete_rows(session, ForecastError, ForecastError.judged_at, before=now - ERRORS_KEPT)
    delete_rows(session, ForecastScore, ForecastScore.judged_at, before=now - ERRORS_KEPT)
    delete_rows(session, InflowEvidence, InflowEvidence.hour_at, before=now - SURVEYS_KEPT)
