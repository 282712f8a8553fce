"""The levels of all containers at an instant, written down a block a row: what rates are taken from where nobody replays readings."""

from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from app.db import TenantSession
from app.forecasts import queries
from app.forecasts.models import BLOCK_BITS, FillSurvey
from forecasting.level import GOOD

FloatColumn = NDArray[np.float64]

SURVEY_EVERY = timedelta(hours=18)
"""A day that is planned again in the morning is surveyed in the evening only."""
STALE = timedelta(hours=36)
"""A reading older than this says nothing of the level at an instant."""
GAPS_FILLED, GAP_DAYS = 7, 28
"""Of so many past evenings, those that nobody surveyed are made up from readings, so many a night."""


def is_surveyed(session: TenantSession, at: datetime) -> bool:
    """Whether the levels of about that time are known already."""
    return bool(queries.list_survey_instants(session, at - SURVEY_EVERY, at + timedelta(microseconds=1)))


def write_survey(session: TenantSession, surveyed_at: datetime, ids: NDArray[np.int64], level: FloatColumn, spread: FloatColumn) -> None:
    """Levels (fractions of full) of containers in order of their numbers, a row a block."""
    for part in blocks(ids):
        session.add(
            FillSurvey(
                block=int(ids[part.start]) >> BLOCK_BITS,
                surveyed_at=surveyed_at,
                container_ids=ids[part].tolist(),
                level_pct=rounded(100 * level[part]),
                spread_pct=rounded(100 * spread[part]),
            )
        )
    session.flush()


def fill_gaps(session: TenantSession, origin_at: datetime, ids: NDArray[np.int64]) -> None:
    """Survey past evenings by the readings before them, the latest first: after an import, or after nights that never were.

    A single reading stands for the filter's level: it has a sensor's noise, which rates over days even out.
    """
    filled = 0
    for back in range(1, GAP_DAYS + 1):
        at = origin_at - timedelta(days=back)
        if queries.list_survey_instants(session, at - SURVEY_EVERY / 2, at + SURVEY_EVERY / 2):
            continue
        rows = queries.load_last_fills(session, at - STALE, at, least_quality=GOOD - 1)
        if filled == GAPS_FILLED or not len(rows):
            return
        place, known = queries.places(rows["container_id"].astype(np.int64), ids)
        level, spread = (np.where(known, rows[name][place] / 100, np.nan) for name in ("level_pct", "spread_pct"))
        write_survey(session, at, ids, level, spread)
        filled += 1


def blocks(ids: NDArray[np.int64]) -> list[slice]:
    """Where one block ends and the next one begins, in sorted numbers."""
    edges = np.flatnonzero(np.diff(ids >> BLOCK_BITS)) + 1
    begins = [0, *edges.tolist()] if len(ids) else []
    return [slice(begin, end) for begin, end in zip(begins, [*edges.tolist(), len(ids)], strict=False)]


def rounded(values: FloatColumn) -> list[float]:
    """As many digits as anybody measures."""
    return [float(value) for value in np.round(values, 3)]
