"""The database's own guard, asked in plain SQL: what a session may see and write, whatever the app above it does."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from psycopg2 import errors as pg
from sqlalchemy import Column, Connection, Table, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from app.db import Database, TenantOwned
from app.embedded_postgres import EmbeddedPostgres
from app.provision import OWNER_ROLE, DatabaseUrls
from app.tenancy.models import TenantKind
from app.tenancy.operations import create_tenant
from app.tenancy.queries import list_scheduled_tenants
from migrations.models import Base
from tests.factories import tenancy as make
from tests.factories.databases import copy_template

OWNED_TABLES = sorted((m.local_table for m in Base.registry.mappers if issubclass(m.class_, TenantOwned)), key=lambda table: table.name)
CLOSED_TO_GRANTS = {"api_key", "audit_entry", "read_grant", "user_account"}
MINE, THEIRS, CHILD = "mine", "theirs", "child"


@pytest.fixture(scope="module")
def rows_everywhere(urls: DatabaseUrls, cluster: EmbeddedPostgres) -> Iterator[tuple[Database, dict[str, int], str]]:
    """A database with one row of each of three tenants in every table; only the keys and the policies are left of the schema."""
    name = f"rls_{uuid4().hex[:12]}"
    with superuser(cluster, "postgres") as server:
        copy_template(server, name)
    owner = create_engine(cluster.url(database=name, user=OWNER_ROLE), poolclass=NullPool)
    tenants = {who: create_tenant(owner, slug=who, name=who, timezone="UTC") for who in (MINE, THEIRS)}
    tenants[CHILD] = create_tenant(owner, slug=CHILD, name=CHILD, timezone="UTC", kind=TenantKind.FRANCHISE, parent_id=tenants[MINE])
    with superuser(cluster, name) as everything:
        for table in OWNED_TABLES:
            loosen(everything, table)
            for tenant_id in tenants.values():
                everything.execute(*bare_row(table, tenant_id))
        everything.execute(text("update read_grant set grantee_tenant_id = :me where tenant_id = :child"), ids(tenants))
    database = Database(cluster.url(database=name, user="kerbside_app"), pool_size=2)
    yield database, tenants, name
    database.engine.dispose()
    with superuser(cluster, "postgres") as server:
        server.execute(text(f"drop database {name} with (force)"))


def superuser(cluster: EmbeddedPostgres, name: str) -> Connection:
    return create_engine(cluster.url(database=name, user="postgres"), poolclass=NullPool, isolation_level="AUTOCOMMIT").connect()


def ids(tenants: dict[str, int]) -> dict[str, int]:
    return {"me": tenants[MINE], "child": tenants[CHILD], "theirs": tenants[THEIRS]}


def loosen(everything: Connection, table: Table) -> None:
    """Drop what has nothing to do with who may see a row, so that a row needs its key only."""
    constraints = "select conname from pg_constraint where conrelid = cast(:table as regclass) and contype in ('c', 'f') and conislocal"
    for constraint in everything.scalars(text(constraints), {"table": table.name}).all():
        everything.execute(text(f'alter table "{table.name}" drop constraint if exists "{constraint}" cascade'))
    for column in table.columns:
        if not column.nullable and not column.primary_key:
            everything.execute(text(f'alter table "{table.name}" alter column "{column.name}" drop not null'))


def bare_row(table: Table, tenant_id: int) -> tuple[object, dict[str, object]]:
    row = {column.name: key_value(column) for column in table.primary_key if not column.identity} | {"tenant_id": tenant_id}
    columns, marks = ", ".join(row), ", ".join(f":{column}" for column in row)
    return text(f'insert into "{table.name}" ({columns}) values ({marks})'), row


def key_value(column: Column[object]) -> object:
    made = {int: 1, str: "x", datetime: datetime.now(UTC)}
    kind = column.type.python_type
    return made[kind] if kind in made else uuid4() if kind.__name__ == "UUID" else datetime.now(UTC).date()


def owners_seen(connection: object, table: Table) -> set[int]:
    return set(connection.execute(text(f'select tenant_id from "{table.name}"')).scalars())  # type: ignore[attr-defined]


by_table = pytest.mark.parametrize("table", OWNED_TABLES, ids=lambda table: table.name)


@by_table
def test_a_session_sees_the_rows_of_its_tenant_and_none_without_one(rows_everywhere, table: Table):
    database, tenants, _ = rows_everywhere
    with database.transaction(tenants[THEIRS]) as session:
        assert owners_seen(session, table) == {tenants[THEIRS]}
    with database.transaction(None) as session:
        assert owners_seen(session, table) == set()


@by_table
def test_a_row_cannot_be_added_for_another_tenant_or_handed_to_it(rows_everywhere, table: Table):
    database, tenants, _ = rows_everywhere
    with pytest.raises(DBAPIError) as refused, database.transaction(tenants[MINE]) as session:
        session.execute(*bare_row(table, tenants[THEIRS]))
    assert isinstance(refused.value.orig, pg.InsufficientPrivilege), refused.value
    with pytest.raises(DBAPIError) as refused, database.transaction(tenants[THEIRS]) as session:
        session.execute(text(f'update "{table.name}" set tenant_id = :mine'), {"mine": tenants[MINE]})
    assert isinstance(refused.value.orig, pg.InsufficientPrivilege), refused.value


@by_table
def test_anothers_rows_cannot_be_changed_or_removed(rows_everywhere, cluster: EmbeddedPostgres, table: Table):
    database, tenants, name = rows_everywhere
    for statement in (f'update "{table.name}" set tenant_id = tenant_id', f'delete from "{table.name}"'):
        try:
            with database.transaction(tenants[MINE]) as session:
                touched = session.execute(text(statement + " where tenant_id <> :mine"), {"mine": tenants[MINE]}).rowcount
        except DBAPIError as refused:
            assert isinstance(refused.orig, pg.InsufficientPrivilege)  # the app may not do this to anybody's rows in this table
            touched = 0
        assert touched == 0
    with superuser(cluster, name) as everything:
        assert owners_seen(everything, table) == set(tenants.values())


@by_table
def test_a_look_into_a_child_shows_its_rows_and_writes_nowhere(rows_everywhere, table: Table):
    """People, keys, the log and the grants stay closed; adding to one's own rows is refused as well while looking."""
    database, tenants, _ = rows_everywhere
    with database.transaction(tenants[MINE], view_tenant_id=tenants[CHILD]) as session:
        if table.name not in CLOSED_TO_GRANTS:
            assert owners_seen(session, table) == {tenants[CHILD]}
        elif table.name != "read_grant":
            assert owners_seen(session, table) == set()
    for tenant_id in (tenants[MINE], tenants[CHILD]):
        with pytest.raises(DBAPIError) as refused, database.transaction(tenants[MINE], view_tenant_id=tenants[CHILD]) as session:
            session.execute(*bare_row(table, tenant_id))
        assert isinstance(refused.value.orig, pg.InsufficientPrivilege), refused.value


