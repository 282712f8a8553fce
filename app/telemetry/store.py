"""Bulk reads and writes of what sensors say. The one module of the room that writes its own SQL for speed.

Locks are taken in one order everywhere, each kind by ascending key, so that no two writers can wait for each other:
device rows → container states → measurements → lifts.
"""
# ruff: noqa: S608 - the SQL is put together from this file's own words; values travel as parameters

import io
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from psycopg2.extras import execute_values

from app.db import TenantSession
from app.telemetry.readings import ReadingIn
from app.telemetry.state import Memory
from forecasting.level import GOOD, Sensor

PLAIN_INSERT_UP_TO, ARRAYS_UP_TO = 2, 200
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = ("temperature_c", "battery_v", "density_kg_m3")
"""What the state repeats of the newest reading that has it."""

Key = tuple[int, int]
"""(device, microseconds since the epoch)."""


def instant(at_us: int) -> datetime:
    return EPOCH + timedelta(microseconds=at_us)


def microseconds(at: datetime) -> int:
    return round(at.timestamp() * 1e6)


class Mount(NamedTuple):
    """A device, and the geometry of the container that it hangs in."""

    device_id: int
    kind: str
    last_seen_us: int
    mounted_us: int
    container_id: int | None
    empty_distance_mm: int
    full_distance_mm: int
    volume_l: int
    offset_mm: float | None = None
    nearest_mm: float | None = None
    assumed_c: float | None = None
    shape: str | None = None
    """The container model's, as JSON."""

    @property
    def is_plain(self) -> bool:
        """Whether fill is height, and the distance as reported."""
        return self.shape is None and not self.offset_mm and self.assumed_c is None


@dataclass(slots=True)
class Draft:
    """A reading on its way into the table."""

    index: int
    item: ReadingIn
    mount: Mount
    at_us: int
    sensor: Sensor
    container_id: int | None = None
    fill_pct: float | None = None
    density_kg_m3: float | None = None
    quality: int = GOOD
    flags: list[str] = field(default_factory=list)

    @property
    def key(self) -> Key:
        return self.mount.device_id, self.at_us


@dataclass(slots=True)
class StateRow:
    """A container's state while it is locked."""

    container_id: int
    observed_us: int
    latest: dict[str, tuple[int, float]]
    """Figure → (when, value) of the newest reading that had it."""
    memory: Memory


class StoredReading(NamedTuple):
    """A stored reading as the level filter needs it."""

    container_id: int
    at_us: int
    device_id: int
    kind: str
    fill_pct: float | None


def cursor_of(session: TenantSession) -> Any:
    """The driver's own cursor in the session's transaction."""
    session.flush()
    return session.connection().connection.cursor()


def acknowledge_only_what_is_on_disk(session: TenantSession) -> None:
    """Whatever the server's default: this transaction's commit waits for the disk."""
    with cursor_of(session) as cursor:
        cursor.execute("set local synchronous_commit = on")


_MICROSECONDS = "(extract(epoch from {})*1000000)::bigint"


def lock_mounts(session: TenantSession, device_uids: Collection[str]) -> dict[str, Mount]:
    """The tenant's devices of these names with their containers' geometry; nobody else stores readings of them until we commit."""
    with cursor_of(session) as cursor:
        cursor.execute(
            f"""select d.device_uid, d.id, d.kind, coalesce({_MICROSECONDS.format("d.last_seen_at")}, -1),
                coalesce({_MICROSECONDS.format("d.installed_at")}, -1),
                d.container_id, c.empty_distance_mm, c.full_distance_mm, c.volume_l, d.offset_mm, d.nearest_mm, d.assumed_c,
                (select m.shape::text from container_model m where m.tenant_id = c.tenant_id and m.id = c.model_id)
            from device d left join container c on c.tenant_id = d.tenant_id and c.id = d.container_id
            where d.tenant_id = (select current_tenant()) and d.device_uid = any(%s)
            order by d.id for no key update of d""",
            (list(device_uids),),
        )
        return {row[0]: Mount(*row[1:]) for row in cursor}


def lock_states(session: TenantSession, container_ids: Collection[int]) -> dict[int, StateRow]:
    """The containers' states, made if they are missing, locked until we commit."""
    ids = sorted(container_ids)
    with cursor_of(session) as cursor:
        cursor.execute(
            """insert into container_state (container_id) select id from unnest(%s::bigint[]) id
            where not exists (select from container_state s where s.tenant_id = (select current_tenant()) and s.container_id = id)
            order by id on conflict do nothing""",
            (ids,),
        )
        cursor.execute(
            f"""select container_id, coalesce({_MICROSECONDS.format("observed_at")}, -1), level_filter->>'latest', level_filter->>'level'
            from container_state where tenant_id = (select current_tenant()) and container_id = any(%s)
            order by container_id for update""",
            (ids,),
        )
        return {row[0]: StateRow(row[0], row[1], msgspec.json.decode(row[2] or "{}"), Memory.unpack(row[3])) for row in cursor}


