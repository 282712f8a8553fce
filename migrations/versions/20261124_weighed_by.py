"""A lift says whose weight it holds, so that a reporter takes back its own and never another's."""

import sqlalchemy as sa
from alembic import op

revision = "20261124_weighed_by"
down_revision = "20261123_security"
branch_labels = None
depends_on = None

SOURCES = ("sensor", "driver", "lift_reader", "weigh_ticket")


def upgrade() -> None:
    weighed_by = sa.Enum(*SOURCES, name="weighed_by_known", native_enum=False, create_constraint=True, length=40)
    op.add_column("lift", sa.Column("weighed_by", weighed_by, nullable=True))
    # forced row security would hide every tenant's rows from the owner, too
    op.execute("alter table lift no force row level security")
    op.execute("update lift set weighed_by = source where weight_kg is not null")
    op.execute("alter table lift force row level security")


def downgrade() -> None:
    op.drop_column("lift", "weighed_by")
