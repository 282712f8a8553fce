"""From distance to fill: shapes of containers, the sensor's calibration, the speed of sound, and what is physically plausible.

Pure functions over single figures or arrays. Whether a plausible reading is to be believed beside its neighbours is not judged here:
that is `forecasting.level`, which sees one reading after the other. `judge` gives what a reading says by itself; `watch` finds sensors
that are broken in ways a level cannot show.

References
----------
.. [1] OMA LwM2M registry, object 3435 "Filling level" 2.0, resource 6042 "Measurement Quality Indicator".
.. [2] Bohn (1988). Environmental effects on the speed of sound. J. Audio Eng. Soc. 36(4): c = 331.3 m/s × sqrt(1 + T / 273.15 °C).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from math import isfinite

import numpy as np
from numpy.typing import ArrayLike, NDArray

from app.telemetry.state import NEGATIVE, NO_ECHO, OVER_FULL, SENSOR_STUCK
from forecasting.level import DOUBTED, FILL_MAX, FILL_MIN, GOOD, IMPOSSIBLE, STUCK, UNSETTLED

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

BLOCKED, JUMPING = "blocked", "jumping"
"""Beside the flags that ingest has already, in the operator's words."""

TABLE_POINTS = 65
SOUND_AT_FREEZING_M_S, FREEZING_K = 331.3, 273.15
COLDEST_C, HOTTEST_C = -40.0, 85.0
"""Outside, the air in front of the sensor does not have the temperature that it reports: it is burning, or the probe is broken."""

STUCK_READINGS, STUCK_S = 12, 24 * 3600
"""77 live sensors in their first winter never repeated distance and temperature for a day; equal distances alone they did for weeks."""
JUMP_MM, JUMP_WINDOW, JUMP_RETURNS = 100.0, 8, 5


class Quality(IntEnum):
    """LwM2M's Measurement Quality Indicator, by its names."""

    UNCHECKED = 0
    REJECTED_WITH_CERTAINTY = 1
    REJECTED_WITH_PROBABILITY = 2
    ACCEPTED_BUT_SUSPICIOUS = 3
    ACCEPTED = 4


_OF_FILTER = {
    IMPOSSIBLE: Quality.REJECTED_WITH_CERTAINTY,
    DOUBTED: Quality.REJECTED_WITH_PROBABILITY,
    STUCK: Quality.REJECTED_WITH_PROBABILITY,
    UNSETTLED: Quality.ACCEPTED_BUT_SUSPICIOUS,
    GOOD: Quality.ACCEPTED,
}


def to_lwm2m(quality: int | None) -> Quality:
    """LwM2M's name for a quality as the level filter and the tables have it (0 not at all … 4 fully); None is unchecked."""
    return Quality.UNCHECKED if quality is None else _OF_FILTER[quality]


@dataclass(frozen=True, slots=True)
class Shape:
    """How much of a container's volume lies below a height, as a table that is read with straight lines between its points.

    Parameters
    ----------
    heights, volumes
        Shares of the height between floor and full mark, and of the volume there; both ascend strictly from 0 to 1.

    Raises
    ------
    ValueError
        If they do not, or if there are fewer than two points.
    """

    heights: tuple[float, ...]
    volumes: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.heights) != len(self.volumes) or len(self.heights) < 2:
            raise ValueError(f"a shape needs as many heights as volumes, two or more: {len(self.heights)}, {len(self.volumes)}")
        for name, values in (("heights", self.heights), ("volumes", self.volumes)):
            if values[0] != 0 or values[-1] != 1 or not all(a < b for a, b in pairwise(values)):
                raise ValueError(f"{name} must ascend strictly from 0 to 1: {values}")

    def volume(self, height: ArrayLike) -> FloatArray:
        """Share of the volume below a share of the height; beyond floor and mark both grow alike."""
        return _along(height, self.heights, self.volumes)

    def height(self, volume: ArrayLike) -> FloatArray:
        """The inverse of `volume`."""
        return _along(volume, self.volumes, self.heights)


def _along(at: ArrayLike, xs: Sequence[float], ys: Sequence[float]) -> FloatArray:
    x = np.asarray(at, np.float64)
    inside = np.interp(x, xs, ys)
    return np.where(x < 0, x, np.where(x > 1, x, inside))


