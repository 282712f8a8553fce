"""What the app is told about the machine it runs on."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from flask import request

from app import create_app
from app.config import Settings
from app.db import Database


@pytest.mark.parametrize(("trusted", "seen"), [(0, "127.0.0.1"), (1, "203.0.113.7")])
def test_a_forwarded_address_is_believed_only_behind_a_proxy_of_ours(database: Database, tmp_path: Path, trusted: int, seen: str):
    app = create_app(Settings(data_dir=tmp_path, secret_key="only for tests", trusted_proxies=trusted), database=database)
    addresses: list[str | None] = []
    app.before_request(lambda: addresses.append(request.remote_addr))
    app.test_client().get("/healthz", headers={"X-Forwarded-For": "203.0.113.7"})
    assert addresses == [seen]


def test_settings_come_from_the_environment_once(tmp_path: Path):
    settings = Settings.from_env({"KERBSIDE_DATA": str(tmp_path), "KERBSIDE_TRUSTED_PROXIES": "2", "KERBSIDE_SECURE_COOKIES": "1"})
    assert (settings.data_dir, settings.trusted_proxies, settings.secure_cookies) == (tmp_path, 2, True)


def test_the_signing_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path):
    first = Settings(data_dir=tmp_path).signing_key()
    assert Settings(data_dir=tmp_path).signing_key() == first
    assert (tmp_path / "secret_key").stat().st_mode & 0o077 == 0


def test_workers_that_start_at_once_sign_with_one_key(tmp_path: Path):
    """A key that is seen before it is whole would leave one worker without any."""
    for attempt in range(30):
        settings = Settings(data_dir=tmp_path / str(attempt))
        with ThreadPoolExecutor(8) as pool:
            together = Barrier(8)
            keys = set(pool.map(lambda _, s=settings, b=together: (b.wait(), s.signing_key())[1], range(8)))
        assert len(keys) == 1
        assert len(keys.pop()) == 64
