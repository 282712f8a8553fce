"""Messages of sources come in. In order:

 1. whose is it             the secret, or ThingPark's token; a stranger is told so and leaves no trace but the time
 2. may it send             the source is switched on, the address is on its list
 3. read_messages           the envelope of its kind; a join or an acknowledgement is skipped
 4. may it speak for it     the device is on the source's list, the network heard it within the replay window
 5. to_readings             the device's model, the source's or a profile of the tenant's reads the payload
 6. claim                   a message that was taken before is a duplicate
 7. ingest                  the readings, by the filters that all readings pass
 8. log_messages            what became of each, whatever it was

All in one transaction, which is on disk before the sender hears of it. Nothing here raises for what somebody sends: a refusal is a verdict,
so that the log of it is kept.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from urllib.parse import parse_qsl
from uuid import UUID

from app.db import TenantSession
from app.errors import FieldProblem, KerbsideError, NotAllowed, NotSignedIn, Rejected, TooLarge
from app.reading import is_storable, read_json, unreadable
from app.telemetry import source_access, source_queries
from app.telemetry.envelopes import EnvelopeError, Message, Skipped, chirpstack, ngsi, sigfox, thingpark, tts
from app.telemetry.ingest import ingest
from app.telemetry.models import MessageOutcome, Source, SourceKind
from app.telemetry.payloads import NothingToStore, Payloads
from app.telemetry.readings import Outcome, OutcomeStatus, ReadingIn, decode_batch, refusal
from app.telemetry.sources import as_key_of
from app.tenancy.scope import get_row

LARGEST_MESSAGE = 1_000_000
MOST_FORM_FIELDS = 50
LONGEST_LOGGED = 2_000
REMEMBERED_BEYOND_WINDOW = timedelta(days=1)


@dataclass(frozen=True)
class Uplink:
    """One request of a network server, as it came."""

    body: bytes
    query: str = ""
    """Still percent-encoded: ThingPark signs it so."""
    event: str = "up"
    is_form: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    address: str | None = None


@dataclass(frozen=True)
class Verdict:
    """What became of one message; `outcomes` are those of a batch of our own JSON."""

    outcome: MessageOutcome
    device: str = ""
    reason: str = ""
    error: KerbsideError | None = None
    outcomes: tuple[Outcome, ...] | None = None

    @classmethod
    def refused(cls, error: KerbsideError, device: str = "") -> "Verdict":
        return cls(MessageOutcome.REFUSED, device, error.fields[0].problem if error.fields else error.detail, error)


@dataclass(frozen=True)
class Parcel:
    """A message on its way into the table."""

    index: int
    message: Message
    key: UUID
    readings: list[ReadingIn | Outcome]
    warnings: tuple[str, ...]


def take_uplink(session: TenantSession, source_id: int, uplink: Uplink, *, secret: str, now: datetime) -> list[Verdict]:
    """Take what a network server sends for a source; one verdict a message, never none. `secret` opens what is sealed."""
    source = get_row(session, Source, source_id)
    try:
        signed_at = _require_sender(source, uplink, secret)
    except NotSignedIn as error:
        source_queries.note_knock(session, source.id, now)
        return [Verdict.refused(error)]
    try:
        verdicts = _take(session, source, uplink, signed_at, now)
    except KerbsideError as error:
        verdicts = [Verdict.refused(error)]
    source_queries.log_messages(session, source.id, [_as_row(verdict, uplink) for verdict in verdicts])
    return verdicts


def _require_sender(source: Source, uplink: Uplink, secret: str) -> datetime | None:
    """NotSignedIn unless the source sends; where a token says so, the instant that it was signed at."""
    if source_access.shows_secret(source, uplink.headers):
        return None
    as_key = as_key_of(source, secret)
    if as_key is None:
        raise NotSignedIn("This is not the source's secret. Send it as a bearer, as a password, or as X-Api-Key.")
    try:
        return source_access.require_token(_parse(uplink), uplink.query, as_key)
    except KerbsideError as error:
        raise NotSignedIn(f"ThingPark's token is not right: {error.detail}", fields=error.fields) from error


def _take(session: TenantSession, source: Source, uplink: Uplink, signed_at: datetime | None, now: datetime) -> list[Verdict]:
    if not source.active:
        raise NotAllowed("This source is switched off.", fields=(FieldProblem("source", "is switched off", "Set active to true."),))
    source_access.require_address(source, uplink.address)
    if signed_at is not None:
        source_access.require_timely(source, signed_at, now, field="Time")
    if source.kind is SourceKind.KERBSIDE_JSON:
        return [_take_batch(session, source, uplink, now)]
    return _take_messages(session, source, read_messages(source, uplink, now), now) or [
        Verdict(MessageOutcome.SKIPPED, reason="it speaks of nothing")
    ]


def read_messages(source: Source, uplink: Uplink, now: datetime) -> list[Message | Skipped]:
    """The messages of a request, by the envelope of the source's kind; Rejected names the field that cannot be read."""
    body = _parse(uplink)
    try:
        match source.kind:
            case SourceKind.TTS:
                return [tts.read(body)]
            case SourceKind.CHIRPSTACK:
                return [chirpstack.read(body, uplink.event)]
            case SourceKind.THINGPARK:
                return [thingpark.read(body)]
            case SourceKind.SIGFOX:
                return [sigfox.read(body, sigfox.Template(**(source.sigfox_template or {})))]
            case SourceKind.NGSI_LD:
                return ngsi.read_ld(body)
            case _:
                return ngsi.read_v2(body, now)
    except EnvelopeError as error:
        raise _refused(error.field or "body", error.problem, error.mend) from error


