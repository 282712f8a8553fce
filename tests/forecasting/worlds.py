"""Simulated containers whose truth is known: gamma inflow with a weekly rhythm, emptied when fairly full."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.level import Readings

HOUR_S = 3600
START = 1_767_571_200  # Monday 2026-01-05 00:00 UTC
WEEKDAY_FACTOR = np.array([0.8, 0.8, 0.9, 1.0, 1.2, 1.5, 0.8])


@dataclass(frozen=True)
class World:
    """One container by hours from START: `level` after each hour's inflow, `inflow` within it, `lifts` as epoch seconds."""

    level: NDArray[np.float64]
    inflow: NDArray[np.float64]
    lifts: list[int]

    def readings(self, every_h: int = 1, noise: float = 0.02, step: float = 0.0, seed: int = 0) -> Readings:
        """What a sensor of this rhythm, noise and resolution would report."""
        hours = np.arange(0, len(self.level), every_h)
        fill = self.level[hours] + np.random.default_rng(seed).normal(0, noise, len(hours))
        if step:
            fill = np.round(fill / step) * step
        return Readings.of(START + hours * HOUR_S, np.clip(fill, 0, 1.4))


def simulate(days: int = 28, per_day: float = 0.12, lift_above: float = 0.75, seed: int = 0, drop: float = 0.02) -> World:
    """`per_day` of inflow on average in drops of about `drop`; at 09:00 it is emptied if fuller than `lift_above`."""
    rng = np.random.default_rng(seed)
    hours = np.arange(24 * days)
    mean = per_day / 24 * WEEKDAY_FACTOR[hours // 24 % 7]
    inflow = rng.gamma(mean / drop, drop)
    level, lifts, now = np.empty(len(hours)), [], 0.0
    for hour in hours.tolist():
        now += inflow[hour]
        if hour % 24 == 9 and now > lift_above:
            now = 0.0
            lifts.append(START + hour * HOUR_S)
        level[hour] = now
    return World(level, inflow, lifts)
