"""docs/import.md says what the import does."""

import re
from pathlib import Path

import pytest

from app.assets.importing import KINDS, SYNONYMS, Kind, columns_of
from app.assets.presets import CONTAINER_PRESETS, VEHICLE_PRESETS
from app.assets.waste_classes import WasteClass

PAGE = (Path(__file__).parents[3] / "docs" / "import.md").read_text()


def cells_of(kind: str) -> str:
    (row,) = re.findall(rf"^\| `{kind}` \| (.+) \|$", PAGE, flags=re.MULTILINE)
    return row


@pytest.mark.parametrize("kind", KINDS)
def test_every_column_is_on_the_page_and_the_required_ones_are_bold(kind: str):
    row, known = cells_of(kind), columns_of(KINDS[kind])
    assert [column for column in known if not re.search(rf"\b{column}\b", row)] == []
    assert set(re.findall(r"\*\*(\w+)\*\*", row)) == {column for column, required in known.items() if required}


def test_every_synonym_class_and_preset_is_on_the_page():
    presets = {preset.vehicle_type for preset in VEHICLE_PRESETS}
    ends = {CONTAINER_PRESETS[0].code, "en840-1100", "underground-3000", CONTAINER_PRESETS[-1].code}
    for word in {*SYNONYMS, *WasteClass, *presets, *ends}:
        assert re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", PAGE), word


def test_every_synonym_stands_for_a_column():
    known = {column for kind in KINDS.values() for column in columns_of(kind)}
    assert set(SYNONYMS.values()) <= known
    assert isinstance(KINDS["crews"], Kind)
    assert "user" not in columns_of(KINDS["crews"])
