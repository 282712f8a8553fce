"""Build the street graph: which edge follows which, and what each turn costs."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from routing.roads.extract import Area, Progress, RuleKind, Streets, TurnRule, read_streets
from routing.roads.graph import BANNED_HEAVY, BANNED_LIGHT, StreetGraph

Array = npt.NDArray[Any]

DrivesOn = Literal["right", "left"]

_SIDEWAYS_DEG = 60.0


@dataclass(frozen=True, kw_only=True)
class TurnCosts:
    """Seconds that a truck loses at a turn."""

    near_side_s: float = 3.0
    """Around the corner on one's own side: right where traffic keeps right."""
    across_s: float = 6.0
    """Across the oncoming traffic."""
    straight_on_s: float = 0.5
    """Straight over a junction."""
    dead_end_s: float = 25.0
    """Turning round where the street ends."""
    u_turn_s: float = 60.0
    """Turning round at a junction."""

    def __post_init__(self) -> None:
        if min(self.near_side_s, self.across_s, self.straight_on_s, self.dead_end_s, self.u_turn_s) < 0:
            raise ValueError(f"a turn cannot take less than no time: {self}")


def build_graph_from_pbf(
    pbf: str | Path, *, area: Area | None = None, drives_on: DrivesOn = "right", progress: Progress | None = None
) -> StreetGraph:
    """Read an extract and build its graph; see `read_streets` and `build_graph`."""
    return build_graph(read_streets(pbf, area=area, progress=progress), drives_on=drives_on, progress=progress)


def build_graph(
    streets: Streets,
    *,
    drives_on: DrivesOn = "right",
    turn_costs: TurnCosts | None = None,
    progress: Progress | None = None,
) -> StreetGraph:
    """Build the edge-based graph of an extract's streets.

    Parameters
    ----------
    drives_on
        Side of the street on which traffic keeps; the turn across the oncoming lane is the dear one.
    turn_costs
        Seconds a turn; `TurnCosts()` by default.
    progress
        Told the stage ``turns``.
    """
    tell = progress or (lambda _stage, _share: None)
    tell("turns", 0.0)
    segment, backwards = _directed_edges(streets)
    tail = np.where(backwards, streets.segment_to[segment], streets.segment_from[segment])
    head = np.where(backwards, streets.segment_from[segment], streets.segment_to[segment])
    arc_from, arc_to = _follow(tail, head)
    u_turn = segment[arc_from] == segment[arc_to]
    u_turn &= backwards[arc_from] != backwards[arc_to]  # a loop street followed by itself is no U-turn
    passable = u_turn | ~streets.node_blocked[head[arc_from]]
    arc_from, arc_to, u_turn = arc_from[passable], arc_to[passable], u_turn[passable]

    choices = np.bincount(arc_from, minlength=len(segment))[arc_from]
    turn_deg = _turn_angles_deg(streets, segment, backwards, arc_from, arc_to)
    tell("turns", 0.7)
    banned = _bans(streets, segment[arc_from], segment[arc_to], head[arc_from], arc_from, u_turn)
    allowed = banned != (BANNED_HEAVY | BANNED_LIGHT)
    penalty_s = _penalties_s(turn_deg, u_turn, choices, turn_costs or TurnCosts(), drives_on)
    tell("turns", 1.0)
    return StreetGraph(
        streets=streets,
        edge_segment=segment.astype(np.int32),
        edge_reversed=backwards,
        arc_from=arc_from[allowed].astype(np.int32),
        arc_to=arc_to[allowed].astype(np.int32),
        arc_penalty_s=penalty_s[allowed].astype(np.float32),
        arc_banned=banned[allowed],
    )


def _directed_edges(streets: Streets) -> tuple[Array, Array]:
    """Segment of each edge and whether it is driven backwards, ordered by segment."""
    direction = streets.street_direction[streets.segment_street]
    segment = np.concatenate((np.flatnonzero(direction >= 0), np.flatnonzero(direction <= 0)))
    backwards = np.arange(len(segment)) >= np.count_nonzero(direction >= 0)
    order = np.lexsort((backwards, segment))
    return segment[order], backwards[order]


