"""`kerbside backtest`: what the forecast would have said of a town's past, beside what came and beside the naive ones.

Exit codes: 0 done, 2 a folder that cannot be used. What is printed: docs/forecasting/backtest.md.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.errors import SetupError
from app.jobs.progress import Bar, say

if TYPE_CHECKING:  # scikit-learn takes a second to load: only this command waits for it
    from forecasting.fill_files import FillFolder
    from forecasting.rolling import Fold, Rolled

PICTURES = (".svg", ".png", ".pdf")
DEFAULT_REFIT_D = 28

_day = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--first", "first", type=_day, help="First evening that is forecast; by default the last third of the past is.")
@click.option("--last", "last", type=_day, help="Last evening that is forecast; by default four days before the last reading.")
@click.option("--refit-d", type=click.IntRange(min=1), default=DEFAULT_REFIT_D, show_default=True, help="Days until models learn anew.")
@click.option("--threshold", type=click.FloatRange(1, 150), default=80.0, show_default=True, help="Percent of full that is asked about.")
@click.option("--timezone", help="IANA name; by default that of the longitude, or UTC.")
@click.option("--json", "as_json", is_flag=True, help="One line for programs.")
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), help="Draw reliability, errors and coverage: .svg, .png, .pdf.")
def backtest(
    data: Path,
    first: datetime | None,
    last: datetime | None,
    refit_d: int,
    threshold: float,
    timezone: str | None,
    as_json: bool,
    plot: Path | None,
) -> None:
    """Forecast the past in DATA evening by evening, by what was known then, and score it beside the naive forecasts.

    DATA is a folder with fill_history.csv (levels) or readings.parquet (heights), as docs/forecasting/backtest.md says.
    """
    from forecasting.backtest_report import Report

    _require_place(plot)
    with _mendable(), Bar("backtest") as bar:
        bar.step("reading")
        town = _read(data, timezone)
        folds = _folds(town, first, last, refit_d)
        rolled = _roll(town, folds, threshold / 100, bar)
        bar.step("scoring")
        report = Report.of(town.name, rolled, town.zone)
    if plot:
        from forecasting.backtest_plot import draw_backtest

        draw_backtest(report, plot)
    say(json.dumps(report.as_json(), ensure_ascii=False) if as_json else report.as_text())


def _read(folder: Path, timezone: str | None) -> FillFolder:
    from forecasting.fill_files import read_fill_folder

    return read_fill_folder(folder, timezone)


def _folds(town: FillFolder, first: datetime | None, last: datetime | None, refit_d: int) -> tuple[Fold, ...]:
    """The evenings asked for, or the default ones; refused where nothing would be left to learn from or to score."""
    from forecasting.rolling import LEAST_D, default_days, folds_between

    usual = default_days(town)
    begin, end = (chosen.date() if chosen else day for chosen, day in zip((first, last), usual, strict=True))
    seen, until = (town.context.local(at).date() for at in (town.first_at, town.last_at))
    if (begin - seen).days < LEAST_D or end < begin or end > until:
        raise SetupError(
            f"Readings reach from {seen} to {until}: from {begin} to {end} nothing can be learned and scored. "
            f"Name --first at least {LEAST_D} days after {seen}, and --last between it and {until}."
        )
    return folds_between(begin, end, refit_d)


def _roll(town: FillFolder, folds: tuple[Fold, ...], threshold: float, bar: Bar) -> Rolled:
    from forecasting.rolling import roll_folder

    return roll_folder(town, folds, threshold=threshold, on_step=bar.at)


@contextmanager
def _mendable() -> Iterator[None]:
    """What is wrong with the folder, in one line that says how to mend it."""
    from forecasting.errors import FillFileError

    try:
        yield
    except FillFileError as error:
        raise SetupError(str(error)) from error


def _require_place(plot: Path | None) -> None:
    """Refuse a place that cannot be written before the work, not after it."""
    if plot is None:
        return
    if plot.suffix.lower() not in PICTURES:
        raise SetupError(f"{plot} is no picture: name one that ends in {', '.join(PICTURES)}.")
    if not plot.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(plot))
    if not os.access(plot if plot.exists() else plot.parent, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(plot))
