"""Fill of containers whose sensor does not tell it: from what lifts found in them, from neighbours, and from evidence of inflow.

A container without a sensor starts from its last lift at nothing, and fills at a rate: its own, by the weights and fills that its lifts
brought, drawn to that of its neighbours of the same class as far as few lifts are known, and by the kernel's shrunken rate to its class.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from app.forecasts.crowd import FloatColumn, last_lifts
from app.forecasts.queries import US, places
from app.forecasts.subjects import Subjects
from forecasting.features import COLUMN, SnapshotTable
from forecasting.level import DAY_S, HOUR_S

NEIGHBOURS, NEIGHBOURHOOD_M = 8, 1500.0
NEIGHBOURS_WORTH_D = 7.0
"""A whole neighbourhood says as much as this many days of own lifts: one street is not the next."""
LONE_NEIGHBOURS = 2.0
"""So many neighbours are half a neighbourhood."""
MATURE_D = 7.0
SHORTEST_INTERVAL_D = 0.25
AFTER_LIFT_SPREAD = 0.05
M_PER_DEG = 111_195.0
LEARNED = [COLUMN[name] for name in COLUMN if name.startswith("rate_") or name in ("interval_h", "history_d")]


@dataclass(frozen=True, eq=False)
class LiftStory:
    """What lifts tell of each container."""

    rate: FloatColumn
    """Mean inflow a day, fraction of full, between lifts that told a fill or a weight; NaN without any."""
    days: FloatColumn
    """Days that it is the mean of."""
    last_at: FloatColumn
    """Epoch second of the last one."""


def told_by_lifts(table: SnapshotTable, subjects: Subjects, story: LiftStory, heard: NDArray[np.bool_], part: slice) -> SnapshotTable:
    """The snapshot with what lifts and neighbours say of the containers that no sensor was heard of.

    Neighbours are looked for within the same part of the containers, which are numbered as they were entered: mostly street by street.
    """
    silent = np.flatnonzero(~heard)
    if not len(silent):
        return table
    near, worth_d = neighbour_rates(table, subjects, part, heard, silent)
    own, days = np.nan_to_num(story.rate[part][silent]), story.days[part][silent]
    weight = days + worth_d
    values = table.values.copy()
    values[silent[:, None], LEARNED] = np.nan
    with np.errstate(invalid="ignore", divide="ignore"):
        values[silent, COLUMN["rate_all"]] = np.where(weight > 0, (own * days + near * worth_d) / weight, np.nan)
    values[silent, COLUMN["history_d"]] = weight
    _begin_at_last_lift(values, silent, (table.origin - story.last_at[part])[silent] / HOUR_S)
    return replace(table, values=values)


def _begin_at_last_lift(values: FloatColumn, silent: NDArray[np.int64], since_h: FloatColumn) -> None:
    lifted = np.isfinite(since_h)
    values[silent, COLUMN["level"]] = np.where(lifted, 0.0, np.nan)
    values[silent, COLUMN["spread"]] = np.where(lifted, AFTER_LIFT_SPREAD, np.nan)
    for name in ("age_h", "emptied_h"):
        values[silent, COLUMN[name]] = since_h


def lift_story(subjects: Subjects, lifts: NDArray[Any]) -> LiftStory:
    """From all lifts, by container and time."""
    n = len(subjects)
    place, known = places(subjects.container_ids, lifts["container_id"].astype(np.int64))
    at_s = lifts["at_us"].astype(np.int64) / US
    full_kg = (subjects.volume_l / 1000 * subjects.density_kg_m3)[place] if n else np.zeros(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        by_weight = lifts["weight_kg"].astype(np.float64) / full_kg
    # without a sensor the level before a lift is the nothing of the lift before it: only a weight speaks then
    before = np.where(lifts["before_pct"] > 0, lifts["before_pct"].astype(np.float64) / 100, np.nan)
    fill = np.where(np.isfinite(by_weight), by_weight, before)
    same = np.zeros(len(lifts), np.bool_)
    same[1:] = lifts["container_id"][1:] == lifts["container_id"][:-1]
    days = np.zeros(len(lifts))
    days[1:] = np.diff(at_s) / DAY_S
    told = known & same & np.isfinite(fill) & (days >= SHORTEST_INTERVAL_D)
    total_d = np.bincount(place[told], weights=days[told], minlength=n)
    total = np.bincount(place[told], weights=fill[told], minlength=n)
    with np.errstate(invalid="ignore", divide="ignore"):
        return LiftStory(total / total_d, total_d.astype(np.float64), last_lifts(subjects.container_ids, lifts))


def neighbour_rates(
    table: SnapshotTable, subjects: Subjects, part: slice, heard: NDArray[np.bool_], silent: NDArray[np.int64]
) -> tuple[FloatColumn, FloatColumn]:
    """The mean rate of each silent container's nearest neighbours of its class that have a sensor, and the days that it is worth."""
    rate = np.where(np.isfinite(table["rate_28d"]), table["rate_28d"], table["rate_all"])
    telling = heard & np.isfinite(rate) & (table["history_d"] >= MATURE_D)
    classes = np.array(table.waste_class)
    lat = np.radians(subjects.lat[part])
    metres = np.column_stack([subjects.lat[part], subjects.lon[part] * np.cos(lat)]) * M_PER_DEG
    near, worth_d = np.zeros(len(silent)), np.zeros(len(silent))
    for name in np.unique(classes[silent]):
        sources = np.flatnonzero(telling & (classes == name))
        asking = np.flatnonzero(classes[silent] == name)
        if len(sources):
            found = cKDTree(metres[sources]).query(metres[silent[asking]], k=NEIGHBOURS, distance_upper_bound=NEIGHBOURHOOD_M)
            near[asking], worth_d[asking] = _mean_of(rate[sources], *found)
    return near, worth_d


