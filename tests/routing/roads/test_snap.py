"""Points come onto the street at the foot of the perpendicular, or are named."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from routing.roads.build import build_graph_from_pbf
from routing.roads.graph import StreetGraph
from routing.roads.snap import NO_SEGMENT, Snapper
from routing.roads.sphere import METRES_PER_DEGREE
from tests.routing.roads.ascii_streets import ascii_town


def all_edges(graph: StreetGraph) -> Snapper:
    return Snapper(graph, np.ones(graph.edges, bool))


def test_the_foot_of_the_perpendicular_is_exact(tmp_path: Path):
    """137 m along a street of 400 m and 120 m beside it: share 137 / 400, distance 120 m, no sample in between decides."""
    town = ascii_town(tmp_path, "A----B")
    snapped = all_edges(build_graph_from_pbf(town.pbf)).snap([town.at("A", east_m=137, north_m=120)])
    assert snapped.share[0] == pytest.approx(137 / 400, abs=1e-5)
    assert snapped.distance_m[0] == pytest.approx(120, abs=0.02)
    assert (snapped.lon[0], snapped.lat[0]) == pytest.approx(town.at("A", east_m=137), abs=1e-7)


def test_beyond_the_end_the_end_is_nearest(tmp_path: Path):
    """30 m east and 40 m north of B: 50 m from the end."""
    town = ascii_town(tmp_path, "A----B")
    snapped = all_edges(build_graph_from_pbf(town.pbf)).snap([town.at("B", east_m=30, north_m=40)])
    assert (snapped.share[0], snapped.distance_m[0]) == (1.0, pytest.approx(50, abs=0.02))


@pytest.mark.parametrize(("north_m", "inside"), [(299, True), (301, False), (311, False), (5_000, False)])
def test_the_reach_is_300_m_and_not_a_metre_more(tmp_path: Path, north_m: int, inside: bool):
    """Beyond it the point is named with its distance and stays where it is."""
    town = ascii_town(tmp_path, "A----B")
    point = town.at("A", east_m=137, north_m=north_m)
    snapped = all_edges(build_graph_from_pbf(town.pbf)).snap([town.at("A"), point])
    assert (snapped.segment[1] != NO_SEGMENT) == inside
    assert [(p.index, p.reason, round(p.street_m)) for p in snapped.unreachable] == ([] if inside else [(1, "no_street_near", north_m)])
    if not inside:
        assert (snapped.lon[1], snapped.lat[1]) == point


def test_snapping_agrees_with_looking_at_every_piece_of_street(real_map: Callable[[str], StreetGraph]):
    """400 random points in Monaco against all pieces one by one: the oracle needs no tree."""
    graph = real_map("monaco")
    streets = graph.streets
    rng = np.random.default_rng(4)
    points = rng.uniform((7.405, 43.722), (7.445, 43.755), (400, 2))
    snapped = all_edges(graph).snap(points)
    pieces = np.concatenate([np.arange(a, b) for a, b in zip(streets.segment_first, streets.segment_last, strict=True)])
    for point, distance_m, inside in zip(points, snapped.distance_m, snapped.segment != NO_SEGMENT, strict=True):
        scale = METRES_PER_DEGREE * np.array((np.cos(np.radians(point[1])), 1))
        start, end = ((np.column_stack((streets.lon[p], streets.lat[p])) - point) * scale for p in (pieces, pieces + 1))
        way = end - start
        share = np.clip(-(start * way).sum(1) / np.maximum((way**2).sum(1), 1e-12), 0, 1)[:, None]
        nearest_m = np.hypot(*(start + share * way).T).min()
        assert inside == (nearest_m <= 300)
        if inside:
            assert distance_m == pytest.approx(nearest_m, abs=1e-6)


@pytest.mark.parametrize("points", [[(7.4, 91)], [(float("nan"), 43)], [(1, 2, 3)]])
def test_what_is_no_place_on_earth_is_refused(tmp_path: Path, points: list[tuple[float, ...]]):
    """Latitude 91, not a number, three coordinates."""
    with pytest.raises(ValueError, match=r"no place on Earth|shape"):
        all_edges(build_graph_from_pbf(ascii_town(tmp_path, "A----B").pbf)).snap(points)
