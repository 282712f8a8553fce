"""What waste weighs and how long lifts take, learned from what crews and scales report; a night plans with the newest of it.

Reports come from above (`dispatch` reads them and hands them down), figures are kept as rows, and a class or town of which too little is
known goes on with the register's figures.
"""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.assets.models import Container
from app.assets.queries import StandingContainer, densities_kg_m3, list_containers_in_service, list_standing
from app.assets.waste_classes import CLASS_DEFAULTS, WasteClass
from app.db import TenantSession
from app.planning.models import LoadLearning
from app.planning.queries import LoadFigures, find_load_learning, loads_by_container, replace_container_loads
from forecasting.loads import LoadModel, learn_loads
from forecasting.service_time import ServiceModel, Stops, Visits, learn_service_times
from forecasting.tickets import Lifts, Register, Tickets
from forecasting.truck_load import common_spread

MODEL_VERSION = "mixed model 1"
ENOUGH_TICKETS = 3
"""Of a class; with fewer, the register's density counts."""
ENOUGH_VISITS = 30
"""Of the town; with fewer, the register's seconds count."""
FILL_DAY_SD, DAYS_WORTH = 0.05, 10
"""What a night's forecasts are wrong by together (our belief), and how many days of a class that belief is worth."""
LITRES_PER_M3 = 1000.0
INTERVAL_90 = 1.645
TELLING_KG_L = 0.001
"""What is known better is told with a fourth digit."""
MOST_LISTED = 50

FloatArray = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class FieldReports:
    """What crews and scales have said, as columns; containers and sites by their numbers.

    `ticket_*` is a scale's word on one unload (or on one bin, weighed at its lift), `lift_*` what went onto it, `visit_*` the seconds of
    one report at a site, without the way there; `visit_is_arrival` where the crew had just come. `lift_foretold_l` is what a night had
    forecast of litres that a sensor then measured, else NaN.
    """

    ticket_key: Sequence[str]
    ticket_kg: FloatArray
    ticket_sd_kg: FloatArray
    ticket_day: Index
    ticket_tare_kg: FloatArray
    lift_ticket: Index
    lift_container: Index
    lift_l: FloatArray
    lift_sd_l: FloatArray
    lift_foretold_l: FloatArray
    visit_container: Index
    visit_s: FloatArray
    visit_is_arrival: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class LearnedLoads:
    """The newest learning, as a night uses it."""

    learning: LoadLearning | None = None
    containers: Mapping[int, LoadFigures] = field(default_factory=dict)

    def of(self, container: Container) -> LoadFigures | None:
        """What the container's class and tickets have taught; None where its class has too few."""
        known = self._class(container.waste_class)
        return self.containers.get(container.id) if known.get("tickets", 0) >= ENOUGH_TICKETS else None

    def seconds_of(self, container: Container) -> LoadFigures | None:
        """The row whose seconds count; None where the town has too few visits."""
        visits = self.learning.evaluation.get("visits", 0) if self.learning else 0
        return self.containers.get(container.id) if visits >= ENOUGH_VISITS else None

    @property
    def fill_day_sd(self) -> float:
        """What forecasts of fill for one class and day are wrong by together, relative to them."""
        return self.learning.spreads.get("fill_day", FILL_DAY_SD) if self.learning else FILL_DAY_SD

    def origin_in_words(self, waste_class: WasteClass, register_kg_m3: float) -> str:
        """Which density a class is planned with, and where it is from."""
        known = self._class(waste_class)
        tickets = int(known.get("tickets", 0))
        if tickets >= ENOUGH_TICKETS:
            kg_l, either_way = known["density_kg_l"], INTERVAL_90 * known["sd_kg_l"]
            digits = 3 if either_way >= TELLING_KG_L else 4
            return f"learned from {tickets} tickets, {kg_l:.{digits}f} ± {either_way:.{digits}f} kg/l"
        heard = ("no ticket", "one ticket")[tickets] if tickets < 2 else f"{tickets} tickets"
        return f"the register's {register_kg_m3 / LITRES_PER_M3:.3f} kg/l: {heard} of it yet"

    def _class(self, waste_class: WasteClass) -> Mapping[str, float]:
        return self.learning.classes.get(str(waste_class), {}) if self.learning else {}


def find_learned_loads(session: TenantSession, until: datetime) -> LearnedLoads:
    """The newest learning that `until` could know; empty before the first."""
    learning = find_load_learning(session, until=until)
    return LearnedLoads() if learning is None else LearnedLoads(learning, loads_by_container(session, learning.id))


@dataclass(frozen=True, eq=False)
class Town:
    """The register as the learning sees it."""

    standing: Sequence[StandingContainer]
    class_density_kg_m3: Mapping[WasteClass, float]

    @property
    def row(self) -> dict[int, int]:
        return {one.container.id: row for row, one in enumerate(self.standing)}


def load_town(session: TenantSession, also: Collection[int]) -> Town:
    """All containers in service, and others that reports are about."""
    standing = list_containers_in_service(session)
    gone = set(also) - {one.container.id for one in standing}
    return Town([*standing, *list_standing(session, gone)] if gone else standing, densities_kg_m3(session))


@dataclass(frozen=True, eq=False)
class Lesson:
    """What was learned, before it is stored."""

    town: Town
    loads: LoadModel
    times: ServiceModel
    site_row: Index
    fill_day_sd: float
    until: datetime
    visits: int


