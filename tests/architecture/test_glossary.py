"""One vocabulary: what the tables and their choices are called stands in the glossary."""

import re
from enum import StrEnum
from pathlib import Path

import pytest

from migrations.models import Base

GLOSSARY = Path(__file__).parents[2] / "docs" / "glossary.md"
TABLES = sorted(mapper.local_table.name for mapper in Base.registry.mappers)
CHOICES = sorted(
    (kind for kind in StrEnum.__subclasses__() if re.fullmatch(r"app\.\w+\.(models|waste_classes)", kind.__module__)),
    key=lambda kind: kind.__name__,
)


def entries() -> dict[str, str]:
    """Term → its entry, continuation lines included."""
    found = re.findall(r"^- \*\*(.+?)\*\*(.*(?:\n  .*)*)", GLOSSARY.read_text(), flags=re.MULTILINE)
    return {term: text for term, text in found if term != "lift" or "`lift`" in text}


@pytest.mark.parametrize("table", TABLES)
def test_every_table_has_its_entry(table: str):
    assert [term for term, text in entries().items() if text.startswith(f" `{table}` –")], f"docs/glossary.md does not say what {table} is"


@pytest.mark.parametrize("choice", CHOICES, ids=lambda kind: kind.__name__)
def test_every_choice_has_its_entry_with_all_its_values(choice: type[StrEnum]):
    text = entries().get(choice.__name__, "")
    assert [value.value for value in choice if f"`{value.value}`" not in text] == []


def test_the_entries_of_a_part_stand_in_alphabetical_order():
    for part in GLOSSARY.read_text().split("\n## ")[1:]:
        terms = [term.casefold() for term in re.findall(r"^- \*\*(.+?)\*\*", part, flags=re.MULTILINE)]
        assert terms == sorted(terms), part.partition("\n")[0]
