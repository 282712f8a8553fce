"""The VRPLIB form: lines "KEY : VALUE", then sections of numbers, each row led by the number of its customer or vehicle."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from routing.errors import InstanceFormatError
from routing.instances.figures import Floats, numbers_of, whole

Rows = list[list[float]]


@dataclass(frozen=True)
class VrplibFile:
    """What a file says, not yet what it means. A quantity may stand as a field (for all alike) or as a section of that name."""

    fields: dict[str, str]
    sections: dict[str, Rows]
    is_whole: bool
    """It ends with EOF: nothing was cut off."""

    def has(self, name: str) -> bool:
        return name in self.fields or name in self.sections

    def number(self, name: str) -> float:
        """A field that must be there and be a number."""
        if name not in self.fields:
            raise InstanceFormatError(f"field {name} is missing")
        numbers = numbers_of(self.fields[name], f"field {name}")
        if len(numbers) != 1:
            raise InstanceFormatError(f"field {name}: expected one number, got {self.fields[name]!r}")
        return numbers[0]

    def count(self, name: str) -> int:
        """A field that must be there and be a positive whole number."""
        count = whole([self.number(name)], f"field {name}")[0]
        if count < 1:
            raise InstanceFormatError(f"field {name}: expected at least 1, got {count}")
        return count

    def table(self, name: str, *, rows: int, columns: int) -> Floats:
        """A section of `rows` rows numbered from 1, in any order; shape (rows, columns), the numbers left out."""
        numbered = self._numbered(name, rows)
        wrong = next((number for number, row in enumerate(numbered, start=1) if len(row) != columns), None)
        if wrong is not None:
            raise InstanceFormatError(f"{name}_SECTION, row {wrong}: expected {columns + 1} numbers, got {len(numbered[wrong - 1]) + 1}")
        return np.array(numbered, dtype=float)

    def column(self, name: str, *, rows: int, default: float | None = None) -> Floats:
        """One number a row: from the section, from the field for all alike, or the default; shape (rows,)."""
        if name in self.sections:
            return self.table(name, rows=rows, columns=1)[:, 0]
        if name not in self.fields and default is not None:
            return np.full(rows, default)
        return np.full(rows, self.number(name))

    def lists(self, name: str, *, rows: int, among: range) -> list[frozenset[int]]:
        """A section whose rows list as many numbers as they like, each one of `among`."""
        lists = [frozenset(whole(row, f"{name}_SECTION")) for row in self._numbered(name, rows)]
        for number, members in enumerate(lists, start=1):
            if strangers := [member for member in members if member not in among]:
                expected = f"numbers from {among.start} to {among.stop - 1}"
                raise InstanceFormatError(f"{name}_SECTION, row {number}: expected {expected}, got {strangers[0]}")
        return lists

    def rows(self, name: str) -> Rows:
        """A section's rows as they stand."""
        if not self.sections.get(name):
            raise InstanceFormatError(f"section {name}_SECTION is missing or empty")
        return self.sections[name]

    def _numbered(self, name: str, rows: int) -> Rows:
        given = self.rows(name)
        if len(given) != rows:
            raise InstanceFormatError(f"{name}_SECTION: expected {rows} rows, got {len(given)}")
        by_number = dict(zip(whole((row[0] for row in given), f"{name}_SECTION"), given, strict=True))
        if by_number.keys() != set(range(1, rows + 1)):
            raise InstanceFormatError(f"{name}_SECTION: expected rows numbered from 1 to {rows}, each once")
        return [by_number[number][1:] for number in range(1, rows + 1)]


def parse_sections(text: str) -> VrplibFile:
    """Take the form apart.

    Raises
    ------
    InstanceFormatError
        If a line is neither field, section nor a row of numbers, or a name comes twice; the message names the line.
    """
    fields: dict[str, str] = {}
    sections: dict[str, Rows] = {}
    current, is_whole = "", False
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.strip()
        if words == "EOF":
            is_whole = True
            break
        if found := re.fullmatch(r"([A-Z_]+)_SECTION\s*:?", words):
            current = found[1]
            _refuse_twice(current, fields, sections, number)
            sections[current] = []
        elif found := re.fullmatch(r"([A-Za-z_]+)\s*:\s*(.*)", words):
            _refuse_twice(found[1].upper(), fields, sections, number)
            fields[found[1].upper()] = found[2].strip('" ')
        elif words and current:
            sections[current].append(numbers_of(words, f"line {number}, {current}_SECTION"))
        elif words:
            raise InstanceFormatError(f"line {number}: expected KEY : VALUE or a section, got {words[:60]!r}")
    return VrplibFile(fields, sections, is_whole)


def _refuse_twice(name: str, fields: dict[str, str], sections: dict[str, Rows], number: int) -> None:
    # Some files repeat their remarks; what counts must not be said twice.
    if name != "COMMENT" and (name in fields or name in sections):
        raise InstanceFormatError(f"line {number}: {name} is given twice")
