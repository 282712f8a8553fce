"""A backup holds every tenant's rows and the policies that keep them apart; a bad file harms nothing."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.db import Database
from app.embedded_postgres import EmbeddedPostgres
from app.errors import SetupError
from app.jobs.backup import backup, restore
from app.provision import DatabaseUrls, make_roles_and_database
from app.tenancy.queries import list_scheduled_tenants
from migrations.run import upgrade
from tests.conftest import FAST_AND_UNSAFE
from tests.factories import tenancy as make


@pytest.fixture(scope="module")
def urls() -> Iterator[DatabaseUrls]:
    """An installation of this module's own: a restore replaces the database under everybody's feet."""
    root = Path(tempfile.mkdtemp(prefix="kerbside-backup-"))
    root.chmod(0o755)
    server = EmbeddedPostgres(root / "postgres", settings=FAST_AND_UNSAFE).start()
    made = make_roles_and_database(server, "kerbside")
    upgrade(made.owner)
    yield made
    server.release()
    shutil.rmtree(root)


def slugs(urls: DatabaseUrls) -> set[str]:
    database = Database(urls.app)
    found = {tenant.slug for tenant in list_scheduled_tenants(database)}
    database.engine.dispose()
    return found


def create(urls: DatabaseUrls) -> int:
    database = Database(urls.owner)
    tenant_id = make.tenant(database)
    database.engine.dispose()
    return tenant_id


def test_what_was_there_at_the_backup_is_there_after_the_restore(urls: DatabaseUrls, tmp_path: Path):
    create(urls)
    before = slugs(urls)
    assert backup(urls, tmp_path / "town.backup") > 0
    create(urls)
    assert slugs(urls) != before
    restore(urls, tmp_path / "town.backup")
    assert slugs(urls) == before


def test_the_restored_database_still_hides_other_tenants(urls: DatabaseUrls, tmp_path: Path):
    own, other = create(urls), create(urls)
    database = Database(urls.app)
    make.api_key(database, own)
    database.engine.dispose()
    backup(urls, tmp_path / "town.backup")
    restore(urls, tmp_path / "town.backup")
    database = Database(urls.app)
    counted = {}
    for tenant_id in (own, other, None):
        with database.transaction(tenant_id) as session:
            counted[tenant_id] = session.connection().exec_driver_sql("select count(*) from api_key").scalar()
    database.engine.dispose()
    assert counted == {own: 1, other: 0, None: 0}


def test_a_file_that_is_no_backup_is_refused_and_nothing_is_lost(urls: DatabaseUrls, tmp_path: Path):
    before = slugs(urls)
    (tmp_path / "letter.txt").write_text("Dear town,")
    with pytest.raises(SetupError, match="not a backup"):
        restore(urls, tmp_path / "letter.txt")
    backup(urls, tmp_path / "town.backup")
    (tmp_path / "torn.backup").write_bytes((tmp_path / "town.backup").read_bytes()[:4000])
    with pytest.raises(SetupError):
        restore(urls, tmp_path / "torn.backup")
    assert slugs(urls) == before
