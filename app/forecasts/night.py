"""A tenant's forecast of one night: signals in, outlook out. Nothing observed after the origin is used.

Where all readings can be replayed in the time that a night has, each container's history is. Where there are too many, a panel drawn by
lot is replayed to learn from, and the others' snapshots come from their states, surveys and lifts (`crowd.py`).
"""

import time
from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.db import TenantSession
from app.forecasts import queries
from app.forecasts.crowd import Crowd, choose_panel, crowd_snapshot, load_crowd
from app.forecasts.drift import find_losers
from app.forecasts.estimates import lift_story, once_driven, told_by_lifts, with_evidence
from app.forecasts.learning import SEED, Learned, learn_or_keep, scores_of, version_of
from app.forecasts.outlook import STORED_H, Outlook, parts
from app.forecasts.subjects import Subjects
from app.telemetry.queries import load_history
from app.telemetry.state import sensor_of
from forecasting.density import QuantileTable
from forecasting.features import SnapshotTable, snapshots
from forecasting.history import History, build_histories
from forecasting.level import DAY_S, HOUR_S, Readings, Sensor

HISTORY = timedelta(days=120)
"""What a forecast learns from and starts from: one length for both, or a night planned twice would see two pasts."""
FRESH = timedelta(hours=20)
"""A model that learned within this time is used again: a night learns once, however often it is planned."""
MOST_READINGS, MOST_HOURS = 2_000_000, 3_000_000
"""What a night reads and replays at most, containers times hours: more would cost it minutes."""
MOST_PANEL_HOURS, MOST_IN_PANEL = 1_000_000, 1_250
"""The same of a panel, which the containers that are not in it have to wait for."""
SEEN_H = 36.0
"""A level that no reading has confirmed for so long is no truth to judge by."""
NOTHING = Readings.of([], [])
NO_LIFTS = np.zeros(0, dtype=[(name, kind) for name, kind in queries.LIFT_FORM.items()])
NO_EVIDENCE = np.zeros(0, dtype=[(name, kind) for name, kind in queries.EVIDENCE_FORM.items()])


@dataclass(frozen=True, eq=False, kw_only=True)
class Signals:
    """What sensors and crews have said of each container up to the origin, and the models that may read it."""

    readings: Mapping[int, Readings] = field(default_factory=dict)
    """Of all containers, or of the panel."""
    lifts: Mapping[int, NDArray[np.int64]] = field(default_factory=dict)
    """Epoch seconds of emptyings that somebody reported; those that a sensor saw are found again in its readings."""
    sensors: Mapping[int, Sensor] = field(default_factory=dict)
    lift_facts: NDArray[Any] = field(default_factory=lambda: NO_LIFTS)
    evidence: NDArray[Any] = field(default_factory=lambda: NO_EVIDENCE)
    crowd: Crowd | None = None
    """Where not all readings could be replayed."""
    losers: frozenset[Hashable] = frozenset()
    """Containers whose last weeks the baseline would have forecast better."""
    model: bytes | None = None
    """One that is fresh enough."""
    last_model: bytes | None = None
    """The newest one, however old."""


def load_signals(session: TenantSession, origin_at: datetime, *, most_readings: int = MOST_READINGS) -> Signals:
    """Read what was observed up to the origin, and the model if one is fresh."""
    ids = queries.list_container_ids(session)
    kept = queries.find_artifact(session, until=origin_at)
    fresh = kept is not None and origin_at - kept.trained_until <= FRESH
    since = origin_at - HISTORY
    facts = queries.load_lift_facts(session, since, origin_at)
    crowd, panel = None, None
    if queries.count_readings(session, since, at_most=most_readings + 1) > most_readings or _takes_too_long(session, since, origin_at):
        crowd = load_crowd(session, ids, facts, since, origin_at)
        panel = [] if fresh else _panel(crowd, most_readings)
    return Signals(
        readings=load_history(session, since, until=origin_at + timedelta(microseconds=1), container_ids=panel),
        lifts=queries.load_reported_lifts(session, since, origin_at, panel),
        sensors={container_id: sensor_of(kind) for container_id, kind in queries.kinds_of_sensors(session, panel).items()},
        lift_facts=facts,
        evidence=queries.load_evidence(session, since, origin_at),
        crowd=crowd,
        losers=find_losers(session, ids, origin_at),
        model=kept.content if kept is not None and fresh else None,
        last_model=kept.content if kept is not None else None,
    )


def _takes_too_long(session: TenantSession, since: datetime, origin_at: datetime) -> bool:
    """The filter walks hour by hour, however many readings an hour has."""
    sensors, begun_at = queries.count_sensors(session), queries.first_reading_at(session, since)
    return begun_at is not None and sensors * ((origin_at - begun_at) / timedelta(hours=1)) > MOST_HOURS


def _panel(crowd: Crowd, most_readings: int) -> list[int]:
    """Containers to learn from, as many as their histories are short."""
    surveyed_d = (crowd.origin - int(crowd.instants[0])) / DAY_S
    days = surveyed_d if surveyed_d >= 1 else HISTORY / timedelta(days=1)
    most = min(MOST_IN_PANEL, int(MOST_PANEL_HOURS / (24 * days)))
    return choose_panel(crowd, days=days, readings=most_readings, containers=most, seed=SEED)


