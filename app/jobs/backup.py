"""The whole database in one file, and back. Uses PostgreSQL's own tools, which see every row."""

import subprocess
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from app.embedded_postgres import EmbeddedPostgres
from app.errors import SetupError
from app.provision import DATABASE, DatabaseUrls, make_roles_and_database

HELP_WITH_OWN_SERVER = "pg_dump must see every row: give DATABASE_OWNER_URL a role that is superuser or has BYPASSRLS."


def backup(urls: DatabaseUrls, file: Path) -> int:
    """Write the database to `file`, which appears only when it is whole; returns its size in bytes."""
    partial = file.with_name(file.name + ".partial")
    with partial.open("wb") as out:
        if urls.server:
            urls.server.run("pg_dump", "--format=custom", DATABASE, stdout=out)
        else:
            _tool(["pg_dump", "--format=custom", "--dbname", _libpq(urls.owner)], stdout=out)
    partial.replace(file)
    return file.stat().st_size


def restore(urls: DatabaseUrls, file: Path) -> None:
    """Replace the database by what `file` holds: first into a new one that then takes its place, so a bad file harms nothing."""
    with file.open("rb") as source:
        if source.read(5) != b"PGDMP":
            raise SetupError(f"{file} is not a backup that `kerbside backup` has written.")
    if not urls.server:
        with file.open("rb") as source:
            _tool(["pg_restore", "--clean", "--if-exists", "--single-transaction", "--dbname", _libpq(urls.owner)], stdin=source)
        return
    _restore_embedded(urls.server, file)


def _restore_embedded(server: EmbeddedPostgres, file: Path) -> None:
    fresh = f"{DATABASE}_restored"
    superuser = create_engine(server.url(database="postgres", user="postgres"), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with superuser.connect() as connection:
        connection.execute(text(f"drop database if exists {fresh} with (force)"))
        make_roles_and_database(server, fresh)
        with file.open("rb") as source:
            server.run("pg_restore", "--exit-on-error", "--single-transaction", f"--dbname={fresh}", stdin=source)
        connection.execute(text(f"drop database if exists {DATABASE} with (force)"))
        connection.execute(text(f"alter database {fresh} rename to {DATABASE}"))


def _libpq(url: str) -> str:
    """The URL as libpq's own tools read it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def _tool(command: list[str], **streams: object) -> None:
    try:
        subprocess.run(command, check=True, stderr=subprocess.PIPE, **streams)  # type: ignore[call-overload]  # noqa: S603
    except FileNotFoundError as error:
        raise SetupError(f"{command[0]} is not on the PATH: install PostgreSQL's client tools.") from error
    except subprocess.CalledProcessError as error:
        raise SetupError(f"{command[0]} failed: {error.stderr.decode(errors='replace').strip()} {HELP_WITH_OWN_SERVER}") from error
