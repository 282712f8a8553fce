"""Keeps container states and sensor-seen lifts in step with readings and reported lifts, in the transaction that stores those."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from math import nan

from app.db import TenantSession
from app.telemetry import store
from app.telemetry.models import Lift, LiftSource
from app.telemetry.state import NO_ECHO, Emptying, Event, Memory, Walk, sensor_of, walk
from app.telemetry.store import Draft, StateRow, instant, microseconds
from app.tenancy.scope import rows_of
from forecasting.level import DEFAULT_SENSOR, GOOD, IMPOSSIBLE, SAME_LIFT_S

FULLY = 100.0


def follow_readings(session: TenantSession, drafts: Sequence[Draft]) -> None:
    """Take new readings, not yet stored, into the states of their containers; each learns its quality and flags."""
    readings: dict[int, list[Draft]] = defaultdict(list)
    for draft in drafts:
        if draft.container_id is not None:
            readings[draft.container_id].append(draft)
    if not readings:
        return
    states = store.lock_states(session, readings.keys())
    events = {container_id: sorted(_events(found)) for container_id, found in readings.items()}
    for container_id, found in readings.items():
        _remember_latest(states[container_id], found)
    _follow(session, states, {container_id: found for container_id, found in events.items() if found}, {})


def follow_lifts(session: TenantSession, states: dict[int, StateRow], lifts: Iterable[Lift], *, moved_from: Mapping[int, datetime]) -> None:
    """Take reported lifts, already stored, into their containers' locked states.

    `moved_from` says per container the earliest instant that a lift has left: what followed from it there is told again.
    """
    events: dict[int, list[Event]] = defaultdict(list)
    for lift in lifts:
        events[lift.container_id].append(_lift_event(lift))
    touched = {container_id: states[container_id] for container_id in events}
    if touched:
        left = {container_id: int(at.timestamp()) for container_id, at in moved_from.items()}
        _follow(session, touched, {container_id: sorted(found, key=_order) for container_id, found in events.items()}, left)


def rebuild_states(session: TenantSession, container_ids: Collection[int]) -> None:
    """Replay all that is stored of these containers."""
    states = store.lock_states(session, container_ids)
    walks = _replay(session, {container_id: (Memory(), 0) for container_id in states}, {})
    _keep(session, states, walks, dict.fromkeys(walks, 0))


def _follow(session: TenantSession, states: dict[int, StateRow], events: dict[int, list[Event]], left: Mapping[int, int]) -> None:
    walks: dict[int, Walk] = {}
    late: dict[int, tuple[Memory, int]] = {}
    replayed_since: dict[int, int] = {}
    for container_id, new in events.items():
        memory = states[container_id].memory
        earliest = min(new[0].second, left.get(container_id, new[0].second))
        if earliest > memory.now.head_at:
            walks[container_id] = walk(memory, new)
            if not new[0].is_reading:
                replayed_since[container_id] = new[0].second
        else:
            earlier = memory.before(earliest)
            late[container_id] = earlier, earlier.now.head_at + 1
            replayed_since[container_id] = earlier.undecided_since
    walks |= _replay(session, late, events)
    _keep(session, states, walks, replayed_since)


def _replay(session: TenantSession, late: dict[int, tuple[Memory, int]], events: dict[int, list[Event]]) -> dict[int, Walk]:
    """Walk stored and new events of containers together, each from its memory and second on."""
    if not late:
        return {}
    together: dict[int, list[Event]] = {container_id: [] for container_id in late}
    for row in store.stored_readings(session, {container_id: max(since, 0) for container_id, (_, since) in late.items()}):
        fill, quality = _known(row.fill_pct)
        together[row.container_id].append(
            Event(row.at_us // 1_000_000, True, row.at_us, row.device_id, fill, quality, sensor_of(row.kind), None)
        )
    for lift in _lifts_since(session, {container_id: since for container_id, (_, since) in late.items()}):
        if lift.source is not LiftSource.SENSOR:
            together[lift.container_id].append(_lift_event(lift))
    for container_id, found in together.items():
        # a new lift is stored already, and so among those
        found += [event for event in events.get(container_id, ()) if event.is_reading]
        found.sort(key=_order)
    return {container_id: walk(late[container_id][0], found) for container_id, found in together.items()}


def _keep(session: TenantSession, states: dict[int, StateRow], walks: dict[int, Walk], replayed_since: dict[int, int]) -> None:
    for container_id, walked in walks.items():
        states[container_id].memory = walked.memory
        for draft, quality, flag in walked.judged:
            draft.quality = quality
            if flag is not None:
                draft.flags.append(flag)
        for lift, fill_before in walked.lifted:
            lift.fill_before_pct = None if fill_before is None else round(FULLY * fill_before, 2)
    store.save_states(session, states.values())
    found = {container_id: walked.emptied for container_id, walked in walks.items() if walked.emptied or container_id in replayed_since}
    if found:
        _match_sensor_lifts(session, found, replayed_since)


def _match_sensor_lifts(session: TenantSession, found: dict[int, list[Emptying]], replayed_since: dict[int, int]) -> None:
    """Make the sensors' lifts those that were found; from where a replay began, others are withdrawn. A reported lift stands for both."""
    since = {
        container_id: min([e.at for e in emptied] + [replayed_since[c] for c in (container_id,) if c in replayed_since]) - SAME_LIFT_S
        for container_id, emptied in found.items()
    }
    present: dict[int, list[Lift]] = defaultdict(list)
    for lift in _lifts_since(session, since):
        present[lift.container_id].append(lift)
    for container_id, emptied in found.items():
        _match_of_container(session, container_id, emptied, present[container_id], replayed_since.get(container_id))
    session.flush()