def upright() -> Shape:
    """Walls straight up: fill is height."""
    return Shape((0.0, 1.0), (0.0, 1.0))


def tapered(bottom_to_top: float) -> Shape:
    """Walls that lean: two-wheeled bins are narrower at the floor.

    Parameters
    ----------
    bottom_to_top
        Width at the floor over width at the full mark, in both directions; 1 is upright, above 1 narrows upwards. 0.1 to 10.
    """
    if not 0.1 <= bottom_to_top <= 10:
        raise ValueError(f"bottom_to_top must lie in 0.1 … 10: {bottom_to_top}")
    height = np.linspace(0, 1, TABLE_POINTS)
    width = bottom_to_top + (1 - bottom_to_top) * height
    return _normalised(height, height * (width**2 + width * bottom_to_top + bottom_to_top**2))


def bell(shoulder: float) -> Shape:
    """An igloo: straight up to its shoulder, then a half ellipsoid.

    Parameters
    ----------
    shoulder
        Share of the height that is straight, 0 (a dome) to below 1.
    """
    if not 0 <= shoulder < 1:
        raise ValueError(f"shoulder must lie in 0 … 1: {shoulder}")
    height = np.linspace(0, 1, TABLE_POINTS)
    dome = np.clip((height - shoulder) / (1 - shoulder), 0, 1)
    return _normalised(height, np.minimum(height, shoulder) + (1 - shoulder) * (dome - dome**3 / 3))


def underground(chute_height: float, chute_area: float) -> Shape:
    """A body in the ground under a chute: what stands in the chute is little.

    Parameters
    ----------
    chute_height
        Share of the height that is chute, above 0 and below 1.
    chute_area
        The chute's cross-section over the body's, above 0 to 1.
    """
    if not (0 < chute_height < 1 and 0 < chute_area <= 1):
        raise ValueError(f"chute_height must lie in 0 … 1 and chute_area in 0 … 1: {chute_height}, {chute_area}")
    body = 1 - chute_height
    return Shape((0.0, body, 1.0), (0.0, body / (body + chute_height * chute_area), 1.0))


def table(points: Sequence[tuple[float, float]]) -> Shape:
    """A dip chart.

    Parameters
    ----------
    points
        (height above the floor, volume below it) in any units, both ascending strictly; the last one is the full mark. A first point
        at (0, 0) may be left out.
    """
    known = list(points) if points and tuple(points[0]) == (0, 0) else [(0.0, 0.0), *points]
    heights, volumes = np.array(known, np.float64).T if len(known) > 1 else (np.zeros(1), np.zeros(1))
    if len(known) < 2 or not np.isfinite(known).all() or heights[-1] <= 0 or volumes[-1] <= 0:
        raise ValueError(f"a dip chart needs finite points above the floor: {points}")
    return _normalised(heights, volumes)


def _normalised(heights: FloatArray, volumes: FloatArray) -> Shape:
    return Shape(tuple((heights / heights[-1]).tolist()), tuple((volumes / volumes[-1]).tolist()))


@dataclass(frozen=True, slots=True)
class Calibration:
    """How one sensor hangs in one container.

    Parameters
    ----------
    empty_distance_mm, full_distance_mm
        From the container's reference point down to its floor and to its full mark.
    offset_mm
        Added to what the sensor reports: positive where its face hangs below the reference point.
    nearest_mm
        Nearer than this the sensor cannot measure: its blind zone.
    assumed_c
        Temperature at which the sensor takes the speed of sound, °C; None where it corrects for the temperature itself, or uses light.
    """

    empty_distance_mm: float
    full_distance_mm: float
    offset_mm: float = 0.0
    nearest_mm: float = 0.0
    assumed_c: float | None = None

    def __post_init__(self) -> None:
        figures = (self.empty_distance_mm, self.full_distance_mm, self.offset_mm, self.nearest_mm, self.assumed_c or 0.0)
        if not all(isfinite(figure) for figure in figures):
            raise ValueError(f"a calibration has finite figures only: {self}")
        if not self.empty_distance_mm > self.full_distance_mm:
            raise ValueError(f"the floor must lie below the full mark: {self.empty_distance_mm} mm, {self.full_distance_mm} mm")
        if self.nearest_mm < 0:
            raise ValueError(f"a blind zone is not negative: {self.nearest_mm} mm")
        if self.assumed_c is not None and not COLDEST_C <= self.assumed_c <= HOTTEST_C:
            raise ValueError(f"assumed_c must lie in {COLDEST_C:g} … {HOTTEST_C:g} °C: {self.assumed_c}")


