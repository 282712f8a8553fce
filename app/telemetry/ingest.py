"""Readings come in: a numbered list of named filters, then one bulk write.

 1. reject_unknown_device   nobody has registered it
 2. reject_future_clock     its clock is ahead of ours
 3. reject_too_old          older than what is kept for live readings
 4. reject_absurd_network   the network's clock shows a year that nobody lives in
 5. reject_two_fills        a distance and a fill may contradict each other
 6. reject_nothing_said     no figure at all
 7. place                   in the container where it hung then
 8. to_fill                 distance to fill by the container's shape and the device's calibration
 9. flag_no_echo            the sensor heard nothing
10. flag_beyond_marks       over the full mark, or below the floor
11. flag_blocked            nearer than the sensor can measure
12. to_density              weight over filled volume
13. drop_repeats            what is stored already: duplicate, or conflict when it differs (the first reading stays)
14. follow_readings         the streaming level filter: ghost echo, jump, stuck; container state and sensor-seen lifts
15. doubt_blocked           quality of what the blind zone showed
16. insert_measurements     written; on disk before the sender hears of it

Three clocks stay apart: `observed_at` is the device's, `gateway_at` the network's, `received_at` ours.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from msgspec import UNSET

from app.db import TenantSession
from app.telemetry import store
from app.telemetry.filling import fill_pct, is_blocked
from app.telemetry.geometry import BLOCKED
from app.telemetry.levels import follow_readings, known_quality, rebuild_states
from app.telemetry.readings import DUPLICATE, STORED, Outcome, OutcomeStatus, ReadingIn, refusal
from app.telemetry.state import NEGATIVE, NO_ECHO, OVER_FULL, sensor_of
from app.telemetry.store import Draft, Key, Mount, microseconds
from forecasting.level import DOUBTED, IMPOSSIBLE

CLOCK_AHEAD = timedelta(minutes=10)
MONTHS_KEPT_OPEN = 14
FIRST_YEAR, LAST_YEAR = 1971, 2100
DENSITY_FROM_FILL_PCT = 10
"""Below it a weight is divided by next to nothing."""

NOBODY = Mount(0, "", -1, -1, None, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Limits:
    """Between which instants (microseconds) a device's clock may stand."""

    oldest_us: int
    newest_us: int

    @classmethod
    def at(cls, now: datetime, *, oldest: datetime | None = None) -> "Limits":
        return cls(microseconds(oldest or months_before(now, MONTHS_KEPT_OPEN)), microseconds(now + CLOCK_AHEAD))


