"""The roll-ups' SQL: days are computed anew from raw rows, all at once, whatever stood there before.

What counts is said in `docs/kpis.md`. Every statement takes the local days `first`…`last`, the same in UTC (`since`, `until`), the tenant
and its time zone.
"""
# ruff: noqa: S608 - the SQL is put together from this file's own words; values travel as parameters

import json
from datetime import date, time, timedelta
from typing import Any

from sqlalchemy import text

from app.assets.service_days import utc_of
from app.assets.waste_classes import CLASS_DEFAULTS
from app.db import TenantSession
from app.telemetry.models import SAME_LIFT_S
from app.tenancy.models import Tenant

ASSUMED_FILL_PCT = 50.0
"""Of a lift that neither a sensor nor a plan knew the fill of; fixed rounds find about this."""
OVERFLOW_PCT, RELIEVED_PCT = 100.0, 90.0
"""An episode begins at the one and lasts until below the other, so that noise around the mark is one episode, not ten."""
USABLE_QUALITY = 2
"""From here on a reading's fill is believed: stuck or unsettled it may be, doubted or impossible it is not."""
FORGOTTEN_AFTER = timedelta(days=3)
"""An episode ends when nothing has been heard of it for so long."""
LATEST_COMMIT = timedelta(minutes=10)
"""A row's time is that of its transaction's start; it may have become visible this much later."""

DAYS = "(select cast(:first as date) + n as day from generate_series(0, cast(:last as date) - cast(:first as date)) n)"

# Routes that something was reported of, near the days or planned for them.
TOUCHED = """
touched as materialized (
    select a.route_id from driver_action a
    where a.tenant_id = :tenant and a.occurred_at between :since - :same_lift and :until + :same_lift
    union
    select r.id from plan p join route r on (r.tenant_id, r.plan_id) = (p.tenant_id, p.id)
    where p.tenant_id = :tenant and p.service_date between :first and :last and (
        exists (select from driver_action a where (a.tenant_id, a.route_id) = (r.tenant_id, r.id))
        or exists (select from route_run n where (n.tenant_id, n.route_id) = (r.tenant_id, r.id)))
)"""

# One container called at on one route, however often it was reported: collected if it ever was.
VISITS = """
visit as materialized (
    select distinct on (a.route_id, a.container_id) a.route_id, a.container_id, a.kind = 'collected' as collected, a.skip_reason,
        (a.occurred_at at time zone :zone)::date as day
    from driver_action a
    where a.tenant_id = :tenant and a.kind in ('collected', 'skipped') and a.route_id in (select route_id from touched)
    order by a.route_id, a.container_id, a.kind = 'collected' desc, a.occurred_at desc, a.id desc
)"""

