"""A choice becomes a routing problem: the only place where floats become integers, and rows become the kernel's frozen data.

Time is elapsed seconds since the local midnight of the service date (so a day of 23 or 25 hours is no special case), cost is
micro-units of the tenant's currency.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from typing import Any

import numpy as np

from app.assets.models import Crew, Facility, Site, Vehicle
from app.assets.service_days import windows_s
from app.assets.waste_classes import WasteClass
from app.planning.city import City
from app.planning.fair_share import share_fairly
from app.planning.select import Candidate, Choice, Standing
from app.planning.travel import PlaceKey, TravelTimes
from app.planning.weight_margin import margins, with_margins
from routing import problem as kernel
from routing.hours import PRESETS

FULLEST_PCT = 130.0
"""More than this does not stand on a full container; a forecast that runs past it is not loaded."""
MICRO = kernel.COST_UNITS_PER_CURRENCY
HOUR_S, M_PER_KM, KG_PER_T = 3600, 1000, 1000
BREAK, FACILITY = "break", "facility"


@dataclass(frozen=True, eq=False, kw_only=True)
class Task:
    """The problem, and what its keys and locations stand for. Keys are the rows' numbers in digits."""

    problem: kernel.Problem
    places: tuple[PlaceKey, ...]
    """What each location of the problem is."""
    travel: TravelTimes
    crew_of: Mapping[int, Crew]
    """Who drives each vehicle (by number); a vehicle without a crew is not in the problem."""
    closed_facilities: tuple[Facility, ...]

    def points(self, locations: Collection[int]) -> list[tuple[float, float]]:
        """Longitude and latitude of locations, in order."""
        return [self.travel.points[self.travel.row[self.places[location]]] for location in locations]


def to_problem(city: City, choice: Choice, travel: TravelTimes, crew_of: Mapping[int, Crew] | None = None) -> Task:
    """Everything offered, everybody present (`crew_of` where it is known who drives what) and everything open on the service date."""
    crew_of = match_crews(city.vehicles, city.crews) if crew_of is None else crew_of
    driven = [vehicle for vehicle in city.vehicles if vehicle.id in crew_of]
    opening = {facility.id: _windows(city, facility) for facility in city.facilities}
    facilities = [facility for facility in city.facilities if opening[facility.id]]
    offered = list(choice.offered())
    places = _places_of(driven, facilities, offered)
    location = {place: number for number, place in enumerate(places)}
    rows = [travel.row[place] for place in places]
    problem = kernel.Problem(
        stops=tuple(_stop(city, one, location[("site", one.standing.site.id)], driven) for one in offered),
        facilities=tuple(_facility(f, location[("facility", f.id)], opening[f.id]) for f in facilities),
        vehicles=tuple(_vehicle(city, v, crew_of[v.id], location[("depot", v.depot_id)], travel.profile_number(v)) for v in driven),
        travel=travel.between(rows) or (_no_travel(len(rows)),),
    )
    problem = share_fairly(city, with_margins(problem, margins(city, ((one, loose_l(one)) for one in offered), driven)))
    closed = tuple(facility for facility in city.facilities if not opening[facility.id])
    return Task(problem=problem, places=places, travel=travel, crew_of=crew_of, closed_facilities=closed)


def match_crews(vehicles: Collection[Vehicle], crews: Collection[Crew]) -> dict[int, Crew]:
    """Who drives what: each crew its usual truck if that is there, the others a free one, of their own depot first."""
    crew_of: dict[int, Crew] = {}
    present = {vehicle.id: vehicle for vehicle in vehicles}
    waiting = []
    for crew in crews:
        if crew.vehicle_id in present and crew.vehicle_id not in crew_of:
            crew_of[crew.vehicle_id] = crew
        else:
            waiting.append(crew)
    for crew in waiting:
        free = [vehicle for vehicle in vehicles if vehicle.id not in crew_of]
        for vehicle in sorted(free, key=lambda one: (one.depot_id != crew.depot_id, one.id))[:1]:
            crew_of[vehicle.id] = crew
    return crew_of


def _places_of(vehicles: list[Vehicle], facilities: list[Facility], offered: list[Candidate]) -> tuple[PlaceKey, ...]:
    """Each place once, however many containers stand there: chambers of one site are one location."""
    depots = (("depot", vehicle.depot_id) for vehicle in vehicles)
    sites = (("site", one.standing.site.id) for one in offered)
    return tuple(dict.fromkeys(chain(depots, (("facility", facility.id) for facility in facilities), sites)))


def _no_travel(places: int) -> kernel.Travel:
    """Without a vehicle nobody gets anywhere."""
    nowhere = np.full((places, places), kernel.UNREACHABLE, np.int32)
    return kernel.Travel(nowhere, nowhere)


def load_kg(city: City, one: Candidate) -> float:
    """What a truck has to expect in the container: the *mean* forecast fill × volume × loose density.

    The mean, for a truck empties dozens and most of their errors even out: high quantiles of each would add up to a load that never
    comes, and send out a second truck for it. What does not even out is for `weight_margin`.
    """
    return loose_l(one) / 1000 * city.density_kg_m3(one.standing.container)


def loose_l(one: Candidate) -> float:
    """Expected litres as they lie in the container."""
    assert one.expected_fill_pct is not None
    return one.standing.container.volume_l * min(one.expected_fill_pct, FULLEST_PCT) / 100


