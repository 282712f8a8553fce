"""What the road tests share: both searches, a vehicle whose arithmetic is easy, and the real maps where they are at hand."""

from collections.abc import Callable
from pathlib import Path

import pytest

from routing.roads import cch
from routing.roads.build import build_graph_from_pbf
from routing.roads.cch import CchEngine
from routing.roads.dijkstra import DijkstraEngine
from routing.roads.graph import StreetGraph
from routing.roads.profile import VehicleProfile
from routing.roads.street_engine import StreetEngine

MAPS = Path(__file__).parents[4] / "shared" / "data" / "osm"

TRUCK = VehicleProfile(name="10 m/s", height_m=3.6, width_m=2.5, length_m=10, weight_t=26, max_speed_kmh=36)
VAN = VehicleProfile(name="10 m/s, low", height_m=2.5, width_m=2, length_m=6, weight_t=3.5, max_speed_kmh=36)

MakeEngine = Callable[[StreetGraph], StreetEngine]


@pytest.fixture(params=["cch", "dijkstra"])
def make_engine(request: pytest.FixtureRequest) -> MakeEngine:
    """Every answer is asked of both searches."""
    if request.param == "dijkstra":
        return DijkstraEngine
    if not cch.is_available():
        pytest.skip("the wheel of the fast engine is not installed here: only Dijkstra was tried")
    return CchEngine


@pytest.fixture(scope="session")
def real_map() -> Callable[[str], StreetGraph]:
    """Graph of a real town, by name."""
    built: dict[str, StreetGraph] = {}

    def build(name: str) -> StreetGraph:
        pbf = MAPS / f"{name}.osm.pbf"
        if not pbf.exists():
            pytest.skip(f"no street map of {name} beside the checkout: not tried on real streets")
        if name not in built:
            built[name] = build_graph_from_pbf(pbf)
        return built[name]

    return build
