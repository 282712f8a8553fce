"""The register from CSV files: every row of a file is taken over, or none.

Files are read as a stream, a thousand rows at a time. Rows are known by their `code`: new ones are created, others get the values of the
columns that the file has. Columns and synonyms: docs/import.md.
"""

import csv
import io
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import chain, islice
from typing import Any, BinaryIO

from marshmallow import ValidationError

from app.assets import models, schemas
from app.assets.cells import Unreadable, read_cell
from app.assets.operations import fill_container, fill_vehicle
from app.assets.queries import ids_by_code, list_by_id, upsert_by_code
from app.db import TenantRow, TenantSession
from app.errors import FieldProblem, NotFound, Rejected
from app.http import field_problems
from app.tenancy.audit import record

ROWS_AT_ONCE = 1000
PROBLEMS_TOLD = 100
CODES_COMPARED = 500
DELIMITERS = ",;\t"

Completer = Callable[[dict[str, Any]], dict[str, Any]]

SYNONYMS = {
    "id": "code",
    "ref": "code",
    "reference": "code",
    "number": "code",
    "title": "name",
    "latitude": "lat",
    "y": "lat",
    "longitude": "lon",
    "lng": "lon",
    "long": "lon",
    "x": "lon",
    "site_code": "site",
    "zone_code": "zone",
    "district": "zone",
    "model_code": "model",
    "container_model": "model",
    "depot_code": "depot",
    "vehicle_code": "vehicle",
    "truck": "vehicle",
    "class": "waste_class",
    "waste_type": "waste_class",
    "fraction": "waste_class",
    "population": "inhabitants",
    "volume": "volume_l",
    "capacity_l": "volume_l",
    "litres": "volume_l",
    "max_load": "max_load_kg",
    "payload": "payload_kg",
    "body_volume": "body_volume_l",
    "type": "vehicle_type",
    "registration": "plate",
    "licence_plate": "plate",
    "license_plate": "plate",
    "street": "address",
    "hours": "opening_hours",
    "classes": "waste_classes",
    "lifts": "lift_kinds",
    "shift_start": "shift_starts",
    "shift_end": "shift_ends",
}


@dataclass(frozen=True)
class Kind:
    """What a file may hold: which rows, by which rules, and what fills in that which cells leave out."""

    model: type[TenantRow]
    schema: type[schemas.RowSchema]
    not_in_files: tuple[str, ...] = ()


KINDS: dict[str, Kind] = {
    "zones": Kind(models.Zone, schemas.ZoneSchema),
    "depots": Kind(models.Depot, schemas.DepotSchema),
    "facilities": Kind(models.Facility, schemas.FacilitySchema),
    "sites": Kind(models.Site, schemas.SiteSchema),
    "container-models": Kind(models.ContainerModel, schemas.ContainerModelSchema),
    "containers": Kind(models.Container, schemas.ContainerSchema),
    "vehicles": Kind(models.Vehicle, schemas.VehicleSchema),
    "crews": Kind(models.Crew, schemas.CrewSchema, not_in_files=("user_id",)),
}


def columns_of(kind: Kind) -> dict[str, bool]:
    """The columns that a file of a kind may have, and whether it must."""
    loaded = kind.schema().load_fields
    return {_column_of(key): field.required for key, field in loaded.items() if key not in kind.not_in_files}


@dataclass(frozen=True)
class RowProblem(FieldProblem):
    """One thing wrong in a file. Rows count as a spreadsheet shows them: the header is row 1."""

    row: int = 1
    value: str = ""

    def __str__(self) -> str:
        where = f"row {self.row}, {self.field}" if self.field else f"row {self.row}"
        return f"{where}: '{self.value}' {self.problem} {self.mend}".replace(" '' ", " ").rstrip()

    def as_json(self) -> dict[str, Any]:
        return {"row": self.row, "column": self.field, "value": self.value, "problem": self.problem, "mend": self.mend}


