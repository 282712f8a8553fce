"""ChirpStack v4: the HTTP integration's and MQTT's JSON events."""

from app.telemetry.envelopes.message import EnvelopeError, Message, Node, Skipped, best_signal

EVENTS = ("up", "status", "join", "ack", "txack", "log", "location", "integration")
LONGEST_TAG = 100


def read(body: object, event: str = "up") -> Message | Skipped:
    """Read one event; `event` is the query's, or the last part of the MQTT topic."""
    if event not in EVENTS:
        raise EnvelopeError("event", f"is {event[:20]!r}", f"It is one of {', '.join(EVENTS)}.")
    if event != "up":
        return Skipped(f"{event} event: no uplink")
    root = Node(body)
    if "deviceInfo" not in root and "devEUI" in root:
        raise EnvelopeError("deviceInfo", "is missing: this is ChirpStack v3", "Move to v4, or forward its frames as our own JSON.")
    info = root.child("deviceInfo")
    device, count = info.eui("devEui"), root.whole("fCnt", 0)
    address = root.text("devAddr") if "devAddr" in root else ""
    signal_dbm, snr_db = best_signal(_signal(gateway) for gateway in root.children("rxInfo"))
    return Message(
        device=device,
        observed_at=root.instant("time"),
        dedupe_key=root.text("deduplicationId") if "deduplicationId" in root else f"{device}:{address}:{count}",
        f_port=root.whole("fPort", 0, most=255),
        payload=root.base64("data") or b"",
        decoded=root.child("object").value if "object" in root else None,
        signal_dbm=signal_dbm,
        snr_db=snr_db,
        tags=_tags(info),
    )


def _signal(gateway: Node) -> tuple[float | None, float | None]:
    return (gateway.number("rssi") if "rssi" in gateway else None, gateway.number("snr") if "snr" in gateway else None)


def _tags(info: Node) -> dict[str, str]:
    tags = info.child("tags").value if "tags" in info else {}
    return {str(name)[:LONGEST_TAG]: value[:LONGEST_TAG] for name, value in tags.items() if isinstance(value, str)}
