"""`kerbside twin`: a town's own history replayed under several policies; curves of kilometres against overflow, without a database."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.errors import SetupError
from app.jobs.progress import say
from app.jobs.replays import replaying

if TYPE_CHECKING:  # solvers and forecasts take seconds to load: only a replay waits for them
    from app.planning.twin.disturbances import Disturbances
    from app.planning.twin.frontier import Capture
    from app.planning.twin.replay import Outcome
    from app.planning.twin.study import Study
    from app.planning.twin.town import Costs

POLICIES = ("daily", "trimmed", "fixed", "threshold", "ours", "clairvoyant")
REFERENCES = ("informed", "tomorrow")
"""Ours, handed the distribution of what comes in the counted weeks, and what comes tomorrow: they say what knowledge would be worth."""
DEFAULT_WEEKS = 40


def _policies(context: click.Context, parameter: click.Parameter, value: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in value.split(",") if name.strip()))
    known = (*POLICIES, *REFERENCES)
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise click.BadParameter(f"{', '.join(unknown) or 'nothing'} is no policy; there are {', '.join(known)}.", context, parameter)
    return names


@click.command()
@click.option("--data", "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--policies", callback=_policies, default=",".join(POLICIES), show_default=True)
@click.option("--weeks", type=click.IntRange(min=4), default=DEFAULT_WEEKS, show_default=True, help="Counted, the last ones of the data.")
@click.option("--history-weeks", type=click.IntRange(min=1), help="Known before them; by default all that there are.")
@click.option("--figure", type=click.Choice(("km", "cost")), default="km", show_default=True, help="What policies are to save.")
@click.option("--silent", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="Share of sensors that say nothing.")
@click.option("--skips", type=click.FloatRange(0, 1), default=0.0, help="Share of lifts that do not come about.")
@click.option("--breakdowns", type=click.FloatRange(0, 1), default=0.0, help="Share of truck-days that end before their time.")
@click.option("--service-noise", type=click.FloatRange(min=0), default=0.0, help="Spread of a day's time at stops, such as 0.3.")
@click.option("--delay", "delay_d", type=click.IntRange(0, 7), default=0, help="Days between a decision and its trucks, beyond the night.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
@click.option("--cores", type=click.IntRange(min=1), help="Arms at a time; all cores by default.")
@click.option("--kept", type=click.Path(file_okay=False, path_type=Path), help="Keep what is done there, and go on from it.")
@click.option("--json", "written", type=click.Path(dir_okay=False, path_type=Path), help="Write the curves there.")
def twin(
    folder: Path,
    policies: tuple[str, ...],
    weeks: int,
    history_weeks: int | None,
    figure: str,
    silent: float,
    skips: float,
    breakdowns: float,
    service_noise: float,
    delay_d: int,
    seed: int,
    cores: int | None,
    kept: Path | None,
    written: Path | None,
) -> None:
    """Replay the town of a folder (fill_history.csv, sites.geojson) under several policies.

    Every parameter is frozen before the counted weeks; each policy sees only what it could have seen, but for the clairvoyant, which
    is a reference. What is driven comes from the router that plans the nights. `schedule.csv` in the folder, with the columns container
    and weekdays (`Mo Th`), is the plan that `trimmed` drives less often.
    """
    from app.planning.twin.disturbances import Disturbances

    luck = Disturbances(skipped=skips, breakdowns=breakdowns, service_noise=service_noise, delay_d=delay_d, seed=seed)
    study = _study(folder, weeks=weeks, history_weeks=history_weeks, figure=figure, silent=silent, seed=seed, disturbances=luck)
    _introduce(study)
    outcomes = _replayed(study, policies, cores, kept)
    for name in policies:
        _tell_curve(name, outcomes[name])
    from app.planning.twin.study import captures

    captured = captures(outcomes, figure=figure)
    _tell_captured(captured, figure)
    if written is not None:
        written.write_text(json.dumps(as_json(study, outcomes, captured), indent=1) + "\n", encoding="utf-8")
        say(f"\nwritten: {written}")


def _study(
    folder: Path, *, weeks: int, history_weeks: int | None, figure: str, silent: float, seed: int, disturbances: Disturbances
) -> Study:
    from app.planning.twin.folder import read_town
    from app.planning.twin.study import WARM_UP_D, Study, silent_sensors
    from app.planning.twin.trimmed import read_schedule

    town, inflow, step = read_town(folder, seed=seed)
    first = len(inflow) - 7 * weeks
    before_weeks = 1 if history_weeks is None else history_weeks
    if first - WARM_UP_D < 7 * before_weeks:
        most = (len(inflow) - WARM_UP_D) // 7 - before_weeks
        raise SetupError(f"{folder} holds {len(inflow)} days: with {before_weeks} weeks before them, at most {most} weeks can be counted.")
    return Study(
        town=town,
        inflow=inflow,
        first=first,
        last=len(inflow),
        figure=figure,
        sensors=silent_sensors(len(town.keys), silent, step=step, seed=seed),
        seed=seed,
        history_d=None if history_weeks is None else 7 * history_weeks,
        disturbances=disturbances,
        schedule=read_schedule(folder, town.keys),
    )


def _introduce(study: Study) -> None:
    from app.planning.twin.disturbances import CALM

    town, inflow = study.town, study.inflow
    say(f"{town.name}: {len(town.keys)} containers at {town.yard} places; distances: {town.distances_are}")
    say(f"counted: {inflow.day(study.first)} to {inflow.day(study.last - 1)}; tuned on what lies before {inflow.day(study.span.first)}")
    drawn = inflow.imputed[study.first : study.last].mean()
    say(f"inflow: {100 * drawn:.0f} % of the counted container-days were not seen (full, just emptied, or silent) and are drawn")
    if study.sensors.silent:
        say(f"sensors: {len(study.sensors.silent)} of {len(town.keys)} have never said anything")
    if replace(study.disturbances, seed=CALM.seed) != CALM:
        say(f"all arms suffer: {study.disturbances}")


def _replayed(study: Study, policies: Sequence[str], cores: int | None, kept: Path | None) -> dict[str, list[Outcome]]:
    from app.planning.twin.study import run_study

    with replaying("replay", study, policies, cores, kept) as (executor, folder):
        return run_study(study, policies, executor, kept=folder)


def _tell_curve(name: str, outcomes: Sequence[Outcome]) -> None:
    say(f"\n{name}\n  overflow %   km/day  cost/day  truck-days   lifts  fill at lift")
    for one in outcomes:
        a_day = f"{100 * one.overflow_share:10.3f} {one.km.mean():8.2f} {one.cost.mean():9.2f}"
        in_all = f"{one.truck_days.sum():11d} {one.lifts.sum():7d} {100 * one.mean_fill_at_collection:10.0f} %"
        say(f"  {a_day} {in_all}   {one.policy}")


def _tell_captured(captured: Sequence[Capture], figure: str) -> None:
    if captured:
        say(f"\nat equal service, {figure} a day: the best fixed plans, ours, who knows the future; what ours saves of what can be saved")
    for one in captured:
        arms = f"{one.fixed:.2f}, {one.ours:.2f}, {one.clairvoyant:.2f}"
        interval = "" if one.low != one.low else f" ({100 * one.low:.0f} to {100 * one.high:.0f} % in 95 of 100 resamplings of four weeks)"
        say(f"  overflow {100 * one.overflow_share:.2f} %: {arms}; {100 * one.share:.0f} %{interval}")


def as_json(study: Study, outcomes: dict[str, list[Outcome]], captured: Sequence[Capture]) -> dict[str, Any]:
    """The curves as programs read them."""
    return {
        "town": study.town.name,
        "distances": study.town.distances_are,
        "first_day": study.inflow.day(study.first).isoformat(),
        "last_day": study.inflow.day(study.last - 1).isoformat(),
        "figure": study.figure,
        "seed": study.seed,
        "silent_sensors": len(study.sensors.silent),
        "disturbances": asdict(study.disturbances),
        "policies": {name: [_point(one, study.town.costs) for one in arm] for name, arm in outcomes.items()},
        "attainable": [
            {
                "overflow_share": one.overflow_share,
                "fixed": _number(one.fixed),
                "ours": _number(one.ours),
                "clairvoyant": _number(one.clairvoyant),
                "saving": _number(one.attainable),
            }
            for one in captured
        ],
        "captured_share": {f"{one.overflow_share:g}": _number(one.share) for one in captured},
        "captured_interval": {f"{one.overflow_share:g}": [_number(one.low), _number(one.high)] for one in captured},
    }


def _point(one: Outcome, costs: Costs) -> dict[str, Any]:
    return {
        "policy": one.policy,
        "days": one.days,
        "overflow_share": one.overflow_share,
        "km": float(one.km.sum()),
        "cost": float(one.cost.sum()),
        "hours": float(one.hours.sum()),
        "truck_days": int(one.truck_days.sum()),
        "lifts": int(one.lifts.sum()),
        "co2e_kg": float(one.km.sum() * costs.co2e_kg_per_km + one.lifts.sum() * costs.co2e_kg_per_lift),
        "overflow_container_days": int(one.overflowing.sum()),
        "overflow_onsets": int(one.onsets.sum()),
        "fill_at_collection": _number(one.mean_fill_at_collection),
        "left_in_containers": one.left,
    }


def _number(value: float) -> float | None:
    """JSON knows no NaN."""
    return value if value == value else None
