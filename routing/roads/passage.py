"""What one vehicle makes of a street graph: where it may drive, how long that takes, and where it can come back from.

Times are whole ticks of 10 µs and lengths whole decimetres, so that every engine adds up the same integers.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from routing.roads.graph import BANNED_HEAVY, BANNED_LIGHT, StreetGraph
from routing.roads.profile import VehicleProfile
from routing.roads.tags import FREE_FLOW_KMH, HIGHWAY_CLASSES, LIMIT_IS_REACHED, Access

Array = npt.NDArray[Any]

TICKS_PER_S: Final = 100_000
DM_PER_M: Final = 10
CLOSED: Final = 2_147_483_647
"""Ticks of an arc that must not be driven; also the sum that no path may reach: 5.9 hours, more than any leg of a round."""

NO_THROUGH_S: Final = 600
"""Detour a truck takes rather than cut through a street that is open to its own visitors only."""

EVERYWHERE: Final = -1
"""Zone of the streets that are open to all."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Passage:
    """Costs of a graph's E edges and A arcs for one vehicle.

    `arc_ticks` counts the turn and the whole edge behind it. `arc_both` adds one tick a decimetre: the shortest path by it
    hardly differs, and the difference of the two sums is the path's length.
    """

    profile: VehicleProfile
    edge_ticks: Array
    edge_dm: Array
    arc_ticks: Array
    arc_both: Array
    usable: Array
    """Edges in the part of the network where the vehicle can get from everywhere to everywhere, bool, shape (E,)."""
    stoppable: Array
    """Usable edges where a truck may stop to lift: all but motorways, where there are others; bool, shape (E,)."""
    zone: Array
    """No-through area of each edge, `EVERYWHERE` for open streets; shape (E,)."""


def passage(graph: StreetGraph, profile: VehicleProfile) -> Passage:
    """Work out the costs of `graph` for `profile`."""
    edge_access = _edge_access(graph, profile)
    edge_ticks, edge_dm = _edge_costs(graph, profile)
    banned = BANNED_HEAVY if profile.heavy else BANNED_LIGHT
    may_turn = (graph.arc_banned & banned) == 0
    drivable = may_turn & (edge_access[graph.arc_from] > Access.CLOSED) & (edge_access[graph.arc_to] > Access.CLOSED)

    usable = _largest_part(graph, drivable, edge_access > Access.CLOSED)
    zone = _zones(graph, drivable, edge_access)
    enters = (zone[graph.arc_from] == EVERYWHERE) & (zone[graph.arc_to] != EVERYWHERE)
    ticks = np.rint(graph.arc_penalty_s.astype(np.float64) * TICKS_PER_S).astype(np.int64) + edge_ticks[graph.arc_to]
    ticks += enters * (NO_THROUGH_S * TICKS_PER_S)
    both = ticks + edge_dm[graph.arc_to]
    return Passage(
        profile=profile,
        edge_ticks=edge_ticks,
        edge_dm=edge_dm,
        arc_ticks=np.where(drivable, np.minimum(ticks, CLOSED), CLOSED).astype(np.uint32),
        arc_both=np.where(drivable, np.minimum(both, CLOSED), CLOSED).astype(np.uint32),
        usable=usable,
        stoppable=_stoppable(graph, usable),
        zone=zone,
    )


def _edge_access(graph: StreetGraph, profile: VehicleProfile) -> Array:
    streets = graph.streets
    access = np.array(streets.access_heavy if profile.heavy else streets.access_light)
    # limits are kept in single precision: compare likewise, or a 3.6 m truck would not pass under a 3.6 m bridge
    fits = (
        (streets.max_height_m >= np.float32(profile.height_m))
        & (streets.max_width_m >= np.float32(profile.width_m))
        & (streets.max_length_m >= np.float32(profile.length_m))
        & (streets.max_weight_t >= np.float32(profile.weight_t))
    )
    access[~fits] = Access.CLOSED
    return access[graph.edge_street]


def _edge_costs(graph: StreetGraph, profile: VehicleProfile) -> tuple[Array, Array]:
    """Ticks and decimetres of each edge, at least one tick: a search reads 0 as no edge."""
    streets = graph.streets
    limit_kmh = streets.limit_heavy_kmh if profile.heavy else streets.limit_light_kmh
    usual = np.array([FREE_FLOW_KMH[name] for name in HIGHWAY_CLASSES])[streets.street_class]
    factor = np.array([dict(profile.speed_factor).get(name, 1.0) for name in HIGHWAY_CLASSES])[streets.street_class]
    kmh = np.minimum(np.minimum(usual * factor, limit_kmh.astype(np.float64) * LIMIT_IS_REACHED), profile.max_speed_kmh)
    drive_s = graph.edge_length_m / (kmh[graph.edge_street] / 3.6)
    ticks = np.maximum(np.rint(drive_s * TICKS_PER_S), 1).astype(np.int64)
    return ticks, np.rint(graph.edge_length_m * DM_PER_M).astype(np.int64)


def _largest_part(graph: StreetGraph, arcs: Array, edges: Array) -> Array:
    """Edges of the largest strongly connected part of the graph that keeps `arcs` and `edges`."""
    label = _parts(graph, graph.arc_from[arcs], graph.arc_to[arcs], "strong")
    sizes = np.bincount(label[edges]) if edges.any() else np.zeros(1, np.int64)
    return np.asarray(edges & (label == sizes.argmax()))


def _stoppable(graph: StreetGraph, usable: Array) -> Array:
    motorway = np.array([name.startswith("motorway") for name in HIGHWAY_CLASSES])[graph.streets.street_class]
    stoppable = usable & ~motorway[graph.edge_street]
    return stoppable if stoppable.any() else usable


def _zones(graph: StreetGraph, drivable: Array, edge_access: Array) -> Array:
    """Number the no-through areas: neighbouring streets for visitors only, with the open streets enclosed by them."""
    is_open = edge_access == Access.OPEN
    among_open = drivable & is_open[graph.arc_from] & is_open[graph.arc_to]
    enclosed = ~_largest_part(graph, among_open, is_open)
    within = drivable & enclosed[graph.arc_from] & enclosed[graph.arc_to]
    two_way = graph.segment_edges[(graph.segment_edges >= 0).all(axis=1)]
    tails = np.concatenate((graph.arc_from[within], two_way[:, 0]))
    heads = np.concatenate((graph.arc_to[within], two_way[:, 1]))
    return np.where(enclosed, _parts(graph, tails, heads, "weak"), EVERYWHERE)


def _parts(graph: StreetGraph, tails: Array, heads: Array, connection: Literal["weak", "strong"]) -> Array:
    arcs = sp.csr_array((np.ones(len(tails), np.int8), (tails, heads)), shape=(graph.edges, graph.edges))
    return np.asarray(connected_components(arcs, directed=True, connection=connection)[1])