def _parse(uplink: Uplink) -> object:
    if len(uplink.body) > LARGEST_MESSAGE:
        problem = FieldProblem("body", f"has {len(uplink.body):,} bytes", f"Send at most {LARGEST_MESSAGE:,} a message.")
        raise TooLarge("The message is too large.", fields=(problem,))
    if not uplink.is_form:
        return read_json(uplink.body)
    try:
        return dict(parse_qsl(uplink.body.decode(), max_num_fields=MOST_FORM_FIELDS))
    except ValueError as error:
        raise unreadable("is no form", f"Send up to {MOST_FORM_FIELDS} fields in UTF-8, or JSON.") from error


def _take_batch(session: TenantSession, source: Source, uplink: Uplink, now: datetime) -> Verdict:
    items = [_checked(source, item, now) for item in decode_batch(uplink.body)]
    outcomes = tuple(ingest(session, items, now=now))
    refused = [outcome for outcome in outcomes if outcome.problem]
    devices = {item.device for item in items if isinstance(item, ReadingIn)}
    if refused:
        first = refused[0]
        reason = f"{len(refused)} of {len(outcomes)} readings: {first.field} {first.problem}"
        return Verdict(MessageOutcome.REFUSED, ", ".join(sorted(devices)[:3]), reason, outcomes=outcomes)
    new = sum(outcome.status is OutcomeStatus.STORED for outcome in outcomes)
    known = MessageOutcome.DUPLICATE if outcomes and not new else MessageOutcome.STORED if new else MessageOutcome.SKIPPED
    return Verdict(known, ", ".join(sorted(devices)[:3]), f"{new} of {len(outcomes)} readings are new", outcomes=outcomes)


def _checked(source: Source, item: ReadingIn | Outcome, now: datetime) -> ReadingIn | Outcome:
    if isinstance(item, Outcome):
        return item
    try:
        source_access.require_device(source, item.device)
        source_access.require_timely(source, item.gateway_at or item.observed_at, now)
    except (NotAllowed, Rejected) as error:
        return refusal(error.fields[0].field, error.fields[0].problem, error.fields[0].mend)
    return item


def _take_messages(session: TenantSession, source: Source, messages: Sequence[Message | Skipped], now: datetime) -> list[Verdict]:
    verdicts: dict[int, Verdict] = {}
    payloads = Payloads(session, source, source_queries.find_devices(session, [uid for uid in map(_uid, messages) if is_storable(uid)]))
    parcels = []
    for index, message in enumerate(messages):
        found = _open(source, index, message, payloads, now)
        if isinstance(found, Verdict):
            verdicts[index] = found
        else:
            parcels.append(found)
    verdicts |= _deliver(session, source, parcels, now)
    return [verdicts[index] for index in range(len(messages))]


