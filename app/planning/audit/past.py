"""What an audit starts from: a town, what came into its containers, today's plan, and how good all that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from app.errors import SetupError
from app.planning.audit.prices import Prices
from app.planning.audit.records import CONTAINERS, Records, inflow_of_lifts, is_records, read_records, usual_weekdays
from app.planning.twin.folder import SITES, read_town, yard_in
from app.planning.twin.inflow import FULL, DailyInflow
from app.planning.twin.study import WARM_UP_D, Study, silent_sensors
from app.planning.twin.town import Town, Work, town_of
from app.planning.twin.trimmed import SCHEDULE, Weekdays, read_schedule
from forecasting.fill_files import HEIGHTS, LEVELS


@dataclass(frozen=True, eq=False)
class Past:
    """A town and its past.

    Parameters
    ----------
    today_is
        In words, where today's plan comes from.
    notes
        How good the data are, a sentence each.
    """

    town: Town
    inflow: DailyInflow
    step: float
    schedule: tuple[Weekdays, ...] | None
    today_is: str
    notes: tuple[str, ...]


def read_past(folder: Path, prices: Prices, *, seed: int) -> Past:
    """Past fills where there are some, else records of lifts and weigh tickets.

    Raises
    ------
    SetupError
        Naming the file, the column and the mend.
    """
    if is_records(folder) and not (folder / LEVELS).exists():
        past = _from_records(folder, prices, seed)
    elif (folder / LEVELS).exists() or (folder / HEIGHTS).exists():
        past = _from_fills(folder, seed)
    else:
        raise SetupError(f"{folder} holds no past: give it {LEVELS}, or lifts.csv or tickets.csv with {CONTAINERS}; and {SITES}.")
    # money and routes are to know one price of an hour and one length of a shift
    costs, work = replace(past.town.costs, per_h=prices.hour), replace(past.town.work, shift_s=round(3_600 * prices.shift_h))
    return replace(past, town=replace(past.town, costs=costs, work=work))


def study_of(past: Past, *, weeks: int, figure: str, seed: int) -> Study:
    """The last weeks are counted; all before them is history."""
    first = len(past.inflow) - 7 * weeks
    if first - WARM_UP_D < 7:
        most = max(0, (len(past.inflow) - WARM_UP_D) // 7 - 1)
        raise SetupError(
            f"{past.town.name} holds {len(past.inflow)} days: after a week of history and two of warm-up, at most {most} weeks can be "
            "counted. Give fewer --weeks, or more days."
        )
    return Study(
        town=past.town,
        inflow=past.inflow,
        first=first,
        last=len(past.inflow),
        figure=figure,
        sensors=silent_sensors(len(past.town.keys), 0.0, step=past.step, seed=seed),
        seed=seed,
        schedule=past.schedule,
    )


def _from_fills(folder: Path, seed: int) -> Past:
    town, inflow, step = read_town(folder, seed=seed)
    schedule = read_schedule(folder, town.keys)
    drawn = inflow.imputed.mean()
    notes = [
        f"{len(inflow)} days of {len(town.keys)} containers at {town.yard} places.",
        f"{100 * drawn:.0f} % of the container-days were not seen (full, just emptied, or silent); they are drawn from earlier days.",
    ]
    if step:
        notes.append(f"The sensors report steps of {100 * step:.0f} % of full: what happens between two steps is not seen.")
    today_is = f"{SCHEDULE}" if schedule else f"every weekday: there is no {SCHEDULE}, so that is an assumption"
    return Past(town, inflow, step, schedule, today_is, tuple(notes))


def _from_records(folder: Path, prices: Prices, seed: int) -> Past:
    records = read_records(folder, prices.full_kg)
    inflow = inflow_of_lifts(records, seed)
    town = town_of(folder.name, {key: records.where[key] for key in inflow.keys}, yard_in(folder / SITES), work=Work())
    given = read_schedule(folder, town.keys)
    schedule = given or usual_weekdays(records, town.keys)
    today_is = SCHEDULE if given else "the weekdays on which each container was lifted in at least half of the weeks"
    return Past(town, inflow, 0.0, schedule, today_is, tuple(_record_notes(records, inflow)))


def _record_notes(records: Records, inflow: DailyInflow) -> Sequence[str]:
    lifts = len(records.lifts)
    told = sum(one.fill is not None for one in records.lifts)
    full = sum(one.fill is not None and one.fill >= FULL for one in records.lifts)
    notes = [
        f"{lifts} lifts of {len(inflow.keys)} containers in {len(inflow)} days; {100 * told / lifts:.0f} % say how much was lifted.",
        "Only sums between two lifts are known. How they fell on the days is drawn, so what daily readings could save is uncertain.",
        f"{100 * full / max(1, told):.0f} % were full or more at the lift: what they refused before is not known, and not counted.",
        f"{100 * inflow.imputed.mean():.0f} % of the container-days lie outside of known lifts and are drawn from earlier days.",
    ]
    if records.tickets:
        notes.append(f"{records.tickets} tickets, {records.ticket_kg / 1_000:.1f} t: shared out by days since each lift.")
    left_out = len(records.where) - len(inflow.keys)
    if left_out:
        notes.append(f"{left_out} containers have fewer than two lifts and are left out.")
    return notes
