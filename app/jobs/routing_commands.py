"""`kerbside solve` and `kerbside check`: the routing kernel on files, without a database.

Exit codes: 0 a feasible plan, 1 a plan that breaks a rule or leaves something mandatory out, 2 input that cannot be used. What is printed:
docs/routing/solving-files.md.
"""

from __future__ import annotations

import errno
import json
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.errors import SetupError
from app.jobs.progress import say

if TYPE_CHECKING:  # the solvers take a second to load: only a command that needs them waits for it
    from routing.bound import Bound
    from routing.check import Verdict
    from routing.constraints import Violation
    from routing.instances import Instance
    from routing.plan import Plan
    from routing.stopping import StopCriterion

ENGINES = ("auto", "ortools", "pyvrp")
LONGEST_SEED = 10**9
DEFAULT_LIMIT_S = 30.0
PICTURES = (".svg", ".png", ".pdf")
SHOWN = 20
"""Violations and stops left out that people are shown; programs get all."""
QUIET_S = 10.0
"""Between two lines of progress where there is no terminal."""
COST_UNITS = "millionths of currency"

_existing = click.Path(exists=True, dir_okay=False, path_type=Path)
_new = click.Path(dir_okay=False, path_type=Path)


def _finite(context: click.Context, parameter: click.Parameter, value: float | None) -> float | None:
    if value is not None and not math.isfinite(value):
        raise click.BadParameter(f"{value} is no number to count with.", context, parameter)
    return value


_best = click.option(
    "--best",
    "best_known",
    type=click.FloatRange(min=0, min_open=True),
    callback=_finite,
    help="Best known cost, as printed; by default that of the .sol beside FILE.",
)
_as_json = click.option("--json", "as_json", is_flag=True, help="One line for programs.")


