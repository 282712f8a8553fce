"""The Things Stack v3: webhook and MQTT messages."""

from app.telemetry.envelopes.message import Message, Node, Skipped, best_signal

OTHER_KINDS = (
    "join_accept",
    "downlink_ack",
    "downlink_nack",
    "downlink_sent",
    "downlink_failed",
    "downlink_queued",
    "downlink_queue_invalidated",
    "location_solved",
    "service_data",
)


def read(body: object) -> Message | Skipped:
    """Read one message. The server leaves out what is 0 or empty, so that a missing port is port 0."""
    root = Node(body)
    other = next((kind for kind in OTHER_KINDS if kind in root), None)
    if "uplink_message" not in root and other is not None:
        return Skipped(f"{other.replace('_', ' ')}: no uplink")
    uplink = root.child("uplink_message")
    if root.value.get("simulated") is True:
        return Skipped("simulated by the console: no reading")
    ids = root.child("end_device_ids")
    device = ids.eui("dev_eui") if "dev_eui" in ids else ids.text("device_id")
    count = uplink.whole("f_cnt", 0)
    session = uplink.text("session_key_id") if "session_key_id" in uplink else ids.text("dev_addr") if "dev_addr" in ids else ""
    signal_dbm, snr_db = best_signal(_signal(gateway) for gateway in uplink.children("rx_metadata"))
    return Message(
        device=device,
        observed_at=(uplink if "received_at" in uplink else root).instant("received_at"),
        dedupe_key=f"{device}:{session}:{count}",
        f_port=uplink.whole("f_port", 0, most=255),
        payload=uplink.base64("frm_payload") or b"",
        decoded=uplink.child("decoded_payload").value if "decoded_payload" in uplink else None,
        signal_dbm=signal_dbm,
        snr_db=snr_db,
        tags={"application": _application(ids)} if "application_ids" in ids else {},
    )


def _signal(gateway: Node) -> tuple[float | None, float | None]:
    return (gateway.number("rssi") if "rssi" in gateway else None, gateway.number("snr") if "snr" in gateway else None)


def _application(ids: Node) -> str:
    return ids.child("application_ids").text("application_id")