@dataclass
class ImportReport:
    """What a file did, or why it did nothing: with problems, nothing was imported."""

    kind: str
    dry_run: bool = False
    rows: int = 0
    created: int = 0
    updated: int = 0
    problems: list[RowProblem] = field(default_factory=list)
    """The first hundred."""
    problem_count: int = 0

    @property
    def unchanged(self) -> int:
        return 0 if self.problem_count else self.rows - self.created - self.updated

    def add(self, problem: RowProblem) -> None:
        self.problem_count += 1
        if len(self.problems) < PROBLEMS_TOLD:
            self.problems.append(problem)

    def __str__(self) -> str:
        if self.problem_count:
            lines = [str(problem) for problem in self.problems]
            hidden = self.problem_count - len(lines)
            return "\n".join([f"{self.kind}: nothing was imported, because of:", *lines, *([f"and {hidden} more"] if hidden else [])])
        would = "would be " if self.dry_run else ""
        counts = f"{self.created} {would}created, {self.updated} {would}updated, {self.unchanged} unchanged"
        return f"{self.kind}: {self.rows} rows, {counts}"

    def require_clean(self) -> None:
        """Rejected, naming the problems, if there are any."""
        if self.problem_count:
            raise Rejected(f"Nothing was imported: {self.problem_count} problems in {self.rows} rows.", fields=tuple(self.problems))


def import_register(session: TenantSession, kind: str, file: BinaryIO, *, dry_run: bool = False) -> ImportReport:
    """Take over all rows of a CSV file, or none if there is a problem or it is a dry run; the report says which."""
    known = KINDS.get(kind)
    if known is None:
        raise NotFound(f"There is no import of '{kind}'; there are: {', '.join(KINDS)}.")
    report = ImportReport(kind, dry_run)
    with session.begin_nested() as savepoint:
        _Import(session, known, report).take_over(file)
        if dry_run or report.problem_count:
            savepoint.rollback()
        else:
            counts = {"rows": report.rows, "created": report.created, "updated": report.updated}
            record(session, f"{known.model.__tablename__}.imported", subject_kind=known.model.__tablename__, after=counts)
    session.expire_all()
    if report.problem_count:
        report.created = report.updated = 0
    return report


