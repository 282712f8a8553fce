"""A night's learning in bounded time, and what is used where it fails: the last good model, else what holds of any town."""

import logging
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from app.forecasts.crowd import without_unsurveyed
from forecasting.artifact import Artifact, freeze, learn, thaw
from forecasting.baseline import KNOTS_H
from forecasting.errors import ArtifactError
from forecasting.features import Context, TrainingTable, nightly_origins, training_table
from forecasting.history import History
from forecasting.model import FillModel

_log = logging.getLogger(__name__)

TRAINING_ROWS = 150_000
"""Evenings of containers that a night learns from; of more, as many are drawn."""
SEED = 1
"""Of all that a night draws by lot: the panel, and the training rows."""


@dataclass(frozen=True, eq=False)
class Learned:
    """The model to forecast with; its bytes if this night has made it; and what a reader has to know of it."""

    artifact: Artifact
    frozen: bytes | None = None
    note: str | None = None


def learn_or_keep(
    histories: Mapping[Hashable, History],
    origin_at: datetime,
    context: Context,
    *,
    fresh: bytes | None,
    last: bytes | None,
    surveyed: bool = False,
) -> Learned:
    """The fresh model if there is one that can be read, else one that is learned now, else the last good one.

    `surveyed` says that tonight's snapshots come without a replay: then the model learns from what those show, and no more.
    """
    kept = _thawed(fresh)
    if kept is not None:
        return Learned(kept)
    try:
        artifact = learn(training_rows(histories, origin_at, context, surveyed=surveyed))
        return Learned(artifact, freeze(artifact))
    except Exception as error:  # whatever it was: a night without a new model is a night all the same
        _log.exception("learning failed, the last good model goes on")
        return _last_good(last, origin_at, context, f"{type(error).__name__}: {error}")


def _last_good(last: bytes | None, origin_at: datetime, context: Context, why: str) -> Learned:
    kept = _thawed(last)
    if kept is not None:
        learned_at = datetime.fromtimestamp(kept.trained_until, UTC)
        return Learned(kept, None, f"Learning failed ({why}); the model that had learned until {learned_at:%d %B %Y, %H:%M} UTC goes on.")
    # no container, no past: what remains is the prior of the kernel
    prior = learn(training_rows({}, origin_at, context))
    return Learned(prior, None, f"Learning failed ({why}) and there is no earlier model: rates are guessed from what holds of any town.")


def training_rows(
    histories: Mapping[Hashable, History], origin_at: datetime, context: Context, *, surveyed: bool = False, most: int = TRAINING_ROWS
) -> TrainingTable:
    """All evenings that the histories have seen, or as many as a night has time for."""
    until = int(origin_at.timestamp())
    begun = [history.start for history in histories.values() if len(history)]
    first = context.local(min(begun, default=until)).date()
    evenings = [at for at in nightly_origins(first, context.local(until).date(), context.tz) if at <= until]
    table = training_table(histories, evenings or [until], context, KNOTS_H, until)
    if len(table) > most:
        table = table.take(np.sort(np.random.default_rng(SEED).choice(len(table), most, replace=False)))
    if not surveyed:
        return table
    return replace(table, snapshots=replace(table.snapshots, values=without_unsurveyed(table.snapshots.values)))


def _thawed(frozen: bytes | None) -> Artifact | None:
    """The model; None where there is none, or another version froze it: then this night learns anew."""
    try:
        return thaw(frozen) if frozen is not None else None
    except ArtifactError:
        return None


def scores_of(artifact: Artifact) -> dict[str, Any]:
    """The backtest in a form that rows keep: the mean absolute error in percent of full, by estimator and horizon."""
    scores = artifact.evaluation.scores.items()
    errors = {name: {str(one.horizon_h): round(100 * one.mae, 2) for one in found if one.windows} for name, found in scores}
    coverage = {name: {str(one.horizon_h): round(one.coverage, 3) for one in found if one.windows} for name, found in scores}
    return {"mae_pct": errors, "coverage": coverage, "fall_back": len(artifact.evaluation.fall_back)}


def version_of(model: FillModel) -> str:
    return f"{type(model).__name__} seed {model.seed}, {model.iterations} iterations"
