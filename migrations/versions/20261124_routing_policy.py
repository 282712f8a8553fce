"""Prices of balance, overtime and change, the hours' law; cost by cause, what would let a container in, what a re-plan changed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "20261124_routing_policy"
down_revision = "20261124_weighed_by"
branch_labels = None
depends_on = None

PRICES = ("unfair_cost_per_h", "unfair_cost_per_100kg", "change_cost")
RULES = ("eu_driving", "eu_working_time", "gb_domestic")


def upgrade() -> None:
    for price in PRICES:
        op.add_column("planning_policy", sa.Column(price, sa.Numeric(10, 2), server_default="0", nullable=False))
    known = sa.Enum(*RULES, name="hours_rule_known", native_enum=False, create_constraint=True, length=40)
    op.add_column("planning_policy", sa.Column("hours_rule", known, nullable=True))
    _check("planning_policy", "unfair_costs_not_negative", "unfair_cost_per_h >= 0 and unfair_cost_per_100kg >= 0")
    _check("planning_policy", "change_cost_not_negative", "change_cost >= 0")
    op.add_column("vehicle", sa.Column("overtime_after_s", sa.Integer, nullable=True))
    op.add_column("vehicle", sa.Column("overtime_cost_per_h", sa.Numeric(10, 2), server_default="0", nullable=False))
    _check("vehicle", "overtime_not_negative", "overtime_after_s >= 0 and overtime_cost_per_h >= 0")
    op.add_column("route", sa.Column("costs", JSONB, server_default="{}", nullable=False))
    op.add_column("container_decision", sa.Column("ways_in", JSONB, server_default="[]", nullable=False))
    op.add_column("plan", sa.Column("changes", JSONB, server_default="[]", nullable=False))


def _check(table: str, name: str, condition: str) -> None:
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)


def downgrade() -> None:
    op.drop_column("plan", "changes")
    op.drop_column("container_decision", "ways_in")
    op.drop_column("route", "costs")
    op.drop_column("vehicle", "overtime_cost_per_h")
    op.drop_column("vehicle", "overtime_after_s")
    for name in (*PRICES, "hours_rule"):
        op.drop_column("planning_policy", name)