def months_before(now: datetime, months: int) -> datetime:
    """The first instant of the month so many months before."""
    index = now.year * 12 + now.month - 1 - months
    return datetime(index // 12, index % 12 + 1, 1, tzinfo=UTC)


def ingest(
    session: TenantSession, items: Sequence[ReadingIn | Outcome], *, now: datetime | None = None, oldest: datetime | None = None
) -> list[Outcome]:
    """Store a batch and say of each reading, in order, what became of it; refusals among the items pass through.

    A reading counts once per (device, observed_at), however often, in whatever order and by how many workers it is sent.
    """
    store.acknowledge_only_what_is_on_disk(session)
    outcomes = [item if isinstance(item, Outcome) else STORED for item in items]
    limits = Limits.at(now or datetime.now(UTC), oldest=oldest)
    drafts = _sift(session, items, outcomes, limits)
    fresh = drop_repeats(session, drafts, outcomes)
    follow_readings(session, fresh)
    doubt_blocked(fresh)
    written = store.insert_measurements(session, fresh)
    if len(written) < len(fresh):
        _make_good(session, [draft for draft in fresh if draft.key not in written], outcomes)
    store.touch_devices(session, fresh)
    return outcomes


def _sift(session: TenantSession, items: Sequence[ReadingIn | Outcome], outcomes: list[Outcome], limits: Limits) -> list[Draft]:
    mounts = store.lock_mounts(session, {item.device for item in items if isinstance(item, ReadingIn)})
    sensors = {kind: sensor_of(kind) for kind in {mount.kind for mount in mounts.values()} | {""}}
    drafts = []
    for index, item in enumerate(items):
        if isinstance(item, Outcome):
            continue
        mount = mounts.get(item.device, NOBODY)
        draft = Draft(index, item, mount, microseconds(item.observed_at), sensors[mount.kind])
        for sift in FILTERS:
            refused = sift(draft, limits)
            if refused is not None:
                outcomes[index] = refused
                break
        else:
            drafts.append(draft)
    return drafts


Filter = Callable[[Draft, Limits], Outcome | None]


def reject_unknown_device(draft: Draft, _: Limits) -> Outcome | None:
    if draft.mount is NOBODY:
        return refusal("device", "is not registered", "Register it with POST /api/v1/devices, then send the reading again.")
    return None


def reject_future_clock(draft: Draft, limits: Limits) -> Outcome | None:
    if draft.at_us > limits.newest_us:
        return refusal("observed_at", "lies in the future", "Set the device's clock; more than 10 minutes ahead is not taken.")
    return None


def reject_too_old(draft: Draft, limits: Limits) -> Outcome | None:
    if draft.at_us < limits.oldest_us:
        return refusal(
            "observed_at", "lies more than 14 months back", "Set the device's clock; histories come in with `kerbside import measurements`."
        )
    return None


def reject_absurd_network(draft: Draft, _: Limits) -> Outcome | None:
    gateway_at = draft.item.gateway_at
    if gateway_at is not None and not FIRST_YEAR <= gateway_at.year <= LAST_YEAR:
        return refusal("gateway_at", "is no instant that a network can mean", "Leave it out if the network's clock is not set.")
    return None


def reject_two_fills(draft: Draft, _: Limits) -> Outcome | None:
    item = draft.item
    if item.distance_mm is not UNSET and item.fill_pct is not UNSET:
        return refusal("fill_pct", "is given beside distance_mm", "Send one of the two: fill is worked out from the distance.")
    return None


def reject_nothing_said(draft: Draft, _: Limits) -> Outcome | None:
    item = draft.item
    figures = (item.weight_kg, item.temperature_c, item.acceleration_g, item.tilt_deg, item.battery_v, item.battery_pct, item.signal_dbm)
    if item.distance_mm is UNSET and item.fill_pct is UNSET and all(figure is None for figure in figures):
        return refusal("distance_mm", "is missing, and so is every other figure", "Send null if there was no echo.")
    return None


def place(draft: Draft, _: Limits) -> None:
    if draft.at_us >= draft.mount.mounted_us:
        draft.container_id = draft.mount.container_id


def to_fill(draft: Draft, _: Limits) -> None:
    item = draft.item
    if isinstance(item.distance_mm, int):
        if draft.container_id is not None:
            draft.fill_pct = round(fill_pct(draft.mount, item.distance_mm, item.temperature_c), 2)
    elif isinstance(item.fill_pct, float):
        draft.fill_pct = round(item.fill_pct, 2)
    if draft.fill_pct is None:
        draft.quality = IMPOSSIBLE


def flag_no_echo(draft: Draft, _: Limits) -> None:
    if draft.item.distance_mm is None or draft.item.fill_pct is None:
        draft.flags.append(NO_ECHO)


def flag_beyond_marks(draft: Draft, _: Limits) -> None:
    fill_pct = draft.fill_pct
    if fill_pct is not None and not 0 <= fill_pct <= 100:
        draft.flags.append(OVER_FULL if fill_pct > 100 else NEGATIVE)
        draft.quality = known_quality(fill_pct)


def flag_blocked(draft: Draft, _: Limits) -> None:
    if isinstance(draft.item.distance_mm, int) and is_blocked(draft.mount, draft.item.distance_mm):
        draft.flags.append(BLOCKED)


def to_density(draft: Draft, _: Limits) -> None:
    weight_kg, fill_pct = draft.item.weight_kg, draft.fill_pct
    if weight_kg is not None and fill_pct is not None and draft.container_id is not None and fill_pct >= DENSITY_FROM_FILL_PCT:
        draft.density_kg_m3 = round(weight_kg / (draft.mount.volume_l / 1000 * fill_pct / 100), 1)


FILTERS: tuple[Filter, ...] = (
    reject_unknown_device,
    reject_future_clock,
    reject_too_old,
    reject_absurd_network,
    reject_two_fills,
    reject_nothing_said,
    place,
    to_fill,
    flag_no_echo,
    flag_beyond_marks,
    flag_blocked,
    to_density,
)


def doubt_blocked(drafts: Sequence[Draft]) -> None:
    """What the blind zone shows may be dirt or waste: the level filter takes it like any other, nobody else should believe it."""
    for draft in drafts:
        if BLOCKED in draft.flags:
            draft.quality = min(draft.quality, DOUBTED)


def drop_repeats(session: TenantSession, drafts: Sequence[Draft], outcomes: list[Outcome]) -> list[Draft]:
    """The readings that are new, by key; the others' outcomes say whether they repeat or contradict the first one."""
    # a device's readings after the last that was heard of it cannot be there yet: its row is ours until we commit
    stored = _stored(session, [draft for draft in drafts if draft.at_us <= draft.mount.last_seen_us])
    first: dict[Key, Draft] = {}
    for draft in drafts:
        if draft.key in stored:
            outcomes[draft.index] = _repeat(_says_the_same(store.reported(draft), stored[draft.key]))
        elif (earlier := first.setdefault(draft.key, draft)) is not draft:
            outcomes[draft.index] = _repeat(store.reported(draft) == store.reported(earlier))
    return list(first.values())


def _stored(session: TenantSession, drafts: Sequence[Draft]) -> dict[Key, tuple[object, ...]]:
    return store.stored_under(session, [draft.key for draft in drafts]) if drafts else {}


def _says_the_same(sent: tuple[object, ...], stored: tuple[object, ...]) -> bool:
    distance_mm, _, *rest = stored
    # where a distance was sent, the stored fill is our own arithmetic
    return sent == (stored if distance_mm is None else (distance_mm, None, *rest))


def _repeat(same: bool) -> Outcome:
    return DUPLICATE if same else CONFLICT


CONFLICT = Outcome(
    OutcomeStatus.CONFLICT,
    "observed_at",
    "another reading of this device and instant is stored, with other figures; the first one stays",
    "Give each reading its own instant.",
)


def _make_good(session: TenantSession, behind: list[Draft], outcomes: list[Outcome]) -> None:
    """Rows that somebody stored without saying so on the device: they count, so the states are told again."""
    stored = _stored(session, behind)
    for draft in behind:
        outcomes[draft.index] = _repeat(_says_the_same(store.reported(draft), stored[draft.key]))
    rebuild_states(session, {draft.container_id for draft in behind if draft.container_id is not None})
