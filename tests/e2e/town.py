"""A town of thirty containers on a grid of real (drawn) streets, with a night planned and published: what pages are looked at with."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from app.assets.models import ContainerModel, Crew, Vehicle
from app.assets.waste_classes import WasteClass
from app.config import Settings
from app.db import Database, TenantSession
from app.maps.operations import enter_map
from app.planning.jobs import plan_night
from app.planning.models import PlanningPolicy
from app.planning.operations import next_service_date
from app.planning.queries import find_published_plan, list_routes
from app.provision import DatabaseUrls, owner_engine
from app.reporting.operations import roll_up
from app.telemetry.ingest import ingest
from app.tenancy.models import Role
from app.tenancy.operations import create_tenant
from tests.factories import assets as make
from tests.factories import forecasts as make_forecasts
from tests.factories import maps as make_maps
from tests.factories import telemetry as make_telemetry
from tests.factories import tenancy as make_tenancy
from tests.routing.roads.ascii_streets import Town, ascii_town

DRAWING = """
    A------B------C------D------E
    |      |      |      |      |
    |      |      |      |      |
    |      |      |      |      |
    F------G------H------I------J
    |      |      |      |      |
    |      |      |      |      |
    |      |      |      |      |
    K------L------M------N------O
    |      |      |      |      |
    |      |      |      |      |
    |      |      |      |      |
    P------Q------R------S------T
"""
SILENT = (7, 23)
"""These containers have no sensor."""

AT_MIDNIGHT = {"shift_starts": time(0), "shift_ends": time(8)}
"""Tomorrow's routes begin within a day from now whatever the hour: earlier, the server would think a phone's clock wrong."""


@dataclass(frozen=True)
class SeededTown:
    """Where it is, and who may sign in (password: `make_tenancy.PASSWORD`)."""

    urls: DatabaseUrls
    database: Database
    settings: Settings
    tenant_id: int
    service_date: date
    people: dict[Role, str]
    trucks: dict[str, int]
    container_ids: list[int]

    def route_ids(self) -> dict[str, int]:
        """The published routes by their truck's code."""
        codes = {number: code for code, number in self.trucks.items()}
        with self.database.transaction(self.tenant_id) as session:
            plan = find_published_plan(session, self.service_date)
            assert plan is not None
            return {codes[route.vehicle_id]: route.id for route in list_routes(session, plan.id)}


def seed_town(urls: DatabaseUrls, data_dir: Path) -> SeededTown:
    """Residual on truck T1, paper on T2, and T3, dear, in reserve for paper; each container a little fuller than the one before."""
    drawn = ascii_town(data_dir, DRAWING, tags={"GH": {"name": "Market Street"}, "HI": {"name": "Harbour Road"}})
    owner = owner_engine(urls)
    built = make_maps.built_map(data_dir, drawn.pbf)
    with Session(owner) as session, session.begin():
        enter_map(session, "grid", "drawn by a test", built)
    settings_of_town = {"map_name": "grid", "simulated": True, "service_weekdays": [0, 1, 2, 3, 4, 5, 6]}
    tenant_id = create_tenant(owner, slug="gridtown", name="Gridtown", timezone="Africa/Abidjan", **settings_of_town)
    database = Database(urls.app)
    people = {role: f"{role}@gridtown.example" for role in Role}
    for role, email in people.items():
        make_tenancy.user(database, tenant_id, email=email, role=role)
    settings = Settings(data_dir=data_dir, database_url=urls.app, database_owner_url=urls.owner, workers=1)
    with database.transaction(tenant_id, actor="test") as session:
        trucks = _fleet(session, drawn)
        container_ids = _containers(session, drawn)
        session.add(PlanningPolicy(solve_s=1))
        service_date = next_service_date(session, at=None)
    with database.transaction(tenant_id, actor="test") as session:
        _judged(session, container_ids[12])
        for back in range(1, 22):
            roll_up(session, service_date - timedelta(days=back))
    assert plan_night(database, tenant_id, service_date, settings=settings) is not None
    return SeededTown(urls, database, settings, tenant_id, service_date, people, trucks, container_ids)


