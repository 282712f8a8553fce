"""Water lies to the right of a coastline; shapes on a 10 × 10 square whose areas a reader can add up."""

import pytest

from app.maps.coast import Line, Polygon, sea_polygons, signed_area
from routing.roads.extract import Area

SQUARE = Area(west=0, south=0, east=10, north=10)
NORTHWARD = [(4.0, -2.0), (4.0, 12.0)]
"""Land in the west, water in the east."""
ISLAND = [(6.0, 4.0), (8.0, 4.0), (8.0, 6.0), (6.0, 6.0), (6.0, 4.0)]
"""Counter-clockwise: land within, 2 × 2."""


def water(polygons: list[Polygon]) -> float:
    return sum(abs(signed_area(outer)) - sum(abs(signed_area(hole)) for hole in holes) for outer, *holes in polygons)


@pytest.mark.parametrize(
    ("coast", "area"),
    [
        ([NORTHWARD], 6 * 10),
        ([NORTHWARD[::-1]], 4 * 10),
        ([NORTHWARD, ISLAND], 60 - 4),
        ([ISLAND], 100 - 4),
        ([ISLAND[::-1]], 4),  # clockwise: a lagoon
        ([NORTHWARD, [(7.0, 12.0), (7.0, -2.0)]], 3 * 10),  # a strait
        ([NORTHWARD[::-1], [(7.0, -2.0), (7.0, 12.0)]], (4 + 3) * 10),  # a land bridge between two seas
        ([[(4.0, -2.0), (4.0, 5.0)], [(4.0, 5.0), (4.0, 12.0)]], 60),  # one coast in two ways
        ([[(4.0, -2.0), (4.0, 9.0)]], 60),  # ends in mid-air, 1 from the rim: carried on
        ([[(12.0, 3.0), (5.0, 3.0), (5.0, 7.0), (12.0, 7.0)]], 5 * 4),  # a bay: westward along its south, water to the north
        ([[(12.0, 7.0), (5.0, 7.0), (5.0, 3.0), (12.0, 3.0)]], 100 - 5 * 4),  # a headland: the same line the other way round
        ([[(-2.0, 5.0), (5.0, 12.0)]], 100 - 3 * 3 / 2),  # a corner of land
        ([], 0),
    ],
)
def test_the_sea_has_the_area_that_the_drawing_says(coast: list[Line], area: float) -> None:
    assert water(sea_polygons(coast, SQUARE)) == pytest.approx(area)


def test_every_ring_is_closed() -> None:
    for polygon in sea_polygons([NORTHWARD, ISLAND], SQUARE):
        assert all(ring[0] == ring[-1] for ring in polygon)


def test_a_crumb_of_another_coast_does_not_flood_the_land() -> None:
    """0.3 long, starting in mid-air beside the rim: on which side it would close is chance."""
    assert water(sea_polygons([NORTHWARD, [(1.0, 0.3), (1.0, -1.0)]], SQUARE)) == pytest.approx(60)


def test_coasts_that_contradict_each_other_give_no_sea() -> None:
    """Two coasts northward side by side: what lies between would be both water and land."""
    assert sea_polygons([NORTHWARD, [(7.0, -2.0), (7.0, 12.0)]], SQUARE) == []