def _mean_of(rates: FloatColumn, distance_m: FloatColumn, which: NDArray[np.int64]) -> tuple[FloatColumn, FloatColumn]:
    within = np.isfinite(distance_m)
    count = within.sum(axis=1)
    mean = np.where(within, np.append(rates, 0.0)[which], 0.0).sum(axis=1) / np.maximum(count, 1)
    return mean, NEIGHBOURS_WORTH_D * count / (count + LONE_NEIGHBOURS)


def with_evidence(table: SnapshotTable, subjects: Subjects, evidence: NDArray[Any], part: slice) -> SnapshotTable:
    """The snapshot with litres added that somebody believes were thrown in since each container's level was last known.

    Expected litres raise the level and move the time up to which inflow is known; their variances widen it.
    """
    ids = subjects.container_ids[part]
    place, known = places(ids, evidence["container_id"].astype(np.int64))
    if not known.any():
        return table
    hour_s = evidence["at_us"].astype(np.int64) / US
    known_until_s = table.origin - table["age_h"] * HOUR_S
    ends_s = np.minimum(hour_s + HOUR_S, table.origin.max())
    newer = known & (hour_s >= known_until_s[place])
    place, volume_l = place[newer], subjects.volume_l[part][place[newer]]
    added = np.bincount(place, weights=evidence["expected_l"][newer] / volume_l, minlength=len(ids))
    variance = np.bincount(place, weights=(evidence["spread_l"][newer] / volume_l) ** 2, minlength=len(ids))
    until_s = known_until_s.copy()
    np.maximum.at(until_s, place, ends_s[newer])
    values = table.values.copy()
    values[:, COLUMN["level"]] += added
    values[:, COLUMN["spread"]] = np.sqrt(values[:, COLUMN["spread"]] ** 2 + variance)
    values[:, COLUMN["age_h"]] = (table.origin - until_s) / HOUR_S
    return replace(table, values=values)


def once_driven(table: SnapshotTable, coming: frozenset[int]) -> SnapshotTable:
    """The snapshot as if a truck that is on its way had been there."""
    rows = np.array([i for i, key in enumerate(table.keys) if key in coming], np.int64)
    if not len(rows):
        return table
    values = table.values.copy()
    for name, value in {"level": 0.0, "spread": AFTER_LIFT_SPREAD, "age_h": 0.0, "emptied_h": 0.0}.items():
        values[rows, COLUMN[name]] = value
    return replace(table, values=values)
