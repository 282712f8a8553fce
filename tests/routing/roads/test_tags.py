"""What the tags of a street mean to a truck."""

import math

import pytest

from routing.roads import tags
from routing.roads.tags import Access


@pytest.mark.parametrize(
    ("tagged", "kmh"),
    [
        ("50", 50),
        ("30 mph", 48.28032),
        ("50; 40", 40),
        ("walk", 6),
        ("DE:urban", 50),
        ("RU:living_street", 10),
        ("DE:zone:30", 30),
        ("FR:zone30", 30),
        ("none", math.inf),
        ("signals", math.inf),
        ("0", math.inf),
        ("fast", math.inf),
        ("", math.inf),
    ],
)
def test_speed_limits_are_read_and_oddities_ignored(tagged: str, kmh: float):
    """Numbers, miles, lists (the lowest), zones of a country; all else is no limit."""
    assert tags.speed_limit_kmh({"maxspeed": tagged}) == pytest.approx(kmh)


def test_a_limit_for_lorries_is_theirs_alone():
    """60 for all, 30 for lorries."""
    street = {"maxspeed": "60", "maxspeed:hgv": "30"}
    assert (tags.speed_limit_kmh(street), tags.speed_limit_kmh(street, heavy=False)) == (30, 60)


@pytest.mark.parametrize(
    ("tagged", "metres"),
    [
        ("3.5", 3.5),
        ("3,5 m", 3.5),
        ("350 cm", 3.5),
        ("12'6\"", 3.81),
        ("11'", 3.3528),
        ("10 ft", 3.048),
        ("default", math.inf),
        ("-3", math.inf),
    ],
)
def test_heights_come_in_metres_and_feet(tagged: str, metres: float):
    """12 ft 6 in are 3.81 m."""
    assert tags.max_size_m({"maxheight": tagged}, "height") == pytest.approx(metres)


def test_the_lowest_of_several_limits_counts():
    """A sign for all at 7.5 t, one for the rating at 3,500 kg; a physical height below the signed one."""
    assert tags.max_weight_t({"maxweight": "7.5 t", "maxweightrating": "3500 kg"}) == pytest.approx(3.5)
    assert tags.max_size_m({"maxheight": "4", "maxheight:physical": "3.9"}, "height") == 3.9


@pytest.mark.parametrize(
    ("street", "truck", "van"),
    [
        ({}, Access.OPEN, Access.OPEN),
        ({"access": "no"}, Access.CLOSED, Access.CLOSED),
        ({"access": "no", "motor_vehicle": "yes"}, Access.OPEN, Access.OPEN),
        ({"access": "no", "motor_vehicle": "no", "hgv": "yes"}, Access.OPEN, Access.CLOSED),
        ({"hgv": "no"}, Access.CLOSED, Access.OPEN),
        ({"hgv": "destination"}, Access.NO_THROUGH, Access.OPEN),
        ({"vehicle": "private"}, Access.NO_THROUGH, Access.NO_THROUGH),
        ({"access": "something new"}, Access.OPEN, Access.OPEN),
        ({"highway": "service", "service": "driveway"}, Access.NO_THROUGH, Access.NO_THROUGH),
        ({"highway": "service", "service": "emergency_access"}, Access.CLOSED, Access.CLOSED),
        ({"highway": "pedestrian"}, Access.CLOSED, Access.CLOSED),
        ({"highway": "pedestrian", "motor_vehicle": "delivery"}, Access.NO_THROUGH, Access.NO_THROUGH),
    ],
)
def test_the_most_specific_access_tag_decides(street: dict[str, str], truck: Access, van: Access):
    """`hgv` before `motor_vehicle` before `vehicle` before `access`; the first only for lorries."""
    assert (tags.access(street, heavy=True), tags.access(street, heavy=False)) == (truck, van)


@pytest.mark.parametrize(
    ("street", "way"),
    [
        ({"highway": "residential"}, 0),
        ({"highway": "residential", "oneway": "yes"}, 1),
        ({"highway": "residential", "oneway": "-1"}, -1),
        ({"highway": "residential", "junction": "roundabout"}, 1),
        ({"highway": "residential", "junction": "roundabout", "oneway": "-1"}, -1),
        ({"highway": "motorway"}, 1),
        ({"highway": "motorway_link", "oneway": "no"}, 0),
        ({"highway": "primary", "oneway": "reversible"}, None),
    ],
)
def test_direction_is_tagged_or_implied(street: dict[str, str], way: int | None):
    """Roundabouts and motorways are one-way unless they say otherwise."""
    assert tags.direction(street) == way


@pytest.mark.parametrize(
    ("highway", "known"), [("residential", True), ("unclassified;tertiary", True), ("steps", False), ("construction", False)]
)
def test_only_streets_are_streets(highway: str, known: bool):
    """Of two classes the first counts."""
    assert (tags.highway_class({"highway": highway}) is not None) == known


@pytest.mark.parametrize(
    ("point", "blocked"),
    [
        ({"barrier": "bollard"}, True),
        ({"barrier": "bollard", "motor_vehicle": "yes"}, False),
        ({"barrier": "gate"}, False),
        ({"barrier": "gate", "access": "no"}, True),
        ({"barrier": "gate", "access": "private"}, False),
        ({"highway": "crossing", "access": "no"}, False),
    ],
)
def test_bollards_block_and_gates_open_to_those_with_business(point: dict[str, str], blocked: bool):
    """A collection truck has the key of a private gate, not the strength to move a bollard."""
    assert tags.blocks_vehicles(point) == blocked
