"""The migrations lead to what the models say, and the database guards what it should."""

from alembic import command
from sqlalchemy import create_engine, text

from app.db import Base, TenantOwned
from app.provision import DatabaseUrls
from migrations.models import Base as WholeBase
from migrations.run import alembic_config, upgrade


def test_the_migrated_schema_is_what_the_models_say(urls: DatabaseUrls):
    with create_engine(urls.owner).connect() as connection:
        command.check(alembic_config(connection))


def test_migrating_again_changes_nothing(urls: DatabaseUrls):
    upgrade(urls.owner)


def test_every_tenant_owned_table_forces_row_level_security(urls: DatabaseUrls):
    owned = {mapper.local_table.name for mapper in WholeBase.registry.mappers if issubclass(mapper.class_, TenantOwned)}
    with create_engine(urls.owner).connect() as connection:
        forced = set(connection.scalars(text("select relname from pg_class where relforcerowsecurity and relrowsecurity")))
    assert owned - forced == set()
    assert "tenant" in forced


def test_every_key_of_a_tenant_owned_table_starts_with_the_tenant():
    for mapper in Base.registry.mappers:
        if issubclass(mapper.class_, TenantOwned):
            table = mapper.local_table
            assert next(c.name for c in table.primary_key) == "tenant_id", table.name
            for constraint in table.foreign_key_constraints:
                assert constraint.column_keys[0] == "tenant_id" or constraint.referred_table.name == "tenant", constraint.name


def test_the_app_owns_nothing_and_cannot_touch_a_partition(urls: DatabaseUrls):
    with create_engine(urls.owner).connect() as connection:
        owned = connection.scalar(
            text("select count(*) from pg_class c join pg_roles r on r.oid = c.relowner where rolname = 'kerbside_app'")
        )
        reachable = connection.scalar(
            text("select count(*) from pg_class where relname ~ '^measurement_\\d' and has_table_privilege('kerbside_app', oid, 'select')")
        )
    assert (owned, reachable) == (0, 0)
