"""CSV files of an audit, read so that an error names file, row, column and mend."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from math import isfinite
from pathlib import Path

from app.errors import SetupError


@dataclass(frozen=True)
class Row:
    """A row of a file; what is not there is an error that says where."""

    file: Path
    number: int
    cells: Mapping[str, str]

    def text(self, column: str) -> str:
        value = self.cells.get(column, "").strip()
        if not value:
            raise self.wrong(column, "is empty", "Fill it in, or leave the row out.")
        return value

    def figure(self, column: str, *, least: float, most: float, mend: str) -> float:
        text = self.text(column)
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not isfinite(value) or not least <= value <= most:
            raise self.wrong(column, f"is {text!r}, which is no number from {least:g} to {most:g}", mend)
        return value

    def optional(self, column: str, *, least: float, most: float, mend: str) -> float | None:
        if not self.cells.get(column, "").strip():
            return None
        return self.figure(column, least=least, most=most, mend=mend)

    def day(self, column: str) -> date:
        text = self.text(column)
        try:
            return datetime.fromisoformat(text).date()
        except ValueError as error:
            raise self.wrong(column, f"is {text!r}, which is no day", "Write 2026-03-01 or 2026-03-01T07:30, local time.") from error

    def wrong(self, column: str, problem: str, mend: str) -> SetupError:
        return SetupError(f"{self.file}, row {self.number}: {column} {problem}. {mend}")


def rows_of(file: Path, columns: tuple[str, ...]) -> Iterator[Row]:
    """The rows of a file that has to have these columns."""
    with file.open(newline="", encoding="utf-8-sig") as opened:
        reader = csv.DictReader(opened)
        missing = [column for column in columns if column not in (reader.fieldnames or ())]
        if missing:
            raise SetupError(f"{file} has no column {', '.join(missing)}. Its first line has to name {', '.join(columns)}.")
        try:
            for number, cells in enumerate(reader, start=2):
                yield Row(file, number, {key: value or "" for key, value in cells.items() if isinstance(key, str)})
        except (UnicodeDecodeError, csv.Error) as error:
            raise SetupError(f"{file} cannot be read as CSV in UTF-8: {error}. Save it as 'CSV UTF-8'.") from error
