"""Passwords: Argon2id, and one answer time for those who exist and those who do not."""

from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from app.errors import FieldProblem, Rejected

SHORTEST, LONGEST = 10, 200
HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)  # OWASP's least for Argon2id: a sign-in costs us 19 MiB, not 64


def require_lasting(password: str, *, field: str = "password") -> None:
    """Rejected when the password is too short to withstand guessing, or absurdly long."""
    if not SHORTEST <= len(password) <= LONGEST:
        problem = FieldProblem(field, f"has {len(password)} characters", f"Use {SHORTEST} to {LONGEST}; a sentence is easiest to remember.")
        raise Rejected("The password was not accepted.", fields=(problem,))


def hash_password(password: str, *, field: str = "password") -> str:
    """The hash to keep; Rejected as by `require_lasting`."""
    require_lasting(password, field=field)
    return HASHER.hash(password)


def is_right(password_hash: str | None, password: str) -> bool:
    """Whether the password has this hash. None (nobody of that name) takes as long as somebody."""
    nobody = hash_of_nobody()  # before the look at who it is, so that its first use delays everybody alike
    try:
        return HASHER.verify(password_hash or nobody, password[:LONGEST]) and password_hash is not None
    except (VerifyMismatchError, InvalidHashError):
        return False


def is_outdated(password_hash: str) -> bool:
    """Whether it was made with weaker parameters than today's."""
    return HASHER.check_needs_rehash(password_hash)


@lru_cache(maxsize=1)
def hash_of_nobody() -> str:
    return HASHER.hash("nobody signs in with this")
