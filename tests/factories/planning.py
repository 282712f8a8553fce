"""A tiny town on one straight street, and forecasts that can be redone by hand.

Places are named by kilometres east of the depot; streets are great circle × 1.5, so that a kilometre is 1,500 m.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from math import cos, radians
from typing import Any

import numpy as np
from scipy.special import ndtri

from app.assets.models import Container, ContainerModel, Crew, Depot, Facility, LiftKind, Vehicle
from app.db import TenantSession
from app.planning.city import City
from app.planning.outlook import WEEK_H, Outlook
from app.telemetry.ingest import ingest
from forecasting.density import QuantileTable
from tests.factories import assets as make
from tests.factories import telemetry as make_telemetry

LAT = 50.0
DEG_PER_KM = 1 / (111.195 * cos(radians(LAT)))
THURSDAY = date(2026, 11, 19)
EVE = datetime(2026, 11, 18, 19, tzinfo=UTC)
"""Wednesday, 20:00 in Berlin."""
QUANTILES = (0.1, 0.5, 0.9)


def at_km(east_km: float) -> dict[str, float]:
    return {"lat": LAT, "lon": 8 + east_km * DEG_PER_KM}


@dataclass
class Town:
    """The depot at 0 km, a facility at 10 km, one truck with its crew, and whatever containers a test puts in between."""

    session: TenantSession
    depot: Depot
    facility: Facility
    truck: Vehicle
    crew: Crew
    model: ContainerModel
    containers: dict[str, Container] = field(default_factory=dict)

    def add(self, name: str, east_km: float, *, site: Mapping[str, Any] | None = None, **values: Any) -> Container:
        """An 1,100 l container of residual waste on a site of its own."""
        place = make.site(self.session, code=f"S-{name}", **at_km(east_km), **(site or {}))
        model = values.pop("model", self.model)
        self.containers[name] = make.container(self.session, code=name, site_id=place.id, model=model, **values)
        return self.containers[name]

    def fills(self, name: str, now_pct: float, per_day_pct: float, *, days: float = 14, origin_at: datetime = EVE) -> None:
        """Its sensor has said so every four hours, emptied whenever it was full."""
        device = make_telemetry.device(self.session, container_id=self.containers[name].id)
        hours = np.arange(-24 * days, 1, 4)
        fill_pct = (now_pct + per_day_pct * hours / 24) % 100 if per_day_pct else np.full(len(hours), now_pct)
        moments = [origin_at + timedelta(hours=float(hour)) for hour in hours]
        said = zip(moments, fill_pct.tolist(), strict=True)
        readings = [make_telemetry.reading(device.device_uid, at, fill_pct=round(pct, 2)) for at, pct in said]
        ingest(self.session, readings, now=origin_at + timedelta(minutes=1))

    def ids(self, *names: str) -> list[int]:
        return [self.containers[name].id for name in names]


def town(session: TenantSession) -> Town:
    depot = make.depot(session, **at_km(0))
    truck = make.vehicle(session, depot_id=depot.id, compacted_kg_m3={})
    return Town(
        session=session,
        depot=depot,
        facility=make.facility(session, **at_km(10)),
        truck=truck,
        crew=make.crew(session, depot_id=depot.id, vehicle_id=truck.id),
        model=make.container_model(session, lift_s=60),
    )


def crane_model(session: TenantSession) -> ContainerModel:
    return make.container_model(session, name="3,000 l igloo", volume_l=3000, max_load_kg=1200, lift_kind=LiftKind.CRANE, lift_s=180)


def outlook(city: City, fills: Mapping[int, tuple[float, float]], *, spread_pct: float = 5.0) -> Outlook:
    """A forecast by hand: (percent now, percent a day), a normal distribution of a constant spread around that line."""
    ids = [standing.container.id for standing in city.containers]
    now, per_day = (np.array([fills.get(i, (10.0, 0.0))[column] for i in ids]) / 100 for column in (0, 1))
    middle = now[:, None] + per_day[:, None] * np.array(WEEK_H) / 24
    fill = middle[:, :, None] + spread_pct / 100 * ndtri(np.array(QUANTILES))
    table = QuantileTable(
        keys=tuple(ids),
        origin=np.full(len(ids), int(city.origin_at.timestamp()), np.int64),
        horizons_h=WEEK_H,
        quantiles=QUANTILES,
        fill=np.maximum(fill, 0),
        method=("by hand",) * len(ids),
    )
    return Outlook(origin_at=city.origin_at, table=table, naive=middle, level=now, method="by hand", model_version="by hand")
