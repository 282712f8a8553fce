"""What crews and scales have reported, in columns to learn from: whole trips with their tickets, bins weighed alone, time at sites."""
# ruff: noqa: S608 - the SQL is put together from this file's own words; values travel as parameters

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text

from app.db import TenantSession
from app.planning.learned_loads import FieldReports
from app.telemetry.models import SAME_LIFT_S
from app.tenancy.scope import visible_tenant_id

MOST_LIFTS = 120_000
"""The newest of each kind; more would teach nothing new of the present."""
TICKET_SD_KG, BIN_SD_KG, BIN_SD_SHARE = 15.0, 2.0, 0.02
"""A weighbridge shows steps of 20 kg, lift scales about 2 % (our belief)."""
MEASURED_SD_PCT, PLANNED_SD_PCT, UNKNOWN_SD_PCT, UNKNOWN_PCT = 5.0, 15.0, 25.0, 50.0
"""How well the fill of a lifted container is known: by its sensor, by the plan's forecast, or by nobody."""
USABLE_QUALITY, HEARD_WITHIN = 2, timedelta(days=1)
LONGEST_VISIT_S, SHORTEST_VISIT_S = 3 * 3600, 5
"""Longer ones are no visit; of two reports at once, one was typed in later."""

# A fill is measured if a sensor has told a usable one within the day before. Without one the filter knows only what the last lift left.
MEASURED = """exists (select from measurement m where (m.tenant_id, m.container_id) = (:tenant, l.container_id) and m.quality >= :usable
    and m.observed_at between l.lifted_at - :heard_within and l.lifted_at and coalesce(m.fill_pct, m.distance_mm) is not null)"""

# A trip is what a crew collected between two unloads of a route. A ticket of one class speaks of that class's lifts only.
TRIPS = f"""
with unload as (
    select a.route_id, a.client_uid, a.occurred_at,
        lag(a.occurred_at, 1, '-infinity') over (partition by a.route_id order by a.occurred_at, a.id) as before_at
    from driver_action a
    where a.tenant_id = :tenant and a.kind = 'unloaded' and a.occurred_at > :since and a.occurred_at <= :until
),
ticket as (
    select t.id, u.route_id, u.before_at, u.occurred_at, t.waste_class, t.net_kg, t.weighed_at, v.gross_weight_kg - v.payload_kg as tare_kg
    from unload u
    join weigh_ticket t on (t.tenant_id, t.client_uid) = (:tenant, u.client_uid)
    join vehicle v on (v.tenant_id, v.id) = (:tenant, t.vehicle_id)
),
taken as (
    select distinct on (t.id, a.container_id) t.id as ticket_id, t.net_kg, t.weighed_at, t.tare_kg, a.container_id, a.route_id,
        a.occurred_at, a.client_uid, c.volume_l
    from ticket t
    join driver_action a on (a.tenant_id, a.route_id) = (:tenant, t.route_id) and a.kind = 'collected'
        and a.occurred_at > t.before_at and a.occurred_at <= t.occurred_at
    join container c on (c.tenant_id, c.id) = (:tenant, a.container_id) and c.waste_class = coalesce(t.waste_class, c.waste_class)
    order by t.id, a.container_id, a.occurred_at
)
select k.ticket_id, k.net_kg, (k.weighed_at at time zone :zone)::date - date '2000-01-01' as day, k.tare_kg, k.container_id, k.volume_l,
    l.fill_before_pct, v.expected_fill_pct, v.by_night
from taken k
left join lateral (
    select case when {MEASURED} then l.fill_before_pct end as fill_before_pct from lift l
    where (l.tenant_id, l.container_id) = (:tenant, k.container_id)
        and l.lifted_at between k.occurred_at - :same_lift and k.occurred_at + :same_lift
    order by l.client_uid = k.client_uid desc nulls last, abs(extract(epoch from l.lifted_at - k.occurred_at)), l.id limit 1
) l on true
left join lateral (
    select max(v.expected_fill_pct) as expected_fill_pct, bool_and(p.origin in ('night', 'replan')) as by_night from route_visit v
    join route r on (r.tenant_id, r.id) = (:tenant, v.route_id)
    join plan p on (p.tenant_id, p.id) = (:tenant, r.plan_id)
    where (v.tenant_id, v.route_id, v.container_id) = (:tenant, k.route_id, k.container_id)
) v on true
order by k.weighed_at desc, k.ticket_id desc, k.container_id
limit :most"""

BINS = f"""
select l.id, l.weight_kg, (l.lifted_at at time zone :zone)::date - date '2000-01-01' as day, l.container_id, c.volume_l, l.fill_before_pct
from lift l join container c on (c.tenant_id, c.id) = (:tenant, l.container_id)
where l.tenant_id = :tenant and l.lifted_at > :since and l.lifted_at <= :until and l.weight_kg > 0 and l.fill_before_pct > 0 and {MEASURED}
order by l.lifted_at desc, l.id desc
limit :most"""

