"""Sources of messages with their log, devices by model and profile, shapes of container models, calibrations, batteries in percent."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from migrations.security import APP_ROLE, protect

revision = "20261127_sources"
down_revision = "20261126_learned_loads"
branch_labels = None
depends_on = None

CURRENT_TENANT = "(NULLIF(current_setting('app.tenant'::text, true), ''::text))::integer"
KINDS = ("kerbside_json", "tts", "chirpstack", "thingpark", "sigfox", "ngsi_ld", "ngsi_v2")
OUTCOMES = ("stored", "duplicate", "skipped", "refused")


def upgrade() -> None:
    _widen_register_and_measurements()
    _make_device_profile()
    _make_source()
    _make_source_message()
    _make_uplink_receipt()
    for table in ("device_profile", "source", "source_message", "uplink_receipt"):
        protect(table)
    _make_look_up()


def _widen_register_and_measurements() -> None:
    op.add_column("container_model", sa.Column("shape", JSONB(none_as_null=True), nullable=True))
    op.add_column("device", sa.Column("model", sa.String(80), nullable=True))
    for name in ("offset_mm", "nearest_mm", "assumed_c", "battery_pct"):
        op.add_column("device", sa.Column(name, sa.REAL(), nullable=True))
    op.create_check_constraint(op.f("ck_device_nearest_not_negative"), "device", "nearest_mm >= 0")
    op.add_column("measurement", sa.Column("battery_pct", sa.REAL(), nullable=True))


def _own(table: str) -> tuple[object, ...]:
    """What each numbered table of a tenant has."""
    return (
        sa.Column("tenant_id", sa.Integer(), server_default=sa.text(CURRENT_TENANT), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f(f"fk_{table}_tenant_id")),
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"pk_{table}")),
    )


def _at(name: str, *, now: bool = False) -> "sa.Column[object]":
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.func.now() if now else None, nullable=not now)


def _choice(values: tuple[str, ...], name: str) -> sa.Enum:
    return sa.Enum(*values, name=f"{name}_known", native_enum=False, create_constraint=True, length=40)


def _of_source(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_tenant_id_source_id")
    return sa.ForeignKeyConstraint(["tenant_id", "source_id"], ["source.tenant_id", "source.id"], name=name, ondelete="CASCADE")


def _make_device_profile() -> None:
    op.create_table(
        "device_profile",
        *_own("device_profile"),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("document", JSONB(), nullable=False),
        _at("created_at", now=True),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.UniqueConstraint("tenant_id", "name", name=op.f("uq_device_profile_tenant_id_name")),
    )


def _make_source() -> None:
    lists = [sa.Column(name, ARRAY(sa.String(64)), server_default="{}", nullable=False) for name in ("allowed_networks", "allowed_devices")]
    window = [
        sa.Column(name, sa.Integer(), server_default=default, nullable=False)
        for name, default in (("max_age_s", "172800"), ("max_ahead_s", "600"))
    ]
    op.create_table(
        "source",
        *_own("source"),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("kind", _choice(KINDS, "source_kind"), nullable=False),
        sa.Column("source_key", sa.String(40), nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("sealed_as_key", sa.LargeBinary(), nullable=True),
        *lists,
        *window,
        sa.Column("sigfox_template", JSONB(none_as_null=True), nullable=True),
        sa.Column("default_model", sa.String(80), nullable=True),
        sa.Column("active", sa.Boolean(), server_default="true", nullable=False),
        _at("created_at", now=True),
        _at("knocked_at"),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
        sa.UniqueConstraint("tenant_id", "name", name=op.f("uq_source_tenant_id_name")),
        sa.UniqueConstraint("source_key", name=op.f("uq_source_source_key")),
        sa.CheckConstraint("max_age_s > 0 and max_ahead_s >= 0", name=op.f("ck_source_window_possible")),
    )


def _make_source_message() -> None:
    words = [sa.Column(name, sa.String(length), server_default="", nullable=False) for name, length in (("device_uid", 80), ("field", 120))]
    op.create_table(
        "source_message",
        *_own("source_message"),
        sa.Column("source_id", sa.BigInteger(), nullable=False),
        _at("received_at", now=True),
        *words,
        sa.Column("outcome", _choice(OUTCOMES, "message_outcome"), nullable=False),
        sa.Column("reason", sa.String(400), server_default="", nullable=False),
        sa.Column("mend", sa.String(400), server_default="", nullable=False),
        sa.Column("body", sa.Text(), server_default="", nullable=False),
        _of_source("source_message"),
    )
    op.create_index("ix_source_message_source", "source_message", ["tenant_id", "source_id", "id"])


def _make_uplink_receipt() -> None:
    op.create_table(
        "uplink_receipt",
        sa.Column("tenant_id", sa.Integer(), server_default=sa.text(CURRENT_TENANT), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_uplink_receipt_tenant_id")),
        sa.Column("source_id", sa.BigInteger(), nullable=False),
        sa.Column("message_key", sa.Uuid(), nullable=False),
        sa.Column("forget_at", sa.DateTime(timezone=True), nullable=False),
        _of_source("uplink_receipt"),
        sa.PrimaryKeyConstraint("tenant_id", "source_id", "message_key", name=op.f("pk_uplink_receipt")),
    )
    op.create_index("ix_uplink_receipt_forget_at", "uplink_receipt", ["tenant_id", "forget_at"])


def _make_look_up() -> None:
    """Whose message is this: asked before a tenant is known, answered with two numbers and nothing else."""
    op.execute("create policy owner_looks_up on source for select to current_user using (true)")
    op.execute("""
        create function source_of_key(presented_key text)
        returns table (tenant_id integer, source_id bigint)
        language sql stable security definer set search_path = public, pg_temp as
        $$ select s.tenant_id, s.id from source s where s.source_key = presented_key $$""")
    op.execute("revoke all on function source_of_key(text) from public")
    op.execute(f"grant execute on function source_of_key(text) to {APP_ROLE}")


def downgrade() -> None:
    op.execute("drop function source_of_key(text)")
    for table in ("uplink_receipt", "source_message", "source", "device_profile"):
        op.drop_table(table)
    op.drop_column("measurement", "battery_pct")
    for name in ("battery_pct", "assumed_c", "nearest_mm", "offset_mm", "model"):
        op.drop_column("device", name)
    op.drop_column("container_model", "shape")
