"""Shortest paths by scipy's Dijkstra: slow and simple. The fall-back without the fast engine's wheel, and its oracle in tests."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse.csgraph import dijkstra

from routing.roads.graph import StreetGraph
from routing.roads.passage import CLOSED, Passage
from routing.roads.street_engine import NO_WAY, Search, StreetEngine

Array = npt.NDArray[Any]

_SOURCES_AT_ONCE: Final = 16  # a row of the whole graph each


class DijkstraEngine(StreetEngine):
    """One search per source over the whole graph: some 30 ms each in a city of 200,000 edges."""

    name = "dijkstra-1"

    def _search(self, costs: Passage) -> Search:
        return _DijkstraSearch(self.graph, costs)


class _DijkstraSearch(Search):
    def __init__(self, graph: StreetGraph, costs: Passage) -> None:
        self._ticks = _arcs(graph, costs.arc_ticks)
        self._both = _arcs(graph, costs.arc_both)

    def ticks_and_dm(self, sources: Array, targets: Array) -> tuple[Array, Array]:
        ticks, both = np.empty((2, len(sources), len(targets)), np.int64)
        for start in range(0, len(sources), _SOURCES_AT_ONCE):
            rows = slice(start, start + _SOURCES_AT_ONCE)
            ticks[rows] = _whole(dijkstra(self._ticks, indices=sources[rows])[:, targets])
            both[rows] = _whole(dijkstra(self._both, indices=sources[rows])[:, targets])
        reached = (ticks < NO_WAY) & (both < NO_WAY)
        return np.where(reached, ticks, NO_WAY), np.where(reached, both - ticks, 0)

    def path(self, source: int, target: int) -> list[int]:
        _, before = dijkstra(self._ticks, indices=np.array(source), return_predecessors=True)
        edges = [target]
        while edges[-1] != source:
            edges.append(int(before[edges[-1]]))
        return edges[::-1]


def _arcs(graph: StreetGraph, weights: Array) -> Any:
    driven = weights < CLOSED
    cells = (graph.arc_from[driven], graph.arc_to[driven])
    return sp.csr_array((weights[driven].astype(np.float64), cells), shape=(graph.edges, graph.edges))


def _whole(sums: Array) -> Array:
    """Exact: the sums of whole ticks stay far below 2**53."""
    reached = np.isfinite(sums) & (sums < CLOSED)
    return np.where(reached, sums, NO_WAY).astype(np.int64)