def save_states(session: TenantSession, states: Iterable[StateRow]) -> None:
    rows = msgspec.json.encode([_state_json(state) for state in states]).decode()
    with cursor_of(session) as cursor:
        cursor.execute(
            """update container_state s set observed_at = v.observed_at, fill_pct = v.fill_pct, fill_spread_pct = v.fill_spread_pct,
                quality = v.quality, temperature_c = v.temperature_c, battery_v = v.battery_v, density_kg_m3 = v.density_kg_m3,
                last_emptied_at = v.last_emptied_at, level_filter = v.level_filter, updated_at = now()
            from jsonb_to_recordset(%s::jsonb) as v(container_id bigint, observed_at timestamptz, fill_pct real, fill_spread_pct real,
                quality smallint, temperature_c real, battery_v real, density_kg_m3 real, last_emptied_at timestamptz, level_filter jsonb)
            where s.tenant_id = (select current_tenant()) and s.container_id = v.container_id""",
            (rows,),
        )


def _state_json(state: StateRow) -> dict[str, Any]:
    now = state.memory.now
    level = now.level
    return {
        "container_id": state.container_id,
        "observed_at": instant(state.observed_us) if state.observed_us >= 0 else None,
        "fill_pct": 100 * level.level,
        "fill_spread_pct": 100 * level.variance**0.5,
        "quality": now.quality,
        "last_emptied_at": instant(level.emptied_at * 1_000_000) if level.emptied_at >= 0 else None,
        "level_filter": {"latest": state.latest, "level": state.memory.packed()},
    } | {name: value for name, (_, value) in state.latest.items()}


def stored_readings(session: TenantSession, since: dict[int, int]) -> list[StoredReading]:
    """Per container, in order of time, the readings from a second on that say something of its fill."""
    with cursor_of(session) as cursor:
        cursor.execute(
            f"""select m.container_id, {_MICROSECONDS.format("m.observed_at")} as at_us, m.device_id, d.kind, m.fill_pct
            from unnest(%s::bigint[], %s::bigint[]) v(container_id, since)
            join measurement m on m.container_id = v.container_id and m.observed_at >= to_timestamp(v.since)
            join device d on d.tenant_id = m.tenant_id and d.id = m.device_id
            where m.tenant_id = (select current_tenant()) and m.observed_at >= to_timestamp(%s)
                and (m.fill_pct is not null or 'no echo' = any(m.flags))
            order by m.container_id, m.observed_at, m.device_id""",
            # the common bound lets the planner leave out the months before it
            (list(since), list(since.values()), min(since.values())),
        )
        return [StoredReading(*row) for row in cursor]


def stored_under(session: TenantSession, keys: Sequence[Key]) -> dict[Key, tuple[Any, ...]]:
    """What is stored under these keys: the values that devices report, in the order of `reported`."""
    instants = [instant(at_us) for _, at_us in keys]
    with cursor_of(session) as cursor:
        cursor.execute(
            f"""select m.device_id, {_MICROSECONDS.format("m.observed_at")}, m.distance_mm, m.fill_pct, m.weight_kg, m.temperature_c,
                m.acceleration_g, m.tilt_deg, m.battery_v, m.battery_pct, m.signal_dbm
            from unnest(%s::bigint[], %s::timestamptz[]) v(device_id, observed_at)
            join measurement m on m.device_id = v.device_id and m.observed_at = v.observed_at
            where m.tenant_id = (select current_tenant()) and m.observed_at between %s and %s""",
            ([device for device, _ in keys], instants, min(instants), max(instants)),
        )
        return {(row[0], row[1]): row[2:] for row in cursor}


_TYPES = {
    "device_id": "bigint",
    "observed_at": "timestamptz",
    "gateway_at": "timestamptz",
    "container_id": "bigint",
    "distance_mm": "int",
    "fill_pct": "real",
    "weight_kg": "real",
    "density_kg_m3": "real",
    "temperature_c": "real",
    "acceleration_g": "real",
    "tilt_deg": "real",
    "battery_v": "real",
    "battery_pct": "real",
    "signal_dbm": "smallint",
    "quality": "smallint",
    "flags": "text[]",
}
_COLUMNS = ", ".join(_TYPES)
_RETURNING = f"on conflict do nothing returning device_id, {_MICROSECONDS.format('observed_at')}"


def insert_measurements(session: TenantSession, drafts: Sequence[Draft]) -> set[Key]:
    """Write readings whose keys differ, the way that is fastest for their number; returns the keys that were not there before."""
    drafts = sorted(drafts, key=lambda draft: draft.key)
    with cursor_of(session) as cursor:
        if len(drafts) <= PLAIN_INSERT_UP_TO:
            return _insert_plainly(cursor, drafts)
        return _insert_arrays(cursor, drafts) if len(drafts) <= ARRAYS_UP_TO else _insert_by_copy(cursor, drafts)


