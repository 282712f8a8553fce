"""What a terminal is told: lines, and a bar for what takes longer than two seconds."""

import sys
from types import TracebackType
from typing import Self

import click
from tqdm import tqdm


def say(message: str, *, error: bool = False) -> None:
    click.echo(message, err=error)


class Bar:
    """A progress bar that shows itself only after two seconds; without a terminal, one line when it is done."""

    def __init__(self, what: str) -> None:
        self.what = what
        self._bar = tqdm(total=None, desc=what, delay=2, leave=False, disable=not sys.stderr.isatty(), unit="", unit_scale=True)

    def update_to(self, done: float, total: float | None = None) -> None:
        """So much of so much."""
        if total is not None:
            self._bar.total = total
        self._bar.n = round(done, 1)
        self._bar.refresh()

    def at(self, stage: str, share: float) -> None:
        """A share (0..1) of a named stage."""
        self._bar.set_description_str(f"{self.what}: {stage}", refresh=False)
        self.update_to(100 * share, 100)

    def step(self, name: str) -> None:
        """A step of unknown length has begun."""
        self._bar.set_description_str(f"{self.what}: {name}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.close()
