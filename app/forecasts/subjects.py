"""Whose fill is forecast: the tenant's containers in service as columns, with its calendar."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from app.assets.queries import densities_kg_m3, list_holidays
from app.db import TenantSession
from app.forecasts.queries import list_placed
from app.tenancy.queries import get_tenant
from forecasting.features import Context, snapshots
from forecasting.history import build_histories
from forecasting.level import Readings

HOLIDAYS_KNOWN = timedelta(days=400)


@dataclass(frozen=True, eq=False)
class Calendar:
    """What a snapshot says of the day and the days ahead; the same for every container."""

    columns: dict[str, NDArray[np.float64]]
    rest_days: NDArray[np.int8]


@dataclass(frozen=True, eq=False, kw_only=True)
class Subjects:
    """Containers in order of their numbers."""

    container_ids: NDArray[np.int64]
    waste_class: tuple[str, ...]
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    volume_l: NDArray[np.float64]
    density_kg_m3: NDArray[np.float64]
    tz: ZoneInfo
    holidays: frozenset[date] = frozenset()
    coming: frozenset[int] = field(default_factory=frozenset)
    """Those that a truck will have emptied before anything else happens: they are forecast as if it had been there."""

    def __len__(self) -> int:
        return len(self.container_ids)

    @property
    def context(self) -> Context:
        return Context(self.tz, dict(zip(self.container_ids.tolist(), self.waste_class, strict=True)), self.holidays)

    def calendar(self, origin: int) -> Calendar:
        """Read off the kernel's own snapshot of a container that nobody knows anything of."""
        table = snapshots(build_histories({0: Readings.of([], [])}), [origin], Context(self.tz, {}, self.holidays))
        names = ("weekday", "hour", "month", "is_rest_day")
        return Calendar({name: table[name] for name in names}, table.rest_days)


def load_subjects(session: TenantSession, origin_at: datetime) -> Subjects:
    """The tenant's containers in service, in one query."""
    rows = list_placed(session)
    densities, today = densities_kg_m3(session), origin_at.date()
    return of_rows(
        [(*row[:5], row[5] or densities[row[1]]) for row in rows],
        tz=ZoneInfo(get_tenant(session).timezone),
        holidays=list_holidays(session, today - HOLIDAYS_KNOWN, today + HOLIDAYS_KNOWN),
    )


def of_rows(rows: Sequence[tuple[Any, ...]], *, tz: ZoneInfo, holidays: frozenset[date], coming: frozenset[int] = frozenset()) -> Subjects:
    """From (number, class, latitude, longitude, litres, density) each."""
    ids, classes, *figures = zip(*rows, strict=True) if rows else [()] * 6
    lat, lon, volume_l, density_kg_m3 = (np.array(figure, np.float64) for figure in figures)
    return Subjects(
        container_ids=np.array(ids, np.int64),
        waste_class=tuple(map(str, classes)),
        lat=lat,
        lon=lon,
        volume_l=volume_l,
        density_kg_m3=density_kg_m3,
        tz=tz,
        holidays=holidays,
        coming=coming,
    )
