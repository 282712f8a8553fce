"""ThingPark (Actility, KPN and others): DevEUI_uplink, and the check of its token."""

import hmac
from hashlib import sha256
from urllib.parse import unquote

from app.telemetry.envelopes.message import EnvelopeError, Message, Node, Skipped, best_signal

UPLINK = "DevEUI_uplink"
SIGNED = ("CustomerID", "DevEUI", "FPort", "FCntUp", "payload_hex")
TOKEN = "Token"  # noqa: S105 - the parameter's name


def read(body: object) -> Message | Skipped:
    """Read one message, with or without its outer `DevEUI_uplink`; numbers may come as texts."""
    uplink = _uplink(body)
    if isinstance(uplink, Skipped):
        return uplink
    device, count = uplink.eui("DevEUI"), uplink.whole("FCntUp", 0)
    observed_at = uplink.instant("Time")
    signal_dbm, snr_db = best_signal(iter([(_optional(uplink, "LrrRSSI"), _optional(uplink, "LrrSNR"))]))
    return Message(
        device=device,
        observed_at=observed_at,
        dedupe_key=f"{device}:{count}:{observed_at:%Y%m%dT%H%M%S.%f}",
        f_port=uplink.whole("FPort", 0, most=255),
        payload=uplink.hex("payload_hex") or b"",
        signal_dbm=signal_dbm,
        snr_db=snr_db,
        tags={"customer": uplink.text("CustomerID")} if "CustomerID" in uplink else {},
    )


def check_token(body: object, query: str, as_key: str) -> None:
    """Refuse a message whose token was not made with the application server's key.

    Parameters
    ----------
    body
        The parsed message.
    query
        The request's query string as it came, still percent-encoded, with its Token.
    as_key
        The LRC-AS key.

    Raises
    ------
    EnvelopeError
        If the token is missing, is there twice, or is another one; if the message is not the device's that the query names.
    """
    parts = [unquote(part) for part in query.lstrip("?").split("&") if part]
    tokens = [part.partition("=")[2] for part in parts if part.partition("=")[0] == TOKEN]
    if len(tokens) != 1:
        raise EnvelopeError(TOKEN, "is missing" if not tokens else "is there twice", "Switch on the token check for this route.")
    signed = "&".join(part for part in parts if part.partition("=")[0] != TOKEN)
    uplink = _uplink(body)
    if isinstance(uplink, Skipped):
        raise EnvelopeError(TOKEN, "cannot be checked on a message of this kind", "Forward uplinks only.")
    _check_device(uplink, parts)
    elements = "".join(uplink.text(name) if name in uplink and uplink.value[name] != "" else "" for name in SIGNED)
    expected = sha256(f"{elements}{signed}{as_key.lower()}".encode("utf-8", "replace")).hexdigest()
    if not hmac.compare_digest(expected.encode(), tokens[0].lower().encode("utf-8", "replace")):
        raise EnvelopeError(TOKEN, "does not match", "Enter the same LRC-AS key there and here.")


def _uplink(body: object) -> Node | Skipped:
    root = Node(body)
    if UPLINK in root:
        return root.child(UPLINK)
    other = next((name for name in root.value if isinstance(name, str) and name.startswith("DevEUI_")), None)
    if other is not None:
        return Skipped(f"{other[:60]}: no uplink")
    if "DevEUI" in root:
        return root
    raise EnvelopeError(UPLINK, "is missing", "Forward ThingPark's JSON as it is.")


def _check_device(uplink: Node, parts: list[str]) -> None:
    named = next((part.partition("=")[2] for part in parts if part.startswith("LrnDevEui=")), None)
    if named is not None and named.upper() != uplink.eui("DevEUI"):
        raise EnvelopeError("LrnDevEui", "is another device than the message's", "Forward query and body as they came.")


def _optional(uplink: Node, name: str) -> float | None:
    return uplink.number(name) if name in uplink else None
