"""Forecasts as nights leave them, and what came of them, by hand."""

from datetime import datetime, timedelta

import numpy as np

from app.db import TenantSession
from app.forecasts.models import BLOCK_BITS, ForecastError, ForecastScore
from app.forecasts.store import insert_forecasts
from app.telemetry.models import ForecastRun

HORIZONS_H = [1, 24, 48, 72, 168]


def run(
    session: TenantSession, origin_at: datetime, fills: dict[int, tuple[float, float]], *, spread_pct: float = 10.0, method: str = "model"
) -> ForecastRun:
    """A line for each container, (percent now, percent a day), with an 80 % interval of so many points to both sides."""
    made = ForecastRun(origin_at=origin_at, method="by hand", model_version="by hand 1", horizons_h=HORIZONS_H)
    session.add(made)
    session.flush()
    ids = np.array(sorted(fills), np.int64)
    now, per_day = (np.array([fills[i][column] for i in ids.tolist()])[:, None] for column in (0, 1))
    middle = now + per_day * np.array(HORIZONS_H)[None] / 24
    tables = {"q10": np.maximum(middle - spread_pct, 0), "q50": middle, "q90": middle + spread_pct}
    insert_forecasts(session, made.id, ids, [method] * len(ids), tables | {"overflow": middle / 1000, "naive": middle + 1})
    return made


def error(session: TenantSession, container_id: int, judged_at: datetime, error_pct: float, **values: float) -> ForecastError:
    """One container's error after a day."""
    made = ForecastError(
        block=container_id >> BLOCK_BITS,
        judged_at=judged_at,
        horizon_h=24,
        container_ids=[container_id],
        error_pct=[error_pct],
        naive_error_pct=[values.get("naive", 2 * error_pct)],
        surprise=[error_pct / 5],
        by_model=[True],
        cusum_high=[values.get("cusum_high", 0.0)],
        cusum_low=[0.0],
    )
    session.add(made)
    session.flush()
    return made


def score(session: TenantSession, judged_at: datetime, mae_pct: float, *, nights: int = 1) -> list[ForecastScore]:
    """Equal scores of so many nights, the last one as said."""
    made = [
        ForecastScore(
            judged_at=judged_at - timedelta(days=back),
            horizon_h=24,
            windows=10,
            mae_pct=mae_pct,
            naive_mae_pct=mae_pct + 1,
            bias_pct=0.0,
            coverage=0.8,
            backtest_mae_pct=4.0,
            drifting=0,
        )
        for back in range(nights)
    ]
    session.add_all(made)
    session.flush()
    return made
