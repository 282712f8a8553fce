"""Roads: how long a map takes to build, to load, and a matrix to fill; the fast search against the simple one in the same run.

Usage: python -m benchmarks.roads MAP.osm.pbf
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from routing.roads.build import build_graph_from_pbf
from routing.roads.cch import street_engine
from routing.roads.dijkstra import DijkstraEngine
from routing.roads.graph import StreetGraph
from routing.roads.profile import TRUCK_26T
from routing.roads.street_engine import StreetEngine

Answer = TypeVar("Answer")

_SAMPLE = 20  # points of the comparison: the simple search takes them one by one


def measure(label: str, work: Callable[[], Answer]) -> tuple[Answer, float]:
    """Run once and print CPU and wall seconds."""
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    answer = work()
    cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
    print(f"{label:<44} {cpu_s:8.2f} s CPU {wall_s:8.2f} s wall")
    return answer, cpu_s


def points_near_streets(graph: StreetGraph, count: int) -> np.ndarray:
    """Points some 20 m off random junctions; the same for the same map."""
    rng = np.random.default_rng(1)
    vertices = graph.streets.segment_first[rng.integers(0, len(graph.streets.segment_first), count)]
    return np.column_stack((graph.streets.lon[vertices], graph.streets.lat[vertices])) + rng.normal(0, 2e-4, (count, 2))


def compare(fast: StreetEngine, simple: StreetEngine, points: np.ndarray) -> None:
    """Same points, both searches: equal answers, and how many times faster."""
    quick, fast_s = measure(f"{_SAMPLE} × {_SAMPLE} by {fast.name}", lambda: fast.matrix(points, TRUCK_26T))
    slow, slow_s = measure(f"{_SAMPLE} × {_SAMPLE} by {simple.name}", lambda: simple.matrix(points, TRUCK_26T))
    print(f"equal: {np.array_equal(quick.drive_s, slow.drive_s)}, {slow_s / max(fast_s, 1e-6):.0f} times faster")


def main(pbf: Path) -> None:
    """Measure one map from the extract to the matrix."""
    with tempfile.TemporaryDirectory() as folder:
        kept, order = Path(folder) / "graph.npz", Path(folder) / "order"
        graph, _ = measure("read and build", lambda: build_graph_from_pbf(pbf))
        measure("order (once a map)", lambda: street_engine(graph, topology_dir=order))
        graph.save(kept)
        graph, _ = measure(f"load graph ({kept.stat().st_size / 1e6:.0f} MB)", lambda: StreetGraph.load(kept))
        engine, _ = measure("load order", lambda: street_engine(graph, topology_dir=order))
    print(f"{graph.edges:,} edges, {graph.arcs:,} turns, {graph.streets.length_m.sum() / 1000:,.0f} km")
    points = points_near_streets(graph, 1000)
    measure("first question of a vehicle", lambda: engine.matrix(points[:2], TRUCK_26T))
    measure("500 × 500", lambda: engine.matrix(points[:500], TRUCK_26T))
    measure("1,000 × 1,000", lambda: engine.matrix(points, TRUCK_26T))
    measure("geometry of 100 legs", lambda: engine.geometry(points[:101], TRUCK_26T))
    compare(engine, DijkstraEngine(graph), points[:_SAMPLE])
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000:,.0f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("map", type=Path, help="an .osm.pbf extract")
    main(parser.parse_args().map)