# The time from one report to the next, less the planned way between them where the plan has just this way.
VISITS = """
with reported as (
    select a.route_id, a.kind, a.container_id, c.site_id, a.occurred_at, v.sequence, v.leg_drive_s,
        lag(a.kind) over one as kind_before, lag(c.site_id) over one as site_before, lag(v.sequence) over one as sequence_before,
        lag(a.occurred_at) over one as before_at
    from driver_action a
    left join container c on (c.tenant_id, c.id) = (:tenant, a.container_id)
    left join route_visit v on (v.tenant_id, v.route_id, v.container_id) = (:tenant, a.route_id, a.container_id)
    where a.tenant_id = :tenant and a.occurred_at > :since and a.occurred_at <= :until
    window one as (partition by a.route_id order by a.occurred_at, a.id)
)
select r.container_id, r.site_id is distinct from r.site_before as is_arrival,
    extract(epoch from r.occurred_at - r.before_at) - case when r.site_id = r.site_before then 0 else r.leg_drive_s end as seconds
from reported r
where r.kind = 'collected' and r.kind_before in ('collected', 'skipped')
    and (r.site_id = r.site_before or r.sequence = r.sequence_before + 1)
    and extract(epoch from r.occurred_at - r.before_at) - case when r.site_id = r.site_before then 0 else r.leg_drive_s end
        between :shortest and :longest
order by r.occurred_at desc, r.container_id
limit :most"""


def load_field_reports(session: TenantSession, zone: str, since: datetime, until: datetime) -> FieldReports:
    """The reports of a time, in three queries however many there are."""
    values = {
        "tenant": visible_tenant_id(session),
        "zone": zone,
        "since": since,
        "until": until,
        "same_lift": timedelta(seconds=SAME_LIFT_S),
        "shortest": SHORTEST_VISIT_S,
        "longest": LONGEST_VISIT_S,
        "most": MOST_LIFTS,
        "usable": USABLE_QUALITY,
        "heard_within": HEARD_WITHIN,
    }
    trips, bins, visits = (list(session.execute(text(query), values)) for query in (TRIPS, BINS, VISITS))
    return _as_columns(_without_cut_trip(trips), bins, visits)


def _without_cut_trip(trips: list[Any]) -> list[Any]:
    """Where the limit cut through a trip, the ticket would weigh lifts that are not there."""
    return trips if len(trips) < MOST_LIFTS else [row for row in trips if row.ticket_id != trips[-1].ticket_id]


def _as_columns(trips: Sequence[Any], bins: Sequence[Any], visits: Sequence[Any]) -> FieldReports:
    tickets = {row.ticket_id: row for row in reversed(trips)}
    number = {ticket_id: place for place, ticket_id in enumerate(tickets)}
    alone = list(reversed(bins))
    bin_kg = _floats([row.weight_kg for row in alone])
    fills = [_fill_pct(row.fill_before_pct, row.expected_fill_pct) for row in trips] + [
        _fill_pct(row.fill_before_pct, None) for row in alone
    ]
    volume_l = _floats([row.volume_l for row in (*trips, *alone)])
    return FieldReports(
        ticket_key=(*(f"ticket {ticket_id}" for ticket_id in tickets), *(f"lift {row.id}" for row in alone)),
        ticket_kg=np.concatenate((_floats([row.net_kg for row in tickets.values()]), bin_kg)),
        ticket_sd_kg=np.concatenate((np.full(len(tickets), TICKET_SD_KG), np.hypot(BIN_SD_KG, BIN_SD_SHARE * bin_kg))),
        ticket_day=_whole([row.day for row in (*tickets.values(), *alone)]),
        ticket_tare_kg=np.concatenate((_floats([row.tare_kg for row in tickets.values()]), np.full(len(alone), np.nan))),
        lift_ticket=_whole([*(number[row.ticket_id] for row in trips), *range(len(tickets), len(tickets) + len(alone))]),
        lift_container=_whole([row.container_id for row in (*trips, *alone)]),
        lift_l=volume_l * _floats([pct for pct, _ in fills]) / 100,
        lift_sd_l=volume_l * _floats([sd_pct for _, sd_pct in fills]) / 100,
        lift_foretold_l=volume_l * _floats([_foretold_pct(row) for row in trips] + [np.nan] * len(alone)) / 100,
        visit_container=_whole([row.container_id for row in visits]),
        visit_s=_floats([row.seconds for row in visits]),
        visit_is_arrival=np.array([row.is_arrival for row in visits], bool),
    )


def _fill_pct(measured: float | None, planned: float | None) -> tuple[float, float]:
    """The best that is known of a lifted container's fill, and its standard deviation."""
    if measured is not None:
        return max(measured, 0.0), MEASURED_SD_PCT
    return (UNKNOWN_PCT, UNKNOWN_SD_PCT) if planned is None else (planned, PLANNED_SD_PCT)


def _foretold_pct(row: Any) -> float:
    """What a night's forecast had said of a fill that was then measured; NaN where there is no such pair."""
    return row.expected_fill_pct if row.by_night and row.expected_fill_pct and row.fill_before_pct is not None else np.nan


def _floats(values: Sequence[Any]) -> NDArray[np.float64]:
    return np.array([float(value) for value in values], np.float64)


def _whole(values: Sequence[int]) -> NDArray[np.int64]:
    return np.array(values, np.int64)
