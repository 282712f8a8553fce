"""Times and distances on drawn towns. The truck drives 10 m/s, so 100 m take 10 s; turns cost 3 s right, 6 s left, 0.5 s straight on
over a junction, 25 s round at a dead end (traffic keeps right)."""

from pathlib import Path

import numpy as np
import pytest

from routing.roads.build import TurnCosts, build_graph_from_pbf
from routing.roads.engine import UNREACHABLE
from tests.routing.roads.ascii_streets import Town, ascii_town
from tests.routing.roads.conftest import TRUCK, VAN, MakeEngine

T_JUNCTION = """
    A---B---C
        |
        D
"""
RING = """
    A--B--C
    |     |
    +--+--+
"""
ONE_WAY_BLOCK = """
    A-->B
    |   |
    D---C
"""


def travel(make_engine: MakeEngine, town: Town, *points: tuple[float, float], profile=TRUCK, drives_on="right"):
    """Seconds and metres from the first point to the second, and back."""
    matrix = make_engine(build_graph_from_pbf(town.pbf, drives_on=drives_on)).matrix(points, profile)
    return (matrix.drive_s[0, 1], matrix.distance_m[0, 1]), (matrix.drive_s[1, 0], matrix.distance_m[1, 0])


def test_a_dash_is_a_hundred_metres(make_engine: MakeEngine, tmp_path: Path):
    """400 m and 200 m in a row: 600 m, 60 s; a street that merely goes on costs no turn."""
    town = ascii_town(tmp_path, "A----B--C")
    assert travel(make_engine, town, town.at("A"), town.at("C")) == ((60, 600), (60, 600))


def test_a_one_way_street_is_driven_one_way(make_engine: MakeEngine, tmp_path: Path):
    """A to B is 300 m. Back: 100 south, 300 west, 100 north, and three right turns (B, C, D): 500 m, 50 + 9 s."""
    town = ascii_town(tmp_path, ONE_WAY_BLOCK)
    there, back = travel(make_engine, town, town.at("A", east_m=1), town.at("B", east_m=-1))
    assert there == (30, 298)
    assert back == (50 + 12, 502)  # the way back ends on the one-way street itself: a fourth right turn, at A


def test_two_stops_on_one_one_way_street_reach_each_other(make_engine: MakeEngine, tmp_path: Path):
    """Forward 100 m. Back: 100 to B, then 100 + 300 + 100 round the block, 100 from A: 700 m, 70 s and four right turns of 3 s."""
    town = ascii_town(tmp_path, ONE_WAY_BLOCK)
    there, back = travel(make_engine, town, town.at("A", east_m=100), town.at("A", east_m=200))
    assert there == (10, 100)
    assert back == (82, 700)


def test_a_way_tagged_minus_one_runs_against_its_nodes(make_engine: MakeEngine, tmp_path: Path):
    """Drawn A<--B: from the eastern stop to the western 100 m; the other way round the block, 700 m and four left turns of 6 s."""
    town = ascii_town(tmp_path, ONE_WAY_BLOCK.replace(">", "<").replace("--<", "<--"))
    west, east = town.at("A", east_m=100), town.at("A", east_m=200)
    assert travel(make_engine, town, east, west) == ((10, 100), (70 + 24, 700))


def test_two_stops_on_a_two_way_street_need_no_turn(make_engine: MakeEngine, tmp_path: Path):
    """The truck starts on either side: 100 m both ways."""
    town = ascii_town(tmp_path, "A----B")
    assert travel(make_engine, town, town.at("A", east_m=100), town.at("A", east_m=200)) == ((10, 100), (10, 100))


def test_the_near_corner_is_cheaper_than_crossing_the_traffic(make_engine: MakeEngine, tmp_path: Path):
    """200 m to B, right, 50 m: 25 + 3 s. Back it is a left turn: 25 + 6 s. Where traffic keeps left, the other way about."""
    town = ascii_town(tmp_path, T_JUNCTION)
    stops = town.at("A", east_m=100), town.at("D", north_m=50)
    assert travel(make_engine, town, *stops) == ((28, 250), (31, 250))
    assert travel(make_engine, town, *stops, drives_on="left") == ((31, 250), (28, 250))


@pytest.mark.parametrize("turn", ["no_right_turn AB B BD", "only_straight_on AB B BC"])
def test_a_forbidden_turn_sends_the_truck_to_the_dead_end_and_back(make_engine: MakeEngine, tmp_path: Path, turn: str):
    """200 to B, straight on (0.5 s), 300 to C, round (25 s), 300 back, left (6 s), 46: 846 m; 84.6 + 31.5 = 116.1 s.
    The way back is not concerned: 246 m and a left turn."""
    town = ascii_town(tmp_path, T_JUNCTION, turns=[turn])
    assert travel(make_engine, town, town.at("A", east_m=100), town.at("D", north_m=54)) == ((116, 846), (31, 246))


