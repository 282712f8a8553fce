"""Engines that know no streets, and the names of matrices and vehicles."""

import math

import numpy as np
import pytest

from routing.roads.engine import UNREACHABLE, matrix_key
from routing.roads.given import GivenMatrixEngine
from routing.roads.great_circle import GreatCircleEngine
from routing.roads.profile import PRESETS, TRUCK_16T, TRUCK_26T, VehicleProfile

A, B, C = (0.0, 0.0), (0.01, 0.0), (0.0, 0.02)


def test_the_great_circle_is_stretched_and_labelled():
    """0.01° on the equator are 1,111.95 m: × 1.5 = 1,668 m, at 36 km/h 167 s."""
    matrix = GreatCircleEngine(detour=1.5, speed_kmh=36).matrix([A, B], TRUCK_26T)
    assert matrix.distance_m.tolist() == [[0, 1668], [1668, 0]]
    assert matrix.drive_s.tolist() == [[0, 167], [167, 0]]
    assert matrix.approximate
    assert matrix.engine == "great circle × 1.50 at 36 km/h"


def test_a_great_circle_leg_is_a_straight_line():
    """The route's sums are the matrix's."""
    route = GreatCircleEngine(speed_kmh=36).geometry([A, B, A], TRUCK_26T)
    assert route.legs[0].lon_lat.tolist() == [list(A), list(B)]
    assert (route.distance_m, route.drive_s, route.approximate) == (3336, 334, True)


@pytest.mark.parametrize("arguments", [{"detour": 0.9}, {"speed_kmh": 0}])
def test_a_great_circle_is_never_shortened(arguments: dict[str, float]):
    """A detour below 1 and a truck that stands still are refused."""
    with pytest.raises(ValueError):
        GreatCircleEngine(**arguments)


def test_a_given_matrix_answers_for_its_points_in_any_order():
    """Asked for C, A: the rows swap. B to C has no way in it."""
    engine = GivenMatrixEngine([A, B, C], drive_s=[[0, 1, 2], [3, 0, -1], [5, 6, 0]], distance_m=[[0, 10, 20], [30, 0, -1], [50, 60, 0]])
    matrix = engine.matrix([C, A], TRUCK_26T)
    assert matrix.drive_s.tolist() == [[0, 5], [2, 0]]
    assert matrix.distance_m.tolist() == [[0, 50], [20, 0]]
    assert not matrix.approximate
    assert not engine.geometry([B, C], TRUCK_26T).legs[0].reached


def test_a_point_that_was_not_given_is_named():
    """A place moved by 1e-7° is the same place, one moved by 1e-4° is unknown."""
    engine = GivenMatrixEngine([A, B], drive_s=[[0, 1], [3, 0]], distance_m=[[0, 10], [30, 0]])
    matrix = engine.matrix([(1e-7, 0), (1e-4, 0), B], TRUCK_26T)
    assert [(p.index, p.reason, p.street_m) for p in matrix.unreachable] == [(1, "not_given", math.inf)]
    assert matrix.drive_s.tolist() == [[0, UNREACHABLE, 1], [UNREACHABLE, 0, UNREACHABLE], [3, UNREACHABLE, 0]]


def test_a_given_matrix_must_fit_its_points():
    """Two points and one row; one place twice."""
    with pytest.raises(ValueError, match="2 points"):
        GivenMatrixEngine([A, B], drive_s=[[0]], distance_m=[[0]])
    with pytest.raises(ValueError, match="twice"):
        GivenMatrixEngine([A, A], drive_s=np.zeros((2, 2)), distance_m=np.zeros((2, 2)))


def test_same_input_same_key():
    """The key changes with map, engine, vehicle, points and their order, not with a point's seventh decimal or a vehicle's name."""
    key = matrix_key("map", "cch-1", TRUCK_26T, [A, B])
    renamed = VehicleProfile(**{**{f: getattr(TRUCK_26T, f) for f in TRUCK_26T.__dataclass_fields__}, "name": "Anna"})
    assert key == matrix_key("map", "cch-1", renamed, np.array([A, B]) + 1e-8)
    others = {
        matrix_key("other", "cch-1", TRUCK_26T, [A, B]),
        matrix_key("map", "cch-2", TRUCK_26T, [A, B]),
        matrix_key("map", "cch-1", TRUCK_16T, [A, B]),
        matrix_key("map", "cch-1", TRUCK_26T, [B, A]),
        matrix_key("map", "cch-1", TRUCK_26T, [A, (0.010001, 0)]),
    }
    assert len(others | {key}) == 6


def test_a_profile_rejects_nonsense_and_sorts_its_factors():
    """The order in which factors are given is not part of the vehicle."""
    sizes = {"height_m": 3, "width_m": 2, "length_m": 8, "weight_t": 12, "max_speed_kmh": 80}
    one = VehicleProfile(name="a", **sizes, speed_factor=(("service", 0.5), ("primary", 0.9)))
    two = VehicleProfile(name="b", **sizes, speed_factor=(("primary", 0.9), ("service", 0.5)))
    assert one.key == two.key
    with pytest.raises(ValueError, match="no highway class 'skyway'"):
        VehicleProfile(name="a", **sizes, speed_factor=(("skyway", 1.0),))
    with pytest.raises(ValueError, match="above 0"):
        VehicleProfile(name="a", **{**sizes, "height_m": 0})
    with pytest.raises(ValueError, match="not within"):
        TRUCK_26T.calibrated({"primary": 9})


def test_only_the_small_truck_is_no_lorry():
    """3.5 t and below, lorry signs do not apply; each preset is its own vehicle."""
    assert [profile.heavy for profile in PRESETS] == [True, True, False]
    assert len({profile.key for profile in PRESETS}) == 3
