"""Tiny problems drawn at random, with random subsets of all that the model knows. Times are whole tens of seconds."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from routing.clock import Order
from routing.problem import (
    BreakRule,
    Compartment,
    Facility,
    FairShare,
    Pace,
    Problem,
    Stop,
    Travel,
    UnderWay,
    Vehicle,
    Window,
)

PLACES = 6
DAY_S = 900
CLASSES = ("paper", "glass")
FEATURES = frozenset(
    (
        *("paces", "windows", "release", "transfers", "compartments", "mixing", "limits", "locks", "under_way"),
        *("overtime", "changes", "fees", "breaks", "one_ways", "optional", "groups"),
    )
)
"""What a draw may contain; each is in about a third of the draws that allow it."""


def draw_problem(seed: int, *, stops: int = 4, vehicles: int = 2, allowed: frozenset[str] = FEATURES) -> Problem:
    """The same problem for the same arguments; sound by construction, feasible by luck."""
    return _Draw(seed, allowed).problem(stops, vehicles)


def draw_order(draw: random.Random, problem: Problem, vehicle: Vehicle) -> Order:
    """Some stops in some order, with unloads here and there; mostly behind the vehicle's head and with both ends of transfers."""
    keys = [stop.key for stop in draw.sample(problem.stops, draw.randint(1, len(problem.stops)) if draw.random() < 0.9 else 0)]
    if draw.random() < 0.8:
        keys = list(_with_both_ends(problem, keys))
    order: list[Stop | Facility] = []
    if draw.random() < 0.8:
        order += [problem.stop_by_key.get(key) or problem.facility_by_key[key] for key in vehicle.head]
    for key in keys:
        if problem.stop_by_key[key] not in order:
            order.append(problem.stop_by_key[key])
            if draw.random() < 0.25:
                order.append(draw.choice(problem.facilities))
    if draw.random() < 0.9:
        order.append(problem.facilities[draw.random() < 0.3])
    return tuple(order)


def _with_both_ends(problem: Problem, keys: list[str]) -> Iterator[str]:
    for key in keys:
        if key not in problem.taken_up_at:
            yield key
            target = problem.stop_by_key[key].bring_to
            if target is not None:
                yield target