def test_a_restriction_that_excepts_lorries_lets_them_turn(make_engine: MakeEngine, tmp_path: Path):
    """The 26 t truck turns right as if nothing stood there (24.6 + 3 s); the van takes the dead end as above."""
    town = ascii_town(tmp_path, T_JUNCTION, turns=["no_right_turn AB B BD"], turn_tags={"except": "hgv;bus"})
    stops = town.at("A", east_m=100), town.at("D", north_m=54)
    assert travel(make_engine, town, *stops)[0] == (28, 246)
    assert travel(make_engine, town, *stops, profile=VAN)[0] == (116, 846)


def test_a_low_bridge_stops_the_high_vehicle_only(make_engine: MakeEngine, tmp_path: Path):
    """Under the bridge 100 + 200 + 50 = 350 m, one right turn. Round it 100 west, left, 550 along the ring: 650 m, 65 + 6 s."""
    town = ascii_town(tmp_path, RING, tags={"BC": {"maxheight": "3 m"}})
    stops = town.at("A", east_m=100), town.at("C", north_m=-50)
    assert travel(make_engine, town, *stops, profile=VAN)[0] == (38, 350)
    assert travel(make_engine, town, *stops, profile=TRUCK)[0] == (71, 650)


def test_a_bridge_as_high_as_the_truck_lets_it_pass(make_engine: MakeEngine, tmp_path: Path):
    """3.6 m under 3.6 m: limits are inclusive, whatever the binary fraction of 3.6 is."""
    town = ascii_town(tmp_path, RING, tags={"BC": {"maxheight": "3.6"}})
    assert travel(make_engine, town, town.at("A", east_m=100), town.at("C", north_m=-50))[0] == (38, 350)


def test_a_bollard_ends_the_street_for_trucks(make_engine: MakeEngine, tmp_path: Path):
    """B cannot be passed: 100 west, left (6 s), 600 along the ring, left (6 s), 100: 800 m, 80 + 12 s instead of 200 m."""
    town = ascii_town(tmp_path, RING, node_tags={"B": {"barrier": "bollard"}})
    assert travel(make_engine, town, town.at("A", east_m=100), town.at("C", east_m=-100))[0] == (92, 800)


def test_a_private_street_is_entered_to_serve_it_and_not_to_pass(make_engine: MakeEngine, tmp_path: Path):
    """Past BC the truck takes the ring (650 m); to a stop within BC, and away from it, it drives straight there (200 m, 20 s)."""
    town = ascii_town(tmp_path, RING, tags={"BC": {"access": "private"}})
    assert travel(make_engine, town, town.at("A", east_m=100), town.at("C", north_m=-50))[0] == (71, 650)
    assert travel(make_engine, town, town.at("A", east_m=100), town.at("C", east_m=-100)) == ((20, 200), (20, 200))


def test_an_open_street_behind_a_private_one_counts_as_behind_the_gate(make_engine: MakeEngine, tmp_path: Path):
    """D–E is open to all but lies behind the private C–D: one entry, for which nothing is charged. 100 + 100 + 100 m."""
    town = ascii_town(tmp_path, "A----B----C-D----E", tags={"CD": {"access": "private"}})
    assert travel(make_engine, town, town.at("C", east_m=-100), town.at("D", east_m=100)) == ((30, 300), (30, 300))


def test_a_slower_class_factor_makes_a_slower_truck(make_engine: MakeEngine, tmp_path: Path):
    """Primary streets flow at 53 km/h: a factor of 0.5 makes 26.5 km/h, 600 m in 81.5 s."""
    town = ascii_town(tmp_path, "A----B--C")
    slow = TRUCK.calibrated({"primary": 0.5})
    assert travel(make_engine, town, town.at("A"), town.at("C"), profile=slow)[0] == (82, 600)


