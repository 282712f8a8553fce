"""The streaming fill-level filter: a reading in; level, spread, quality and "emptied" out.

Ingest calls `step` on every reading and keeps the returned `LevelState`; `replay` walks a whole history through the very same
`step`, so both agree to the bit. Fill is a fraction of the full mark: 1.0 is 100 %, more is possible and is news, not an error.

Inside its tolerance a reading updates a scalar Kalman filter (local level). Outside, it must be confirmed before the level jumps:
ultrasonic sensors see false echoes at fixed, *shorter* distances, so a rise that came back is remembered as a ghost and that height
needs longer proof the next time. A driver's lift needs no proof.

This level is for the moment: what a page shows, when a lift is recorded, what an alert reads. Forecasts start from `level_grid`, which
weighs every reading against the sensor's own ghosts, and is too slow for ingest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan, sqrt
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatOrArray = TypeVar("FloatOrArray", float, NDArray[np.float64])

HOUR_S = 3600
DAY_S = 24 * HOUR_S
FILL_MIN, FILL_MAX = -0.2, 1.5
NEVER = -1

# Quality of a reading, kept beside it and used as a weight.
IMPOSSIBLE, DOUBTED, STUCK, UNSETTLED, GOOD = range(5)

CONFIRM_READINGS = 2
CONFIRM_GHOST_READINGS, CONFIRM_GHOST_S = 3, 12 * HOUR_S
# Older than this, the last reading proves nothing about the next: daily sensors and the end of a gap are believed at once.
STALE_S = 20 * HOUR_S
EMPTYING_FALL, EMPTYING_REST = 0.15, 0.7
# A sensor and a driver that report an emptying within this time mean the same one.
SAME_LIFT_S = 6 * HOUR_S
# A ghost that was believed is taken back within this time; daily sensors, which have no time for ghosts, never are.
RETRACT_S = STALE_S
GHOST_WIDTH, GHOSTS_KEPT, GHOST_PROVEN = 0.04, 6, 6
STUCK_READINGS, STUCK_RUNS, STUCK_S = 12, 10.0, 24 * HOUR_S


@dataclass(frozen=True, slots=True)
class Sensor:
    """What is known of a sensor model before its first reading.

    Parameters
    ----------
    noise
        Standard deviation of one reading, fraction of full. A sensor of six levels has a step of 0.2 and thus about 0.06.
    inflow_sd
        Standard deviation of what one hour adds, fraction of full.
    inflow_per_day
        A fast but believable inflow, fraction of full a day: rises up to this speed need no confirmation. A third of it is taken as
        the usual drift, which the level cannot know between two readings.
    """

    noise: float = 0.02
    inflow_sd: float = 0.015
    inflow_per_day: float = 0.3

    def __post_init__(self) -> None:
        if not (self.noise > 0 and self.inflow_sd > 0 and self.inflow_per_day >= 0):
            raise ValueError(f"sensor needs positive noise and inflow_sd, inflow_per_day of at least 0: {self}")

    @property
    def tolerance(self) -> float:
        """Distance from the level within which a reading needs no confirmation."""
        return max(0.08, 3 * self.noise)

    def growth(self, elapsed_s: FloatOrArray) -> FloatOrArray:
        """Variance that the level gains while no reading is believed: single drops, and a drift nobody measured."""
        return self.inflow_sd**2 * elapsed_s / HOUR_S + (self.inflow_per_day / 3 * elapsed_s / DAY_S) ** 2


DEFAULT_SENSOR = Sensor()


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """One container's readings in order of time.

    Parameters
    ----------
    observed_at
        Epoch seconds UTC (int64), strictly ascending.
    fill
        Fraction of the full mark (float64); NaN where there was no echo.
    quality
        What ingest already knew, 0 (impossible) to 4 (good) (int8). Readings of quality 0 are not looked at.
    """

    observed_at: NDArray[np.int64]
    fill: NDArray[np.float64]
    quality: NDArray[np.int8]

    def __post_init__(self) -> None:
        if not len(self.observed_at) == len(self.fill) == len(self.quality):
            raise ValueError(f"unequal lengths: {len(self.observed_at)}, {len(self.fill)}, {len(self.quality)}")
        if np.any(np.diff(self.observed_at) <= 0):
            raise ValueError("observed_at must ascend strictly")

    def __len__(self) -> int:
        return len(self.observed_at)

    @classmethod
    def of(cls, observed_at: ArrayLike, fill: ArrayLike, quality: ArrayLike | None = None) -> "Readings":
        """Build from sequences or arrays of any number type; without `quality` all are good."""
        at = np.asarray(observed_at, np.int64)
        given = np.full(len(at), GOOD) if quality is None else quality
        return cls(at, np.asarray(fill, np.float64), np.asarray(given, np.int8))

    def until(self, at: int) -> "Readings":
        """The readings observed at or before `at`."""
        n = int(np.searchsorted(self.observed_at, at, side="right"))
        return Readings(self.observed_at[:n], self.fill[:n], self.quality[:n])


class LevelState(NamedTuple):
    """All that the filter remembers of a container: immutable, about 20 numbers, `to_json`/`from_json` for a column of the app."""

    observed_at: int = NEVER  # newest reading or lift that was looked at
    level: float = nan  # NaN: nothing known yet
    variance: float = nan  # of `level` at `settled_at`
    settled_at: int = NEVER  # when a reading or lift last moved `level`
    emptied_at: int = NEVER
    candidate: float = nan  # a level that waits for confirmation
    candidate_count: int = 0
    candidate_at: int = NEVER  # its first reading
    jumped_from: float = nan  # level before the last confirmed rise, to take it back
    jumped_at: int = NEVER
    last_fill: float = nan
    run: int = 0  # equal readings in a row
    run_since: int = NEVER
    mean_run: float = 6.0
    ghosts: tuple[tuple[float, int], ...] = ()  # (height, times seen), newest last

    def to_json(self) -> dict[str, Any]:
        """A JSON object; what is unknown is None."""
        return {name: None if value != value else value for name, value in self._asdict().items()}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "LevelState":
        """The state that `to_json` wrote."""
        known: dict[str, Any] = {name: nan if value is None else value for name, value in stored.items()}
        known["ghosts"] = tuple((float(height), int(count)) for height, count in stored.get("ghosts", ()))
        return cls(**known)


UNKNOWN = LevelState()


class Step(NamedTuple):
    """The filter's answer to one reading or lift.

    `level` and `spread` (one standard deviation) are NaN before the first usable reading. `emptied_at` is set once per emptying,
    when it becomes certain, and lies back at the first reading that showed it. `revised_since`: from then on the level should
    have been today's; `retracted_since`: from then until now it was a ghost.
    """

    state: LevelState
    level: float
    spread: float
    quality: int
    emptied_at: int | None = None
    revised_since: int | None = None
    retracted_since: int | None = None


def step(state: LevelState, observed_at: int, fill: float, quality: int = GOOD, sensor: Sensor = DEFAULT_SENSOR) -> Step:
    """Take one reading in.

    Parameters
    ----------
    state
        What the last `step` or `lift` returned; `UNKNOWN` for a new container.
    observed_at
        Epoch seconds UTC, by the device's clock.
    fill
        Fraction of the full mark.
    quality
        What ingest knows of the reading; 0 leaves it out.
    sensor
        The sensor model's noise.

    Returns
    -------
    Step
        A reading that is not newer than the state leaves it as it was (`quality` at most STUCK): only a replay puts it in its place.
    """
    if quality == IMPOSSIBLE or not FILL_MIN <= fill <= FILL_MAX:
        return _unchanged(state, max(observed_at, state.observed_at), IMPOSSIBLE, sensor)
    if observed_at <= state.observed_at:
        return _unchanged(state, state.observed_at, min(quality, STUCK), sensor)
    if isnan(state.level):
        return _first(state, observed_at, fill, quality, sensor)
    run, run_since, mean_run = _follow_run(state, observed_at, fill)
    seen = (fill, run, run_since, mean_run)
    if run >= STUCK_READINGS and run >= STUCK_RUNS * mean_run and observed_at - run_since >= STUCK_S:
        return _hold(state, observed_at, seen, min(quality, STUCK), sensor)
    variance = variance_at(state, observed_at, sensor)
    off = fill - state.level
    within = sensor.tolerance
    if off > within:
        within = max(within, 3 * sqrt(variance + sensor.noise**2)) + sensor.inflow_per_day * (observed_at - state.settled_at) / DAY_S
    if -within <= off <= within:
        return _settle(state, observed_at, seen, variance, quality, sensor)
    return _doubt(state, observed_at, seen, quality, sensor)


def lift(state: LevelState, at: int, sensor: Sensor = DEFAULT_SENSOR) -> Step:
    """A driver reports the container emptied: the level is 0 from then on, whatever the sensor says.

    An emptying that the sensor showed within six hours is the same one. A lift that arrives late, after readings newer than
    itself, is recorded but leaves the level to those readings; a replay puts it in its place.
    """
    if state.emptied_at != NEVER and abs(at - state.emptied_at) <= SAME_LIFT_S:
        return _unchanged(state, max(at, state.observed_at), GOOD, sensor)
    waits_low = state.candidate_count > 0 and state.candidate < state.level
    if at < state.observed_at and not waits_low:
        late = state._replace(emptied_at=max(at, state.emptied_at))
        return _unchanged(late, state.observed_at, GOOD, sensor)._replace(emptied_at=at)
    newest = max(at, state.observed_at)
    emptied = state._replace(
        observed_at=newest,
        level=max(state.candidate, 0.0) if at < state.observed_at else 0.0,
        variance=0.05**2,
        settled_at=newest,
        emptied_at=at,
        candidate_count=0,
        jumped_at=NEVER,
    )
    return Step(emptied, emptied.level, 0.05, GOOD, emptied_at=at, revised_since=at)


def variance_at(state: LevelState, at: int, sensor: Sensor = DEFAULT_SENSOR) -> float:
    """Variance of the level at epoch second `at`: it grows with every hour since a reading was believed."""
    return state.variance + sensor.growth(at - state.settled_at)


def _unchanged(state: LevelState, at: int, quality: int, sensor: Sensor) -> Step:
    spread = nan if isnan(state.level) else sqrt(variance_at(state, at, sensor))
    return Step(state, state.level, spread, quality)


def _first(state: LevelState, observed_at: int, fill: float, quality: int, sensor: Sensor) -> Step:
    # One reading may be an outlier: twice the noise until a second one agrees.
    variance = 4 * sensor.noise**2
    level = max(fill, 0.0)
    begun = state._replace(
        observed_at=observed_at, level=level, variance=variance, settled_at=observed_at, last_fill=fill, run=1, run_since=observed_at
    )
    return Step(begun, level, sqrt(variance), min(quality, UNSETTLED))


def _follow_run(state: LevelState, observed_at: int, fill: float) -> tuple[int, int, float]:
    """Length, begin and usual length of runs of equal readings: a run ten times the usual one is a stuck sensor."""
    if fill == state.last_fill:
        return state.run + 1, state.run_since, state.mean_run
    return 1, observed_at, state.mean_run + 0.1 * (min(state.run, 10 * state.mean_run) - state.mean_run)


def _hold(state: LevelState, observed_at: int, seen: tuple[float, int, int, float], quality: int, sensor: Sensor) -> Step:
    held = LevelState(observed_at, *state[1:10], *seen, state.ghosts)
    return Step(held, state.level, sqrt(variance_at(state, observed_at, sensor)), quality)


def _settle(
    state: LevelState, observed_at: int, seen: tuple[float, int, int, float], variance: float, quality: int, sensor: Sensor
) -> Step:
    """Kalman update of a reading near the level; what waited above it is now known to have been a ghost."""
    gain = variance / (variance + sensor.noise**2)
    level = max(state.level + gain * (seen[0] - state.level), 0.0)
    variance *= 1 - gain
    ghosts = state.ghosts
    if state.candidate_count and state.candidate > state.level and observed_at - state.emptied_at > SAME_LIFT_S:
        ghosts = remember_ghost(ghosts, state.candidate)
    settled = LevelState(
        observed_at, level, variance, observed_at, state.emptied_at, nan, 0, NEVER, state.jumped_from, state.jumped_at, *seen, ghosts
    )
    return Step(settled, level, sqrt(variance), quality)


def _doubt(state: LevelState, observed_at: int, seen: tuple[float, int, int, float], quality: int, sensor: Sensor) -> Step:
    """A reading far from the level waits until enough others agree with it."""
    fill = seen[0]
    rises = fill > state.level
    agrees = state.candidate_count > 0 and rises == (state.candidate > state.level) and abs(fill - state.candidate) <= sensor.tolerance
    if agrees:
        candidate, count, since = (state.candidate + fill) / 2, state.candidate_count + 1, state.candidate_at
    else:
        candidate, count, since = fill, 1, observed_at
    waiting = state._replace(candidate=candidate, candidate_count=count, candidate_at=since)
    returns = not rises and _returns(waiting, observed_at, sensor)
    if returns or _confirmed(waiting, observed_at, rises=rises):
        return _jump(waiting, observed_at, seen, quality, sensor, returns=returns)
    return _hold(waiting, observed_at, seen, min(quality, DOUBTED), sensor)


def _confirmed(waiting: LevelState, observed_at: int, *, rises: bool) -> bool:
    if rises and is_ghost(waiting.ghosts, waiting.candidate):
        return waiting.candidate_count >= CONFIRM_GHOST_READINGS and observed_at - waiting.candidate_at >= CONFIRM_GHOST_S
    return waiting.candidate_count >= CONFIRM_READINGS or observed_at - waiting.observed_at >= STALE_S


def _returns(waiting: LevelState, observed_at: int, sensor: Sensor) -> bool:
    """The fall leads back to where a recent rise began: that rise was a ghost, and one reading is proof enough."""
    return observed_at - waiting.jumped_at <= RETRACT_S and abs(waiting.candidate - waiting.jumped_from) <= sensor.tolerance


def _jump(
    waiting: LevelState, observed_at: int, seen: tuple[float, int, int, float], quality: int, sensor: Sensor, *, returns: bool
) -> Step:
    """The level moves to the candidate: a rise, an emptying, or the return from a ghost that had been believed."""
    before, level, since = waiting.level, max(waiting.candidate, 0.0), waiting.candidate_at
    falls = level < before
    empties = falls and not returns and before - level >= EMPTYING_FALL and level <= EMPTYING_REST * before
    # A ghost flickers: rises and small falls on top of a recent rise do not hide where it began.
    recent = observed_at - waiting.jumped_at <= RETRACT_S and not (returns or empties) and level > waiting.jumped_from
    jumped = (waiting.jumped_from, waiting.jumped_at) if recent else (nan, NEVER) if falls else (before, since)
    variance = sensor.noise**2
    moved = LevelState(
        observed_at=observed_at,
        level=level,
        variance=variance,
        settled_at=observed_at,
        emptied_at=since if empties else waiting.emptied_at,
        jumped_from=jumped[0],
        jumped_at=jumped[1],
        last_fill=seen[0],
        run=seen[1],
        run_since=seen[2],
        mean_run=seen[3],
        ghosts=remember_ghost(waiting.ghosts, before) if returns else waiting.ghosts,
    )
    return Step(
        moved,
        level,
        sqrt(variance),
        min(quality, UNSETTLED),
        emptied_at=since if empties else None,
        revised_since=since,
        retracted_since=waiting.jumped_at if returns else None,
    )


def is_ghost(ghosts: tuple[tuple[float, int], ...], height: float) -> bool:
    """Whether false echoes were seen at this height often enough to distrust it."""
    return any(count >= GHOST_PROVEN and abs(height - at) <= GHOST_WIDTH for at, count in ghosts)


def remember_ghost(ghosts: tuple[tuple[float, int], ...], height: float) -> tuple[tuple[float, int], ...]:
    """Count a false echo; the weakest memory makes room for a new height."""
    for i, (at, count) in enumerate(ghosts):
        if abs(height - at) <= GHOST_WIDTH:
            moved = at + (height - at) / min(count + 1, 20)
            return (*ghosts[:i], *ghosts[i + 1 :], (moved, count + 1))
    if len(ghosts) >= GHOSTS_KEPT:
        weakest = min(range(len(ghosts)), key=lambda i: ghosts[i][1])
        ghosts = (*ghosts[:weakest], *ghosts[weakest + 1 :])
    return (*ghosts, (height, 1))


def replay(
    readings: Readings, lifts: Sequence[int] = (), sensor: Sensor = DEFAULT_SENSOR, state: LevelState = UNKNOWN
) -> tuple[LevelState, list[tuple[int, Step]]]:
    """Walk readings and lifts through the filter in order of time; a lift goes before a reading of the same second.

    Returns
    -------
    tuple
        The last state, and every (epoch second, Step).
    """
    events = [(int(at), 0, 0.0, GOOD) for at in lifts]
    events += zip(readings.observed_at.tolist(), [1] * len(readings), readings.fill.tolist(), readings.quality.tolist(), strict=True)
    events.sort(key=lambda event: event[:2])
    steps: list[tuple[int, Step]] = []
    for at, is_reading, fill, quality in events:
        answer = step(state, at, fill, quality, sensor) if is_reading else lift(state, at, sensor)
        state = answer.state
        steps.append((at, answer))
    return state, steps
