"""The fast search against the simple one on real streets, and lines against matrices."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from routing.roads.build import build_graph_from_pbf
from routing.roads.cch import CchEngine, is_available
from routing.roads.dijkstra import DijkstraEngine
from routing.roads.engine import UNREACHABLE
from routing.roads.graph import StreetGraph
from routing.roads.profile import PRESETS, TRUCK_26T
from routing.roads.sphere import great_circle_m
from tests.routing.roads.ascii_streets import ascii_town

pytestmark = pytest.mark.skipif(not is_available(), reason="the wheel of the fast engine is not installed here: nothing to compare")

DRAWN_TOWN = """
    A-->B---C-->D
    |   |   |   |
    E<--F-->G---H
    |   ^   |   v
    I---J---K<--L
"""

RealMap = Callable[[str], StreetGraph]


def street_points(graph: StreetGraph, count: int, seed: int = 7) -> np.ndarray:
    """Points some 20 m off random vertices, so that many lie on no junction and a few on one street."""
    rng = np.random.default_rng(seed)
    vertices = graph.streets.segment_first[rng.integers(0, len(graph.streets.segment_first), count)]
    return np.column_stack((graph.streets.lon[vertices], graph.streets.lat[vertices])) + rng.normal(0, 2e-4, (count, 2))


def test_fast_and_simple_search_agree_on_a_drawn_town(tmp_path: Path):
    """80 points within 1.1 × 0.3 km, 6,400 pairs, with one-way streets, forbidden turns and a private street."""
    town = ascii_town(
        tmp_path,
        DRAWN_TOWN,
        turns=["no_left_turn AB B BC", "only_straight_on FG G GH", "no_u_turn BC C BC"],
        tags={"CG": {"access": "private"}, "JK": {"oneway": "-1"}},
    )
    graph = build_graph_from_pbf(town.pbf)
    points = street_points(graph, 80)
    fast, simple = CchEngine(graph).matrix(points, TRUCK_26T), DijkstraEngine(graph).matrix(points, TRUCK_26T)
    assert np.array_equal(fast.drive_s, simple.drive_s)
    assert np.array_equal(fast.distance_m, simple.distance_m)
    assert (fast.drive_s >= 0).all()


@pytest.mark.parametrize("town", ["monaco", "helsinki-centre"])
@pytest.mark.parametrize("profile", PRESETS, ids=lambda profile: profile.name)
@pytest.mark.shared_data
def test_fast_and_simple_search_give_the_same_matrix(real_map: RealMap, town: str, profile):
    """60 points, 3,600 pairs a town and vehicle: seconds and metres are equal to the last digit."""
    graph = real_map(town)
    points = street_points(graph, 60)
    fast, simple = CchEngine(graph).matrix(points, profile), DijkstraEngine(graph).matrix(points, profile)
    assert np.array_equal(fast.drive_s, simple.drive_s)
    assert np.array_equal(fast.distance_m, simple.distance_m)
    assert fast.unreachable == simple.unreachable
    assert (fast.drive_s != UNREACHABLE).mean() > 0.8


@pytest.mark.parametrize("engine_class", [CchEngine, DijkstraEngine])
@pytest.mark.shared_data
def test_lines_are_as_long_as_the_matrix_says(real_map: RealMap, engine_class):
    """40 legs through Monaco: equal seconds, metres within 1 % (or 2 m), and so long is the drawn line itself."""
    graph = real_map("monaco")
    points = street_points(graph, 41)
    engine = engine_class(graph)
    matrix, route = engine.matrix(points, TRUCK_26T), engine.geometry(points, TRUCK_26T)
    for i, leg in enumerate(route.legs):
        assert leg.drive_s == matrix.drive_s[i, i + 1]
        if leg.reached:
            lon, lat = leg.lon_lat.T
            drawn_m = great_circle_m(lon[:-1], lat[:-1], lon[1:], lat[1:]).sum()
            assert leg.distance_m == pytest.approx(matrix.distance_m[i, i + 1], rel=0.01, abs=2)
            assert drawn_m == pytest.approx(leg.distance_m, rel=0.01, abs=2)


@pytest.mark.shared_data
def test_travel_keeps_the_triangle_inequality(real_map: RealMap):
    """Going by a third point takes no less than going straight, but for 2 s of rounding. Asked of stops on one-way streets: on a
    two-way street the truck may turn round at the third point, which the straight way cannot do."""
    graph = real_map("monaco")
    points = street_points(graph, 80)
    engine = CchEngine(graph)
    one_way = (graph.segment_edges[engine.snap(points, TRUCK_26T).segment] < 0).any(axis=1)
    drive_s = engine.matrix(points[one_way], TRUCK_26T).drive_s
    reached = drive_s[0] != UNREACHABLE
    drive_s = drive_s[np.ix_(reached, reached)]
    assert len(drive_s) > 20
    assert ((drive_s[:, :, None] + drive_s[None]) + 2 >= drive_s[:, None, :]).all()


@pytest.mark.shared_data
def test_threads_share_an_engine(real_map: RealMap):
    """Four threads at once, four equal matrices."""
    graph = real_map("monaco")
    engine, points = CchEngine(graph), street_points(graph, 50)
    expected = engine.matrix(points, TRUCK_26T).drive_s
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: engine.matrix(points, TRUCK_26T).drive_s, range(8)))
    assert all(np.array_equal(answer, expected) for answer in answers)


@pytest.mark.shared_data
def test_large_matrices_are_worked_out_in_parts_and_say_how_far_they_are(real_map: RealMap):
    """300 points are two rounds of 256 rows; a part of the points gives the same numbers as all of them."""
    graph = real_map("monaco")
    points = street_points(graph, 300)
    told: list[float] = []
    whole = CchEngine(graph).matrix(points, TRUCK_26T, progress=lambda _stage, share: told.append(share))
    assert told == [256 / 300, 1]
    some = np.arange(250, 290)
    drive_s, distance_m = whole.between(some)
    part = CchEngine(graph).matrix(points[some], TRUCK_26T)
    assert np.array_equal(part.drive_s, drive_s)
    assert np.array_equal(part.distance_m, distance_m)