# Every lift of the days, and every other lift of the touched routes: a route's tickets are shared over all of its lifts.
LIFTS = """
of_route as materialized (
    select distinct on (l.id) l.id as lift_id, a.route_id
    from driver_action a
    join lift l on (l.tenant_id, l.container_id) = (a.tenant_id, a.container_id)
        and l.lifted_at between a.occurred_at - :same_lift and a.occurred_at + :same_lift
    where a.tenant_id = :tenant and a.kind = 'collected' and a.route_id in (select route_id from touched)
    order by l.id, l.client_uid = a.client_uid desc nulls last, abs(extract(epoch from l.lifted_at - a.occurred_at)), a.id
),
taken as (
    select l.lifted_at, l.container_id, l.weight_kg, l.fill_before_pct, null::bigint as route_id
    from lift l
    where l.tenant_id = :tenant and l.lifted_at >= :since and l.lifted_at < :until
        and not exists (select from of_route o where o.lift_id = l.id)
    union all
    select l.lifted_at, l.container_id, l.weight_kg, l.fill_before_pct, o.route_id
    from of_route o join lift l on l.tenant_id = :tenant and l.id = o.lift_id
),
expected as materialized (
    select (t.lifted_at at time zone :zone)::date as day, t.route_id, s.zone_id, c.waste_class, c.volume_l, t.fill_before_pct,
        t.weight_kg, f.litres, d.kg_m3, f.litres / 1000 * d.kg_m3 as loose_kg
    from taken t
    join container c on (c.tenant_id, c.id) = (:tenant, t.container_id)
    join site s on (s.tenant_id, s.id) = (c.tenant_id, c.site_id)
    left join waste_class_setting w on (w.tenant_id, w.waste_class) = (c.tenant_id, c.waste_class)
    left join (
        select v.route_id, v.container_id, max(v.expected_fill_pct) as expected_fill_pct from route_visit v
        where v.tenant_id = :tenant and v.route_id in (select route_id from touched) group by 1, 2
    ) v on (v.route_id, v.container_id) = (t.route_id, t.container_id)
    cross join lateral (
        select greatest(coalesce(t.fill_before_pct, v.expected_fill_pct, :assumed_fill_pct), 0)::float8 / 100 * c.volume_l as litres) f
    cross join lateral (
        select coalesce(c.density_kg_m3, w.density_kg_m3, (cast(:loose as jsonb) ->> c.waste_class)::float8) as kg_m3) d
),
ticket as (
    select t.route_id, coalesce(t.waste_class, '') as pot, sum(t.net_kg::float8) as kg
    from weigh_ticket t
    where t.tenant_id = :tenant and t.route_id in (select route_id from touched) group by 1, 2
),
potted as (
    select e.*, coalesce(e.weight_kg::float8, e.loose_kg) as expected_kg, coalesce(own.pot, '') as pot
    from expected e left join ticket own on (own.route_id, own.pot) = (e.route_id, e.waste_class)
),
lifted as materialized (
    select p.*, coalesce(t.kg * p.expected_kg / nullif(sum(p.expected_kg) over pot, 0), t.kg / count(*) over pot, p.expected_kg) as kg
    from potted p left join ticket t on (t.route_id, t.pot) = (p.route_id, p.pot)
    window pot as (partition by p.route_id, p.pot)
)"""

# A container's usable readings; an onset is a reading above the mark that the last telling reading was not, or is forgotten.
READINGS = """
reading as materialized (
    select m.container_id, m.observed_at, m.fill_pct, (m.observed_at at time zone :zone)::date as day
    from measurement m
    where m.tenant_id = :tenant and m.observed_at >= :since - :forgotten_after and m.observed_at < :until
        and m.container_id is not null and m.fill_pct is not null and m.quality >= :usable
),
telling as (
    select r.*, lag(r.fill_pct) over one as fill_before, lag(r.observed_at) over one as before_at
    from reading r where r.fill_pct >= :overflow_pct or r.fill_pct < :relieved_pct
    window one as (partition by r.container_id order by r.observed_at)
),
heard as (
    select r.day, r.container_id, 0 as onsets, 0 as days_over, 1 as measured from reading r where r.day >= :first group by 1, 2
    union all
    select t.day, t.container_id, 1, 0, 0 from telling t
    where t.day >= :first and t.fill_pct >= :overflow_pct
        and (t.before_at is null or t.fill_before < :relieved_pct or t.before_at < t.observed_at - :forgotten_after)
    union all
    select distinct t.day, t.container_id, 0, 1, 0 from telling t where t.day >= :first and t.fill_pct >= :overflow_pct
)"""

# Of a route whose plan was replaced while it was under way, the planned visits up to the last place that was reported of; of others all.
WAYS = """
told as (
    select a.route_id, coalesce(a.container_id, 0) as container_id, coalesce(a.facility_id, 0) as facility_id,
        row_number() over (partition by a.route_id, a.container_id, a.facility_id order by a.occurred_at, a.id) as nth
    from driver_action a
    where a.tenant_id = :tenant and a.kind in ('collected', 'skipped', 'unloaded') and a.route_id in (select route_id from touched)
),
place as (
    select v.route_id, coalesce(v.container_id, 0) as container_id, coalesce(v.facility_id, 0) as facility_id, v.sequence, v.departs_at,
        row_number() over (partition by v.route_id, v.container_id, v.facility_id order by v.sequence) as nth
    from route_visit v
    where v.tenant_id = :tenant and v.kind in ('pickup', 'unload') and v.route_id in (select route_id from touched)
),
reached as (
    select route_id, max(sequence) as sequence, max(departs_at) as left_at
    from place join told using (route_id, container_id, facility_id, nth) group by 1
),
broken_off as materialized (
    select r.id as route_id, coalesce(w.sequence, -1) as last, coalesce(w.left_at, r.starts_at) as left_at
    from touched t join route r on (r.tenant_id, r.id) = (:tenant, t.route_id)
    join plan p on (p.tenant_id, p.id) = (r.tenant_id, r.plan_id)
    left join route_run n on (n.tenant_id, n.route_id) = (r.tenant_id, r.id)
    left join reached w on w.route_id = r.id
    where p.status in ('superseded', 'withdrawn') and n.finished_at is null
),
way as (
    select v.* from route_visit v left join broken_off b using (route_id)
    where v.tenant_id = :tenant and v.route_id in (select route_id from touched) and (b.last is null or v.sequence <= b.last)
)"""

