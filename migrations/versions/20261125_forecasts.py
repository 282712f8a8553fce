"""Surveys of levels, errors and scores of past forecasts, and evidence of inflow."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from migrations.security import protect

revision = "20261125_forecasts"
down_revision = "20261124_routing_policy"
branch_labels = None
depends_on = None

CURRENT_TENANT = "(NULLIF(current_setting('app.tenant'::text, true), ''::text))::integer"
SOURCES = ("deposit", "opening")
INSTANT = sa.DateTime(timezone=True)
REALS = ARRAY(sa.REAL())
TABLES = ("fill_survey", "forecast_error", "forecast_score", "inflow_evidence")


def upgrade() -> None:
    _make_survey()
    _make_error()
    _make_score()
    _make_evidence()
    for table in TABLES:
        protect(table)


def _make(table: str, key: tuple[str, ...], *columns: sa.schema.SchemaItem) -> None:
    op.create_table(
        table,
        sa.Column("tenant_id", sa.Integer(), server_default=sa.text(CURRENT_TENANT), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f(f"fk_{table}_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", *key, name=op.f(f"pk_{table}")),
    )


def _needed(name: str, kind: sa.types.TypeEngine[object]) -> "sa.Column[object]":
    return sa.Column(name, kind, nullable=False)


def _make_survey() -> None:
    arrays = [_needed("container_ids", ARRAY(sa.BigInteger())), _needed("level_pct", REALS), _needed("spread_pct", REALS)]
    _make("fill_survey", ("block", "surveyed_at"), _needed("block", sa.BigInteger()), _needed("surveyed_at", INSTANT), *arrays)


def _make_error() -> None:
    _make(
        "forecast_error",
        ("block", "judged_at", "horizon_h"),
        _needed("block", sa.BigInteger()),
        _needed("judged_at", INSTANT),
        _needed("horizon_h", sa.SmallInteger()),
        _needed("container_ids", ARRAY(sa.BigInteger())),
        _needed("error_pct", REALS),
        _needed("naive_error_pct", REALS),
        _needed("surprise", REALS),
        _needed("by_model", ARRAY(sa.Boolean())),
        _needed("cusum_high", REALS),
        _needed("cusum_low", REALS),
    )
    op.create_index("ix_forecast_error_judged", "forecast_error", ["tenant_id", "judged_at"])


def _make_score() -> None:
    _make(
        "forecast_score",
        ("judged_at", "horizon_h"),
        _needed("judged_at", INSTANT),
        _needed("horizon_h", sa.SmallInteger()),
        _needed("windows", sa.Integer()),
        _needed("mae_pct", sa.REAL()),
        _needed("naive_mae_pct", sa.REAL()),
        _needed("bias_pct", sa.REAL()),
        _needed("coverage", sa.REAL()),
        sa.Column("backtest_mae_pct", sa.REAL(), nullable=True),
        _needed("drifting", sa.Integer()),
        sa.Column("alarm", sa.Text(), nullable=True),
        sa.CheckConstraint("windows > 0", name=op.f("ck_forecast_score_windows_positive")),
        sa.CheckConstraint("coverage between 0 and 1", name=op.f("ck_forecast_score_coverage_is_share")),
    )


def _make_evidence() -> None:
    _make(
        "inflow_evidence",
        ("container_id", "hour_at", "source"),
        _needed("container_id", sa.BigInteger()),
        _needed("hour_at", INSTANT),
        _needed("source", sa.Enum(*SOURCES, name="evidence_source_known", native_enum=False, create_constraint=True, length=40)),
        _needed("expected_l", sa.REAL()),
        _needed("spread_l", sa.REAL()),
        sa.CheckConstraint("expected_l >= 0 and spread_l >= 0", name=op.f("ck_inflow_evidence_litres_not_negative")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "container_id"],
            ["container.tenant_id", "container.id"],
            name=op.f("fk_inflow_evidence_tenant_id_container_id"),
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_inflow_evidence_hour", "inflow_evidence", ["tenant_id", "hour_at"])


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
