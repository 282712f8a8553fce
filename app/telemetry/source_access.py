"""Who may send as a source: its secret in whichever way a network server can send one, ThingPark's token, addresses, devices, the clock."""

import base64
import binascii
import hmac
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from urllib.parse import unquote

from app.errors import FieldProblem, NotAllowed, Rejected
from app.telemetry.envelopes import EnvelopeError, thingpark
from app.telemetry.models import Source
from app.tenancy.queries import hash_key

HEADER = "X-Api-Key"
"""For whoever can add a header but not the one named Authorization."""


def shows_secret(source: Source, headers: Mapping[str, str]) -> bool:
    """Whether one of the headers carries the source's secret."""
    return any(hmac.compare_digest(hash_key(presented), source.secret_hash) for presented in presented_secrets(headers))


def presented_secrets(headers: Mapping[str, str]) -> Iterator[str]:
    """As a bearer, as a password (whoever the user is), bare, or in a header of its own."""
    scheme, _, rest = headers.get("Authorization", "").strip().partition(" ")
    match scheme.lower():
        case "bearer":
            yield rest.strip()
        case "basic":
            yield _password(rest.strip())
        case _ if scheme and not rest:
            yield scheme
    if HEADER in headers:
        yield headers[HEADER].strip()


def _password(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def require_token(body: object, query: str, as_key: str) -> datetime:
    """Refuse a ThingPark message without the token of its key; returns the instant that the token was made for."""
    try:
        thingpark.check_token(body, query, as_key)
    except EnvelopeError as error:
        raise NotAllowed(str(error), fields=(FieldProblem(error.field or "body", error.problem, error.mend),)) from error
    times = [unquote(part)[len("Time=") :] for part in query.split("&") if part.startswith("Time=")]
    try:
        (written,) = times
        signed_at = datetime.fromisoformat(written)
    except ValueError as error:
        raise _refused("Time", "is missing or no instant in the query", "Forward the query as ThingPark has signed it.") from error
    if signed_at.tzinfo is None:
        raise _refused("Time", "has no zone", "Forward the query as ThingPark has signed it.")
    return signed_at


def require_address(source: Source, address: str | None) -> None:
    if source.allowed_networks and not _is_within(address, source.allowed_networks):
        problem = FieldProblem(
            "address", f"{address or 'unknown'} is not on the source's list", "Add it to allowed_networks, or send from there."
        )
        raise NotAllowed("This source may not send from there.", fields=(problem,))


def _is_within(address: str | None, networks: list[str]) -> bool:
    try:
        found = ip_address(address or "")
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None) or found
    return any(mapped in ip_network(network) for network in networks)


def require_device(source: Source, device_uid: str) -> None:
    if source.allowed_devices and device_uid.upper() not in {allowed.upper() for allowed in source.allowed_devices}:
        raise NotAllowed(
            f"This source may not speak for {device_uid}.",
            fields=(FieldProblem("device", "is not on the source's list", "Add it to allowed_devices, or empty that list."),),
        )


def require_timely(source: Source, heard_at: datetime, now: datetime, *, field: str = "observed_at") -> None:
    """Refuse what lies outside of the replay window."""
    if heard_at < now - timedelta(seconds=source.max_age_s):
        problem = f"lies {_span(now - heard_at)} back: the source takes {_span(timedelta(seconds=source.max_age_s))}"
        raise _refused(field, problem, "A repeat of an old message is not taken; raise max_age_s if messages wait that long on their way.")
    if heard_at > now + timedelta(seconds=source.max_ahead_s):
        raise _refused(field, f"lies {_span(heard_at - now)} ahead of our clock", "Set the network server's clock, or raise max_ahead_s.")


def _span(length: timedelta) -> str:
    seconds = length.total_seconds()
    return f"{seconds / 86_400:.1f} days" if seconds >= 86_400 else f"{seconds / 60:.0f} minutes"


def _refused(field: str, problem: str, mend: str) -> Rejected:
    return Rejected(f"{field} {problem}.", fields=(FieldProblem(field, problem, mend),))
