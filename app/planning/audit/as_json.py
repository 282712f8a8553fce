"""A finding as programs read it; JSON knows no NaN."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from app.planning.audit.finding import Finding, Step
from app.planning.audit.service import Interval


def as_json(finding: Finding, *, currency: str) -> dict[str, Any]:
    study, inflow = finding.study, finding.study.inflow
    steps = {"better_weekdays": finding.free, "sensors": finding.sensors, "sensors_on_some": finding.some, "perfect": finding.perfect}
    return {
        "town": study.town.name,
        "distances": study.town.distances_are,
        "first_day": inflow.day(study.first).isoformat(),
        "last_day": inflow.day(study.last - 1).isoformat(),
        "figure": study.figure,
        "currency": currency,
        "today": finding.past.today_is,
        "overflow_share": finding.overflow_share,
        "verdict": asdict(finding.verdict),
        "attainable_pct": _interval(finding.attainable_pct),
        "captured_pct": _interval(finding.captured_pct),
        "levels": [{key: value if value == value else None for key, value in asdict(one).items()} for one in finding.levels],
        "floor_a_day": asdict(finding.floor),
        "steps": {name: None if step is None else _step(step) for name, step in steps.items()},
        "containers": [asdict(one) for one in finding.worth],
        "data_quality": list(finding.past.notes),
        "assumptions": [asdict(one) for one in finding.prices.assumptions()],
    }


def _step(step: Step) -> dict[str, Any]:
    money = {name: _interval(value) if isinstance(value, Interval) else value for name, value in vars(step.money).items()}
    money |= {"cash": step.money.cash, "net": _interval(step.money.net)}
    before, after = step.used
    plans = {"before": {"plan": str(step.before)} | asdict(before), "after": {"plan": str(step.after)} | asdict(after)}
    return plans | {"saved_a_year": money}


def _interval(one: Interval) -> dict[str, float | None]:
    return {name: value if value == value else None for name, value in asdict(one).items()}
