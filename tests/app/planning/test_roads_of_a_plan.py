"""A plan says which travel times it stands on."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.planning.from_plan import roads_of

DIGEST = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("digest", "approximate", "said"),
    [
        (DIGEST, False, "springfield (0123456789ab), cch-1"),
        (None, False, "cch-1"),
        (DIGEST, True, "cch-1"),
    ],
    ids=["its map, the map's build and the engine", "a given matrix", "an estimate beside the map"],
)
def test_a_plan_names_its_roads(digest: str | None, approximate: bool, said: str):
    city = SimpleNamespace(map_digest=digest, tenant=SimpleNamespace(map_name="springfield"))
    task = SimpleNamespace(travel=SimpleNamespace(approximate=approximate, engine=SimpleNamespace(name="cch-1")))
    assert roads_of(cast(Any, city), cast(Any, task)) == said