def _stop(city: City, one: Candidate, location: int, vehicles: list[Vehicle]) -> kernel.Stop:
    standing = one.standing
    setup_s, lift_s = city.service_s(standing)
    return kernel.Stop(
        key=str(standing.container.id),
        location=location,
        load=(round(load_kg(city, one)), round(loose_l(one))),
        waste_class=str(standing.container.waste_class),
        service_s=lift_s,
        setup_s=setup_s,
        windows=_site_windows(city, standing.site),
        prize=None if one.decision is Standing.MUST else round((one.cost_of_waiting or 0.0) * MICRO),
        needs=frozenset({str(standing.model.lift_kind)}),
        allowed_vehicles=_allowed(standing.site, vehicles),
        **_habit(city, standing.container.id, vehicles),
    )


def _habit(city: City, container_id: int, vehicles: list[Vehicle]) -> dict[str, Any]:
    """Who usually comes, if he is there on the day, and what it costs if he does not."""
    usual = city.usual_vehicle.get(container_id)
    if usual is None or all(vehicle.id != usual for vehicle in vehicles):
        return {}
    return {"usual_vehicle": str(usual), "change_cost": _micro(city.policy.change_cost)}


def _allowed(site: Site, vehicles: list[Vehicle]) -> frozenset[str] | None:
    """Vehicles that are neither too wide nor too heavy for the site; None where it sets no limit."""
    if site.max_vehicle_width_mm is None and site.max_vehicle_weight_kg is None:
        return None
    widest_mm, heaviest_kg = site.max_vehicle_width_mm or float("inf"), site.max_vehicle_weight_kg or float("inf")
    return frozenset(str(v.id) for v in vehicles if v.width_mm <= widest_mm and v.gross_weight_kg <= heaviest_kg)


def _site_windows(city: City, site: Site) -> tuple[kernel.Window, ...]:
    if not site.time_windows:
        return ()
    return tuple(kernel.Window(opens_s, closes_s - 1) for opens_s, closes_s in windows_s(city.tenant, site.time_windows, city.service_date))


def _windows(city: City, facility: Facility) -> tuple[kernel.Window, ...]:
    """When unloading may begin: a truck is out again before the gate shuts. None where it is closed on the date."""
    hours = windows_s(city.tenant, facility.opening_hours, city.service_date)
    return tuple(kernel.Window(opens_s, max(opens_s, closes_s - facility.turnaround_s)) for opens_s, closes_s in hours)


def facility_key(facility_id: int) -> str:
    """Unlike any container's: what a driver is told to do first is one or the other (`Vehicle.head`)."""
    return f"{FACILITY} {facility_id}"


def facility_id_of(key: str) -> int:
    return int(key.removeprefix(FACILITY))


def _facility(facility: Facility, location: int, windows: tuple[kernel.Window, ...]) -> kernel.Facility:
    return kernel.Facility(
        key=facility_key(facility.id),
        location=location,
        accepts=frozenset(facility.accepts),
        windows=windows,
        turnaround_s=facility.turnaround_s,
        fee_per_kg=_micro(facility.fee_per_t, per=KG_PER_T),
    )


def _vehicle(city: City, vehicle: Vehicle, crew: Crew, depot: int, profile: int) -> kernel.Vehicle:
    by_the_law = PRESETS[city.policy.hours_rule].apply if city.policy.hours_rule else lambda plain: plain
    driven = kernel.Vehicle(
        key=str(vehicle.id),
        start_location=depot,
        end_location=depot,
        capacity=(vehicle.payload_kg, vehicle.body_volume_l),
        shift=_shift(city, crew),
        classes=frozenset(vehicle.waste_classes),
        compacted_density_kg_m3=dict(_pressed(vehicle)),
        max_duration_s=crew.max_duration_s,
        fixed_cost=_micro(vehicle.cost_per_day),
        cost_per_s=_micro(vehicle.cost_per_h, per=HOUR_S),
        cost_per_m=_micro(vehicle.cost_per_km, per=M_PER_KM),
        breaks=_breaks(crew),
        offers=frozenset(vehicle.lift_kinds),
        travel_profile=profile,
        overtime_after_s=vehicle.overtime_after_s,
        overtime_cost_per_s=_micro(vehicle.overtime_cost_per_h, per=HOUR_S) if vehicle.overtime_after_s is not None else 0,
    )
    return by_the_law(driven)


def _shift(city: City, crew: Crew) -> kernel.Window:
    """The crew's shift, or what is left of it where the day has begun."""
    opens_s, closes_s = city.seconds(crew.shift_starts), city.seconds(crew.shift_ends)
    now_s = int((city.origin_at - city.midnight).total_seconds())
    return kernel.Window(min(max(opens_s, now_s), closes_s), closes_s)


def _pressed(vehicle: Vehicle) -> Iterator[tuple[str, int]]:
    """Density that the press reaches, by class; the kernel never lets waste grow, so a looser class stays as it is."""
    if vehicle.compacts:
        for waste_class in vehicle.waste_classes:
            yield waste_class, round(vehicle.compacted_density_kg_m3(WasteClass(waste_class), 0.0))


def _breaks(crew: Crew) -> tuple[kernel.BreakRule, ...]:
    if crew.break_s <= 0:
        return ()
    return (kernel.BreakRule(key=BREAK, duration_s=crew.break_s, after_work_s=crew.break_after_s),)


def _micro(amount: Decimal, *, per: int = 1) -> int:
    return round(amount * MICRO / per)
