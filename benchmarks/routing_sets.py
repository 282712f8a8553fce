"""What routing is measured on: sets of instance files, and of generated rounds, each by a name that finds it again in another process."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from pathlib import Path

from benchmarks.mixed_rounds import mixed_round
from benchmarks.nights import town_night
from routing.instances import Instance, load_instance
from routing.problem import COST_UNITS_PER_CURRENCY

DATA = Path(__file__).parents[2] / "shared" / "data" / "routing"
BEST_PUBLISHED_MILES = {"102_stop": 174.5, "335_stop": 182.1, "804_stop": 586.2, "1599_stop": 1170.2}
"""Of Kim's; papers differ in details of the rules (docs/routing/instances.md has ours)."""
NIGHTS = ((150, 90), (400, 200))
"""Stops offered, and how many of them are mandatory; the second is about half more than six trucks can do."""


@dataclass(frozen=True)
class Set:
    """Instances that are told of together.

    Parameters
    ----------
    names
        Of generated ones; else those of the files in `folder` that match `pattern`.
    split
        Means are given up to so many stops and beyond; None for one mean.
    seconds
        Of each search, unless told.
    """

    name: str
    folder: str = ""
    patterns: tuple[str, ...] = ("*.vrp",)
    names: tuple[str, ...] = ()
    split: int | None = 500
    seconds: float = 60.0

    def cases(self, data: Path) -> list[str]:
        """Names of all instances, small ones first."""
        files = [file for pattern in self.patterns for file in (data / self.folder).glob(pattern)] if self.folder else []
        files.sort(key=lambda file: (file.stat().st_size, file.name))
        return [f"{self.folder}/{file.name}" for file in files] + list(self.names)


SETS = {
    one.name: one
    for one in (
        Set("cvrp", "cvrp", split=501),
        Set("vrptw", "vrptw", ("*.txt", "*.vrp"), split=400),
        Set("hfvrp", "hfvrp"),
        Set("sdvrptw", "sdvrptw"),
        Set("pcvrptw", "pcvrptw"),
        Set("mtvrptwr", "mtvrptwr"),
        Set("mdvrptw", "mdvrptw"),
        Set("kim", "waste-kim2006", ("*_stop.txt",), split=None, seconds=300.0),
        Set("mixed", names=tuple(f"mixed:{seed}" for seed in range(1, 11)), split=None, seconds=22.5),
        Set("nights", names=tuple(f"night:{offered}" for offered, _ in NIGHTS), split=None, seconds=20.0),
    )
}


def chosen(names: list[str], data: Path, pattern: str) -> dict[str, list[str]]:
    """Cases by set, those whose name matches the pattern."""
    return {name: [case for case in SETS[name].cases(data) if fnmatch.fnmatch(stem(case), pattern)] for name in names}


def stem(case: str) -> str:
    """A case's name in the table: its file without folder and ending."""
    return Path(case).stem if "/" in case else case


def load(case: str, data: Path) -> Instance:
    """The instance of that name."""
    kind, _, number = case.partition(":")
    if kind == "mixed":
        return mixed_round(int(number))
    if kind == "night":
        problem = town_night(int(number), dict(NIGHTS)[int(number)])
        return Instance(name=case, problem=problem, dialect="night", rules="", unit="€", divisors=(COST_UNITS_PER_CURRENCY,))
    instance = load_instance(data / case)
    return instance.beside(BEST_PUBLISHED_MILES.get(stem(case))) if instance.best_known is None else instance
