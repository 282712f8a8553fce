"""Passwords, links, failures counted across processes, and what the audit log keeps."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Barrier
from time import sleep

import pytest
from argon2 import PasswordHasher
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from app.db import Database, TenantSession
from app.errors import Conflict, KerbsideError, NotSignedIn, Rejected, TooMany
from app.provision import DatabaseUrls
from app.tenancy import audit, passwords
from app.tenancy.identity import ROLE_SCOPES
from app.tenancy.links import read_route_link, sign_route_link
from app.tenancy.models import AuditEntry, Role, Scope, SignInAttempt, UserAccount
from app.tenancy.operations import create_tenant, grant_read, look_into, sign_in
from app.tenancy.queries import count_attempt, get_tenant
from app.tenancy.scope import get_row, rows_of
from app.tenancy.sign_in import TRIES_PER_ADDRESS, TRIES_PER_NETWORK_ADDRESS, WINDOW, keyed
from tests.factories import tenancy as make

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def try_to_sign_in(database: Database, email: str, password: str = make.PASSWORD, network_address: str = "192.0.2.1") -> object:
    return sign_in(database, email, password, network_address=network_address, secret="only for tests")


def test_a_hash_made_with_weaker_parameters_is_made_again_at_the_next_sign_in(database: Database, tenant_id: int):
    weak = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(make.PASSWORD)
    user_id = make.user(database, tenant_id, email="old@town.example", password_hash=weak)
    try_to_sign_in(database, "old@town.example")
    with database.transaction(tenant_id) as session:
        kept = get_row(session, UserAccount, user_id).password_hash
    assert kept != weak
    assert passwords.is_right(kept, make.PASSWORD)
    assert not passwords.is_outdated(kept)


def test_an_unknown_address_costs_one_look_at_a_hash_as_a_known_one_does(
    database: Database, tenant_id: int, monkeypatch: pytest.MonkeyPatch
):
    """Counted, not timed: what takes the time is the hash."""
    make.user(database, tenant_id, email="known@town.example")
    looks: list[str | None] = []
    monkeypatch.setattr(passwords, "is_right", lambda kept, password: bool(looks.append(kept)))
    for email in ("known@town.example", "unknown@town.example"):
        with pytest.raises(NotSignedIn):
            try_to_sign_in(database, email)
    assert [kept is None for kept in looks] == [False, True]


def test_nobodys_hash_is_nobodys_password():
    assert not passwords.is_right(None, "nobody signs in with this")


@pytest.mark.parametrize("password", ["", "123456789", "x" * 201])
def test_a_password_is_neither_guessable_nor_endless(password: str):
    with pytest.raises(Rejected) as refused:
        passwords.hash_password(password)
    assert refused.value.fields[0].field == "password"


def test_guessing_many_addresses_from_one_network_is_slowed_as_well(database: Database, tenant_id: int):
    with database.transaction(None) as session:
        for _ in range(TRIES_PER_NETWORK_ADDRESS):
            session.add(SignInAttempt(who_hash=keyed("only for tests", "network:192.0.2.1")))
    with pytest.raises(TooMany):
        try_to_sign_in(database, "first-try@town.example")
    with pytest.raises(NotSignedIn):
        try_to_sign_in(database, "first-try@town.example", network_address="192.0.2.2")


def test_parallel_guesses_are_all_counted(committed: DatabaseUrls):
    """Eight at the same moment, three allowed: five are told to wait. Without the lock each would see none before it."""
    database, start = Database(committed.app, pool_size=8), Barrier(8)

    def guess(_: int) -> bool:
        with database.transaction(None) as session:
            session.connection()
            start.wait(timeout=30)
            allowed = count_attempt(session, "somebody", window=WINDOW, most=3).number is not None
            sleep(0.03)  # not committed yet when the others count
            return allowed

    with ThreadPoolExecutor(8) as threads:
        allowed = list(threads.map(guess, range(8)))
    assert allowed.count(True) == 3
    database.engine.dispose()


def test_failures_are_kept_though_the_sign_in_fails(committed: DatabaseUrls):
    database = Database(committed.app, pool_size=1)
    answers = []
    for _ in range(TRIES_PER_ADDRESS + 1):
        with pytest.raises(KerbsideError) as refused:
            try_to_sign_in(database, "ada@town.example")
        answers.append(refused.type)
    assert answers == [NotSignedIn] * TRIES_PER_ADDRESS + [TooMany]
    database.engine.dispose()


def test_a_link_opens_its_route_until_it_runs_out():
    token = sign_route_link("secret", 3, 77, expires_at=NOON)
    holder = read_route_link("secret", token, now=NOON - timedelta(seconds=1))
    assert (holder.tenant_id, holder.route_id, holder.scopes) == (3, 77, {Scope.DRIVE})
    with pytest.raises(NotSignedIn, match="run out"):
        read_route_link("secret", token, now=NOON)


@pytest.mark.parametrize("spoil", [lambda t: t[:-2], lambda t: t.replace(".", ".x", 1), lambda t: "link_", lambda t: "link_é"])
def test_a_spoilt_link_opens_nothing(spoil):
    with pytest.raises(NotSignedIn, match="not one of ours"):
        read_route_link("secret", spoil(sign_route_link("secret", 3, 77, expires_at=NOON)), now=NOON - timedelta(hours=1))


def test_a_link_of_another_installation_opens_nothing():
    with pytest.raises(NotSignedIn):
        read_route_link("theirs", sign_route_link("ours", 3, 77, expires_at=NOON), now=NOON - timedelta(hours=1))


def test_an_audit_entry_names_the_actor_and_keeps_json(session: TenantSession, tenant_id: int):
    audit.record(
        session, "price.changed", subject_kind="vehicle", before={"cost": Decimal("1.10")}, after={"cost": Decimal("1.20"), "at": NOON}
    )
    session.flush()
    entry = session.scalars(rows_of(session, AuditEntry)).one()
    assert (entry.actor, entry.before, entry.after) == ("test", {"cost": "1.10"}, {"cost": "1.20", "at": "2026-11-23T12:00:00+00:00"})


def test_a_picture_of_a_person_holds_no_secret(database: Database, session: TenantSession, tenant_id: int):
    picture = audit.picture(get_row(session, UserAccount, make.user(database, tenant_id)))
    assert "name" in picture
    assert "password_hash" not in picture


def test_a_grant_that_has_run_out_lets_nobody_look(database: Database):
    parent = make.tenant(database)
    child = make.tenant(database, parent_id=parent)
    with database.transaction(child) as session:
        grant_read(session, purpose="report", expires_at=datetime.now(UTC) - timedelta(seconds=1))
    with pytest.raises(KerbsideError, match="No grant in force"), database.transaction(parent) as session:
        look_into(session, tenant_id=child)


def test_every_role_has_its_scopes_and_only_administrators_have_all():
    assert set(ROLE_SCOPES) == set(Role)
    assert [role for role, scopes in ROLE_SCOPES.items() if Scope.ADMIN in scopes] == [Role.ADMIN]


@pytest.mark.parametrize(
    ("wrong", "field"), [({"slug": "No Spaces"}, "slug"), ({"slug": "x"}, "slug"), ({"timezone": "Moon/Tranquility"}, "timezone")]
)
def test_a_tenant_is_made_only_with_a_plain_slug_and_a_real_time_zone(urls: DatabaseUrls, wrong: dict[str, str], field: str):
    with pytest.raises(Rejected) as refused:
        create_tenant(create_engine(urls.owner, poolclass=NullPool), **{"slug": "town", "name": "Town", "timezone": "UTC"} | wrong)
    assert [problem.field for problem in refused.value.fields] == [field]


def test_a_slug_is_given_once_and_a_child_is_a_franchise(committed: DatabaseUrls):
    owner = create_engine(committed.owner, poolclass=NullPool)
    city = create_tenant(owner, slug="town", name="Town", timezone="UTC")
    with pytest.raises(Conflict, match="town"):
        create_tenant(owner, slug="town", name="Another", timezone="UTC")
    child = create_tenant(owner, slug="harbour", name="Harbour", timezone="UTC", parent_id=city)
    database = Database(committed.app)
    with database.transaction(child) as session:
        assert (get_tenant(session).kind, get_tenant(session).parent_id) == ("franchise", city)
    database.engine.dispose()
