"""Past measurements come in through the same filters as live ones; what they stand on is made first, and nothing twice."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from app.assets.models import Container, ContainerModel, Crew, Depot, Facility, Site, Vehicle
from app.assets.operations import create_row
from app.assets.queries import ids_by_code
from app.db import Database, TenantSession
from app.telemetry.histories import Bin, History, Place, Yard, open_history
from app.telemetry.ingest import ingest
from app.telemetry.operations import create_device
from app.telemetry.queries import devices
from app.telemetry.readings import Outcome, OutcomeStatus, ReadingIn
from app.tenancy.queries import get_tenant
from migrations.run import make_partitions

OLDEST = datetime(2000, 1, 1, tzinfo=UTC)
"""A clock that stands before it has never been set."""
REFUSALS_KEPT = 20
ACTOR = "job:import"

Progress = Callable[[int, int | None], None]
"""(rows done, rows in all or None)."""


@dataclass
class ImportReport:
    """What an import did; `made` counts new rows of the register by table."""

    history: str
    stored: int = 0
    duplicates: int = 0
    conflicts: int = 0
    rejected: int = 0
    made: Counter[str] = field(default_factory=Counter)
    first_at: datetime | None = None
    last_at: datetime | None = None
    notes: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    """The first few, in words."""

    def __str__(self) -> str:
        """What a terminal is told."""
        made = ", ".join(f"{count} {table.replace('_', ' ')}" for table, count in self.made.items()) or "nothing"
        counts = f"{self.stored:,} stored, {self.duplicates:,} there before, {self.conflicts:,} in conflict, {self.rejected:,} refused"
        period = f" ({self.first_at:%Y-%m-%d} to {self.last_at:%Y-%m-%d})" if self.first_at and self.last_at else ""
        lines = [f"{self.history}{period}: {counts}.", f"New in the register: {made}.", *self.notes, *self.refusals]
        return "\n".join(lines)

    def add(self, items: list[ReadingIn | Outcome], outcomes: list[Outcome]) -> None:
        counts = Counter(outcome.status for outcome in outcomes)
        self.stored += counts[OutcomeStatus.STORED]
        self.duplicates += counts[OutcomeStatus.DUPLICATE]
        self.conflicts += counts[OutcomeStatus.CONFLICT]
        self.rejected += counts[OutcomeStatus.REJECTED]
        instants = [item.observed_at for item in items if isinstance(item, ReadingIn)]
        self.first_at = min([*instants, *([self.first_at] if self.first_at else [])], default=None)
        self.last_at = max([*instants, *([self.last_at] if self.last_at else [])], default=None)
        for item, outcome in zip(items, outcomes, strict=True):
            if outcome.status is OutcomeStatus.REJECTED and len(self.refusals) < REFUSALS_KEPT:
                who = f"{item.device}, {item.observed_at:%Y-%m-%d %H:%M}: " if isinstance(item, ReadingIn) else ""
                self.refusals.append(f"{who}{outcome.field} {outcome.problem}. {outcome.mend}".replace(" .", "."))


def import_measurements(
    database: Database,
    owner_url: str,
    tenant_id: int,
    source: Path,
    *,
    place: Place | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Import a file or folder; a second time stores nothing new, and an import that was cut off goes on where it was.

    Every batch is a transaction of its own. `place` is where to put containers whose history has no coordinates.
    """
    history = open_history(source, place=place)
    report = ImportReport(history.name, notes=list(history.notes))
    with database.transaction(tenant_id, actor=ACTOR) as session:
        register(session, history, report.made)
        zone = ZoneInfo(get_tenant(session).timezone)
    months: set[tuple[int, int]] = set()
    done = 0
    for batch in history.batches(zone):
        months |= _make_room(owner_url, batch, months)
        with database.transaction(tenant_id, actor=ACTOR) as session:
            report.add(batch, ingest(session, batch, oldest=OLDEST))
        done += len(batch)
        if progress is not None:
            progress(done, history.rows)
    return report


def _make_room(owner_url: str, batch: list[ReadingIn | Outcome], known: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """Make the month partitions that a batch needs; returns its months."""
    now = datetime.now(UTC)
    believable = [item.observed_at for item in batch if isinstance(item, ReadingIn) and OLDEST <= item.observed_at <= now]
    months = {(at.year, at.month) for at in (observed_at.astimezone(UTC) for observed_at in believable)}
    if not months <= known:
        engine = create_engine(owner_url, poolclass=NullPool)
        with engine.begin() as connection:
            for year, month in sorted(months - known):
                first = datetime(year, month, 1).date()
                make_partitions(connection, first, first)
    return months


def register(session: TenantSession, history: History, made: Counter[str]) -> None:
    """Make what a history's bins, sensors and trucks need and the register does not have yet; rows are known by their codes."""
    maker = _Maker(session, made)
    for one in history.bins:
        maker.bin(one)
    mounts = maker.known(Container)
    there = {device.device_uid for device in session.scalars(devices(session))}
    for one in history.bins:
        if one.code not in there:
            values = {"kind": history.device_kind, "reporting_interval_s": history.reporting_interval_s}
            create_device(session, {"device_uid": one.code, "container_id": mounts[one.code]} | values)
            made["device"] += 1
    if history.yard is not None:
        maker.yard(history.yard, sorted({one.waste_class for one in history.bins}))


class _Maker:
    """Rows by code: found, or made and counted."""

    def __init__(self, session: TenantSession, made: Counter[str]) -> None:
        self.session = session
        self.made = made
        self._known: dict[type[Any], dict[str, int]] = {}

    def known(self, model: type[Any]) -> dict[str, int]:
        if model not in self._known:
            self._known[model] = dict(ids_by_code(self.session, model))
        return self._known[model]

    def __call__(self, model: type[Any], code: str, **values: Any) -> int:
        known = self.known(model)
        if code not in known:
            known[code] = create_row(self.session, model, {"code": code} | values).id
            self.made[model.__tablename__] += 1
        return known[code]

    def bin(self, one: Bin) -> None:
        lat, lon = one.place
        model_id = self(ContainerModel, **one.model)
        site_id = self(Site, one.site[:60], name=one.site, lat=lat, lon=lon)
        distances = {"empty_distance_mm": one.empty_distance_mm, "full_distance_mm": one.full_distance_mm}
        self(Container, one.code, site_id=site_id, model_id=model_id, waste_class=one.waste_class, **distances)

    def yard(self, yard: Yard, accepts: list[str]) -> None:
        lat, lon = yard.place
        depot_id = self(Depot, yard.code, name=yard.name, lat=lat, lon=lon)
        self(Facility, yard.code, name=yard.name, lat=lat, lon=lon, accepts=[str(kind) for kind in accepts])
        for number in range(1, yard.vehicles + 1):
            code = f"{yard.code}-{number}"
            vehicle_id = self(Vehicle, code, vehicle_type=yard.vehicle_type, depot_id=depot_id)
            shift = {"shift_starts": time(6), "shift_ends": time(14)}
            self(Crew, code, name=f"Crew {number}", depot_id=depot_id, vehicle_id=vehicle_id, **shift)