def _follow(tail: Array, head: Array) -> tuple[Array, Array]:
    """All pairs of edges where the second starts at the node in which the first ends, sorted by the first."""
    by_tail = np.argsort(tail, kind="stable")
    node_start = np.searchsorted(tail[by_tail], np.arange(max(tail.max(), head.max()) + 2))
    onwards = node_start[head + 1] - node_start[head]
    arc_from = np.repeat(np.arange(len(head)), onwards)
    nth = np.arange(len(arc_from)) - np.repeat(np.cumsum(onwards) - onwards, onwards)
    return arc_from, by_tail[node_start[head[arc_from]] + nth]


def _turn_angles_deg(streets: Streets, segment: Array, backwards: Array, arc_from: Array, arc_to: Array) -> Array:
    """Change of heading at each arc in degrees, -180..180, positive to the right."""
    first, last = streets.segment_first[segment], streets.segment_last[segment]
    departs = np.where(backwards, _bearing(streets, last, last - 1), _bearing(streets, first, first + 1))
    arrives = np.where(backwards, _bearing(streets, first + 1, first), _bearing(streets, last - 1, last))
    return np.asarray((departs[arc_to] - arrives[arc_from] + 180) % 360 - 180)


def _bearing(streets: Streets, here: Array, there: Array) -> Array:
    east = (streets.lon[there] - streets.lon[here]) * np.cos(np.radians(streets.lat[here]))
    return np.asarray(np.degrees(np.arctan2(east, streets.lat[there] - streets.lat[here])))


def _penalties_s(turn_deg: Array, u_turn: Array, choices: Array, costs: TurnCosts, drives_on: DrivesOn) -> Array:
    right, left = (costs.near_side_s, costs.across_s) if drives_on == "right" else (costs.across_s, costs.near_side_s)
    sideways = np.abs(turn_deg) >= _SIDEWAYS_DEG
    bend = (choices <= 2) & ~sideways  # the street merely goes on (and back)
    at_turn = np.select([bend, turn_deg >= _SIDEWAYS_DEG, turn_deg <= -_SIDEWAYS_DEG], [0.0, right, left], costs.straight_on_s)
    return np.where(u_turn, np.where(choices == 1, costs.dead_end_s, costs.u_turn_s), at_turn)


def _bans(streets: Streets, segment_from: Array, segment_to: Array, via: Array, arc_from: Array, u_turn: Array) -> Array:
    """Which arcs the turn restrictions close, as bits; only arcs at restricted junctions are looked at one by one."""
    banned = np.zeros(len(via), np.uint8)
    way = streets.street_osm_id[streets.segment_street]
    at: dict[tuple[int, int], list[TurnRule]] = defaultdict(list)
    for rule in streets.turn_rules:
        at[rule.from_way, rule.via_node].append(rule)
    concerned = np.flatnonzero(np.isin(via, np.array([rule.via_node for rule in streets.turn_rules], np.int64)))
    onwards: dict[int, set[int]] = defaultdict(set)
    for arc in concerned:
        onwards[int(arc_from[arc])].add(int(way[segment_to[arc]]))
    for arc in concerned:
        rules = at.get((int(way[segment_from[arc]]), int(via[arc])), [])
        banned[arc] = _closed_for(rules, int(way[segment_to[arc]]), bool(u_turn[arc]), onwards[int(arc_from[arc])])
    return banned


def _closed_for(rules: list[TurnRule], to_way: int, u_turn: bool, onwards: set[int]) -> int:
    """Bits of the vehicle classes that may not turn into `to_way`.

    An ``only_`` rule whose target is not in the graph is left out: it would close the junction.
    """
    closed = 0
    heavy, light = [rule for rule in rules if rule.heavy], [rule for rule in rules if rule.light]
    for bit, mine in ((BANNED_HEAVY, heavy), (BANNED_LIGHT, light)):
        only = {rule.to_way for rule in mine if rule.kind is RuleKind.ONLY} & onwards
        if (only and to_way not in only) or any(_forbids(rule, to_way, u_turn) for rule in mine):
            closed |= bit
    return closed


def _forbids(rule: TurnRule, to_way: int, u_turn: bool) -> bool:
    if rule.kind is RuleKind.ONLY or rule.to_way != to_way:
        return False
    # a way may go on beyond the junction under the same id: "no U-turn from A into A" closes the way back, not the way on
    return u_turn if rule.from_way == rule.to_way else True