WRITE_AREA_DAYS = f"""
with {TOUCHED}, {VISITS}, {LIFTS}, {READINGS},
standing as (
    select c.id as container_id, s.zone_id, c.waste_class, c.volume_l, c.installed_on, c.status
    from container c join site s on (s.tenant_id, s.id) = (c.tenant_id, c.site_id) where c.tenant_id = :tenant
),
fact (day, zone_id, waste_class, route_id, route_share, lifts, skips, fill_sum, fill_known, litres, kg, excess_l,
      containers, volume_l, measured, onsets, days_over) as (
    select day, zone_id, waste_class, route_id, 0::float8, 1, 0, coalesce(fill_before_pct::float8, 0), (fill_before_pct is not null)::int,
        litres, kg, greatest(coalesce(fill_before_pct::float8, 0) - 100, 0) / 100 * volume_l, 0, 0::bigint, 0, 0, 0
    from lifted
    union all
    select v.day, s.zone_id, s.waste_class, v.route_id, 1.0 / count(*) over (partition by v.route_id), 0, (not v.collected)::int,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0
    from visit v join standing s using (container_id)
    union all
    select p.service_date, null, null, r.id, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
    from touched t join route r on (r.tenant_id, r.id) = (:tenant, t.route_id) join plan p on (p.tenant_id, p.id) = (r.tenant_id, r.plan_id)
    where not exists (select from visit v where v.route_id = r.id)
    union all
    select d.day, s.zone_id, s.waste_class, null, 0, 0, 0, 0, 0, 0, 0, 0, 1, s.volume_l, 0, 0, 0
    from standing s cross join {DAYS} d
    where s.status = 'in_service' and coalesce(s.installed_on <= d.day, true)
    union all
    select h.day, s.zone_id, s.waste_class, null, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, h.measured, h.onsets, h.days_over
    from heard h join standing s using (container_id)
)
insert into area_day (service_date, zone_id, waste_class, route_id, route_share, lifts, skips, fill_before_pct_sum, fill_before_known,
    collected_l, collected_kg, excess_l, containers, volume_l, measured, overflow_onsets, overflow_container_days)
select day, zone_id, waste_class, route_id, sum(route_share), sum(lifts), sum(skips), sum(fill_sum), sum(fill_known),
    sum(litres), sum(kg), sum(excess_l), sum(containers), sum(volume_l), sum(measured), sum(onsets), sum(days_over)
from fact where day between :first and :last group by 1, 2, 3, 4"""