def _insert_plainly(cursor: Any, drafts: Sequence[Draft]) -> set[Key]:
    if not drafts:
        return set()
    statement = f"insert into measurement ({_COLUMNS}) values %s {_RETURNING}"
    return set(execute_values(cursor, statement, [_row(draft) for draft in drafts], fetch=True))


def _insert_arrays(cursor: Any, drafts: Sequence[Draft]) -> set[Key]:
    columns = [list(column) for column in zip(*map(_row, drafts), strict=True)]
    # an array of arrays would be unnested to the ground: flags travel as text
    columns[-1] = [_array_text(flags) for flags in columns[-1]]
    arrays = ", ".join(f"%s::{kind}[]" for kind in (*list(_TYPES.values())[:-1], "text"))
    selected = _COLUMNS.replace("flags", "flags::text[]")
    cursor.execute(f"insert into measurement ({_COLUMNS}) select {selected} from unnest({arrays}) v({_COLUMNS}) {_RETURNING}", columns)
    return set(cursor.fetchall())


def _insert_by_copy(cursor: Any, drafts: Sequence[Draft]) -> set[Key]:
    # COPY straight into a table under row-level security is refused; into a temporary one it is not, and that stays with the connection
    cursor.execute("select to_regclass('pg_temp.incoming')")
    if cursor.fetchone()[0] is None:
        wanted = ", ".join(f"{name} {kind}" for name, kind in _TYPES.items())
        cursor.execute(f"create temporary table incoming ({wanted}) on commit delete rows")
    lines = io.StringIO("".join([_copy_line(draft) for draft in drafts]))
    cursor.copy_expert(f"copy pg_temp.incoming ({_COLUMNS}) from stdin", lines)
    cursor.execute(f"insert into measurement ({_COLUMNS}) select {_COLUMNS} from pg_temp.incoming {_RETURNING}")
    written = set(cursor.fetchall())
    cursor.execute("delete from pg_temp.incoming")
    return written


def _row(draft: Draft) -> tuple[Any, ...]:
    item = draft.item
    distance_mm, fill_pct, weight_kg, temperature_c, acceleration_g, tilt_deg, battery_v, battery_pct, signal_dbm = reported(draft)
    return (
        draft.mount.device_id,
        item.observed_at,
        item.gateway_at,
        draft.container_id,
        distance_mm,
        draft.fill_pct if fill_pct is None else fill_pct,
        weight_kg,
        draft.density_kg_m3,
        temperature_c,
        acceleration_g,
        tilt_deg,
        battery_v,
        battery_pct,
        signal_dbm,
        draft.quality,
        draft.flags or None,
    )


def reported(draft: Draft) -> tuple[Any, ...]:
    """What the device said, to as many digits as the columns hold: what is read back equals what was written."""
    item = draft.item
    return (
        item.distance_mm or (0 if item.distance_mm == 0 else None),
        None if isinstance(item.distance_mm, int) else draft.fill_pct,
        _rounded(item.weight_kg, 1),
        _rounded(item.temperature_c, 2),
        _rounded(item.acceleration_g, 3),
        _rounded(item.tilt_deg, 2),
        _rounded(item.battery_v, 3),
        _rounded(item.battery_pct, 2),
        item.signal_dbm,
    )


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _copy_line(draft: Draft) -> str:
    row = _row(draft)
    *plain, flags = row
    return "\t".join(["\\N" if value is None else str(value) for value in plain]) + f"\t{_array_text(flags) or chr(92) + 'N'}\n"


def _array_text(flags: list[str] | None) -> str | None:
    return None if not flags else '{"' + '","'.join(flags) + '"}'


def touch_devices(session: TenantSession, drafts: Iterable[Draft]) -> None:
    """Say when each device was last heard, by its own clock, and its battery then. Older news changes nothing."""
    newest: dict[int, list[Any]] = {}
    for draft in sorted(drafts, key=lambda draft: draft.at_us):
        seen = newest.setdefault(draft.mount.device_id, [0, None, None])
        seen[0] = draft.at_us
        seen[1] = draft.item.battery_v if draft.item.battery_v is not None else seen[1]
        seen[2] = draft.item.battery_pct if draft.item.battery_pct is not None else seen[2]
    seen_at, battery_v, battery_pct = zip(*newest.values(), strict=True) if newest else ((), (), ())
    with cursor_of(session) as cursor:
        cursor.execute(
            """update device d set last_seen_at = v.seen_at, battery_v = coalesce(v.battery_v, d.battery_v),
                battery_pct = coalesce(v.battery_pct, d.battery_pct)
            from unnest(%s::bigint[], %s::timestamptz[], %s::real[], %s::real[]) v(id, seen_at, battery_v, battery_pct)
            where d.tenant_id = (select current_tenant()) and d.id = v.id and (d.last_seen_at is null or d.last_seen_at < v.seen_at)""",
            (list(newest), [instant(at_us) for at_us in seen_at], list(battery_v), list(battery_pct)),
        )