def test_a_look_that_nobody_granted_shows_nothing(rows_everywhere):
    """Not the own rows either: what is read while looking must never be taken for the child's."""
    database, tenants, _ = rows_everywhere
    with database.transaction(tenants[MINE], view_tenant_id=tenants[THEIRS]) as session:
        assert session.scalar(text("select visible_tenant()")) is None
        assert session.scalar(text("select count(*) from zone")) == 0


def test_a_partition_cannot_be_read_past_its_parent(rows_everywhere):
    database, tenants, _ = rows_everywhere
    with pytest.raises(DBAPIError) as refused, database.transaction(tenants[MINE]) as session:
        session.execute(text(f"select * from measurement_{datetime.now(UTC):%Y_%m}"))
    assert isinstance(refused.value.orig, pg.InsufficientPrivilege)


@pytest.mark.parametrize(
    "statement",
    [
        "insert into tenant (slug, name, kind, timezone) values ('new', 'New', 'city', 'UTC')",
        "update tenant set parent_id = null",
        "update tenant set slug = 'taken-over'",
        "delete from tenant",
        "update audit_entry set action = 'nothing happened'",
        "delete from audit_entry",
        "delete from user_account",
        "delete from api_key",
        "update read_grant set grantee_tenant_id = tenant_id",
        "create table mine_alone (x int)",
        "alter table zone disable row level security",
        "set role kerbside_owner",
    ],
)
def test_the_apps_role_may_not(rows_everywhere, statement: str):
    database, tenants, _ = rows_everywhere
    with pytest.raises(DBAPIError) as refused, database.transaction(tenants[MINE]) as session:
        session.execute(text(statement))
    assert isinstance(refused.value.orig, pg.InsufficientPrivilege), refused.value


def test_a_grant_in_force_opens_the_childs_own_row_and_an_ended_one_closes_it(database: Database):
    parent = make.tenant(database)
    child = make.tenant(database, parent_id=parent)
    past = datetime.now(UTC) - timedelta(seconds=1)

    def slugs_seen() -> int:
        with database.transaction(parent) as session:
            return session.execute(text("select count(*) from tenant where id = :child"), {"child": child}).scalar_one()

    assert slugs_seen() == 0
    grant = make.grant(database, child)
    assert slugs_seen() == 1
    for ended in ("revoked_at", "expires_at"):
        with database.transaction(child) as session:
            session.execute(text(f"update read_grant set {ended} = :past where id = :grant"), {"past": past, "grant": grant})
        assert slugs_seen() == 0
        with database.transaction(child) as session:
            session.execute(text(f"update read_grant set {ended} = null where id = :grant"), {"grant": grant})
        assert slugs_seen() == 1


