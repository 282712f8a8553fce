"""What nights keep to forecast from and to be judged by: surveys of levels, errors, scores, and evidence of inflow.

Surveys and errors hold a block of containers a row, as arrays side by side: a night writes a hundred rows for a hundred thousand
containers instead of as many, and one container's series is still a short read.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import REAL, BigInteger, Boolean, CheckConstraint, Index, SmallInteger, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Id, TenantOwned, enum_type, same_tenant

BLOCK_BITS = 10
"""A block holds the containers whose numbers are equal but for their last ten bits."""


def block_of(container_id: int) -> int:
    return container_id >> BLOCK_BITS


class EvidenceSource(StrEnum):
    """What made somebody believe that something was thrown in."""

    DEPOSIT = "deposit"
    OPENING = "opening"


class FillSurvey(TenantOwned):
    """Levels of a block of containers at the instant of a night's forecast: what later nights take rates from."""

    __tablename__ = "fill_survey"

    block: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    surveyed_at: Mapped[datetime] = mapped_column(primary_key=True)
    container_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    level_pct: Mapped[list[float]] = mapped_column(ARRAY(REAL))
    """The filtered level; NaN where nobody knew it, or a truck was on its way to change it."""
    spread_pct: Mapped[list[float]] = mapped_column(ARRAY(REAL))


class ForecastError(TenantOwned):
    """What came of a block's forecasts after about so many hours, container by container; NaN where it was not seen."""

    __tablename__ = "forecast_error"
    __table_args__ = (Index("ix_forecast_error_judged", "tenant_id", "judged_at"),)

    block: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    judged_at: Mapped[datetime] = mapped_column(primary_key=True)
    horizon_h: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    container_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    error_pct: Mapped[list[float]] = mapped_column(ARRAY(REAL))
    """The fill that came, less the median; points of full."""
    naive_error_pct: Mapped[list[float]] = mapped_column(ARRAY(REAL))
    surprise: Mapped[list[float]] = mapped_column(ARRAY(REAL))
    """The error in standard deviations that the forecast itself had claimed."""
    by_model: Mapped[list[bool]] = mapped_column(ARRAY(Boolean))
    """False where the baseline had forecast."""
    cusum_high: Mapped[list[float]] = mapped_column(ARRAY(REAL))
    """Sum of surprises above the allowance, night by night; it fills up faster than forecast."""
    cusum_low: Mapped[list[float]] = mapped_column(ARRAY(REAL))


class ForecastScore(TenantOwned):
    """A night's errors of all containers of a tenant, and whether they say that the model drifts."""

    __tablename__ = "forecast_score"
    __table_args__ = (
        CheckConstraint("windows > 0", name="windows_positive"),
        CheckConstraint("coverage between 0 and 1", name="coverage_is_share"),
    )

    judged_at: Mapped[datetime] = mapped_column(primary_key=True)
    horizon_h: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    windows: Mapped[int]
    """Containers of which it was seen what came."""
    mae_pct: Mapped[float] = mapped_column(REAL)
    naive_mae_pct: Mapped[float] = mapped_column(REAL)
    bias_pct: Mapped[float] = mapped_column(REAL)
    coverage: Mapped[float] = mapped_column(REAL)
    """Share of fills that lay within the 80 % interval."""
    backtest_mae_pct: Mapped[float | None] = mapped_column(REAL)
    """What the model had scored before it was trusted."""
    drifting: Mapped[int]
    """Containers whose sum of surprises is beyond its limit."""
    alarm: Mapped[str | None] = mapped_column(Text)


class InflowEvidence(TenantOwned):
    """Litres that were probably thrown into a container within an hour, by somebody who was not its sensor."""

    __tablename__ = "inflow_evidence"
    __table_args__ = (
        same_tenant("container_id", "container", ondelete="CASCADE"),
        Index("ix_inflow_evidence_hour", "tenant_id", "hour_at"),
        CheckConstraint("expected_l >= 0 and spread_l >= 0", name="litres_not_negative"),
    )

    container_id: Mapped[Id] = mapped_column(primary_key=True)
    hour_at: Mapped[datetime] = mapped_column(primary_key=True)
    source: Mapped[EvidenceSource] = mapped_column(enum_type(EvidenceSource), primary_key=True)
    expected_l: Mapped[float] = mapped_column(REAL)
    """All litres of the hour that this source believes in, not only those that it saw itself."""
    spread_l: Mapped[float] = mapped_column(REAL)
    """Their standard deviation."""