def forecast(subjects: Subjects, signals: Signals, origin_at: datetime) -> Outlook:
    """Fill by hour by the fresh model, or by one that is learned now; in parts, so that memory stays bounded."""
    if signals.crowd is not None and not np.array_equal(signals.crowd.container_ids, subjects.container_ids):
        raise ValueError("the signals are of other containers than the forecast")
    steps = _Steps()
    with steps("replay"):
        replayed = signals.readings if signals.crowd is not None else subjects.container_ids.tolist()
        histories = histories_of(signals, replayed)
    with steps("learn"):
        learned = learn_or_keep(
            histories,
            origin_at,
            subjects.context,
            fresh=signals.model,
            last=signals.last_model,
            surveyed=signals.crowd is not None,
        )
    teller = _Teller(subjects, signals, histories, int(origin_at.timestamp()), learned, steps)
    done = [teller.tell(part) for part in parts(len(subjects))] or [teller.tell(slice(0, 0))]
    model = learned.artifact.model
    return Outlook(
        origin_at=origin_at,
        table=_joined([one.table for one in done]),
        naive=np.concatenate([one.naive for one in done]),
        level=np.concatenate([one.level for one in done]),
        seen=np.concatenate([one.seen for one in done]),
        age_h=np.concatenate([one.age_h for one in done]),
        spread=np.concatenate([one.spread for one in done]),
        surveyed=signals.crowd is not None,
        method="quantile trees" if model.trees_ else "shrunken rate",
        model_version=version_of(model),
        trained_until=datetime.fromtimestamp(learned.artifact.trained_until, UTC),
        evaluation=scores_of(learned.artifact) | ({"note": learned.note} if learned.note else {}),
        learned=learned.frozen,
        note=learned.note,
        steps_s=steps.seconds,
    )


def histories_of(signals: Signals, container_ids: Iterable[int]) -> dict[Hashable, History]:
    """The pasts of containers as the kernel sees them: walked together, which is many times faster than one by one."""
    told = {container_id: _told_of(signals, container_id) for container_id in container_ids}
    readings: dict[Hashable, Readings] = {container_id: readings for container_id, (readings, _) in told.items()}
    return build_histories(readings, {container_id: lifts for container_id, (_, lifts) in told.items()}, signals.sensors)


def _told_of(signals: Signals, container_id: int) -> tuple[Readings, list[int]]:
    readings = signals.readings.get(container_id, NOTHING)
    lifts = [int(at) for at in signals.lifts.get(container_id, ())]
    if lifts and (not len(readings) or lifts[-1] // HOUR_S >= int(readings.observed_at[-1]) // HOUR_S):
        # A history ends with the last full hour before its last event: a lift that is the last word counts from its full hour on.
        lifts[-1] -= lifts[-1] % HOUR_S
        readings = readings.until(lifts[-1])
    return readings, lifts


@dataclass(frozen=True, eq=False)
class _Told:
    table: QuantileTable
    naive: NDArray[np.float64]
    level: NDArray[np.float64]
    seen: NDArray[np.float64]
    age_h: NDArray[np.float64]
    spread: NDArray[np.float64]


class _Teller:
    """Tells part after part of the containers what they will hold."""

    def __init__(
        self, subjects: Subjects, signals: Signals, histories: Mapping[Hashable, History], origin: int, learned: Learned, steps: "_Steps"
    ) -> None:
        self.subjects, self.signals, self.histories, self.origin, self.steps = subjects, signals, histories, origin, steps
        self.model = learned.artifact.model
        self.fall_back = frozenset(self.model.fall_back) | signals.losers
        self.context = subjects.context
        self.story = lift_story(subjects, signals.lift_facts)

    def tell(self, part: slice) -> _Told:
        with self.steps("snapshots"):
            heard = self._heard(part)
            table = told_by_lifts(self._snapshot(part), self.subjects, self.story, heard, part)
            table = with_evidence(table, self.subjects, self.signals.evidence, part)
            coming = np.array([key in self.subjects.coming for key in table.keys], np.bool_)
            age_h = table["age_h"].copy()
            seen = np.where(heard & (age_h <= SEEN_H) & ~coming, table["level"], np.nan)
            table = once_driven(table, self.subjects.coming)
        with self.steps("predict"):
            # what lifts and neighbours say is no snapshot that the trees have ever seen
            silent = {key for key, known in zip(table.keys, heard.tolist(), strict=True) if not known}
            self.model.fall_back = self.fall_back | silent
            told = self.model.predict(table, STORED_H)
            naive = self.model.baseline_.predict(table, STORED_H).median
        return _Told(told, naive, table["level"].copy(), seen, age_h, table["spread"].copy())

    def _heard(self, part: slice) -> NDArray[np.bool_]:
        """Containers of which a sensor has said anything within the history."""
        if self.signals.crowd is not None:
            return np.asarray(self.signals.crowd.observed_at[part] >= self.origin - HISTORY.total_seconds())
        return np.array([key in self.signals.readings for key in self.subjects.container_ids[part].tolist()], np.bool_)

    def _snapshot(self, part: slice) -> SnapshotTable:
        if self.signals.crowd is not None:
            return crowd_snapshot(self.signals.crowd, self.subjects, part)
        keys = self.subjects.container_ids[part].tolist()
        return snapshots({key: self.histories[key] for key in keys}, [self.origin], self.context)


def _joined(tables: list[QuantileTable]) -> QuantileTable:
    first = tables[0]
    return QuantileTable(
        keys=tuple(key for table in tables for key in table.keys),
        origin=np.concatenate([table.origin for table in tables]),
        horizons_h=first.horizons_h,
        quantiles=first.quantiles,
        fill=np.concatenate([table.fill for table in tables]),
        method=tuple(method for table in tables for method in table.method),
    )


class _Steps:
    """How long each step kept the processor, all parts together."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        began = time.process_time()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.process_time() - began
