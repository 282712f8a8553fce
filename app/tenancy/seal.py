"""Secrets of others that have to be read back: sealed with a key derived from the installation's own, never stored in clear.

A stream of HMAC-SHA256 blocks, then a tag over all of it (encrypt-then-MAC). What a secret is for goes into its keys, so that a sealed
value opens in its own place only. Whoever replaces the installation's secret key has to enter these secrets again.
"""

import hmac
from hashlib import sha256
from secrets import token_bytes

NONCE_BYTES, TAG_BYTES = 16, 32


class NotSealedHere(ValueError):
    """The value was sealed with another key, for another place, or has been changed."""


def seal(secret: str, clear: str, *, place: str) -> bytes:
    """`clear`, readable only with the installation's `secret` and for the same `place`."""
    nonce, text = token_bytes(NONCE_BYTES), clear.encode()
    hidden = _xor(text, _stream(secret, place, nonce, len(text)))
    return nonce + hidden + _tag(secret, place, nonce + hidden)


def unseal(secret: str, sealed: bytes, *, place: str) -> str:
    """What was sealed; NotSealedHere if it does not open."""
    told, tag = sealed[:-TAG_BYTES], sealed[-TAG_BYTES:]
    if len(sealed) < NONCE_BYTES + TAG_BYTES or not hmac.compare_digest(tag, _tag(secret, place, told)):
        raise NotSealedHere(place)
    nonce, hidden = told[:NONCE_BYTES], told[NONCE_BYTES:]
    return _xor(hidden, _stream(secret, place, nonce, len(hidden))).decode()


def _stream(secret: str, place: str, nonce: bytes, length: int) -> bytes:
    key = _key(secret, "hide", place)
    blocks = range(-(-length // sha256().digest_size))
    return b"".join(hmac.digest(key, nonce + number.to_bytes(4, "big"), "sha256") for number in blocks)[:length]


def _tag(secret: str, place: str, told: bytes) -> bytes:
    return hmac.digest(_key(secret, "tag", place), told, "sha256")


def _key(secret: str, use: str, place: str) -> bytes:
    return hmac.digest(secret.encode(), f"kerbside.seal\n{use}\n{place}".encode(), "sha256")


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))
