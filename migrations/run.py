"""Bring a database to the newest schema, and make the month partitions ahead. Runs as the schema's owner, never as the app."""

import re
from datetime import date
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.pool import NullPool

MONTHS_BACK, MONTHS_AHEAD = 14, 3
LOCK_TIMEOUT = "5s"
ONE_AT_A_TIME = 7_301_996_117  # any number, the same in every process that migrates


def upgrade(owner_url: str, revision: str = "head") -> None:
    """Migrate to `revision` and make partitions around today. Safe to race: one process migrates, the others wait."""
    engine = create_engine(owner_url, poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(f"select pg_advisory_lock({ONE_AT_A_TIME})"))
        connection.execute(text(f"set lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.commit()
        command.upgrade(alembic_config(connection), revision)
        connection.commit()
        if revision == "head":
            _make_partitions_around(connection, date.today())
            connection.commit()


def make_partitions_ahead(engine: Engine) -> list[str]:
    """The months to come that have no partition yet; returns the new ones. Safe to race: one process makes them, the others wait."""
    with engine.begin() as connection:
        connection.execute(text(f"select pg_advisory_xact_lock({ONE_AT_A_TIME})"))
        connection.execute(text(f"set local lock_timeout = '{LOCK_TIMEOUT}'"))
        return _make_partitions_around(connection, date.today())


def _make_partitions_around(connection: Connection, today: date) -> list[str]:
    return make_partitions(connection, month_after(today, -MONTHS_BACK), month_after(today, MONTHS_AHEAD))


def alembic_config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("file_template", "%%(year)d%%(month).2d%%(day).2d_%%(slug)s")
    config.attributes["connection"] = connection
    return config


def make_partitions(connection: Connection, first: date, last: date) -> list[str]:
    """One partition of `measurement` a month from `first` to `last`; those that are there are left alone. Returns the new ones."""
    made = []
    month = first.replace(day=1)
    while month <= last:
        name = f"measurement_{month:%Y_%m}"
        if connection.scalar(text("select to_regclass(:name)"), {"name": name}) is None:
            following = month_after(month, 1)
            connection.execute(text(f"create table {name} partition of measurement for values from ('{month}') to ('{following}')"))
            made.append(name)
        month = month_after(month, 1)
    return made


def month_after(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def is_ours(thing: Any, name: str | None, kind: str, reflected: bool, compare_to: Any) -> bool:  # noqa: ARG001
    """Partitions come and go with the months; the schema does not list them."""
    return not (kind == "table" and re.fullmatch(r"measurement_\d{4}_\d{2}", name or ""))