def test_a_grant_can_only_name_the_parent(database: Database, tenant_id: int, other_tenant_id: int):
    with pytest.raises(DBAPIError, match="fk_read_grant"), database.transaction(tenant_id) as session:
        session.execute(
            text("insert into read_grant (grantee_tenant_id, granted_by, purpose) values (:other, 'user:1', 'curiosity')"),
            {"other": other_tenant_id},
        )


def test_the_grantee_cannot_prolong_or_revive_its_grant(database: Database):
    parent = make.tenant(database)
    grant = make.grant(database, make.tenant(database, parent_id=parent))
    with database.transaction(parent) as session:
        prolonged = session.execute(text("update read_grant set expires_at = null, revoked_at = null where id = :id"), {"id": grant})
    assert prolonged.rowcount == 0


def test_the_tenant_outlives_a_rolled_back_savepoint_and_not_the_transaction(committed: DatabaseUrls):
    tenant_id = create_tenant(create_engine(committed.owner, poolclass=NullPool), slug="town", name="Town", timezone="UTC")
    database = Database(committed.app, pool_size=1, max_overflow=0)
    with database.transaction(tenant_id) as session:
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(text("select 1 / 0"))
        assert session.scalar(text("select current_tenant()")) == tenant_id
    with database.transaction(None) as session:  # the same connection, from the pool
        assert session.scalar(text("select current_tenant()")) is None
    database.engine.dispose()


def test_threads_of_several_tenants_on_a_small_pool_see_their_own_rows_only(committed: DatabaseUrls):
    owner = create_engine(committed.owner, poolclass=NullPool)
    tenants = [create_tenant(owner, slug=f"town-{n}", name=f"Town {n}", timezone="UTC") for n in range(4)]
    database = Database(committed.app, pool_size=2, max_overflow=0)

    def write_and_read(tenant_id: int) -> set[int]:
        seen: set[int] = set()
        for turn in range(15):
            with database.transaction(tenant_id) as session:
                session.execute(text("insert into zone (code, name) values (:code, 'Zone')"), {"code": f"z{turn}"})
                seen |= set(session.execute(text("select tenant_id from zone")).scalars())
        return seen

    with ThreadPoolExecutor(4) as threads:
        seen = dict(zip(tenants, threads.map(write_and_read, tenants), strict=True))
    assert seen == {tenant_id: {tenant_id} for tenant_id in tenants}
    database.engine.dispose()


LOOK_UPS = {"sign_in_candidates", "api_key_holder", "scheduled_tenants", "source_of_key"}


def test_only_four_functions_run_with_the_owners_rights_and_nobody_else_may_call_them(urls: DatabaseUrls):
    query = """select proname, proconfig, (select bool_or(grantee = 0) from aclexplode(proacl)) as public_may
               from pg_proc where prosecdef and pronamespace = 'public'::regnamespace"""
    with create_engine(urls.owner, poolclass=NullPool).connect() as connection:
        functions = {row.proname: row for row in connection.execute(text(query))}
    assert set(functions) == LOOK_UPS
    assert {tuple(row.proconfig) for row in functions.values()} == {("search_path=public, pg_temp",)}
    assert [name for name, row in functions.items() if row.public_may is not False] == []


def test_a_temporary_table_does_not_stand_in_for_ours(database: Database, tenant_id: int):
    """A session that could plant its own `api_key` under the look-up's nose would be anybody."""
    with database.transaction(None) as session:
        session.execute(text("create temporary table api_key as select 1 as tenant_id, 'forged' as key_hash"))
        assert session.execute(text("select * from api_key_holder('forged')")).all() == []


def test_the_look_ups_tell_no_more_than_they_must(database: Database, tenant_id: int):
    email = f"gone-{tenant_id}@town.example"
    make.user(database, tenant_id, email=email, active=False)
    with database.transaction(None) as session:
        assert session.execute(text("select * from sign_in_candidates(:email)"), {"email": email}).all() == []
        columns = session.execute(text("select * from scheduled_tenants()")).keys()
    assert set(columns) == {"tenant_id", "slug", "timezone"}
    assert tenant_id in {tenant.tenant_id for tenant in list_scheduled_tenants(database)}
