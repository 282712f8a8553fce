"""Routing beside its peers: the portfolio on all cores against each peer on one, with the same CPU seconds; one Markdown table.

    python -m benchmarks routing [--set cvrp] [--seconds 60] [--cores 2] [--peers ortools,pyvrp,hgs,vroom] [--kept FILE]

Each search has a process of its own, and as many peers run at a time as there are cores. All sets take hours: with `--kept` each search's
facts go to a file, and those that are there already are not searched for again. docs/routing/benchmarks.md says how to read it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.one_search import CONTENDERS
from benchmarks.routing_sets import DATA, SETS, Set, chosen, load, stem
from routing.instances import Instance

PEERS = "ortools,pyvrp"
PATIENCE, SPARE_S = 3, 120
"""A search that takes so many times its seconds, and so many more, is ended."""

Facts = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """One instance: the portfolio's result, and those of the peers by name."""

    case: str
    instance: Instance
    ours: Facts
    peers: dict[str, Facts]

    @property
    def stops(self) -> int:
        return len(self.instance.problem.stops)

    @property
    def reference(self) -> float | None:
        """The best known cost; where none is, the best that anyone found here."""
        found = [facts["cost"] for facts in (self.ours, *self.peers.values()) if facts.get("cost")]
        return self.instance.best_known or min(found, default=None)

    def gap_pct(self, facts: Facts) -> float | None:
        cost, reference = facts.get("cost"), self.reference
        return None if not cost or not reference else 100 * (cost / reference - 1)

    @property
    def bound_gap_pct(self) -> float | None:
        """How much cheaper a plan might be, for all that is proved."""
        cost, bound = self.ours.get("cost"), self.ours.get("bound")
        return None if not cost or bound is None else 100 * (1 - bound / cost)

    @property
    def to_best_peer_pct(self) -> float | None:
        """How much dearer than the best of the peers; below 0 is cheaper."""
        peers = [facts["cost"] for facts in self.peers.values() if facts.get("cost")]
        return None if not peers or not self.ours.get("cost") else 100 * (self.ours["cost"] / min(peers) - 1)