@click.command()
@click.argument("file", type=_existing)
@click.option(
    "--time-limit",
    "limit_s",
    type=click.FloatRange(min=0, min_open=True),
    callback=_finite,
    help=f"Seconds; {DEFAULT_LIMIT_S:g} by default, or none with --iterations.",
)
@click.option("--engine", type=click.Choice(ENGINES), default="auto", show_default=True)
@click.option("--seed", type=click.IntRange(0, LONGEST_SEED), default=1, show_default=True)
@click.option("--cores", type=click.IntRange(min=1), help="Searches at a time; all cores by default.")
@click.option("--iterations", type=click.IntRange(min=1), help="End after so many; the same --seed and --cores then give the same plan.")
@_best
@click.option("--out", type=_new, help="Write the plan there, as JSON.")
@click.option("--plot", type=_new, help="Draw routes and loads there: .svg, .png or .pdf.")
@_as_json
def solve(
    file: Path,
    limit_s: float | None,
    engine: str,
    seed: int,
    cores: int | None,
    iterations: int | None,
    best_known: float | None,
    out: Path | None,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Route the problem in FILE: our JSON, or an instance of the literature (VRPLIB, Solomon, Kim).

    Ctrl-C ends the search and gives the best plan so far. Exit code 1: the plan breaks a rule or leaves a mandatory stop out.
    """
    from routing.check import check as judge
    from routing.io import write_plan
    from routing.portfolio import Engine
    from routing.solve import solve as route

    _require_places(out, plot)
    instance = _read_instance(file, best_known)
    cores = cores or os.cpu_count() or 1
    began_s = time.monotonic()
    with _interruptible() as asked, _Progress(instance, shown=not as_json) as progress:
        plan = route(
            instance.problem,
            stop=_criterion(limit_s, iterations, asked),
            seed=seed,
            engine=Engine(engine),
            cores=cores,
            on_improvement=None if as_json else progress.tell,
        )
    seconds = time.monotonic() - began_s
    if out:  # before anything else: what was searched for long must not get lost
        write_plan(plan, out)
    report = Report(instance, plan, judge(instance.problem, plan), _bound_of(instance), seconds)
    if plot:
        _draw(instance, plan, plot)
    say(report.as_json({"cores": cores, "interrupted": asked.is_set()}) if as_json else report.as_text())
    sys.exit(0 if report.feasible else 1)


@click.command()
@click.argument("file", type=_existing)
@click.argument("plan", type=_existing)
@_best
@click.option("--plot", type=_new, help="Draw routes and loads there: .svg, .png or .pdf.")
@_as_json
def check(file: Path, plan: Path, best_known: float | None, plot: Path | None, as_json: bool) -> None:
    """Check PLAN against the problem in FILE by code that shares nothing with the solvers.

    Exit code 1: the plan breaks a rule or leaves a mandatory stop out.
    """
    from routing.check import check as judge
    from routing.io import problem_digest, read_plan

    _require_places(plot)
    instance = _read_instance(file, best_known)
    with _read(plan, "a plan in our JSON"):
        given = read_plan(plan)
    began_s = time.monotonic()
    verdict = judge(instance.problem, given)
    report = Report(instance, given, verdict, _bound_of(instance), time.monotonic() - began_s)
    same_problem = given.problem_digest == problem_digest(instance.problem)
    if not same_problem:
        say(f"kerbside: {plan} says that it was made for another problem than {file}.", error=True)
    if plot:
        _draw(instance, given, plot)
    say(report.as_json({"same_problem": same_problem}) if as_json else report.as_text())
    sys.exit(0 if report.feasible else 1)


# Files in and out


@contextmanager
def _read(file: Path, expected: str) -> Iterator[None]:
    """What is wrong with a file, in one line."""
    from routing.errors import InstanceFormatError

    try:
        yield
    except (InstanceFormatError, ValueError, RecursionError) as error:  # ValueError: text or JSON that is none
        raise SetupError(f"{file} cannot be read: {error}. Name {expected}.") from error


def _read_instance(file: Path, best_known: float | None) -> Instance:
    """The file as an instance; a problem of ours is one whose costs are printed as they are."""
    from routing.instances import Instance, read_instance, text_of
    from routing.io import places_from_json, problem_from_json
    from routing.plot import on_plane

    with _read(file, "a problem in our JSON, VRPLIB, or Solomon's or Kim's format"):
        text = text_of(file)
        if text.lstrip().startswith("{"):
            data = json.loads(text)
            problem, places = problem_from_json(data), places_from_json(data)
            xy = None if places is None else on_plane(places)
            instance = Instance(name=file.stem, problem=problem, dialect="problem", rules="", unit=COST_UNITS, xy=xy)
        else:
            instance = read_instance(text, file)
    return instance.beside(best_known)


def _require_places(*files: Path | None) -> None:
    """Refuse places that cannot be written before the work, not after it."""
    for file in filter(None, files):
        if not file.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(file))
        if not os.access(file if file.exists() else file.parent, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(file))
    plot = files[-1]
    if plot and plot.suffix.lower() not in PICTURES:
        raise SetupError(f"{plot} is no picture: name one that ends in {', '.join(PICTURES)}.")


def _draw(instance: Instance, plan: Plan, file: Path) -> None:
    from routing.plot import draw_plan, scale_of, write_plot

    write_plot(draw_plan(instance.problem, plan, xy=instance.xy, title=instance.name, scale=scale_of(instance)), file)


# The search


def _criterion(limit_s: float | None, iterations: int | None, asked: threading.Event) -> StopCriterion:
    from routing.stopping import Cancelled, FirstOf, MaxIterations, MaxSeconds

    limits: list[StopCriterion] = [Cancelled(asked.is_set)]
    if limit_s is not None or iterations is None:
        limits.append(MaxSeconds(limit_s or DEFAULT_LIMIT_S))
    if iterations is not None:
        limits.append(MaxIterations(iterations))
    return FirstOf(tuple(limits))


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Set by the first Ctrl-C; the second one ends the command at once."""
    asked = threading.Event()
    before = signal.getsignal(signal.SIGINT)

    def ask(number: int, frame: object) -> None:  # noqa: ARG001 - the signal's
        asked.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, ask)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)


def _bound_of(instance: Instance) -> Bound:
    from routing.bound import lower_bound

    return lower_bound(instance.problem)


class _Progress:
    """The best so far on standard error: a line that changes, or, where there is no terminal, a new line now and then."""

    def __init__(self, instance: Instance, *, shown: bool) -> None:
        self.instance, self.shown, self.is_terminal = instance, shown, sys.stderr.isatty()
        self.began_s = time.monotonic()
        self.said_s = -math.inf

    def tell(self, plan: Plan) -> None:
        """A better plan was found."""
        now_s = time.monotonic()
        if not self.is_terminal and now_s - self.said_s < QUIET_S:
            return
        self.said_s = now_s
        line = f"{now_s - self.began_s:6.1f} s  {self._words(plan)}"
        click.echo(f"\r\033[K{line}" if self.is_terminal else line, err=True, nl=not self.is_terminal)

    def _words(self, plan: Plan) -> str:
        cost = self.instance.literature_cost(plan)
        gap = self.instance.gap_pct(cost)
        owed = sum(self.instance.problem.stop_by_key[one.stop].mandatory for one in plan.unserved)
        words = [f"{_figure(cost)} {self.instance.unit}", _count(len(plan.routes), "route")]
        words += [] if gap is None else [f"{gap:+.2f} % to best known"]
        words += [f"{_count(owed, 'mandatory stop')} to place"] if owed else []
        return ", ".join(words)

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self.shown and self.is_terminal:
            click.echo("\r\033[K", err=True, nl=False)


# What is said


