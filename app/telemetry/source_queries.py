"""Reads and writes of sources: whose message it is, what has been taken already, the log of the last messages."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, delete, func, or_, select, text, update
from sqlalchemy.orm import load_only

from app.db import Database, TenantSession
from app.telemetry.models import Device, DeviceProfile, MessageOutcome, Source, SourceMessage, UplinkReceipt
from app.tenancy.scope import rows_of, visible_tenant_id

MESSAGES_KEPT = 100
MESSAGES_KEPT_FOR = timedelta(days=30)
TRIM_EVERY = 20
"""Between two trims the log grows beyond its bound by this much at most, more or less; nobody is shown that."""
KNOCK_NOTED_EVERY = timedelta(minutes=1)


def find_source_of_key(database: Database, source_key: str) -> tuple[int, int] | None:
    """The tenant and the number of the source that this address names; None if there is none."""
    with database.transaction(None) as session:
        row = session.execute(text("select * from source_of_key(:key)"), {"key": source_key}).one_or_none()
    return None if row is None else (row.tenant_id, row.source_id)


def note_knock(session: TenantSession, source_id: int, now: datetime) -> None:
    """Somebody came with a wrong secret. Plain SQL, past the row's version, and once a minute: strangers must not make us write."""
    earlier = or_(Source.knocked_at.is_(None), Source.knocked_at < now - KNOCK_NOTED_EVERY)
    of_source = (Source.tenant_id == visible_tenant_id(session)) & (Source.id == source_id)
    session.execute(update(Source).where(of_source, earlier).values(knocked_at=now))


def claim(session: TenantSession, source_id: int, keys: Mapping[UUID, datetime]) -> set[UUID]:
    """The keys that nobody has taken yet, ours from now on. A second worker with the same message waits until we commit or give up.

    `keys` says until when each is to be remembered.
    """
    if not keys:
        return set()
    taken = session.execute(_CLAIM, {"source_id": source_id, "keys": [str(key) for key in keys], "until": list(keys.values())})
    return {UUID(str(key)) for (key,) in taken}


# ascending, so that two writers never wait for each other; plain text, because every message pays for what these statements cost
_CLAIM = text("""
    insert into uplink_receipt (source_id, message_key, forget_at)
    select :source_id, v.key, v.until from unnest(cast(:keys as uuid[]), cast(:until as timestamptz[])) v(key, until)
    order by v.key on conflict do nothing returning message_key""")
_LOGGED = ("device_uid", "outcome", "field", "reason", "mend", "body")
_LOG = text(f"""
    insert into source_message (source_id, {", ".join(_LOGGED)})
    select :source_id, * from unnest({", ".join(f"cast(:{name} as text[])" for name in _LOGGED)}) returning id""")  # noqa: S608


def give_back(session: TenantSession, source_id: int, keys: Collection[UUID]) -> None:
    """Nothing came of these messages: sent again they are new."""
    if keys:
        ours = (UplinkReceipt.tenant_id == visible_tenant_id(session)) & (UplinkReceipt.source_id == source_id)
        session.execute(delete(UplinkReceipt).where(ours, UplinkReceipt.message_key.in_(keys)))


def find_devices(session: TenantSession, uids: Collection[str]) -> dict[str, Device]:
    """Devices by their uid in capitals: network servers write EUIs in either case. Of two that differ in case only, the older."""
    wanted = {spelt for uid in uids for spelt in (uid, uid.lower(), uid.upper())}
    columns = load_only(Device.device_uid, Device.model, Device.kind, Device.reporting_interval_s)
    found = session.scalars(rows_of(session, Device).where(Device.device_uid.in_(wanted)).order_by(Device.id.desc()).options(columns))
    return {device.device_uid.upper(): device for device in found}


def list_profiles(session: TenantSession) -> Select[DeviceProfile]:
    return rows_of(session, DeviceProfile)


def names_that_devices_use(session: TenantSession) -> set[str]:
    """What devices and sources call their models."""
    devices = select(Device.model).where(Device.tenant_id == visible_tenant_id(session), Device.model.is_not(None)).distinct()
    sources = select(Source.default_model).where(Source.tenant_id == visible_tenant_id(session), Source.default_model.is_not(None))
    return {name for name in (*session.scalars(devices), *session.scalars(sources)) if name}


