"""A matrix is worked out once, read from disk ever after, and worked out again when the disk has spoilt it."""

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.maps.matrix_cache import clean_up, get_matrix
from app.maps.operations import BuiltMap
from routing.roads.dijkstra import DijkstraEngine
from routing.roads.engine import TravelMatrix
from routing.roads.graph import StreetGraph
from routing.roads.great_circle import GreatCircleEngine
from routing.roads.profile import TRUCK_26T, TRUCK_SMALL
from tests.routing.roads.ascii_streets import Town


class CountingEngine(DijkstraEngine):
    """Counts how often it has to work."""

    worked = 0

    def matrix(self, *args: Any, **kwargs: Any) -> TravelMatrix:
        self.worked += 1
        return super().matrix(*args, **kwargs)


@pytest.fixture
def engine(town_map: BuiltMap) -> CountingEngine:
    return CountingEngine(StreetGraph.load(town_map.files.graph))


@pytest.fixture
def points(town: Town) -> list[tuple[float, float]]:
    """Three on streets, and one 2 km off."""
    return [town.at("A", east_m=50), town.at("C", north_m=-50), town.at("D", east_m=-50), town.at("A", north_m=2000)]


def only_folder(cache: Path) -> Path:
    (about,) = cache.glob("*/about.json")
    return about.parent


def test_a_matrix_is_worked_out_once(engine: CountingEngine, points: list[tuple[float, float]], tmp_path: Path) -> None:
    fresh = engine.matrix(points, TRUCK_26T)
    first = get_matrix(engine, points, TRUCK_26T, tmp_path)
    second = get_matrix(engine, points, TRUCK_26T, tmp_path)

    assert engine.worked == 2  # `fresh` and `first`
    for kept in (first, second):
        np.testing.assert_array_equal(kept.drive_s, fresh.drive_s)
        np.testing.assert_array_equal(kept.distance_m, fresh.distance_m)
        np.testing.assert_array_equal(kept.snap_m, fresh.snap_m)
        assert kept.unreachable == fresh.unreachable
        assert (kept.engine, kept.approximate) == (fresh.engine, False)
        assert isinstance(kept.drive_s, np.memmap)
    assert second.unsnapped == (3,)


def test_vehicle_and_order_of_points_make_another_matrix(engine: CountingEngine, points: list[tuple[float, float]], tmp_path: Path) -> None:
    get_matrix(engine, points, TRUCK_26T, tmp_path)
    get_matrix(engine, points, TRUCK_SMALL, tmp_path)
    turned = get_matrix(engine, points[::-1], TRUCK_26T, tmp_path)

    assert engine.worked == 3
    assert turned.unsnapped == (0,)


def cut_off(folder: Path) -> None:
    content = (folder / "travel.npy").read_bytes()
    (folder / "travel.npy").write_bytes(content[:-8])


def flip_a_bit(folder: Path) -> None:
    content = bytearray((folder / "travel.npy").read_bytes())
    content[-1] ^= 1
    (folder / "travel.npy").write_bytes(content)


def spoil_the_description(folder: Path) -> None:
    (folder / "about.json").write_text('{"engine": "dij')


def forget_a_field(folder: Path) -> None:
    (folder / "about.json").write_text('{"engine": "dijkstra"}')


@pytest.mark.parametrize("damage", [cut_off, flip_a_bit, spoil_the_description, forget_a_field])
def test_a_damaged_matrix_is_worked_out_again(
    engine: CountingEngine, points: list[tuple[float, float]], tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    good = np.array(get_matrix(engine, points, TRUCK_26T, tmp_path).drive_s)
    damage(only_folder(tmp_path))

    np.testing.assert_array_equal(get_matrix(engine, points, TRUCK_26T, tmp_path).drive_s, good)
    assert engine.worked == 2
    get_matrix(engine, points, TRUCK_26T, tmp_path)
    assert engine.worked == 2


def test_racing_askers_make_one_work(engine: CountingEngine, points: list[tuple[float, float]], tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: get_matrix(engine, points, TRUCK_26T, tmp_path), range(8)))

    assert engine.worked == 1
    assert {answer.drive_s.tobytes() for answer in answers} == {answers[0].drive_s.tobytes()}


def test_the_matrix_longest_out_of_use_makes_room(engine: CountingEngine, points: list[tuple[float, float]], tmp_path: Path) -> None:
    """Three matrices; the oldest was used last, so the second one goes."""
    folders = []
    for count in (2, 3, 4):
        get_matrix(engine, points[:count], TRUCK_26T, tmp_path)
        folders.append(next(about.parent for about in tmp_path.glob("*/about.json") if about.parent not in folders))
    for age_s, folder in zip((100, 300, 200), folders, strict=True):
        last_used = folder.stat().st_mtime - age_s
        os.utime(folder / "about.json", (last_used, last_used))
    in_use = [sum(file.stat().st_size for file in folder.iterdir()) for folder in folders]

    assert clean_up(tmp_path, limit_bytes=sum(in_use)) == 0
    assert clean_up(tmp_path, limit_bytes=sum(in_use) - 1) == 1
    assert [folder.exists() for folder in folders] == [True, False, True]


def test_an_open_matrix_outlives_its_file(engine: CountingEngine, points: list[tuple[float, float]], tmp_path: Path) -> None:
    travel = get_matrix(engine, points, TRUCK_26T, tmp_path)
    before = travel.drive_s.tobytes()
    shutil.rmtree(only_folder(tmp_path))
    assert travel.drive_s.tobytes() == before


def test_the_great_circle_is_not_kept(points: list[tuple[float, float]], tmp_path: Path) -> None:
    assert get_matrix(GreatCircleEngine(), points, TRUCK_26T, tmp_path).approximate
    assert list(tmp_path.iterdir()) == []
