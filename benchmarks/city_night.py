"""A city's night: ten thousand containers, sixty trucks. Matrix, search and bound are timed apart, each in a process of its own.

    python -m benchmarks city_night [--containers 10000] [--trucks 60] [--seconds 600] [--cores 2] [--longer 3600]

Places are on the streets of an extract, and travel is the street engine's. With `--longer` the same night is searched again, for so
many seconds, and the first plan is held against that one.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.watched import Facts, run_watched

PORTO = Path(__file__).parents[2] / "shared" / "data" / "osm" / "porto.osm.pbf"
STEP = "benchmarks.city_step"
FIGURES = ("wall_s", "cpu_s", "peak_mib", "cost", "passed_up", "owed_out", "optional_out", "trucks", "km")
HEAD = (
    "| search | wall s | CPU s | peak MiB | cost € | prizes passed up € | owed, left out | optional, left out | trucks | km | check |",
    "|---|---|---|---|---|---|---|---|---|---|---|",
)


def main() -> None:
    args = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        kept = args.kept or Path(folder)
        kept.mkdir(parents=True, exist_ok=True)
        night = ("--kept", str(kept), *(f"--{name}={getattr(args, name)}" for name in ("containers", "trucks", "seed")))
        if not (kept / f"distance_m-{args.containers}-{args.seed}.npy").exists():
            _tell_matrix(run_watched(STEP, ("matrix", *night, "--map", str(args.map))))
        print(f"\n{args.containers} containers, {args.trucks} trucks, {args.cores} cores, seconds by the {args.clock} clock\n")
        print("\n".join(HEAD), flush=True)
        searches = [_search(args, night, seconds) for seconds in (args.seconds, args.longer) if seconds]
        if len(searches) > 1:
            first, longer = (one["cost"] + one["passed_up"] for one in searches)
            print(
                f"\ncost with prizes passed up: {first:,.0f} €, {100 * (first / longer - 1):+.2f} % of {longer:,.0f} € when searched longer"
            )
        if args.bound:
            _tell_bound(run_watched(STEP, ("bound", *night)), searches[0])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks city_night", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--containers", type=int, default=10_000)
    parser.add_argument("--trucks", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=600, help="of the search, once the matrix is there")
    parser.add_argument("--longer", type=float, metavar="SECONDS", help="search the same night again, for so long")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="cpu: on a machine that others use as well")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bound", action="store_true", help="work out a lower bound too")
    parser.add_argument("--map", type=Path, default=PORTO, help="an .osm.pbf extract, by default Porto's beside the checkout")
    parser.add_argument("--kept", type=Path, metavar="FOLDER", help="for graph, matrix and plans: what is there is not made again")
    return parser.parse_args()


def _search(args: argparse.Namespace, night: tuple[str, ...], seconds: float) -> Facts:
    facts = run_watched(STEP, ("search", *night, f"--seconds={seconds}", f"--cores={args.cores}", f"--clock={args.clock}"))
    check = "sound" if not facts["violations"] else f"{facts['violations']} violations"
    figures = (f"{facts[name]:,.0f}" for name in FIGURES)
    print(f"| {seconds:g} s, {facts['engine']} | {' | '.join(figures)} | {check} |", flush=True)
    return facts


def _tell_matrix(facts: Facts) -> None:
    print(f"streets: {facts['edges']:,} edges, read in {facts['graph_s']:.0f} s, put in order in {facts['order_s']:.0f} s, once a map")
    print(
        f"matrix: {facts['locations']:,} places, {facts['wall_s']:.0f} s ({facts['cpu_s']:.0f} CPU s) by {facts['engine']}, "
        f"{facts['mib']:,.0f} MiB, peak {facts['peak_mib']:,.0f} MiB; {facts['unreachable']} places without a way"
    )


def _tell_bound(facts: Facts, search: Facts) -> None:
    objective = search["cost"] + search["passed_up"]
    print(
        f"\nbound: {facts['bound']:,.0f} € ({facts['method']}), {100 * (objective / facts['bound'] - 1):.1f} % below the first plan, "
        f"in {facts['wall_s']:.0f} s ({facts['cpu_s']:.0f} CPU s), peak {facts['peak_mib']:,.0f} MiB"
    )


if __name__ == "__main__":
    main()