def _fleet(session: TenantSession, drawn: Town) -> dict[str, int]:
    depot = make.depot(session, code="YARD", name="City yard", **_place(drawn, "F"))
    make.facility(session, code="TS", name="Transfer station", **_place(drawn, "T"))
    takes = {"T1": [WasteClass.RESIDUAL], "T2": [WasteClass.PAPER], "T3": [WasteClass.PAPER]}
    trucks = {}
    for code, classes in takes.items():
        dear = {"cost_per_day": 900} if code == "T3" else {}
        truck: Vehicle = make.vehicle(session, code=code, depot_id=depot.id, waste_classes=[str(one) for one in classes], **dear)
        crew: Crew = make.crew(session, code=f"C-{code}", name=f"Crew {code}", depot_id=depot.id, vehicle_id=truck.id, **AT_MIDNIGHT)
        trucks[code] = crew.vehicle_id or truck.id
    return trucks


def _containers(session: TenantSession, drawn: Town) -> list[int]:
    model = make.container_model(session, lift_s=60)
    junctions = [letter for letter in sorted(drawn.places) if letter not in "FT"]
    ids = [_container(session, drawn, model, number, junctions[number % len(junctions)]) for number in range(30)]
    crane = make.container_model(session, name="3,000 l igloo", volume_l=3000, max_load_kg=1200, lift_kind="crane", lift_s=180)
    site = make.site(session, code="S-G", name="Market hall", address="1 Market Street", **_place(drawn, "H", east_m=60))
    igloo = make.container(session, code="G-001", site_id=site.id, model=crane, waste_class=WasteClass.GLASS)
    _fills(session, igloo.id, 96, 6)
    return [*ids, igloo.id]


def _container(session: TenantSession, drawn: Town, model: ContainerModel, number: int, junction: str) -> int:
    """The first round of the junctions gets residual, the second paper, a bit further along the street."""
    waste_class = WasteClass.RESIDUAL if number < 18 else WasteClass.PAPER
    place = _place(drawn, junction, east_m=40 if number < 18 else 160)
    site = make.site(session, code=f"S-{number}", name=f"{junction} Square {number}", address=f"{number + 1} {junction} Street", **place)
    made = make.container(session, code=f"K-{number:03d}", site_id=site.id, model=model, waste_class=waste_class)
    if number not in SILENT:
        _fills(session, made.id, (40 if number < 18 else 65) + 3.6 * (number % 18), 9 + 3 * (number % 5))
    return made.id


def _fills(session: TenantSession, container_id: int, now_pct: float, per_day_pct: float) -> None:
    """Its sensor has said so every four hours for three weeks, emptied whenever it was full."""
    device = make_telemetry.device(session, container_id=container_id)
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    said = [(now - timedelta(hours=back), (now_pct - per_day_pct * back / 24) % 110) for back in range(24 * 21, -1, -4)]
    readings = [make_telemetry.reading(device.device_uid, at, fill_pct=round(pct, 1)) for at, pct in said]
    ingest(session, readings, now=now + timedelta(minutes=1))


def _judged(session: TenantSession, container_id: int) -> None:
    """Two weeks of forecasts have come due: better than the naive ones, and lately too low."""
    for back in range(14, 0, -1):
        off_pct = 3 * (back % 3 - 1) + (6 if back < 5 else 0)
        values = {"naive": off_pct + 4.0, "cusum_high": 5.6 if back == 1 else 0.0}
        make_forecasts.error(session, container_id, datetime.now(UTC) - timedelta(days=back), off_pct, **values)


def _place(drawn: Town, junction: str, *, east_m: float = 0) -> dict[str, float]:
    lon, lat = drawn.at(junction, east_m=east_m)
    return {"lat": lat, "lon": lon}
