"""Sigfox callbacks. Their body is a template that the customer writes: names are the source's, and numbers may come as texts."""

from dataclasses import dataclass

from app.telemetry.envelopes.message import EnvelopeError, Message, Node, best_signal

LONGEST_PAYLOAD = 12


@dataclass(frozen=True, slots=True)
class Template:
    """What a source's callback calls its fields; None where it does not send one."""

    device: str = "device"
    time: str = "time"
    data: str = "data"
    sequence: str | None = "seqNumber"
    rssi: str | None = "rssi"
    snr: str | None = "snr"


DEFAULT = Template()


def read(body: object, template: Template = DEFAULT) -> Message:
    """Read one uplink callback; form and query fields may be given as an object of texts."""
    root = Node(body)
    device = _device(root, template.device)
    observed_at = root.instant(template.time)
    payload = root.hex(template.data) or b""
    if len(payload) > LONGEST_PAYLOAD:
        raise EnvelopeError(root.at(template.data), f"has more than {LONGEST_PAYLOAD} bytes", "Send {data} as Sigfox has it.")
    has_sequence = template.sequence is not None and template.sequence in root
    sequence = root.whole(template.sequence, 0) if has_sequence and template.sequence is not None else None
    signal_dbm, snr_db = best_signal(iter([(_optional(root, template.rssi), _optional(root, template.snr))]))
    return Message(
        device=device,
        observed_at=observed_at,
        # sequence numbers begin again after 4,095: the day keeps them apart
        dedupe_key=f"{device}:{sequence}:{observed_at:%Y%m%d}" if sequence is not None else f"{device}:{observed_at.timestamp():.3f}",
        payload=payload,
        signal_dbm=signal_dbm,
        snr_db=snr_db,
    )


def _device(root: Node, name: str) -> str:
    """Ids come in either case and without leading zeros."""
    found = root.text(name).upper().lstrip("0")
    if not 1 <= len(found) <= 8 or not all(digit in "0123456789ABCDEF" for digit in found):
        raise EnvelopeError(root.at(name), "is no Sigfox id", "Send {device}: up to 8 hex digits.")
    return found


def _optional(root: Node, name: str | None) -> float | None:
    return root.number(name) if name is not None and name in root else None