def learn(town: Town, reports: FieldReports, until: datetime) -> Lesson:
    """Densities and seconds of every container of the register. Needs no database, and seconds of time."""
    row = town.row
    lifts = Lifts(reports.lift_ticket, _rows(row, reports.lift_container), reports.lift_l, reports.lift_sd_l)
    tickets = Tickets(tuple(reports.ticket_key), reports.ticket_kg, reports.ticket_sd_kg, reports.ticket_day, reports.ticket_tare_kg)
    sites = {site_id: number for number, site_id in enumerate(dict.fromkeys(one.site.id for one in town.standing))}
    at_site = np.array([sites[one.site.id] for one in town.standing], np.int64)
    emptied = _rows(row, reports.visit_container)
    visits = Visits(at_site[emptied], reports.visit_s, reports.visit_is_arrival, np.arange(len(emptied)), emptied)
    loads = learn_loads(_register(town), tickets, lifts)
    times = learn_service_times(_stops(town, at_site, len(sites)), visits)
    return Lesson(town, loads, times, at_site, _fill_day_sd(town, reports, lifts), until, len(visits))


def _fill_day_sd(town: Town, reports: FieldReports, lifts: Lifts) -> float:
    """From what nights had forecast and sensors then measured. What is always foretold too low counts as doubt, not as luck."""
    pairs = np.isfinite(reports.lift_foretold_l)
    if not pairs.any():
        return FILL_DAY_SD
    foretold, found = reports.lift_foretold_l[pairs], reports.lift_l[pairs]
    number = {waste_class: place for place, waste_class in enumerate(WasteClass)}
    class_of = np.array([number[one.container.waste_class] for one in town.standing], np.int64)
    group = reports.ticket_day[lifts.ticket[pairs]] * len(number) + class_of[lifts.container[pairs]]
    spread = common_spread(foretold, found, group, believed=FILL_DAY_SD, worth=DAYS_WORTH)
    return float(np.hypot(spread, max(found.sum() / foretold.sum() - 1, 0.0)))


def _rows(row: Mapping[int, int], container_ids: Index) -> Index:
    return np.array([row[container_id] for container_id in container_ids.tolist()], np.int64)


def _register(town: Town) -> Register:
    """The register's densities; the class's published spread is taken for an interval of 90 %."""
    density = [one.container.density_kg_m3 or town.class_density_kg_m3[one.container.waste_class] for one in town.standing]
    return Register(
        keys=tuple(one.container.id for one in town.standing),
        waste_class=tuple(str(one.container.waste_class) for one in town.standing),
        zone=_zones(town),
        density_kg_l=np.array(density, np.float64) / LITRES_PER_M3,
        class_spread={
            str(name): (known.density_high_kg_m3 - known.density_low_kg_m3) / (2 * INTERVAL_90 * known.density_kg_m3)
            for name, known in CLASS_DEFAULTS.items()
        },
    )


def _stops(town: Town, at_site: Index, sites: int) -> Stops:
    setup_s = np.zeros(sites)
    setup_s[at_site] = [one.site.setup_s for one in town.standing]
    return Stops(
        setup_s=setup_s,
        site=at_site,
        lift_s=np.array([one.model.lift_s for one in town.standing], np.float64),
        waste_class=tuple(str(one.container.waste_class) for one in town.standing),
        zone=_zones(town),
    )


def _zones(town: Town) -> tuple[Hashable, ...]:
    return tuple(one.site.zone_id for one in town.standing)


def store_lesson(session: TenantSession, lesson: Lesson) -> LoadLearning:
    """Keep it as the newest: containers' figures take the place of the old ones, the learning itself stays for good."""
    model, times = lesson.loads, lesson.times
    learning = LoadLearning(
        learned_until=lesson.until,
        model_version=MODEL_VERSION,
        classes=_classes(lesson),
        spreads=_rounded(asdict(model.spreads) | {"fill_day": lesson.fill_day_sd}),
        evaluation=_evaluation(lesson),
        set_aside=[_rounded(asdict(one)) for one in model.set_aside[-MOST_LISTED:]],
    )
    session.add(learning)
    session.flush()
    columns = {
        "density_kg_m3": model.density_kg_l * LITRES_PER_M3,
        "class_sd": model.class_sd,
        "zone_sd": model.zone_sd,
        "own_sd": model.own_sd,
        "day_sd": np.hypot(model.day_sd, model.trip_sd),
        "single_sd": model.lift_sd,
        "tickets": model.tickets,
        "lift_s": times.lift_s,
        "setup_s": times.setup_s[lesson.site_row],
        "visits": times.visits[lesson.site_row],
    }
    values = zip(*(column.tolist() for column in columns.values()), strict=True)
    keyed = zip(model.register.keys, values, strict=True)
    replace_container_loads(session, learning.id, [{"container_id": key, **dict(zip(columns, row, strict=True))} for key, row in keyed])
    return learning


def _classes(lesson: Lesson) -> dict[str, dict[str, float]]:
    known: dict[str, dict[str, float]] = {name: asdict(figure) for name, figure in lesson.loads.classes.items()}
    for name, (relative, _) in lesson.times.classes.items():
        known[name]["lift_relative"] = relative
    return {name: _rounded(figures) for name, figures in known.items()}


def _evaluation(lesson: Lesson) -> dict[str, Any]:
    set_aside = {"set_aside": len(lesson.loads.set_aside)}
    return _rounded(asdict(lesson.loads.evaluation) | set_aside | {"visits": lesson.visits, "visit_sd": lesson.times.visit_sd})


def _rounded(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: round(value, 5) if isinstance(value, float) else value for name, value in values.items()}
