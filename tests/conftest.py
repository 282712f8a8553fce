"""A real PostgreSQL for all tests, thrown away afterwards; each test in a transaction that is rolled back."""

import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import NullPool

from app import create_app
from app.config import Settings
from app.db import APP_ROLE, Database, TenantSession
from app.embedded_postgres import EmbeddedPostgres
from app.provision import OWNER_ROLE, DatabaseUrls, make_roles_and_database
from migrations.run import upgrade
from tests.factories import tenancy as make_tenancy
from tests.factories.databases import copy_template

FAST_AND_UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
SHARED_DATA = Path(__file__).parents[1].parent / "shared" / "data"


@pytest.fixture(scope="session")
def cluster() -> Iterator[EmbeddedPostgres]:
    """One server for the whole run."""
    root = Path(tempfile.mkdtemp(prefix="kerbside-test-"))
    root.chmod(0o755)
    server = EmbeddedPostgres(root / "postgres", settings=FAST_AND_UNSAFE)
    server.start()
    yield server
    server.release()
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="session")
def urls(cluster: EmbeddedPostgres) -> DatabaseUrls:
    """The migrated database that tests share and never commit to."""
    made = make_roles_and_database(cluster, "kerbside_test")
    upgrade(made.owner)
    return made


class OneTransaction(Database):
    """A database whose every session, whatever its tenant, works inside one outer transaction that never commits."""

    def __init__(self, connection: Connection, url: str) -> None:
        self.url = url
        self.engine = connection.engine
        self.connection = connection
        self.sessions = sessionmaker(connection, class_=_SharedSession, expire_on_commit=False, join_transaction_mode="create_savepoint")

    def dispose(self) -> None:
        pass


class _SharedSession(TenantSession):
    """Several sessions take turns on one connection here, so each statement says again whose it is."""


@event.listens_for(_SharedSession, "do_orm_execute")
def _say_whose_statement(state: Any) -> None:
    _say_whose(state.session)


@event.listens_for(_SharedSession, "before_flush")
def _say_whose_flush(session: Session, *_: Any) -> None:
    _say_whose(session)


def _say_whose(session: Session) -> None:
    ids = [str(session.info.get(key) or "") for key in ("tenant_id", "view_tenant_id")]
    session.connection().exec_driver_sql("select set_config('app.tenant', %s, true), set_config('app.view', %s, true)", tuple(ids))


@pytest.fixture
def database(urls: DatabaseUrls) -> Iterator[OneTransaction]:
    """The shared database inside a transaction that ends with the test. The owner is logged in and works as the app's role."""
    engine = create_engine(urls.owner, poolclass=NullPool)
    with engine.connect() as connection:
        outer = connection.begin()
        connection.exec_driver_sql(f"set role {APP_ROLE}")
        connection.exec_driver_sql("set time zone 'UTC'")
        yield OneTransaction(connection, urls.app)
        outer.rollback()
    engine.dispose()


@pytest.fixture
def committed(urls: DatabaseUrls, cluster: EmbeddedPostgres) -> Iterator[DatabaseUrls]:
    """A database of this test's own, for what must really commit: several processes, kill -9, leases."""
    name = f"t_{uuid4().hex[:12]}"
    superuser = create_engine(cluster.url(database="postgres", user="postgres"), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with superuser.connect() as connection:
        copy_template(connection, name)
    yield DatabaseUrls(app=cluster.url(database=name, user=APP_ROLE), owner=cluster.url(database=name, user=OWNER_ROLE), server=cluster)
    with superuser.connect() as connection:
        connection.execute(text(f"drop database {name} with (force)"))


@pytest.fixture
def tenant_id(database: OneTransaction) -> int:
    return make_tenancy.tenant(database)


@pytest.fixture
def other_tenant_id(database: OneTransaction) -> int:
    return make_tenancy.tenant(database)


@pytest.fixture
def session(database: OneTransaction, tenant_id: int) -> Iterator[TenantSession]:
    with database.sessions(info={"tenant_id": tenant_id, "actor": "test"}) as opened:
        yield opened


@pytest.fixture(scope="session")
def wired_app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """Wiring all rooms takes longer than most tests do, so it is done once."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"), secret_key="only for tests")
    flask = create_app(settings, database=Database("postgresql+psycopg2://nowhere/"))
    flask.testing = True
    return flask


@pytest.fixture
def app(wired_app: Flask, database: OneTransaction, tmp_path: Path) -> Flask:
    wired_app.extensions["kerbside.settings"] = Settings(data_dir=tmp_path, secret_key="only for tests")
    wired_app.extensions["kerbside.database"] = database
    return wired_app


@pytest.fixture
def client(app: Flask, database: OneTransaction, tenant_id: int) -> FlaskClient:
    """A program with a key of the tenant that may do everything."""
    return make_tenancy.client(app, database, tenant_id)


@pytest.fixture
def stranger(app: Flask, database: OneTransaction, other_tenant_id: int) -> FlaskClient:
    """The same, of another tenant."""
    return make_tenancy.client(app, database, other_tenant_id)


@pytest.fixture
def shared_data() -> Path:
    if not SHARED_DATA.is_dir():
        pytest.skip(f"not tried: the validation data is not at {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(autouse=True)
def _no_outside_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that talks to anything but this machine fails."""
    real = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test tried to reach {address}")
        real(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
