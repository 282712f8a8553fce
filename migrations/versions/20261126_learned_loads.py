"""Densities and seconds learned from tickets and reports, and how rare overweight has to be."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.security import protect

revision = "20261126_learned_loads"
down_revision = "20261125_forecasts"
branch_labels = None
depends_on = None

CURRENT_TENANT = "(NULLIF(current_setting('app.tenant'::text, true), ''::text))::integer"
REALS = ("density_kg_m3", "class_sd", "zone_sd", "own_sd", "day_sd", "single_sd", "lift_s", "setup_s")


def upgrade() -> None:
    op.add_column("planning_policy", sa.Column("overweight_probability", sa.Float(), server_default="0.05", nullable=False))
    rare = "overweight_probability > 0 and overweight_probability <= 0.5"
    op.create_check_constraint(op.f("ck_planning_policy_overweight_is_rare"), "planning_policy", rare)
    _make_learning()
    _make_container_load()
    protect("load_learning")
    protect("container_load")


def _tenant(table: str) -> tuple["sa.Column[object]", sa.ForeignKeyConstraint]:
    column: sa.Column[object] = sa.Column("tenant_id", sa.Integer(), server_default=sa.text(CURRENT_TENANT), nullable=False)
    return column, sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f(f"fk_{table}_tenant_id"))


def _make_learning() -> None:
    json = [sa.Column(name, JSONB(), server_default="{}", nullable=False) for name in ("classes", "spreads", "evaluation")]
    op.create_table(
        "load_learning",
        *_tenant("load_learning"),
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("learned_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("model_version", sa.String(80), nullable=False),
        *json,
        sa.Column("set_aside", JSONB(), server_default="[]", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_load_learning")),
    )
    op.create_index("ix_load_learning_until", "load_learning", ["tenant_id", "learned_until"])


def _make_container_load() -> None:
    figures = [sa.Column(name, sa.REAL(), nullable=False) for name in REALS]
    counts = [sa.Column(name, sa.Integer(), nullable=False) for name in ("tickets", "visits")]
    op.create_table(
        "container_load",
        *_tenant("container_load"),
        sa.Column("container_id", sa.BigInteger(), nullable=False),
        sa.Column("learning_id", sa.BigInteger(), nullable=False),
        *figures,
        *counts,
        _reference("container_id", "container"),
        _reference("learning_id", "load_learning"),
        sa.PrimaryKeyConstraint("tenant_id", "container_id", name=op.f("pk_container_load")),
        sa.CheckConstraint("density_kg_m3 > 0 and lift_s >= 0 and setup_s >= 0", name=op.f("ck_container_load_figures_possible")),
    )


def _reference(column: str, table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_container_load_tenant_id_{column}")
    return sa.ForeignKeyConstraint(["tenant_id", column], [f"{table}.tenant_id", f"{table}.id"], name=name, ondelete="CASCADE")


def downgrade() -> None:
    op.drop_table("container_load")
    op.drop_table("load_learning")
    op.drop_column("planning_policy", "overweight_probability")