class _Draw:
    def __init__(self, seed: int, allowed: frozenset[str]) -> None:
        self.random = random.Random(seed)
        self.has = {name for name in sorted(allowed) if self.random.random() < 0.35}

    def tens(self, least_s: int, most_s: int) -> int:
        return 10 * self.random.randint(least_s // 10, most_s // 10)

    def problem(self, stops: int, vehicles: int) -> Problem:
        drawn = self.transfers([self.stop(number) for number in range(stops)])
        facilities = tuple(self.facility(number) for number in range(2))
        trucks = tuple(self.vehicle(f"truck {number}", drawn, facilities) for number in range(vehicles))
        return Problem(stops=tuple(drawn), facilities=facilities, vehicles=trucks, travel=(self.travel(),))

    def travel(self) -> Travel:
        rng = np.random.default_rng(self.random.randrange(2**32))
        seconds = 10 * rng.integers(1, 7, (PLACES, PLACES))
        metres = rng.integers(50, 500, (PLACES, PLACES))
        if "one_ways" in self.has:
            seconds[tuple(rng.integers(0, PLACES, 2))] = -1
        np.fill_diagonal(seconds, 0)
        np.fill_diagonal(metres, 0)
        paces = ()
        if "paces" in self.has:
            times = sorted({self.tens(0, 300), self.tens(50, 500)})
            paces = tuple(Pace(at, self.random.choice((700, 1_000, 1_300, 1_777))) for at in times)
        return Travel(seconds, metres, paces)

    def windows(self, chance: float) -> tuple[Window, ...]:
        if "windows" not in self.has or self.random.random() > chance:
            return ()
        opens = sorted(self.tens(0, 400) for _ in range(self.random.choice((1, 1, 2))))
        return tuple(Window(at, at + self.tens(100, 350)) for at in opens)

    def stop(self, number: int) -> Stop:
        draw = self.random
        values: dict[str, Any] = {}
        if "release" in self.has:
            values["release_s"] = draw.choice((0, 0, self.tens(50, 250)))
        if "changes" in self.has:
            values.update(usual_vehicle=draw.choice(("truck 0", "truck 1", "gone", None)), change_cost=draw.randint(0, 400))
        if "optional" in self.has:
            values["prize"] = draw.choice((None, 300, 3_000))
        if "groups" in self.has and number < 2:
            values.update(group="either", prize=None)
        return Stop(
            key=f"stop {number}",
            location=draw.randrange(PLACES),
            load=(draw.randint(0, 40), draw.randint(0, 60)),
            waste_class=CLASSES[draw.random() < 0.3],
            service_s=self.tens(0, 40),
            setup_s=draw.choice((0, 10)),
            lifts=draw.randint(0, 2),
            windows=self.windows(0.5),
            **values,
        )

    def transfers(self, stops: list[Stop]) -> list[Stop]:
        """The last two become the ends of one transfer."""
        if "transfers" not in self.has:
            return stops
        *others, first, last = stops
        prize = first.prize
        target = replace(
            last,
            load=tuple(-amount for amount in first.load),
            waste_class=first.waste_class,
            prize=None if prize is None else 0,
            group=None,
        )
        return [*others, replace(first, bring_to=target.key, group=None), target]

    def facility(self, number: int) -> Facility:
        fees = {"fee_per_kg": self.random.randint(0, 5), "fee_per_visit": self.random.randint(0, 90)} if "fees" in self.has else {}
        return Facility(
            key=f"facility {number}",
            location=self.random.randrange(PLACES),
            accepts=frozenset(CLASSES if number == 0 else CLASSES[:1]),
            turnaround_s=self.tens(0, 30),
            windows=self.windows(0.2),
            **fees,
        )

    def vehicle(self, key: str, stops: list[Stop], facilities: tuple[Facility, ...]) -> Vehicle:
        draw, has = self.random, self.has
        start, end = self.tens(0, 60), self.tens(600, DAY_S)
        values: dict[str, Any] = {}
        if "compartments" in has and draw.random() < 0.7:
            values["compartments"] = tuple(
                Compartment(classes=frozenset({name}), capacity=(draw.randint(20, 60), draw.randint(30, 90))) for name in CLASSES
            )
        if "mixing" in has:
            values["one_class_per_trip"] = draw.random() < 0.5
        if "limits" in has:
            values.update(self.limits())
        if "overtime" in has:
            values.update(overtime_after_s=self.tens(50, 300), overtime_cost_per_s=draw.randint(0, 20))
            values["fair_share"] = FairShare(duration_s=self.tens(0, 200), cost_per_s=draw.randint(0, 9), load_kg=30, cost_per_kg=7)
        if "breaks" in has:
            values["breaks"] = self.breaks()
        if "locks" in has:
            values.update(self.locks(stops, facilities))
        if "under_way" in has and draw.random() < 0.6:
            values["under_way"] = self.under_way(start)
        return Vehicle(
            key=key,
            start_location=draw.randrange(PLACES),
            end_location=draw.randrange(PLACES),
            capacity=(draw.randint(50, 120), draw.randint(80, 180)),
            shift=Window(start, end),
            classes=frozenset(CLASSES),
            compacted_density_kg_m3={"paper": 400} if draw.random() < 0.5 else {},
            ends_empty=draw.random() < 0.7,
            fixed_cost=draw.randint(0, 900),
            cost_per_s=draw.randint(0, 5),
            cost_per_m=draw.randint(0, 2),
            cost_per_lift=draw.randint(0, 9),
            **values,
        )

    def limits(self) -> dict[str, Any]:
        some: dict[str, Any] = {
            "max_drive_s": self.tens(120, 400),
            "max_distance_m": self.random.randint(500, 2_500),
            "max_stops": self.random.randint(1, 4),
            "max_lifted": (self.random.randint(40, 120), 200),
            "max_duration_s": self.tens(100, 500),
            "max_trips": self.random.randint(1, 2),
            "latest_start_s": self.tens(0, 200),
            "stop_s": 10,
            "lift_s": 10,
        }
        return {name: value for name, value in some.items() if self.random.random() < 0.4}

    def locks(self, stops: list[Stop], facilities: tuple[Facility, ...]) -> dict[str, Any]:
        """For the first vehicle that is drawn, the first stop is told; the sequence is everybody's."""
        draw, values = self.random, {}
        if draw.random() < 0.4:
            values["sequence"] = tuple(stop.key for stop in draw.sample(stops, 2))
        if draw.random() < 0.4 and "told" not in self.has:
            self.has.add("told")
            values["head"] = draw.choice(((stops[0].key,), (stops[0].key, facilities[0].key), (facilities[0].key,)))
        return values

    def under_way(self, start_s: int) -> UnderWay:
        draw = self.random
        started_s = self.tens(max(0, start_s - 20), start_s + 20)
        ready_s = started_s + self.tens(0, 100)
        load, name = (draw.randint(0, 20), draw.randint(0, 20)), draw.choice(CLASSES)
        is_loaded = draw.random() < 0.5
        return UnderWay(
            location=draw.randrange(PLACES),
            ready_s=ready_s,
            started_s=started_s,
            load=load if is_loaded else (0, 0),
            classes=frozenset({name}) if is_loaded else frozenset(),
            driven_s=self.tens(0, ready_s - started_s),
            driven_m=draw.randint(0, 300),
            rested_s=draw.choice((0, self.tens(started_s, ready_s))),
            lifted=draw.choice(((), (20, 20))),
            stops=draw.randint(0, 1),
            unloads=draw.randint(0, 1),
            taken=draw.choice((frozenset(), frozenset({"once"}))),
        )

    def breaks(self) -> tuple[BreakRule, ...]:
        draw = self.random
        longer = draw.choice((0, 0, 250))
        every = draw.choice(({"after_work_s": self.tens(100, 250)}, {"after_drive_s": self.tens(60, 120)}))
        opens = self.tens(50, 300)
        rules = (
            BreakRule(key="once", duration_s=30, only_if_longer_s=longer, **every),
            BreakRule(key="again", duration_s=30, repeats=True, parts_s=draw.choice(((), (10, 20))), only_if_longer_s=longer, **every),
            BreakRule(key="meal", duration_s=20, window=Window(opens, opens + self.tens(0, 80))),
        )
        return tuple(draw.sample(rules, draw.choice((1, 1, 2))))