def _uid(message: Message | Skipped) -> str:
    return message.device if isinstance(message, Message) else ""


def _open(source: Source, index: int, message: Message | Skipped, payloads: Payloads, now: datetime) -> Parcel | Verdict:
    """A message as readings, or what became of it before it came so far."""
    if isinstance(message, Skipped):
        return Verdict(MessageOutcome.SKIPPED, reason=message.reason)
    try:
        source_access.require_device(source, message.device)
        source_access.require_timely(source, message.observed_at, now)
        readings, warnings = payloads.to_readings(message)
    except NothingToStore as nothing:
        return Verdict(MessageOutcome.SKIPPED, message.device, str(nothing))
    except KerbsideError as error:
        return Verdict.refused(error, message.device)
    digest = sha256(message.dedupe_key.encode("utf-8", "replace")).digest()
    return Parcel(index, message, UUID(bytes=digest[:16]), readings, warnings)


def _deliver(session: TenantSession, source: Source, parcels: Sequence[Parcel], now: datetime) -> dict[int, Verdict]:
    """Store what is new; what is refused after all may come again."""
    until = timedelta(seconds=source.max_age_s) + REMEMBERED_BEYOND_WINDOW
    new = source_queries.claim(session, source.id, {parcel.key: parcel.message.observed_at + until for parcel in parcels})
    fresh = [parcel for parcel in parcels if parcel.key in new]
    outcomes = iter(ingest(session, [reading for parcel in fresh for reading in parcel.readings], now=now) if fresh else ())
    verdicts = {
        parcel.index: Verdict(MessageOutcome.DUPLICATE, parcel.message.device, "it was taken before")
        for parcel in parcels
        if parcel.key not in new
    }
    verdicts |= {parcel.index: _judge(parcel, [next(outcomes) for _ in parcel.readings]) for parcel in fresh}
    source_queries.give_back(
        session, source.id, {parcel.key for parcel in fresh if verdicts[parcel.index].outcome is MessageOutcome.REFUSED}
    )
    return verdicts


def _judge(parcel: Parcel, outcomes: Sequence[Outcome]) -> Verdict:
    """One verdict of the outcomes of a message's readings: what was stored counts for more than what was not."""
    device, known = parcel.message.device, {outcome.status for outcome in outcomes}
    refused = [outcome for outcome in outcomes if outcome.problem]
    told = [*parcel.warnings, *(f"a reading was not taken: {one.field} {one.problem}" for one in refused)]
    if OutcomeStatus.STORED in known:
        return Verdict(MessageOutcome.STORED, device, "; ".join(told))
    if OutcomeStatus.DUPLICATE in known:
        return Verdict(MessageOutcome.DUPLICATE, device, "; ".join(told))
    return Verdict.refused(_refused(refused[0].field or "body", refused[0].problem, refused[0].mend), device)


def _as_row(verdict: Verdict, uplink: Uplink) -> dict[str, object]:
    fault = verdict.error.fields[0] if verdict.error and verdict.error.fields else FieldProblem("", verdict.reason)
    texts = {"device_uid": (verdict.device, 80), "field": (fault.field, 120), "reason": (fault.problem, 400), "mend": (fault.mend, 400)}
    logged: dict[str, object] = {name: _kept(text, most) for name, (text, most) in texts.items()}
    body = uplink.body[: 4 * LONGEST_LOGGED].decode("utf-8", "replace")
    return logged | {"outcome": verdict.outcome, "body": _kept(body, LONGEST_LOGGED)}


def _kept(text: str, most: int) -> str:
    """The text as a database can hold it, cut off where it is too long."""
    readable = text.replace("\0", "�").encode("utf-8", "replace").decode()
    return readable if len(readable) <= most else readable[: most - 1] + "…"


def _refused(field: str, problem: str, mend: str) -> Rejected:
    return Rejected(f"{field} {problem}."[:400], fields=(FieldProblem(field, problem, mend),))


def list_problems(verdicts: Iterable[Verdict]) -> tuple[FieldProblem, ...]:
    """The faults of refused messages, one each."""
    return tuple(verdict.error.fields[0] for verdict in verdicts if verdict.error and verdict.error.fields)
