"""The database: base classes, naming convention, sessions that carry their tenant.

A row belongs to a tenant because the database says so: each tenant-owned table has FORCEd row-level security, the app's role owns
nothing, and a session without a tenant sees no rows. The app never writes `tenant_id`: the column's default is the session's tenant.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from sqlalchemy import (
    BigInteger,
    DateTime,
    Engine,
    Enum,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Integer,
    MetaData,
    create_engine,
    event,
)
from sqlalchemy import text as sql
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, declared_attr, mapped_column, sessionmaker

APP_ROLE = "kerbside_app"

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

Id = Annotated[int, mapped_column(BigInteger)]
"""A reference to a numbered row."""

# written as PostgreSQL itself prints it, so that `alembic check` finds no difference
CURRENT_TENANT = "(NULLIF(current_setting('app.tenant'::text, true), ''::text))::integer"


class Base(DeclarativeBase):
    """Every mapped class; instants are aware and UTC."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: DateTime(timezone=True)}  # noqa: RUF012 - SQLAlchemy reads it from the class


class TenantOwned(Base):
    """A row of one tenant, whose key starts with the tenant. The database fills in `tenant_id` and hides everybody else's rows."""

    __abstract__ = True

    @declared_attr
    def tenant_id(cls) -> Mapped[int]:
        return mapped_column(Integer, ForeignKey("tenant.id"), primary_key=True, server_default=sql(CURRENT_TENANT), sort_order=-2)


class TenantRow(TenantOwned):
    """A tenant's row with a number of its own."""

    __abstract__ = True

    # `autoincrement` tells SQLAlchemy which part of the key is counted up, so that many new rows go in one statement
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, autoincrement=True, sort_order=-1)


class Versioned:
    """Mixin: concurrent edits are noticed. The version is the row's ETag."""

    row_version: Mapped[int] = mapped_column(Integer, nullable=False, server_default="1", sort_order=100)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.row_version, "version_id_generator": lambda version: (version or 0) + 1}


def enum_type(choices: type[StrEnum], name: str | None = None) -> Enum:
    """A text column that a check constraint holds to the values of `choices` (`name` when a table has two of one kind)."""
    name = name or "".join(f"_{c.lower()}" if c.isupper() else c for c in choices.__name__).lstrip("_")
    values = [choice.value for choice in choices]
    return Enum(choices, native_enum=False, create_constraint=True, length=40, name=f"{name}_known", values_callable=lambda _: values)


def same_tenant(column: str, target: str, *, ondelete: str | None = None) -> ForeignKeyConstraint:
    """A foreign key that can only point at a row of the same tenant."""
    return ForeignKeyConstraint(["tenant_id", column], [f"{target}.tenant_id", f"{target}.id"], ondelete=ondelete)


class TenantSession(Session):
    """A session of one tenant (`info["tenant_id"]`), or of none.

    `info["view_tenant_id"]` makes it a read-only look into a tenant that has granted it; the policies evaluate the grant.
    """


@event.listens_for(TenantSession, "after_begin")
def _tell_the_database_whose_session_this_is(session: Session, transaction: object, connection: Any) -> None:  # noqa: ARG001
    # SET LOCAL takes no parameters; set_config(…, is_local => true) does, and ends with the transaction
    connection.exec_driver_sql(
        "select set_config('app.tenant', %s, true), set_config('app.view', %s, true)",
        (_text(session.info.get("tenant_id")), _text(session.info.get("view_tenant_id"))),
    )


def _text(tenant_id: int | None) -> str:
    return "" if tenant_id is None else str(int(tenant_id))


class Database:
    """One engine and the sessions on it. Forked workers call `dispose` before first use."""

    def __init__(self, url: str, *, pool_size: int = 10, max_overflow: int = 20) -> None:
        self.url = url
        self.engine: Engine = create_engine(url, pool_size=pool_size, max_overflow=max_overflow, pool_pre_ping=True)
        event.listen(self.engine, "connect", _become_the_app_role)
        self.sessions = sessionmaker(self.engine, class_=TenantSession, expire_on_commit=False)

    @contextmanager
    def transaction(
        self, tenant_id: int | None, *, view_tenant_id: int | None = None, actor: str = "job:system"
    ) -> Iterator[TenantSession]:
        """One transaction of one tenant (None: of nobody, for the look-ups before a tenant is known); commits at the end.

        `actor` is who the audit log will name.
        """
        info = {"tenant_id": tenant_id, "view_tenant_id": view_tenant_id, "actor": actor}
        with self.sessions(info=info) as session, session.begin():
            yield session

    def dispose(self) -> None:
        self.engine.dispose(close=False)


def _become_the_app_role(connection: Any, record: object) -> None:  # noqa: ARG001
    """Whoever logged in, work is done as a role that owns nothing and is subject to every policy."""
    with connection.cursor() as cursor:
        cursor.execute(f"set role {APP_ROLE}")
        cursor.execute("set time zone 'UTC'")
    connection.commit()
