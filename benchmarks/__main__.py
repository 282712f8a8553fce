"""Runs the benchmarks that need no arguments, one after the other, each in a process of its own: `python -m benchmarks [NAME ...]`.

A single one takes options of its own after its name, in the place of the short ones that it is run with here: `python -m benchmarks
routing --set cvrp`, `python -m benchmarks routing --help`. Figures are ratios of things measured in one run, because
seconds say more about the machine. Those that need the validation data say in one line that they were not tried where it is missing.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@dataclass(frozen=True)
class Benchmark:
    """What is measured, and the words that it is called with."""

    name: str
    about: str
    words: tuple[str, ...] = ()
    needs: Path | None = None
    """A file or folder that it cannot do without."""

    @property
    def missing(self) -> bool:
        return self.needs is not None and not self.needs.exists()

    def run(self, words: Sequence[str] = ()) -> int:
        """With these words in the place of its own, if there are any."""
        command = [sys.executable, "-m", f"benchmarks.{self.name}", *(words or self.words)]
        return subprocess.run(command, check=False).returncode


BINS = SHARED_DATA / "bins"
WYNDHAM, FRANKFURT = BINS / "wyndham", BINS / "frankfurt_glass"
PORTO = SHARED_DATA / "osm" / "porto.osm.pbf"
TABLE = (
    Benchmark("ingest", "rows stored per CPU second, beside raw COPY and beside marshmallow with the ORM"),
    Benchmark("uplinks", "how long a network server waits for its answer, beside the same readings as batches of one"),
    Benchmark("roads", "a map from extract to matrix, the fast search beside the simple one", (str(PORTO),), needs=PORTO),
    Benchmark(
        "nightly_forecast",
        "a large tenant's forecast from database to database, beside a raw COPY of its rows",
        ("--containers", "5000", "--days", "14"),
    ),
    Benchmark("replan", "a morning gone wrong planned anew, beside insertion alone and a search to which changes cost nothing"),
    Benchmark(
        "routing",
        "the portfolio beside OR-Tools alone and PyVRP alone: generated nights here, all sets of instances with options of its own",
        ("--set", "nights", "--seconds", "10"),
    ),
    Benchmark(
        "wyndham",
        "does a street bin reach level 8 within three days, beside the naive forecasts",
        ("--data", str(WYNDHAM), "--refit-d", "0"),
        needs=WYNDHAM,
    ),
    Benchmark(
        "time_to_full",
        "days until a container is 80 % full, learned as a time, beside plain rates",
        ("--data", str(FRANKFURT), "--first", "2020-11-01"),
        needs=FRANKFURT,
    ),
    Benchmark(
        "unseen_sensors",
        "containers whose sensors were not there in training, beside their own mean rate",
        ("--data", str(FRANKFURT), "--first", "2020-12-01"),
        needs=FRANKFURT,
    ),
    Benchmark(
        "twin",
        "kilometres against overflow on a town's past, and what part of the attainable saving is captured",
        ("--data", str(WYNDHAM)),
        needs=WYNDHAM,
    ),
    Benchmark(
        "city_night",
        "a city's night in parts, from the matrix to the checked plan: 2,000 containers here, 10,000 without options",
        ("--containers", "2000", "--trucks", "12", "--seconds", "30"),
        needs=PORTO,
    ),
)


def main() -> None:
    names = [benchmark.name for benchmark in TABLE]
    if len(sys.argv) > 2 and sys.argv[1] in names and sys.argv[2].startswith("-"):
        sys.exit(next(benchmark for benchmark in TABLE if benchmark.name == sys.argv[1]).run(sys.argv[2:]))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Run the benchmarks that need no arguments.")
    parser.add_argument("name", nargs="*", help=f"only these, of: {', '.join(names)}")
    parser.add_argument("--list", action="store_true", help="say what there is, and end")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.name) - set(names))
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are: {', '.join(names)}")
    chosen = [benchmark for benchmark in TABLE if benchmark.name in (arguments.name or names)]
    sys.exit(max(_tell_and_run(benchmark, only_tell=arguments.list) for benchmark in chosen))


def _tell_and_run(benchmark: Benchmark, *, only_tell: bool) -> int:
    """0 where it ran well, or was not tried for want of data."""
    print(f"{benchmark.name}: {benchmark.about}", flush=True)
    if only_tell:
        return 0
    if benchmark.missing:
        print(f"  not tried: there is no {benchmark.needs}", flush=True)
        return 0
    code = benchmark.run()
    print(flush=True)
    return abs(code)


if __name__ == "__main__":
    main()
