"""What the report holds, as sentences and tables: the terminal and the page print the same ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.planning.audit.finding import Finding, Step
from app.planning.audit.money import Money
from app.planning.audit.sensors import MOST_REPLAYED
from app.planning.audit.service import Interval, Use
from app.planning.twin.areas import areas_of
from app.planning.twin.frontier import BLOCK_DAYS, Capture
from app.planning.twin.tours import Tours

TITLE = "What Kerbside would have saved"
MOST_SENSORS = 15
MOST_NAMES = 12


@dataclass(frozen=True)
class Table:
    """Cells are ready to be read; the first column holds words, the others figures unless `words` says otherwise."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: bool = False


def introduction(finding: Finding) -> Iterator[str]:
    study, town = finding.study, finding.study.town
    inflow = study.inflow
    yield (
        f"{town.name}: {len(town.keys)} containers at {town.yard} places. Counted: {inflow.day(study.first)} to "
        f"{inflow.day(study.last - 1)}. Every plan is tuned on days before {inflow.day(study.span.first)} only."
    )
    yield f"Today's plan: {finding.past.today_is}."
    yield (
        f"All ways of working are held against each other where {100 * finding.overflow_share:.2f} % of the container-days end in "
        "overflow: what today's plan let happen, or what is tolerated anyway."
    )


def conclusions(finding: Finding) -> Iterator[str]:
    """The four answers, a sentence each."""
    figure = {"km": "kilometres", "cost": "costs"}[finding.study.figure]
    yield (
        f"Attainable: who knew the future would save {_pct(finding.attainable_pct)} of the {figure} of the best fixed plan, with the "
        f"same overflow. Ours saves {_pct(finding.captured_pct)}."
    )
    floor, today = finding.floor, finding.free.used[0].km
    yield (
        f"Irreducible: {floor.kg / 1_000:.2f} t a day are {floor.trips:.2f} truck loads, whose way to the facility and back is "
        f"{floor.km:.1f} km a day, {_share(floor.km, today)} of what is driven today. No plan drives less."
    )
    yield f"Free of charge: instead of '{finding.free.before}' drive '{finding.free.after}'."
    deserving = sum(one.deserves for one in finding.worth)
    price = f"{finding.prices.sensor_year:.2f} a year"
    yield f"Sensors: {deserving} of {len(finding.worth)} containers save more than a sensor costs ({price}), as far as can be estimated."


def ways(finding: Finding) -> Table:
    named = [("today", finding.free.used[0]), ("better weekdays", finding.free.used[1]), *_sensor_ways(finding)]
    named.append(("knowing the future", finding.perfect.used[1]))
    rows = [_way(name, use, finding) for name, use in named]
    floor = ("the tonnes alone", f"{finding.floor.km:.1f}", *["–"] * 6)
    columns = ("on an average day", "km", "hours", "truck-days", "lifts", "overflow %", "fuel l", "kg CO₂e")
    return Table("Ways of working, at equal service", columns, (*rows, floor))


def levels(finding: Finding) -> Table:
    """What the answer would be if less overflow were promised than today's plan lets happen, or more."""
    rows = tuple(
        (f"{100 * one.overflow_share:.2f}", *map(_figure, (one.fixed, one.ours, one.clairvoyant)), _percent(one)) for one in finding.levels
    )
    columns = ("overflow %", "best fixed plan", "ours", "knowing the future", "attainable %")
    return Table(f"At other service levels, {finding.study.figure} a day (– where no plan serves so well)", columns, rows)


def money(finding: Finding) -> Table:
    """Each step beyond the one before it: better weekdays beyond today, sensors beyond better weekdays."""
    steps = [("better weekdays", finding.free), *_sensor_steps(finding), ("knowing the future", finding.perfect)]
    columns = ("saved a year", *(name for name, _ in steps))
    lines = [_money_cells(step.money) for _, step in steps]
    rows = tuple((name, *(cells[name] for cells in lines)) for name in lines[0])
    return Table("Money on three lines: each column beyond better weekdays, which are beyond today", columns, rows)


def sensors(finding: Finding) -> Table:
    rows = tuple(
        (
            one.container,
            f"{one.saved_a_year:,.2f}",
            f"{one.price_worth:,.0f}",
            "yes" if one.deserves else "no",
            f"{one.lifts_avoided:.0f}",
            f"{one.overflow_days:.0f}",
        )
        for one in finding.worth[:MOST_SENSORS]
    )
    columns = (
        "container",
        "saves a year",
        "pays up to a price of",
        "deserves one",
        "lifts spared a year",
        "overflow days a year",
    )
    return Table(f"Which containers deserve a sensor (the first {len(rows)} of {len(finding.worth)})", columns, rows)


