"""Databases of a test's own."""

from sqlalchemy import Connection, text

from app.provision import OWNER_ROLE

LET_GO_MS = 5_000


def copy_template(server: Connection, name: str) -> None:
    """A copy of the template with the whole schema.

    A connection that an earlier test forgot, and the collector has not found yet, would keep the template from being copied.
    """
    forgotten = "select pg_terminate_backend(pid, :ms) from pg_stat_activity where datname = 'kerbside_test' and state = 'idle'"
    server.execute(text(forgotten), {"ms": LET_GO_MS})
    server.execute(text(f"create database {name} template kerbside_test owner {OWNER_ROLE}"))