def speed_of_sound_m_s(temperature_c: ArrayLike) -> FloatArray:
    """Speed of sound in dry air, m/s [2]_."""
    return SOUND_AT_FREEZING_M_S * np.sqrt(1 + np.asarray(temperature_c, np.float64) / FREEZING_K)


def compensate_mm(reported_mm: ArrayLike, temperature_c: ArrayLike | None, assumed_c: float | None) -> FloatArray:
    """What an ultrasonic sensor would have reported had it known the temperature.

    Parameters
    ----------
    reported_mm
        Distances as reported; NaN stays.
    temperature_c
        Of the air at each of them; where it is NaN, or outside -40 … 85 °C, the distance is left as it is.
    assumed_c
        Temperature that the sensor reckons with; None: it compensates itself, and nothing is done.
    """
    reported = np.asarray(reported_mm, np.float64)
    if assumed_c is None or temperature_c is None:
        return reported
    given = np.asarray(temperature_c, np.float64)
    usable = (given >= COLDEST_C) & (given <= HOTTEST_C)
    return reported * speed_of_sound_m_s(np.where(usable, given, assumed_c)) / speed_of_sound_m_s(assumed_c)


def true_distance_mm(reported_mm: ArrayLike, calibration: Calibration, temperature_c: ArrayLike | None = None) -> FloatArray:
    """Distance from the container's reference point, from what the sensor reports."""
    return compensate_mm(reported_mm, temperature_c, calibration.assumed_c) + calibration.offset_mm


def fill_pct(distance_mm: ArrayLike, calibration: Calibration, shape: Shape | None = None) -> FloatArray:
    """Fill by volume, percent, from true distances; below 0 and above 100 where the waste lies beyond the marks.

    Parameters
    ----------
    distance_mm
        From the reference point, as `true_distance_mm` gives it.
    shape
        The container model's; None is upright.
    """
    span = calibration.empty_distance_mm - calibration.full_distance_mm
    height = (calibration.empty_distance_mm - np.asarray(distance_mm, np.float64)) / span
    return 100 * (height if shape is None else shape.volume(height))


def distance_mm_at(fill: ArrayLike, calibration: Calibration, shape: Shape | None = None) -> FloatArray:
    """The inverse of `fill_pct`: the true distance at a fill in percent."""
    volume = np.asarray(fill, np.float64) / 100
    height = volume if shape is None else shape.height(volume)
    return calibration.empty_distance_mm - height * (calibration.empty_distance_mm - calibration.full_distance_mm)