class _Import:
    """One file on its way in: its columns, the codes it may refer to, the codes it has brought."""

    def __init__(self, session: TenantSession, kind: Kind, report: ImportReport) -> None:
        self.session = session
        self.kind = kind
        self.report = report
        self.schema = kind.schema()
        self.references = {key: model for key, model in self.schema.references().items() if key not in kind.not_in_files}
        self.fields = {_column_of(key): key for key in self.schema.load_fields if key not in kind.not_in_files}
        self.ids: dict[str, dict[str, int]] = {}
        self.first_row_of: dict[str, int] = {}

    def take_over(self, file: BinaryIO) -> None:
        try:
            with _as_text(file) as text:
                self._take_over_rows(_csv_rows(text))
        except UnicodeDecodeError as error:
            self._tell(self.report.rows + 2, "", "", f"Is not UTF-8 ({error.reason}).", "Save the file as CSV UTF-8.")
        except csv.Error as error:
            self._tell(self.report.rows + 2, "", "", f"Is not CSV: {error}.", "Close every quote, and double those within a cell.")

    def _take_over_rows(self, rows: Iterator[list[str]]) -> None:
        columns = self._read_header(next(rows, []))
        if self.report.problem_count:
            return
        self.ids = {key: ids_by_code(self.session, model) for key, model in self.references.items() if key in columns}
        complete = self._completer()
        changing = [key for key in columns if key and key != "code"]
        numbered = ((number, cells) for number, cells in enumerate(rows, start=2) if any(cell.strip() for cell in cells))
        while chunk := list(islice(numbered, ROWS_AT_ONCE)):
            self._write([values for number, cells in chunk if (values := self._read_row(number, columns, cells, complete))], changing)

    def _write(self, rows: list[dict[str, Any]], changing: list[str]) -> None:
        """Once there is a problem, the rest of the file is read for more of them only."""
        if rows and not self.report.problem_count:
            created, updated = upsert_by_code(self.session, self.kind.model, rows, changing)
            self.report.created += created
            self.report.updated += updated

    def _read_header(self, header: list[str]) -> list[str]:
        """The field of each column; '' for a column without a name, which must be empty."""
        columns = [self._field_of(named) for named in header]
        for key in {key for key in columns if key and columns.count(key) > 1}:
            self._tell(1, _column_of(key), "", "Stands in the header twice.", "Remove one of the columns.")
        required = [key for key, field in self.schema.load_fields.items() if field.required]
        for key in required:
            if key not in columns and not self.report.problem_count:
                self._tell(
                    1, _column_of(key), "", "Is missing from the header.", f"Add it; a file of this kind needs {self._named(required)}."
                )
        return columns

    def _field_of(self, named: str) -> str:
        plain = "_".join(named.strip().lower().replace("-", " ").split())
        column = plain if plain in self.fields else SYNONYMS.get(plain, plain)
        if column and column not in self.fields:
            mend = f"Remove it, or name it as one of {', '.join(self.fields)}.{_near(column, self.fields)}"
            self._tell(1, named, "", "Is not a column of this kind of file.", mend)
        return self.fields.get(column, "")

    def _named(self, keys: Iterable[str]) -> str:
        return ", ".join(_column_of(key) for key in keys)

    def _read_row(self, number: int, columns: list[str], cells: list[str], complete: Completer) -> dict[str, Any] | None:
        """The row's values, complete and checked; None, and the problems told, if something is wrong with it."""
        self.report.rows += 1
        before = self.report.problem_count
        if len(cells) > len(columns):
            problem = f"The row has {len(cells)} cells, the header {len(columns)}."
            self._tell(number, "", cells[len(columns)], problem, "Put quotes around cells that hold a delimiter.")
        raw = self._read_cells(number, columns, cells)
        if self.report.problem_count > before:
            return None
        told = dict(zip(columns, cells, strict=False))
        try:
            values = complete(self.schema.load(raw))
        except ValidationError as error:
            self._tell_all(number, told, field_problems(error.messages))
            return None
        except Rejected as error:
            self._tell_all(number, told, error.fields)
            return None
        return values if self._is_first(number, values["code"]) else None

    def _read_cells(self, number: int, columns: list[str], cells: list[str]) -> dict[str, Any]:
        """Empty cells are left out, so that the field's default counts."""
        raw = {}
        for key, cell in zip(columns, cells, strict=False):
            if text := cell.strip():
                try:
                    raw[key] = self._read(key, text)
                except Unreadable as error:
                    self._tell(number, _column_of(key), cell, error.problem, error.mend)
        return raw

    def _read(self, key: str, text: str) -> Any:
        if not key:
            raise Unreadable("Stands in a column without a name.", "Name the column, or empty it.")
        if key not in self.references:
            return read_cell(self.schema.load_fields[key], text)
        if text not in self.ids[key]:
            kind = self.references[key].__tablename__.replace("_", " ")
            raise Unreadable(
                f"There is no {kind} with this code.", f"Import the {kind} first, or mend the code.{_near(text, self.ids[key])}"
            )
        return self.ids[key][text]

    def _completer(self) -> Completer:
        """What fills in that which cells leave out: the container's model, the vehicle's type."""
        if self.kind.model is models.Container:
            by_id = list_by_id(self.session, models.ContainerModel)
            return lambda values: fill_container(values, by_id[values["model_id"]])
        return fill_vehicle if self.kind.model is models.Vehicle else lambda values: values

    def _is_first(self, number: int, code: str) -> bool:
        first = self.first_row_of.setdefault(code, number)
        if first != number:
            self._tell(number, "code", code, f"Stands in row {first} already.", "Give each row a code of its own.")
        return first == number

    def _tell_all(self, number: int, told: dict[str, str], problems: Iterable[FieldProblem]) -> None:
        for problem in problems:
            key = problem.field.partition(".")[0]
            self._tell(number, _column_of(key), told.get(key, ""), problem.problem, problem.mend)

    def _tell(self, number: int, column: str, value: str, problem: str, mend: str) -> None:
        self.report.add(RowProblem(column, problem, mend, number, value.strip()))


def _column_of(key: str) -> str:
    """Files refer by code, so a column is named `site` where the API says `site_id`."""
    return key.removesuffix("_id")


def _near(text: str, known: Collection[str]) -> str:
    """A guess at what was meant, where there are few enough to compare with."""
    close = get_close_matches(text, known, n=1) if len(known) <= CODES_COMPARED else []
    return f" Did you mean {close[0]}?" if close else ""


@contextmanager
def _as_text(file: BinaryIO) -> Iterator[io.TextIOWrapper]:
    """A binary file as text; it stays open for whoever opened it."""
    raw: Any = io.BufferedReader(file) if isinstance(file, io.RawIOBase) else file
    text = io.TextIOWrapper(raw, encoding="utf-8-sig", newline="")
    try:
        yield text
    finally:
        text.detach()


def _csv_rows(text: io.TextIOWrapper) -> Iterator[list[str]]:
    """Rows as lists of cells; the delimiter is the one that the first line has most of, or that Excel's `sep=` line names."""
    first = text.readline()
    if first.lower().startswith("sep="):
        return csv.reader(text, delimiter=first[4:5], strict=True)
    delimiter = max(DELIMITERS, key=first.count)
    return csv.reader(chain([first], text), delimiter=delimiter, strict=True)