@dataclass(frozen=True)
class Report:
    """A judged plan, in words for people and as a line for programs; costs as the instance's kind prints them."""

    instance: Instance
    plan: Plan
    verdict: Verdict
    lower: Bound
    seconds: float

    @property
    def feasible(self) -> bool:
        return self.verdict.feasible and not self.verdict.mandatory_unserved

    @property
    def cost(self) -> float:
        """Of the routes as driven again, and of the prizes passed up."""
        return self.instance.in_print(self.verdict.objective)

    @property
    def bound(self) -> float:
        return self.instance.in_print(self.lower.cost)

    def as_json(self, more: dict[str, Any]) -> str:
        gap_pct = self.instance.gap_pct(self.cost)
        best_known = self.instance.best_known
        facts = {
            "cost": _number(self.cost),
            "best_known": None if best_known is None else _number(best_known),
            "gap_pct": None if gap_pct is None else round(gap_pct, 4),
            "routes": len(self.plan.routes),
            "feasible": self.feasible,
            "violations": [asdict(violation) for violation in self.verdict.violations],
            "bound": _number(self.bound),
            "seconds": round(self.seconds, 3),
            "bound_method": self.lower.method,
            "name": self.instance.name,
            "dialect": self.instance.dialect,
            "unit": self.instance.unit,
            "stops": len(self.instance.problem.stops),
            "served": self.verdict.served,
            "unserved": len(self.plan.unserved),
            "mandatory_unserved": list(self.verdict.mandatory_unserved),
            "lost_prizes": _number(self.instance.in_print(self.verdict.lost_prizes)),
            "distance_m": self.verdict.distance_m,
            "duration_s": self.verdict.duration_s,
            "engine": self.plan.engine,
            "seed": self.plan.seed,
        }
        return json.dumps(facts | more, ensure_ascii=False)

    def as_text(self) -> str:
        facts = dict(self._facts())
        width = max(map(len, facts)) + 2
        lines = [f"{name:<{width}}{value}" for name, value in facts.items()]
        return "\n".join([*lines, *self._wrongs()])

    def _facts(self) -> Iterator[tuple[str, str]]:
        problem, gap_pct = self.instance.problem, self.instance.gap_pct(self.cost)
        yield self.instance.name or "problem", f"{self.instance.dialect}, {_count(len(problem.stops), 'stop')}"
        yield "feasible", "yes: every rule is kept" if self.feasible else "no"
        yield "cost", f"{_figure(self.cost)} {self.instance.unit}{self._in_currency()}"
        if self.verdict.lost_prizes:
            yield "of which", f"{_figure(self.instance.in_print(self.verdict.lost_prizes))} are prizes passed up"
        if gap_pct is not None:
            yield "best known", f"{_figure(self.instance.best_known or 0)}: the plan is {abs(gap_pct):.2f} % {_side(gap_pct)} it"
        yield "bound", f"{_figure(self.bound)} by {self.lower.method}{self._room()}"
        yield "routes", f"{len(self.plan.routes)} of {_count(len(problem.vehicles), 'vehicle')}"
        yield "served", f"{self.verdict.served} of {_count(len(problem.stops), 'stop')}"
        if self.instance.unit == COST_UNITS:
            yield "on the road", f"{self.verdict.distance_m / 1_000:,.1f} km, {self.verdict.duration_s / 3_600:,.1f} h"
        yield "plan by", f"{self.plan.engine}, seed {self.plan.seed}"
        yield "took", f"{self.seconds:.1f} s"

    def _in_currency(self) -> str:
        return f" ({self.cost / 1e6:,.2f})" if self.instance.unit == COST_UNITS else ""

    def _room(self) -> str:
        # What leaves mandatory stops out may cost less than what serves them all.
        room = 1 - self.bound / self.cost if self.feasible and self.cost else 0.0
        return f": no plan is more than {100 * room:.1f} % cheaper" if room > 0 else ""

    def _wrongs(self) -> Iterator[str]:
        violations, left = self.verdict.violations, self.verdict.mandatory_unserved
        reasons = {one.stop: f"{one.reason}, {one.detail}" for one in self.plan.unserved}
        yield from _some([f"breaks {_words(violation)}" for violation in violations])
        yield from _some([f"leaves out {key}: {reasons.get(key, 'it is mandatory')}" for key in left])


def _some(lines: list[str]) -> Iterator[str]:
    yield from lines[:SHOWN]
    if len(lines) > SHOWN:
        yield f"and {len(lines) - SHOWN:,} more: --json lists all"


def _words(violation: Violation) -> str:
    where = [f"stop {violation.stop}"] if violation.stop else []
    who = [violation.vehicle] if violation.vehicle else []
    return ", ".join([violation.rule, *who, *where, violation.detail])


def _side(gap_pct: float) -> str:
    return "below" if gap_pct < 0 else "above"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _number(value: float) -> float | int:
    return int(value) if value == int(value) else round(value, 6)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"