def main() -> None:
    args = _arguments()
    peers = [name for name in args.peers.split(",") if name]
    for name, cases in chosen(list(SETS) if args.set == "all" else [args.set], args.data, args.instances).items():
        seconds = args.seconds or SETS[name].seconds
        print(f"\n### {name}: {seconds:g} s on {args.cores} cores, each peer {seconds * args.cores:g} s on one\n", flush=True)
        if not cases:
            print(f"not tried: nothing in {args.data / SETS[name].folder} matches {args.instances}", flush=True)
            continue
        print("\n".join(head(peers)), flush=True)
        rows = []
        for case in cases:
            rows.append(measure(case, peers, seconds=seconds, cores=args.cores, seed=args.seed, data=args.data, kept=args.kept))
            print(told(rows[-1]), flush=True)
        print("\n".join(means(SETS[name], rows, peers)), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks routing", description=__doc__.splitlines()[0])
    parser.add_argument("--set", choices=[*SETS, "all"], default="all")
    parser.add_argument("--seconds", type=float, help="of the portfolio's search; by default 60, for kim 300, mixed 22.5, nights 20")
    parser.add_argument("--cores", type=int, default=2, help="of the portfolio's search; peers search on one, so many times longer")
    parser.add_argument("--peers", default=PEERS, help=f"of {', '.join(list(CONTENDERS)[1:])}, with commas, or '' for none")
    parser.add_argument("--instances", default="*", metavar="GLOB", help="only those whose name matches")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--kept", type=Path, metavar="FILE", help="facts of searches, a JSON line each: what is there is not repeated")
    args = parser.parse_args()
    unknown = set(filter(None, args.peers.split(","))) - set(CONTENDERS)
    if unknown:
        parser.error(f"there is no peer {', '.join(sorted(unknown))}; there are: {', '.join(list(CONTENDERS)[1:])}")
    return args


def measure(case: str, peers: list[str], *, seconds: float, cores: int, seed: int, data: Path, kept: Path | None = None) -> Row:
    """The portfolio alone on the machine, then the peers, as many at a time as there are cores."""

    def search(contender: str) -> Facts:
        share = (seconds, cores) if contender == "ours" else (seconds * cores, 1)
        asked = Search(contender, case, *share, seed)
        facts = asked.told_in(kept) if kept else None
        return facts or asked.run(data, kept)

    ours = search("ours")
    with ThreadPoolExecutor(cores) as threads:
        theirs = dict(zip(peers, threads.map(search, peers), strict=True))
    return Row(case, load(case, data), ours, theirs)


@dataclass(frozen=True)
class Search:
    """One contender on one instance, in a process of its own."""

    contender: str
    case: str
    seconds: float
    cores: int
    seed: int

    def told_in(self, kept: Path) -> Facts | None:
        """What the file has of this very search."""
        lines = kept.read_text().splitlines() if kept.exists() else []
        return next((line["facts"] for line in map(json.loads, lines) if line["search"] == asdict(self)), None)

    def run(self, data: Path, kept: Path | None) -> Facts:
        """What the search reports, or why it reports nothing; kept only in the first case."""
        command = [sys.executable, "-m", "benchmarks.one_search", self.contender, self.case, "--data", str(data)]
        command += ["--seconds", str(self.seconds), "--cores", str(self.cores), "--seed", str(self.seed)]
        # Numerical libraries would help themselves to further cores.
        alone = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        try:
            patience_s = PATIENCE * self.seconds + SPARE_S
            done = subprocess.run(command, capture_output=True, text=True, timeout=patience_s, check=False, env=alone)
        except subprocess.TimeoutExpired:
            return {"failed": "did not end"}
        if done.returncode:
            said = done.stderr.strip().splitlines() or [f"ended with {done.returncode}"]
            print(f"{self.contender} on {self.case}: {said[-1]}", file=sys.stderr, flush=True)
            return {"failed": "crashed"}
        facts: Facts = json.loads(done.stdout.splitlines()[-1])
        if kept:
            with kept.open("a") as file:
                file.write(json.dumps({"search": asdict(self), "facts": facts}) + "\n")
        return facts


# The table


def head(peers: list[str]) -> tuple[str, str]:
    names = ["instance", "stops", "best known", "ours", "gap %", "bound gap %", *(f"{peer} gap %" for peer in peers)]
    names += ["feasible", "routes", "CPU s", "MiB"]
    return f"| {' | '.join(names)} |", "|---|" + "---:|" * (len(names) - 1)


def told(row: Row) -> str:
    """A line of the table; seconds and memory of the portfolio, then of each peer."""
    all_of = (row.ours, *row.peers.values())
    cells = [stem(row.case), f"{row.stops:,}", figure(row.instance.best_known), figure(row.ours.get("cost"))]
    cells += [share(row.gap_pct(row.ours)), share(row.bound_gap_pct), *(peer_cell(row, facts) for facts in row.peers.values())]
    cells += [_feasible(row.ours), str(row.ours.get("routes", "–"))]
    cells += [" / ".join(f"{facts[key]:,.0f}" if key in facts else "–" for facts in all_of) for key in ("cpu_s", "rss_mib")]
    return f"| {' | '.join(cells)} |"


def peer_cell(row: Row, facts: Facts) -> str:
    if "cpu_s" not in facts:
        return str(facts.get("not_tried", facts.get("failed")))
    return share(row.gap_pct(facts)) if facts["feasible"] else "none feasible"


def _feasible(facts: Facts) -> str:
    return str(facts["failed"]) if "failed" in facts else "yes" if facts["feasible"] else "**no**"


def means(group: Set, rows: list[Row], peers: list[str]) -> Iterator[str]:
    """A line for each part of the set, and in words how the portfolio stands beside the better of the peers."""
    parts: list[tuple[str, Callable[[Row], bool]]] = [("all", lambda _: True)]
    if group.split is not None:
        limit = group.split
        parts = [(f"up to {limit} stops", lambda row: row.stops <= limit), (f"beyond {limit}", lambda row: row.stops > limit)]
    for name, belongs in parts:
        part = [row for row in rows if belongs(row)]
        if part:
            cells = [share(_mean(row.gap_pct(row.ours) for row in part)), share(_mean(row.bound_gap_pct for row in part))]
            cells += [share(_mean(row.gap_pct(row.peers[peer]) for row in part)) for peer in peers]
            feasible = sum(bool(row.ours.get("feasible")) for row in part)
            yield f"| **mean, {name}** | | | | {' | '.join(cells)} | {feasible} of {len(part)} | | | |"
    beside = [row.to_best_peer_pct for row in rows if row.to_best_peer_pct is not None]
    if beside:
        yield ""
        yield f"Beside the best peer on each: {mean(beside):+.2f} % on the mean, {min(beside):+.2f} to {max(beside):+.2f} %."


def _mean(values: Iterable[float | None]) -> float | None:
    """Of those that there are."""
    there = [value for value in values if value is not None]
    return mean(there) if there else None


def figure(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}" if value >= 100_000 or value == int(value) else f"{value:,.2f}"


def share(pct: float | None) -> str:
    return "–" if pct is None else f"{pct:.2f}"


if __name__ == "__main__":
    main()
