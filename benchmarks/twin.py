"""The twin on a town's past: kilometres against overflow, and what part of the attainable saving is captured.

    python -m benchmarks.twin --data FOLDER [options of `kerbside twin`]
    python -m benchmarks.twin --data FOLDER --sensors [--weeks 40]
    python -m benchmarks.twin --data FOLDER --stress SITES [--nights 90] [--sites 3000]

The first is `kerbside twin`. `--sensors` says what ours captures with silent sensors, and with few weeks of history. `--stress` lays
the inflow of FOLDER's containers on the sites of another folder (`WasteCollectionSites.json`, `Depots.json`): four policies, each in a
process of its own, timed per night, with the memory that each took. It says nothing of a saving: nobody threw that waste in there.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from app.jobs.twin_command import twin
from app.planning.twin.areas import areas_of
from app.planning.twin.fixed_plans import best_fixed_plans
from app.planning.twin.folder import read_town
from app.planning.twin.frontier import capture
from app.planning.twin.inflow import DailyInflow
from app.planning.twin.lookahead import Lookahead
from app.planning.twin.policies import Daily, Policy, Threshold
from app.planning.twin.replay import Outcome, Sensors, Span, replay
from app.planning.twin.study import SERVICE_LEVELS, WARM_UP_D, Study, run_arm, silent_sensors
from app.planning.twin.tours import Tours
from app.planning.twin.town import Town, town_of

SILENT = (0.0, 0.1, 0.3, 0.5, 1.0)
HISTORIES_W = (4, 1)
MICRO = 1e6
PRICE_TOURS = 0.02
"""Of a container-day in overflow, in whole tours: of thousands of containers each is a small part of them."""
STRESSED = ("every weekday", "fixed", "threshold", "ours")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.twin", description=(__doc__ or "").splitlines()[0], epilog="Other options are those of `kerbside twin`."
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sensors", action="store_true", help="what ours captures with silent sensors, and with few weeks of history")
    parser.add_argument("--stress", type=Path, metavar="SITES", help="lay the inflow on the sites of this folder, and time a night")
    arguments, words = parser.parse_known_args()
    if arguments.stress:
        stress(arguments.data, arguments.stress, words)
    elif arguments.sensors:
        sensors(arguments.data, words)
    else:
        twin.main(["--data", str(arguments.data), *words], prog_name="python -m benchmarks.twin")


def sensors(folder: Path, words: list[str]) -> None:
    """Ours with silent sensors and short histories, beside the fixed plans and the clairvoyant of the whole knowledge."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.twin --sensors")
    parser.add_argument("--weeks", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args(words)
    town, inflow, step = read_town(folder, seed=arguments.seed)
    study = Study(town, inflow, len(inflow) - 7 * arguments.weeks, len(inflow), sensors=Sensors(step), seed=arguments.seed)
    arms = {name: run_arm(name, study) for name in ("fixed", "clairvoyant")}
    levels = "  ".join(f"{100 * level:>17.2f} %" for level in SERVICE_LEVELS)
    print(f"share of the attainable saving captured, with its interval, at overflow\n{'':24}{levels}")
    for share in SILENT:
        silent = silent_sensors(len(town.keys), share, step=step, seed=arguments.seed)
        _tell_captured(f"{100 * share:.0f} % silent", arms, run_arm("ours", replace(study, sensors=silent)))
    for weeks in HISTORIES_W:
        _tell_captured(f"{weeks} weeks of history", arms, run_arm("ours", replace(study, history_d=7 * weeks)))


def _tell_captured(what: str, arms: dict[str, list[Outcome]], ours: list[Outcome]) -> None:
    found = [capture({**arms, "ours": ours}, level) for level in SERVICE_LEVELS]
    shares = (f"{100 * one.share:5.0f} ({100 * one.low:4.0f} to {100 * one.high:3.0f})" for one in found)
    print(f"{what:24}" + "  ".join(f"{share:>19}" for share in shares), flush=True)


def stress(folder: Path, sites: Path, words: list[str]) -> None:
    """Four policies on a large town, in parallel."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.twin --stress")
    parser.add_argument("--nights", type=int, default=90)
    parser.add_argument("--sites", type=int, default=3_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--only", choices=STRESSED, action="append")
    arguments = parser.parse_args(words)
    began = time.monotonic()
    chosen = arguments.only or STRESSED
    tasks = [(name, folder, sites, arguments.sites, arguments.nights, arguments.seed) for name in chosen]
    print(f"{arguments.sites} sites, {arguments.nights} nights; a night is a decision, a routed day and its account")
    with ProcessPoolExecutor(arguments.cores, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        for told in pool.map(_stressed, tasks):
            print(told, flush=True)
    print(f"in all: {time.monotonic() - began:.0f} s on {arguments.cores} cores")


def _stressed(task: tuple[str, Path, Path, int, int, int]) -> str:
    name, folder, sites, count, nights, seed = task
    began, cpu = time.monotonic(), time.process_time()
    town, inflow = large_town(folder, sites, count, nights, seed)
    tours = Tours(town, seed)
    first = len(inflow) - nights
    policy = next(_policy(name, tours, inflow, Span(0, first)))
    ready, ready_cpu, ready_mib = time.monotonic() - began, time.process_time() - cpu, _peak_mib()
    marks = [_peak_mib()]
    replay(inflow, tours, policy, Span(first, len(inflow)), Sensors(0.2), lambda _: marks.append(_peak_mib()))
    took, took_cpu = time.monotonic() - began - ready, time.process_time() - cpu - ready_cpu
    return (
        f"  {name:14} ready after {ready:6.0f} s ({ready_cpu:.0f} CPU, {ready_mib:.0f} MiB); a night {took / nights:6.2f} s "
        f"({took_cpu / nights:.2f} CPU); {len(tours)} tours; MiB after half the nights {marks[nights // 2]:.0f}, after all {marks[-1]:.0f}"
    )


def _policy(name: str, tours: Tours, inflow: DailyInflow, tuning: Span) -> Iterator[Policy]:
    if name == "every weekday":
        yield Daily()
    elif name == "threshold":
        yield Threshold(0.7)
    else:
        areas = areas_of(tours)
        price = PRICE_TOURS * areas.tour(frozenset(range(areas.count))).km
        if name == "ours":
            yield Lookahead(areas, price, step=0.2)
        else:
            yield best_fixed_plans(inflow, areas, tuning, [price])[0].policy(areas)


def large_town(folder: Path, sites: Path, count: int, nights: int, seed: int) -> tuple[Town, DailyInflow]:
    """The first sites, one container at each; the containers' series of the folder are laid on them by the seed, whole weeks apart."""
    _, small, _ = read_town(folder, seed=seed)
    points = json.loads((sites / "WasteCollectionSites.json").read_text())["point"][:count]
    depot = json.loads((sites / "Depots.json").read_text())["depot"][0]
    where = {f"{i} {one['id']}": (one["lng"] / MICRO, one["lat"] / MICRO) for i, one in enumerate(points)}
    town = town_of("stress", where, (depot["lng"] / MICRO, depot["lat"] / MICRO))
    days = WARM_UP_D + 7 * 8 + nights
    rng = np.random.default_rng(seed)
    column = rng.integers(small.added.shape[1], size=len(where))
    begin = 7 * rng.integers((len(small) - days) // 7, size=len(where))
    rows = begin[None, :] + np.arange(days)[:, None]
    return town, DailyInflow(town.keys, small.first_day, small.added[rows, column], small.imputed[rows, column])


def _peak_mib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1_048_576 if sys.platform == "darwin" else 1_024)


if __name__ == "__main__":
    main()