def log_messages(session: TenantSession, source_id: int, rows: Sequence[Mapping[str, object]]) -> None:
    """Write down what became of messages, and now and then let go of what is beyond the log's bound."""
    if not rows:
        return
    columns = {name: [str(row.get(name, "")) for row in rows[-MESSAGES_KEPT:]] for name in _LOGGED}
    numbers = session.scalars(_LOG, columns | {"source_id": source_id}).all()
    if any(number % TRIM_EVERY == 0 for number in numbers):
        trim_log(session, source_id)


def trim_log(session: TenantSession, source_id: int) -> None:
    """Keep a source's last messages. What another worker is letting go of at the moment is left to it."""
    ours = rows_of(session, SourceMessage).where(SourceMessage.source_id == source_id)
    last = ours.with_only_columns(SourceMessage.id).order_by(SourceMessage.id.desc()).offset(MESSAGES_KEPT).limit(1).scalar_subquery()
    beyond = ours.with_only_columns(SourceMessage.id).where(SourceMessage.id <= last).with_for_update(skip_locked=True)
    mine = SourceMessage.tenant_id == visible_tenant_id(session)
    session.execute(delete(SourceMessage).where(mine, SourceMessage.id.in_(beyond)).execution_options(synchronize_session=False))


def forget_old_messages(session: TenantSession, now: datetime) -> None:
    """The nightly rest: logs to their bound and their age, and receipts that no repeat can come for any more."""
    for source_id in session.scalars(rows_of(session, Source).with_only_columns(Source.id)).all():
        trim_log(session, source_id)
    mine = SourceMessage.tenant_id == visible_tenant_id(session)
    session.execute(delete(SourceMessage).where(mine, SourceMessage.received_at < now - MESSAGES_KEPT_FOR))
    ours = UplinkReceipt.tenant_id == visible_tenant_id(session)
    session.execute(delete(UplinkReceipt).where(ours, UplinkReceipt.forget_at < now))


def select_messages(session: TenantSession, source_id: int, *, outcome: MessageOutcome | None = None) -> Select[SourceMessage]:
    query = rows_of(session, SourceMessage).where(SourceMessage.source_id == source_id)
    return query if outcome is None else query.where(SourceMessage.outcome == outcome)


def last_messages(session: TenantSession, source_id: int, *, outcome: MessageOutcome | None = None) -> list[SourceMessage]:
    """The newest first, no more than the log's bound."""
    query = select_messages(session, source_id, outcome=outcome)
    return list(session.scalars(query.order_by(SourceMessage.id.desc()).limit(MESSAGES_KEPT)))


@dataclass
class Tally:
    """What a source's log adds up to."""

    last_at: datetime | None = None
    last_refused: SourceMessage | None = None
    counts: dict[MessageOutcome, int] = field(default_factory=dict)

    @property
    def messages(self) -> int:
        return sum(self.counts.values())

    @property
    def word(self) -> str:
        """How it stands, as a screen says it."""
        refused = self.counts.get(MessageOutcome.REFUSED, 0)
        if not self.messages:
            return "never heard"
        return "in order" if not refused else "all refused" if refused == self.messages else "some refused"


def tallies(session: TenantSession, source_ids: Collection[int]) -> dict[int, Tally]:
    """What the logs of these sources add up to."""
    log = rows_of(session, SourceMessage).where(SourceMessage.source_id.in_(source_ids))
    counted = log.with_only_columns(
        SourceMessage.source_id, SourceMessage.outcome, func.count(), func.max(SourceMessage.received_at), func.max(SourceMessage.id)
    ).group_by(SourceMessage.source_id, SourceMessage.outcome)
    found: dict[int, Tally] = {source_id: Tally() for source_id in source_ids}
    newest_refused = {}
    for source_id, outcome, count, last_at, newest_id in session.execute(counted):
        tally = found[source_id]
        tally.counts[outcome] = count
        tally.last_at = max(filter(None, (tally.last_at, last_at)))
        if outcome is MessageOutcome.REFUSED:
            newest_refused[newest_id] = source_id
    for message in session.scalars(rows_of(session, SourceMessage).where(SourceMessage.id.in_(newest_refused))):
        found[message.source_id].last_refused = message
    return found
