"""Signing in: who may try how often, whose password it is. Each step is a short transaction of its own, because a failure must be kept."""

import hmac
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from app.db import Database
from app.errors import FieldProblem, NotSignedIn, Rejected, TooMany
from app.tenancy import passwords
from app.tenancy.identity import Identity, of_user
from app.tenancy.queries import (
    SignInCandidate,
    count_attempt,
    forget_attempts,
    list_sign_in_candidates,
    note_sign_in,
)

WINDOW = timedelta(minutes=15)
TRIES_PER_ADDRESS = 8
TRIES_PER_NETWORK_ADDRESS = 60  # a depot's drivers share one


@dataclass(frozen=True)
class SignedIn:
    """Who it is, and the version of sessions that is theirs to hold."""

    identity: Identity
    session_version: int


def sign_in(
    database: Database, email: str, password: str, *, network_address: str, secret: str, organisation: str | None = None
) -> SignedIn:
    """The person behind an e-mail address and a password; NotSignedIn, or TooMany after repeated failures.

    Where one address is known to several organisations with the same password, `organisation` (a slug) decides; without it: Rejected.
    """
    by_address, by_network = keyed(secret, f"email:{email.strip().lower()}"), keyed(secret, f"network:{network_address}")
    network_try = _count(database, by_network, most=TRIES_PER_NETWORK_ADDRESS)
    _count(database, by_address, most=TRIES_PER_ADDRESS)
    candidates = list_sign_in_candidates(database, email.strip())
    if organisation:
        candidates = [candidate for candidate in candidates if candidate.slug == organisation.strip().lower()]
    person = _only(_whose_password(candidates, password))
    with database.transaction(None) as session:
        forget_attempts(session, by_address, network_try)
    return _welcome(database, person, password)


def keyed(secret: str, what: str) -> str:
    """A keyed hash: the table of failures names nobody to whoever reads it."""
    return hmac.new(secret.encode(), what.encode(), sha256).hexdigest()


def _count(database: Database, who_hash: str, *, most: int) -> int:
    """Count the try before it is made, so that parallel guesses are counted as well; success forgets it by the number returned."""
    with database.transaction(None) as session:
        attempt = count_attempt(session, who_hash, window=WINDOW, most=most)
    if attempt.number is None:
        raise TooMany("Too many failed sign-ins. Wait a while, or ask for a new password.", retry_after_s=attempt.wait_s)
    return attempt.number


def _whose_password(candidates: list[SignInCandidate], password: str) -> list[SignInCandidate]:
    """Those whose password it is. Nobody takes as long as one person."""
    if not candidates:
        passwords.is_right(None, password)
    return [candidate for candidate in candidates if passwords.is_right(candidate.password_hash, password)]


def _only(people: list[SignInCandidate]) -> SignInCandidate:
    if not people:
        raise NotSignedIn("The e-mail address or the password is wrong.")
    if len(people) > 1:
        mend = "Name one of: " + ", ".join(candidate.slug for candidate in people) + "."
        raise Rejected("This address belongs to several organisations.", fields=(FieldProblem("organisation", "is missing", mend),))
    return people[0]


def _welcome(database: Database, person: SignInCandidate, password: str) -> SignedIn:
    new_hash = passwords.HASHER.hash(password) if passwords.is_outdated(person.password_hash) else None
    with database.transaction(person.tenant_id, actor=f"user:{person.user_id}") as session:
        note_sign_in(session, person.user_id, new_hash=new_hash)
    return SignedIn(of_user(person.tenant_id, person.user_id, person.role), person.session_version)