WRITE_ROUTE_DAYS = f"""
with {TOUCHED}, {VISITS}, {LIFTS}, {WAYS},
leg as (
    select v.route_id, v.kind = 'pickup' as at_stop, v.leg_distance_m, v.leg_drive_s,
        extract(epoch from v.departs_at - v.arrives_at) as stay_s,
        v.kind = 'pickup' and lag(v.kind) over (partition by v.route_id order by v.sequence) = 'pickup' as between_stops
    from way v where v.kind <> 'break'
),
cut_short as (
    select b.route_id, coalesce(sum(l.leg_distance_m), 0) as distance_m, coalesce(sum(l.stay_s), 0) as service_s, b.left_at
    from broken_off b left join leg l using (route_id) group by b.route_id, b.left_at
),
on_route as (
    select route_id, coalesce(sum(leg_distance_m) filter (where between_stops), 0) as distance_m,
        coalesce(sum(leg_drive_s) filter (where between_stops), 0) + coalesce(sum(stay_s) filter (where at_stop), 0) as duration_s
    from leg group by 1
),
brought as (
    select l.route_id, count(*) as lifts, sum(l.kg) as kg, sum(l.litres) as litres,
        sum(l.litres * l.kg_m3 / case when v.compacts then greatest(l.kg_m3,
            coalesce(v.compacted_kg_m3 ->> l.waste_class, cast(:compacted as jsonb) ->> l.waste_class)::float8) else l.kg_m3 end) as body_l
    from lifted l join route r on (r.tenant_id, r.id) = (:tenant, l.route_id)
    join vehicle v on (v.tenant_id, v.id) = (r.tenant_id, r.vehicle_id) group by 1
),
passed as (select route_id, count(*) filter (where not collected) as skips from visit group by 1),
unloaded as (
    select route_id, greatest(count(*) filter (where told), count(*) filter (where not told)) as times from (
        select a.route_id, true as told from driver_action a where a.tenant_id = :tenant and a.kind = 'unloaded'
        union all
        select w.route_id, false from weigh_ticket w where w.tenant_id = :tenant) u
    where route_id in (select route_id from touched) group by 1
),
driven as (
    select r.id as route_id, p.service_date, r.vehicle_id, f.planned_m, f.service_s, f.planned_s,
        coalesce(n.driven_m, f.planned_m) as driven_m,
        coalesce(case when n.finished_at > n.started_at then extract(epoch from n.finished_at - n.started_at) end, f.planned_s) as duty_s,
        count(*) over (partition by p.service_date, r.vehicle_id) as routes_of_day
    from touched t join route r on (r.tenant_id, r.id) = (:tenant, t.route_id)
    join plan p on (p.tenant_id, p.id) = (r.tenant_id, r.plan_id)
    left join route_run n on (n.tenant_id, n.route_id) = (r.tenant_id, r.id)
    left join cut_short c on c.route_id = r.id
    cross join lateral (select coalesce(c.distance_m, r.distance_m) as planned_m, coalesce(c.service_s, r.service_s) as service_s,
        extract(epoch from coalesce(c.left_at, r.ends_at) - r.starts_at) as planned_s) f
)
insert into route_day (route_id, service_date, vehicle_id, lifts, skips, collected_kg, collected_l, unloads, body_l, permitted_kg,
    permitted_l, driven_m, planned_m, on_route_m, duty_s, on_route_s, cost, co2e_kg)
select d.route_id, d.service_date, d.vehicle_id, coalesce(b.lifts, 0), coalesce(s.skips, 0), coalesce(b.kg, 0), coalesce(b.litres, 0),
    coalesce(u.times, 0), coalesce(b.body_l, 0), coalesce(u.times, 0) * v.payload_kg, coalesce(u.times, 0) * v.body_volume_l,
    d.driven_m, d.planned_m,
    coalesce(o.distance_m * d.driven_m::float8 / nullif(d.planned_m, 0), 0), d.duty_s,
    coalesce(o.duration_s * d.duty_s / nullif(d.planned_s, 0), 0),
    v.cost_per_day / d.routes_of_day + v.cost_per_h * d.duty_s / 3600 + v.cost_per_km * d.driven_m / 1000,
    v.co2e_kg_per_km * d.driven_m / 1000 + v.co2e_kg_per_lift * coalesce(b.lifts, 0) + v.co2e_kg_per_idle_h * d.service_s / 3600
from driven d join vehicle v on (v.tenant_id, v.id) = (:tenant, d.vehicle_id)
left join unloaded u using (route_id) left join on_route o using (route_id)
left join brought b using (route_id) left join passed s using (route_id)"""

FORGET = f"""
with {TOUCHED},
routes as (delete from route_day d where d.tenant_id = :tenant
    and (d.service_date between :first and :last or d.route_id in (select route_id from touched)))
delete from area_day a where a.tenant_id = :tenant and a.service_date between :first and :last"""

