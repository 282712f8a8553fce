"""One small town, built once: graph, search order and tiles."""

from pathlib import Path

import pytest

from app.maps.operations import BuiltMap
from tests.factories import maps as make_maps
from tests.routing.roads.ascii_streets import Town, ascii_town

DRAWING = """
    A----B----C
         |    |
         |    |
         E----D
"""


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    return ascii_town(tmp_path_factory.mktemp("town"), DRAWING, turns=["no_left_turn AB B BE"])


@pytest.fixture(scope="session")
def town_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory that holds the town's map."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def town_map(town: Town, town_dir: Path) -> BuiltMap:
    return make_maps.built_map(town_dir, town.pbf)