def test_an_island_is_named_and_not_bridged(make_engine: MakeEngine, tmp_path: Path):
    """D–E has no link to the rest. Its middle lies 400 m from C: beyond reach, so cut off. 500 m north of B no street is near."""
    town = ascii_town(tmp_path, "A---B---C   D--E")
    points = [town.at("A"), town.at("C"), town.at("D", east_m=100), town.at("B", north_m=500)]
    matrix = make_engine(build_graph_from_pbf(town.pbf)).matrix(points, TRUCK)

    assert matrix.unsnapped == (2, 3)
    island, field = matrix.unreachable
    assert (island.reason, round(island.street_m)) == ("cut_off", 0)
    assert (field.reason, round(field.street_m)) == ("no_street_near", 500)
    assert str(field) == "point 3: the nearest street is 500 m away"
    assert matrix.drive_s[0, 1] == 60
    assert (matrix.drive_s[[2, 3]][:, [0, 1]] == UNREACHABLE).all()
    assert (matrix.distance_m[[0, 1]][:, [2, 3]] == UNREACHABLE).all()
    assert (np.diag(matrix.drive_s) == 0).all()


def test_a_stop_beside_a_motorway_belongs_to_the_street_behind_it(make_engine: MakeEngine, tmp_path: Path):
    """10 m south of the motorway AB and 90 m north of CD: the truck stops on CD. 250 m north of AB only the motorway is in reach:
    a truck under way is found there."""
    town = ascii_town(
        tmp_path,
        """
        A----B
        |    |
        C----D
        """,
        tags={"AB": {"highway": "motorway"}},
    )
    snapped = make_engine(build_graph_from_pbf(town.pbf)).snap(
        [town.at("A", east_m=200, north_m=-10), town.at("A", east_m=200, north_m=250)], TRUCK
    )
    assert snapped.distance_m.round().tolist() == [90, 250]
    assert snapped.unreachable == ()


def test_geometry_follows_the_street_round_the_block(make_engine: MakeEngine, tmp_path: Path):
    """Back on the one-way street: stop, B, C, D, A, stop – the same 700 m and 82 s as in the matrix, and the names on the way."""
    town = ascii_town(tmp_path, ONE_WAY_BLOCK)
    ahead, behind = town.at("A", east_m=200), town.at("A", east_m=100)
    (leg,) = make_engine(build_graph_from_pbf(town.pbf)).geometry([ahead, behind], TRUCK).legs
    expected = [ahead, town.at("B"), town.at("C"), town.at("D"), town.at("A"), behind]
    assert np.allclose(leg.lon_lat, expected, atol=2e-7)
    assert (leg.drive_s, leg.distance_m) == (82, 700)
    assert leg.streets == ("AB", "BC", "DC", "AD", "AB")


def test_geometry_within_one_street_is_a_straight_piece_of_it(make_engine: MakeEngine, tmp_path: Path):
    """Against the way's direction on a two-way street: 100 m from east to west, no detour."""
    town = ascii_town(tmp_path, "A----B")
    east, west = town.at("A", east_m=200), town.at("A", east_m=100)
    route = make_engine(build_graph_from_pbf(town.pbf)).geometry([east, west, west], TRUCK)
    assert np.allclose(route.legs[0].lon_lat, [east, west], atol=2e-7)
    assert (route.drive_s, route.distance_m) == (10, 100)
    assert (route.legs[1].drive_s, route.legs[1].lon_lat.shape) == (0, (2, 2))


def test_geometry_says_which_leg_has_no_way(make_engine: MakeEngine, tmp_path: Path):
    """The field 500 m off has no way to it, nor from it; the route's sums leave those legs out."""
    town = ascii_town(tmp_path, "A---B")
    route = make_engine(build_graph_from_pbf(town.pbf)).geometry([town.at("A"), town.at("B"), town.at("B", north_m=500)], TRUCK)
    assert [leg.reached for leg in route.legs] == [True, False]
    assert (route.drive_s, route.distance_m, route.unreachable[0].index) == (30, 300, 2)


def test_no_points_make_an_empty_matrix_and_no_legs(make_engine: MakeEngine, tmp_path: Path):
    """Nothing asked, nothing answered."""
    engine = make_engine(build_graph_from_pbf(ascii_town(tmp_path, "A---B").pbf))
    assert engine.matrix([], TRUCK).drive_s.shape == (0, 0)
    assert engine.geometry([], TRUCK).legs == ()


def test_a_vehicle_that_no_street_admits_is_refused(make_engine: MakeEngine, tmp_path: Path):
    """A town under 3 m bridges only."""
    town = ascii_town(tmp_path, "A---B", tags={"AB": {"maxheight": "3"}})
    with pytest.raises(ValueError, match="no street is usable"):
        make_engine(build_graph_from_pbf(town.pbf)).matrix([town.at("A")], TRUCK)


def test_turns_cannot_take_less_than_no_time():
    """A negative penalty would make the search run in circles."""
    with pytest.raises(ValueError, match="less than no time"):
        TurnCosts(across_s=-1)
