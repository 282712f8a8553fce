"""Where the database is: the given one, or a private server on this machine. Makes its roles and its schema."""

from dataclasses import dataclass

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.pool import NullPool

from app.config import Settings
from app.db import APP_ROLE
from app.embedded_postgres import EmbeddedPostgres

DATABASE = "kerbside"
OWNER_ROLE = "kerbside_owner"


@dataclass(frozen=True)
class DatabaseUrls:
    """Two ways in: the app's, which owns nothing, and the owner's, for migrations and partitions."""

    app: str
    owner: str
    server: EmbeddedPostgres | None = None


def locate_database(settings: Settings) -> DatabaseUrls:
    """The database of these settings; starts the embedded server if that is the one, and makes its roles if they are missing."""
    if settings.database_url:
        app_url = with_driver(settings.database_url)
        return DatabaseUrls(app=app_url, owner=with_driver(settings.database_owner_url or settings.database_url))
    server = EmbeddedPostgres(settings.data_dir / "postgres").start()
    return make_roles_and_database(server, DATABASE)


def make_roles_and_database(server: EmbeddedPostgres, database: str) -> DatabaseUrls:
    """An owner that migrates, an app role that owns nothing, and one database; those that are there are left alone."""
    superuser = create_engine(server.url(database="postgres", user="postgres"), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with superuser.connect() as connection:
        connection.execute(text("select pg_advisory_lock(1)"))  # racing first starts: one makes them, the others find them
        roles = set(connection.scalars(text("select rolname from pg_roles")))
        if OWNER_ROLE not in roles:
            connection.execute(text(f"create role {OWNER_ROLE} login"))
        if APP_ROLE not in roles:
            connection.execute(text(f"create role {APP_ROLE} login"))
            connection.execute(text(f"grant {APP_ROLE} to {OWNER_ROLE}"))
        if not connection.scalar(text("select 1 from pg_database where datname = :name"), {"name": database}):
            connection.execute(text(f"create database {database} owner {OWNER_ROLE}"))
    return DatabaseUrls(
        app=server.url(database=database, user=APP_ROLE), owner=server.url(database=database, user=OWNER_ROLE), server=server
    )


def owner_engine(urls: DatabaseUrls) -> Engine:
    """Connections as the schema's owner, for what the app may not do: new tenants, partitions, maps."""
    return create_engine(urls.owner, poolclass=NullPool)


def with_driver(url: str) -> str:
    """`postgres://…` as hosts hand it out, with the driver named: a bare `postgresql://` would pick another one."""
    scheme, separator, rest = url.partition("://")
    return f"postgresql+psycopg2://{rest}" if separator and scheme in ("postgres", "postgresql") else url