def areas(finding: Finding) -> Table:
    """The areas whose patterns a fixed plan's name lists, in their order."""
    town = finding.study.town
    split = areas_of(Tours(town, finding.study.seed))
    members = [[key for key, of in zip(town.keys, split.of, strict=True) if of == area] for area in range(split.count)]
    rows = tuple((str(number), _names(keys)) for number, keys in enumerate(members, start=1))
    return Table("Areas, in the order in which a fixed plan names their days", ("area", "containers"), rows, words=True)


def curves(finding: Finding) -> Table:
    rows = tuple(
        (arm, one.policy, f"{100 * one.overflow_share:.3f}", f"{one.km.mean():.2f}", f"{one.cost.mean():.2f}")
        for arm, outcomes in finding.outcomes.items()
        for one in outcomes
    )
    return Table("All plans that were replayed", ("arm", "plan", "overflow %", "km a day", "cost a day"), rows)


def assumptions(finding: Finding, currency: str) -> Table:
    rows = tuple((one.words, f"{one.value:g}", one.unit.replace("CUR", currency), one.origin) for one in finding.prices.assumptions())
    return Table("Assumptions", ("what", "figure", "unit", "where it comes from"), rows, words=True)


def limits(finding: Finding) -> Iterator[str]:
    work = finding.study.town.work
    yield f"Distances: {finding.study.town.distances_are}; no streets, no traffic. Speed {work.speed_kmh:g} km/h throughout."
    yield (
        f"Work at a stop: {work.stop_s} s a place and {work.lift_s} s a lift; {work.unload_s // 60} min to unload; at most "
        f"{work.lifts_a_trip} lifts a trip. Trucks start and unload at the same yard."
    )
    yield (
        f"Intervals hold 95 %: blocks of {BLOCK_DAYS // 7} weeks, left out in turn, all ways of working on the same days. "
        "They know nothing of weeks unlike the counted ones."
    )
    yield "The curve of each arm is read in hindsight, the fixed plans' too; two plans of a curve may be mixed by days."
    yield "Shifts count as gone only in whole ones a week that both truck-days and hours bear at the low ends of their intervals."
    how = "replaying without it" if len(finding.worth) <= MOST_REPLAYED else "sharing the saving out by spread of inflow and overflow"
    yield f"A container's value of information is estimated by {how}; sensors on some containers only are replayed once more."


def _sensor_ways(finding: Finding) -> list[tuple[str, Use]]:
    return [(name, step.used[1]) for name, step in _sensor_steps(finding)]


def _sensor_steps(finding: Finding) -> list[tuple[str, Step]]:
    found = [(f"sensors on all {len(finding.worth)}", finding.sensors)]
    if finding.some is not None:
        found.append((f"sensors on {sum(one.deserves for one in finding.worth)}", finding.some))
    return found


def _way(name: str, use: Use, finding: Finding) -> tuple[str, ...]:
    fuel_l = use.fuel_l(finding.prices)
    figures = (f"{use.km:.1f}", f"{use.hours:.2f}", f"{use.truck_days:.2f}", f"{use.lifts:.1f}", f"{100 * use.overflow_share:.2f}")
    return (name, *figures, f"{fuel_l:.1f}", f"{fuel_l * finding.prices.co2e_kg_per_l:.1f}")


def _money_cells(one: Money) -> dict[str, str]:
    return {
        "kilometres": _span(one.km),
        "CO₂e, kg": f"{one.co2e_kg:,.0f}",
        "fuel": _span(one.fuel),
        "overtime": _span(one.overtime),
        "1 · avoidable at once": _span(one.at_once),
        "2 · hours freed (in no sum)": f"{one.hours_freed:,.0f} h, worth {one.freed_value:,.0f}",
        "shifts that disappear": f"{one.shifts:,.0f} ({one.shifts_a_week} a week)",
        "trucks that disappear": f"{one.trucks_value:,.0f} ({one.trucks})",
        "3 · cash": f"{one.cash:,.0f}",
        "less sensors": f"{-one.sensors:,.0f}" if one.sensors else "0",
        "net: 1 + 3 – sensors": _span(one.net),
    }


def _figure(value: float) -> str:
    return f"{value:.1f}" if value == value else "–"


def _percent(one: Capture) -> str:
    return _figure(100 * one.attainable / one.fixed) if one.fixed else "–"


def _names(keys: Sequence[str]) -> str:
    more = len(keys) - MOST_NAMES
    return ", ".join(keys[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _span(one: Interval) -> str:
    return f"{one.value:,.0f} ({one.low:,.0f} to {one.high:,.0f})" if one.is_known else f"{one.value:,.0f} (?)"


def _pct(one: Interval) -> str:
    return f"{one.value:.0f} % ({one.low:.0f} to {one.high:.0f} %)" if one.is_known else f"{one.value:.0f} % (interval not known)"


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "nothing"