def _match_of_container(
    session: TenantSession, container_id: int, emptied: list[Emptying], present: list[Lift], replayed_since: int | None
) -> None:
    reported = [_second(lift) for lift in present if lift.source is not LiftSource.SENSOR]
    seen = {_second(lift): lift for lift in present if lift.source is LiftSource.SENSOR}
    wanted = {e.at: round(FULLY * e.fill_before, 2) for e in emptied if not _stands_for(reported, e.at)}
    for at, lift in seen.items():
        if at in wanted:
            lift.fill_before_pct = wanted[at]
        elif _stands_for(reported, at) or (replayed_since is not None and at >= replayed_since):
            session.delete(lift)
    session.add_all(
        Lift(container_id=container_id, lifted_at=instant(at * 1_000_000), source=LiftSource.SENSOR, fill_before_pct=fill_before)
        for at, fill_before in wanted.items()
        if at not in seen
    )


def _stands_for(reported: list[int], at: int) -> bool:
    return any(abs(at - second) <= SAME_LIFT_S for second in reported)


def _lifts_since(session: TenantSession, since: dict[int, int]) -> list[Lift]:
    """Lifts of each container from its own second on."""
    earliest = instant(max(min(since.values()), 0) * 1_000_000)
    query = rows_of(session, Lift).where(Lift.container_id.in_(since), Lift.lifted_at >= earliest).order_by(Lift.lifted_at, Lift.id)
    return [lift for lift in session.scalars(query) if _second(lift) >= since[lift.container_id]]


def _events(drafts: Iterable[Draft]) -> list[Event]:
    return [
        Event(
            draft.at_us // 1_000_000,
            True,
            draft.at_us,
            draft.mount.device_id,
            nan if draft.fill_pct is None else draft.fill_pct / FULLY,
            draft.quality,
            draft.sensor,
            draft,
        )
        for draft in drafts
        if draft.fill_pct is not None or NO_ECHO in draft.flags
    ]


def _lift_event(lift: Lift) -> Event:
    return Event(_second(lift), False, microseconds(lift.lifted_at), 0, nan, GOOD, DEFAULT_SENSOR, lift)


def _known(fill_pct: float | None) -> tuple[float, int]:
    return (nan, IMPOSSIBLE) if fill_pct is None else (fill_pct / FULLY, known_quality(fill_pct))


def known_quality(fill_pct: float) -> int:
    """What a fill alone says of its quality; the filter goes on from there."""
    return GOOD if 0 <= fill_pct <= FULLY else GOOD - 1


def _order(event: Event) -> tuple[int, bool, int, int]:
    return event[:4]


def _second(lift: Lift) -> int:
    return int(lift.lifted_at.timestamp())


def _remember_latest(state: StateRow, drafts: list[Draft]) -> None:
    """Figures of the newest reading that had them; equal instants are settled by value, so that the order of arrival never counts."""
    for draft in drafts:
        at_us, item = draft.at_us, draft.item
        state.observed_us = max(state.observed_us, at_us)
        for name, value in (("temperature_c", item.temperature_c), ("battery_v", item.battery_v), ("density_kg_m3", draft.density_kg_m3)):
            if value is not None and (name not in state.latest or tuple(state.latest[name]) < (at_us, value)):
                state.latest[name] = at_us, value
