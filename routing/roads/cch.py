"""Shortest paths by customizable contraction hierarchies [1]_: a city's order is worked out once, a vehicle's costs in a blink.

.. [1] Dibbelt, Strasser, Wagner (2016). Customizable contraction hierarchies. ACM JEA 21.
"""

import importlib
import importlib.util
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from routing.roads.dijkstra import DijkstraEngine
from routing.roads.engine import REACH_M
from routing.roads.extract import Progress
from routing.roads.graph import StreetGraph
from routing.roads.passage import CLOSED, Passage
from routing.roads.street_engine import NO_WAY, Search, StreetEngine

Array = npt.NDArray[Any]

_WHEEL: Final = "pyroutingkit"
_STAMP: Final = "built-for"
_KEPT_METRICS: Final = 2  # vehicles per thread; each holds two metrics of the whole graph


def is_available() -> bool:
    """Whether the wheel for the fast engine is installed on this platform."""
    return importlib.util.find_spec(_WHEEL) is not None


def street_engine(
    graph: StreetGraph, *, topology_dir: Path | None = None, reach_m: float = REACH_M, progress: Progress | None = None
) -> StreetEngine:
    """Open the fastest engine that runs here; both give the same answers, and the engine's name says which it is."""
    if is_available():
        return CchEngine(graph, topology_dir=topology_dir, reach_m=reach_m, progress=progress)
    return DijkstraEngine(graph, reach_m=reach_m)


class CchEngine(StreetEngine):
    """The fast engine.

    Parameters
    ----------
    topology_dir
        Folder for the graph's order, written when it is missing or was made for another graph, else read. None keeps it in memory.
    progress
        Told the stage ``order``.

    Raises
    ------
    ImportError
        If the wheel is not installed; `street_engine` falls back by itself.
    """

    name = "cch-1"

    def __init__(
        self, graph: StreetGraph, *, topology_dir: Path | None = None, reach_m: float = REACH_M, progress: Progress | None = None
    ) -> None:
        super().__init__(graph, reach_m=reach_m)
        self._kit = importlib.import_module(_WHEEL)
        tell = progress or (lambda _stage, _share: None)
        tell("order", 0.0)
        self._topology = self._read(topology_dir) or self._build(topology_dir)
        self._of_thread = threading.local()
        tell("order", 1.0)

    def _read(self, folder: Path | None) -> Any:
        """Topology kept in the folder, None if there is none for this very graph."""
        if folder is None or not (folder / _STAMP).is_file() or (folder / _STAMP).read_text() != self.graph.digest:
            return None
        topology = self._kit.CCHTopology()
        topology.load(str(folder))
        fits = topology.node_count == self.graph.edges and topology.arc_count == self.graph.arcs
        return topology if fits else None

    def _build(self, folder: Path | None) -> Any:
        graph, streets = self.graph, self.graph.streets
        middle = (streets.segment_first + streets.segment_last) // 2
        at = middle[graph.edge_segment]
        topology = self._kit.CCHTopology()
        places = streets.lat[at].astype(np.float32), streets.lon[at].astype(np.float32)
        topology.build(graph.arc_from.astype(np.uint32), graph.arc_to.astype(np.uint32), *places, graph.edges)
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / _STAMP).unlink(missing_ok=True)
            topology.save(str(folder))
            (folder / _STAMP).write_text(graph.digest)  # last: a half-written folder has no stamp
        return topology

    def _search(self, costs: Passage) -> Search:
        """Metrics belong to one thread: the library crashes when two share one. The topology is shared."""
        if not hasattr(self._of_thread, "searches"):
            self._of_thread.searches = OrderedDict()
        searches: OrderedDict[str, _CchSearch] = self._of_thread.searches
        key = costs.profile.key
        if key not in searches:
            searches[key] = _CchSearch(self._metric(costs.arc_ticks), self._metric(costs.arc_both))
        searches.move_to_end(key)
        while len(searches) > _KEPT_METRICS:
            searches.popitem(last=False)
        return searches[key]

    def _metric(self, weights: Array) -> Any:
        metric = self._kit.CCHMetric(self._topology)
        metric.customize(weights)
        return metric


class _CchSearch(Search):
    def __init__(self, ticks: Any, both: Any) -> None:
        self._ticks = ticks
        self._both = both

    def ticks_and_dm(self, sources: Array, targets: Array) -> tuple[Array, Array]:
        # the library checks no ids; these come from the graph it was built for
        ends = sources.astype(np.uint32), targets.astype(np.uint32)
        shape = (len(sources), len(targets))
        ticks = np.asarray(self._ticks.distances_many_to_many(*ends)).reshape(shape).astype(np.int64)
        both = np.asarray(self._both.distances_many_to_many(*ends)).reshape(shape).astype(np.int64)
        reached = (ticks < CLOSED) & (both < CLOSED)
        return np.where(reached, ticks, NO_WAY), np.where(reached, both - ticks, 0)

    def path(self, source: int, target: int) -> list[int]:
        _, edges, _ = self._ticks.query(source, target)
        return [int(edge) for edge in edges]