def learn_offset_mm(reported_when_empty_mm: Sequence[float], calibration: Calibration) -> float:
    """The `offset_mm` that a sensor needs so that its readings just after emptyings mean the floor: the median decides.

    Raises
    ------
    ValueError
        Without a finite reading.
    """
    known = [reading for reading in reported_when_empty_mm if isfinite(reading)]
    if not known:
        raise ValueError("an offset is learnt from one reading or more")
    return calibration.empty_distance_mm - float(np.median(known))


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What readings say by themselves; arrays of one shape.

    `distance_mm` is the true one, `fill_pct` by volume (NaN without an echo), `quality` a `Quality`; `no_echo`, `blocked`, `negative`
    and `over_full` say why it is below ACCEPTED.
    """

    distance_mm: FloatArray
    fill_pct: FloatArray
    quality: NDArray[np.int8]
    no_echo: BoolArray
    blocked: BoolArray
    negative: BoolArray
    over_full: BoolArray

    def flags(self, index: int) -> tuple[str, ...]:
        """One reading's flags in the operator's words."""
        named = ((NO_ECHO, self.no_echo), (BLOCKED, self.blocked), (NEGATIVE, self.negative), (OVER_FULL, self.over_full))
        return tuple(name for name, raised in named if raised.flat[index])


def judge(
    reported_mm: ArrayLike, calibration: Calibration, shape: Shape | None = None, *, temperature_c: ArrayLike | None = None
) -> Judged:
    """Fill and plausibility of readings, each by itself.

    Parameters
    ----------
    reported_mm
        Distances as the sensor reports them; NaN: no echo.
    calibration, shape
        How the sensor hangs, and in what.
    temperature_c
        At each reading, for sensors that do not compensate; may hold NaN.

    Returns
    -------
    Judged
        Rejected with certainty: no echo, or a fill that the level filter takes for impossible. Rejected with probability: something
        sits in the blind zone. Suspicious: beyond the marks, which overflow and a bent floor do cause.
    """
    reported = np.atleast_1d(np.asarray(reported_mm, np.float64))
    true = np.atleast_1d(true_distance_mm(reported, calibration, temperature_c))
    fill = fill_pct(true, calibration, shape)
    no_echo = ~np.isfinite(reported)
    fill = np.where(no_echo, np.nan, fill)
    blocked = ~no_echo & (reported <= calibration.nearest_mm)
    negative, over_full = fill < 0, fill > 100
    impossible = no_echo | (fill < 100 * FILL_MIN) | (fill > 100 * FILL_MAX)
    quality = np.select(
        [impossible, blocked, negative | over_full],
        [Quality.REJECTED_WITH_CERTAINTY, Quality.REJECTED_WITH_PROBABILITY, Quality.ACCEPTED_BUT_SUSPICIOUS],
        Quality.ACCEPTED,
    ).astype(np.int8)
    return Judged(true, fill, quality, no_echo, blocked, negative, over_full)


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """Readings of one sensor that show it broken; arrays of one length."""

    stuck: BoolArray
    jumping: BoolArray

    def flags(self, index: int) -> tuple[str, ...]:
        """One reading's flags in the operator's words."""
        return tuple(name for name, raised in ((SENSOR_STUCK, self.stuck), (JUMPING, self.jumping)) if raised[index])


def watch(observed_s: ArrayLike, reported_mm: ArrayLike, temperature_c: ArrayLike | None = None) -> Watched:
    """Find a sensor that is broken, in one sensor's readings in order of time.

    Parameters
    ----------
    observed_s
        Epoch seconds UTC, shape (n,), ascending.
    reported_mm
        Distances as reported, shape (n,); NaN: no echo.
    temperature_c
        At each reading, shape (n,).

    Returns
    -------
    Watched
        *Stuck*: distance and temperature repeat together for a day and twelve readings or more: the device sends an old frame. Never
        without temperatures, for a level alone may well rest (the level filter knows for how long). *Jumping*: of eight steps in a
        row five turn back on the one before, each by 100 mm or more: a loose mount or two echoes, never waste.

    Raises
    ------
    ValueError
        If the arrays are not of one length.
    """
    at, reported = np.asarray(observed_s, np.float64), np.asarray(reported_mm, np.float64)
    warmth = np.full(reported.shape, np.nan) if temperature_c is None else np.asarray(temperature_c, np.float64)
    if not (reported.ndim == 1 and at.shape == reported.shape == warmth.shape):
        raise ValueError(f"one time and one temperature a reading: {at.shape}, {reported.shape}, {warmth.shape}")
    return Watched(_stuck(at, reported, warmth), _jumping(reported))


def _stuck(at: FloatArray, reported: FloatArray, warmth: FloatArray) -> BoolArray:
    stuck = np.zeros(len(reported), bool)
    # NaN equals nothing, itself included: what is unknown never repeats
    changes = np.flatnonzero((np.diff(reported) != 0) | (np.diff(warmth) != 0)) + 1
    for begin, end in pairwise([0, *changes, len(reported)]):
        if end - begin >= STUCK_READINGS and at[end - 1] - at[begin] >= STUCK_S:
            stuck[begin:end] = True
    return stuck


def _jumping(reported: FloatArray) -> BoolArray:
    jumping = np.zeros(len(reported), bool)
    heard = np.flatnonzero(np.isfinite(reported))
    steps = np.diff(reported[heard])
    large = np.abs(steps) >= JUMP_MM
    turns = large[1:] & large[:-1] & (np.sign(steps[1:]) != np.sign(steps[:-1]))
    for begin in range(len(steps) - JUMP_WINDOW + 1):
        if turns[begin : begin + JUMP_WINDOW - 1].sum() >= JUMP_RETURNS:
            jumping[heard[begin : begin + JUMP_WINDOW + 1]] = True
    return jumping