# What was told after its day had been rolled up; a route's shares stand on all of its days, so news of it concerns each of them.
DUE = f"""
with told as (
    select (a.occurred_at at time zone :zone)::date as day, max(a.received_at) as at
    from driver_action a where a.tenant_id = :tenant and a.occurred_at >= :since and a.occurred_at < :until group by 1
    union all
    select (l.lifted_at at time zone :zone)::date, max(l.recorded_at)
    from lift l where l.tenant_id = :tenant and l.lifted_at >= :since and l.lifted_at < :until group by 1
    union all
    select (m.observed_at at time zone :zone)::date, max(m.received_at)
    from measurement m where m.tenant_id = :tenant and m.observed_at >= :since and m.observed_at < :until group by 1
    union all
    select a.service_date, max(n.at)
    from area_day a join (
        select d.route_id, max(d.received_at) as at from driver_action d
        where d.tenant_id = :tenant and d.received_at >= :since group by 1) n on n.route_id = a.route_id
    where a.tenant_id = :tenant and a.service_date between :first and :last group by 1
),
rolled as (
    select a.service_date as day, min(a.updated_at) as at from area_day a
    where a.tenant_id = :tenant and a.service_date between :first and :last group by 1
)
select d.day from {DAYS} d left join rolled using (day) left join (select day, max(at) as at from told group by 1) news using (day)
where rolled.at is null or news.at > rolled.at - :latest_commit
order by 1"""

COUNT_SKIPS = f"""
with {TOUCHED}, {VISITS}
select v.skip_reason, count(*) as times
from visit v
join container c on (c.tenant_id, c.id) = (:tenant, v.container_id)
join site s on (s.tenant_id, s.id) = (c.tenant_id, c.site_id)
join route r on (r.tenant_id, r.id) = (:tenant, v.route_id)
where not v.collected and v.day between :first and :last
    and (cast(:zone_id as bigint) is null or s.zone_id = :zone_id)
    and (cast(:waste_class as text) is null or c.waste_class = :waste_class)
    and (cast(:vehicle_id as bigint) is null or r.vehicle_id = :vehicle_id)
group by 1 order by 2 desc, 1"""


def count_skips(session: TenantSession, tenant: Tenant, first: date, last: date, **only: Any) -> list[tuple[str, int]]:
    """Reasons of visits without a lift, and how many each, the most frequent first."""
    values = _days(tenant, first, last) | _habits() | only
    return [(row.skip_reason, row.times) for row in session.execute(text(COUNT_SKIPS), values)]


def list_due_days(session: TenantSession, tenant: Tenant, first: date, last: date) -> list[date]:
    """Days that have not been rolled up since something was told of them."""
    found = session.scalars(text(DUE), _days(tenant, first, last) | {"latest_commit": LATEST_COMMIT})
    return list(found)


def write_days(session: TenantSession, tenant: Tenant, first: date, last: date) -> None:
    """Compute the days `first` to `last` anew. Whoever else rolls up this tenant waits meanwhile."""
    values = _days(tenant, first, last) | _habits()
    session.execute(text("select pg_advisory_xact_lock(hashtextextended('roll up', :tenant))"), {"tenant": tenant.id})
    # what was told within the hour has no statistics yet; for want of them the planner would walk thousands of rows thousands of times
    session.execute(text("set local enable_nestloop = off"))
    for statement in (FORGET, WRITE_ROUTE_DAYS, WRITE_AREA_DAYS):
        session.execute(text(statement), values)
    session.execute(text("set local enable_nestloop to default"))


def _days(tenant: Tenant, first: date, last: date) -> dict[str, Any]:
    since, until = (utc_of(tenant, day, time()) for day in (first, last + timedelta(days=1)))
    return {"tenant": tenant.id, "zone": tenant.timezone, "first": first, "last": last, "since": since, "until": until}


def _habits() -> dict[str, Any]:
    loose, compacted = ({c: getattr(d, figure) for c, d in CLASS_DEFAULTS.items()} for figure in ("density_kg_m3", "compacted_kg_m3"))
    return {
        "same_lift": timedelta(seconds=SAME_LIFT_S),
        "assumed_fill_pct": ASSUMED_FILL_PCT,
        "loose": json.dumps(loose),
        "compacted": json.dumps(compacted),
        "usable": USABLE_QUALITY,
        "overflow_pct": OVERFLOW_PCT,
        "relieved_pct": RELIEVED_PCT,
        "forgotten_after": FORGOTTEN_AFTER,
    }
