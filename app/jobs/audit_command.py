"""`kerbside audit`: what Kerbside would have saved a town, from its own past and before anything is bought; without a database."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.jobs.progress import say
from app.jobs.replays import replaying
from app.planning.audit.prices import Prices

if TYPE_CHECKING:  # solvers and forecasts take seconds to load: only a replay waits for them
    from app.planning.audit.contents import Table
    from app.planning.audit.finding import Finding
    from app.planning.audit.past import Past
    from app.planning.twin.study import Study

DEFAULT_WEEKS = 24
Command = Callable[..., Any]


def price_options(command: Command) -> Command:
    """An option for each assumption, such as `--sensor-price`."""
    for one in reversed(fields(Prices)):
        words = f"{one.metadata['words']}, {one.metadata['unit'].replace('CUR', 'currency')}"
        name = OPTION_OF.get(one.name, f"--{one.name.replace('_', '-')}")
        command = click.option(name, one.name, type=float, default=one.default, show_default=True, help=words)(command)
    return command


OPTION_OF = {"sensor": "--sensor-price", "hour": "--hour-price", "fuel_per_l": "--fuel-price", "truck_year": "--truck-year-price"}


@click.command()
@click.argument("folder", metavar="DATA", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--weeks", type=click.IntRange(min=4), default=DEFAULT_WEEKS, show_default=True, help="Counted, the last ones of the data.")
@click.option("--figure", type=click.Choice(("km", "cost")), default="km", show_default=True, help="What plans are to save.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
@click.option("--cores", type=click.IntRange(min=1), help="Arms at a time; all cores by default.")
@click.option("--kept", type=click.Path(file_okay=False, path_type=Path), help="Keep what is replayed there, and go on from it.")
@click.option("--currency", default="EUR", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One line for programs.")
@click.option("--html", "page", type=click.Path(dir_okay=False, path_type=Path), help="Write the report there, to print or mail.")
@price_options
def audit(
    folder: Path,
    weeks: int,
    figure: str,
    seed: int,
    cores: int | None,
    kept: Path | None,
    currency: str,
    as_json: bool,
    page: Path | None,
    **prices: float,
) -> None:
    """What Kerbside would have saved the town of the folder DATA, before it buys anything.

    DATA holds past fills (fill_history.csv, sites.geojson), or records of lifts (lifts.csv) or weigh tickets (tickets.csv) with
    containers.csv and sites.geojson; schedule.csv, if there, is today's plan. The answer may be: buy nothing.
    """
    from app.planning.audit.past import read_past, study_of

    assumed = _prices(prices)
    past = read_past(folder, assumed, seed=seed)
    study = study_of(past, weeks=weeks, figure=figure, seed=seed)
    finding = _found(past, study, assumed, cores, kept)
    if page is not None:
        from app.planning.audit.page import html_report

        page.write_text(html_report(finding, currency=currency), encoding="utf-8")
    if as_json:
        from app.planning.audit.as_json import as_json as whole

        say(json.dumps(whole(finding, currency=currency)))
        return
    _tell(finding, currency)
    if page is not None:
        say(f"\nwritten: {page}")


def _prices(given: dict[str, float]) -> Prices:
    try:
        return Prices(**given)
    except ValueError as error:
        raise click.UsageError(f"{error}.") from error


def _found(past: Past, study: Study, prices: Prices, cores: int | None, kept: Path | None) -> Finding:
    from app.planning.audit.finding import ARMS
    from app.planning.audit.finding import audit as find

    with replaying("audit", study, ARMS, cores, kept) as (executor, folder):
        return find(past, study, prices, executor, kept=folder)


def _tell(finding: Finding, currency: str) -> None:
    from app.planning.audit import contents

    say(f"{contents.TITLE}\n\n{finding.verdict.sentence}\n")
    for sentence in (*contents.introduction(finding), "", *contents.conclusions(finding)):
        say(sentence)
    for table in (
        contents.ways(finding),
        contents.levels(finding),
        contents.money(finding),
        contents.sensors(finding),
        contents.areas(finding),
    ):
        _tell_table(table)
    for title, sentences in (("Data", finding.past.notes), ("Limits", contents.limits(finding))):
        say(f"\n{title}")
        for sentence in sentences:
            say(f"  {sentence}")
    _tell_table(contents.assumptions(finding, currency))


def _tell_table(table: Table) -> None:
    say(f"\n{table.title}")
    widths = [max(map(len, column)) for column in zip(table.columns, *table.rows, strict=True)]
    for first, *others in (table.columns, *table.rows):
        cells = (cell.ljust(width) if table.words else cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
        say(f"  {'  '.join((first.ljust(widths[0]), *cells))}".rstrip())
