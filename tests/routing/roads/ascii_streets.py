"""Tiny towns drawn in ASCII become `.osm.pbf` files.

A capital letter is a junction, ``+`` a bend, a dash or a bar 100 m of two-way street, and an arrow (``> < v ^``) 100 m that makes its
street one-way. So ``A----B`` is 400 m and ``A-->B`` 300 m, one-way. Letters have no width; therefore a column that holds a letter
holds no dash in another line (bend or break the street there).

Streets are named by their ends in reading order (``AB``) and are main streets, so that a test's vehicle drives its top speed. The town
lies on the equator, where a degree is as long both ways.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import osmium
from osmium.osm.mutable import Node, Relation, Way

from routing.roads.sphere import METRES_PER_DEGREE

_ALONG = {"-": 0, ">": 1, "<": -1}
_DOWN = {"|": 0, "v": 1, "^": -1}


@dataclass(frozen=True)
class Town:
    """A drawn town on disk."""

    pbf: Path
    places: Mapping[str, tuple[float, float]]

    def at(self, place: str, *, east_m: float = 0, north_m: float = 0) -> tuple[float, float]:
        """Longitude and latitude of a junction, or of a point so many metres away from it."""
        lon, lat = self.places[place]
        return lon + east_m / METRES_PER_DEGREE, lat + north_m / METRES_PER_DEGREE


def ascii_town(
    folder: Path,
    drawing: str,
    *,
    tags: Mapping[str, Mapping[str, str]] | None = None,
    turns: Sequence[str] = (),
    node_tags: Mapping[str, Mapping[str, str]] | None = None,
    turn_tags: Mapping[str, str] | None = None,
) -> Town:
    """Write the town. `turns` are like ``"no_left_turn AB B BC"``: from street, via junction, to street; ``no_left_turn:hgv`` is for
    lorries."""
    rows = _rows(drawing)
    metres = _metres(rows)
    drawn = list(_streets(rows))
    streets = dict(drawn)
    if len(streets) < len(drawn):
        raise ValueError("two streets between the same junctions: put a letter into one of them")
    numbers = {cell: i + 1 for i, cell in enumerate(sorted(metres))}
    letters = {rows[r][c]: (r, c) for r, c in metres if rows[r][c] != "+"}
    degrees = {cell: (x / METRES_PER_DEGREE, y / METRES_PER_DEGREE) for cell, (x, y) in metres.items()}
    ids = {name: 100 + i for i, name in enumerate(streets)}
    pbf = folder / "town.osm.pbf"
    with osmium.SimpleWriter(str(pbf), overwrite=True) as writer:
        for cell, number in sorted(numbers.items(), key=lambda item: item[1]):
            extra = dict((node_tags or {}).get(rows[cell[0]][cell[1]], {}))
            writer.add_node(Node(id=number, version=1, location=degrees[cell], tags=extra))
        for name, (cells, direction) in streets.items():
            own = {"highway": "primary", "name": name, **({"oneway": "yes" if direction > 0 else "-1"} if direction else {})}
            writer.add_way(Way(id=ids[name], version=1, nodes=[numbers[c] for c in cells], tags={**own, **(tags or {}).get(name, {})}))
        for i, turn in enumerate(turns):
            kind, come, via, go = turn.split()
            kind, _, whom = kind.partition(":")
            own = {"type": "restriction", f"restriction{':' if whom else ''}{whom}": kind}
            members = [("w", ids[come], "from"), ("n", numbers[letters[via]], "via"), ("w", ids[go], "to")]
            writer.add_relation(Relation(id=900 + i, version=1, members=members, tags={**own, **(turn_tags or {})}))
    return Town(pbf, {name: degrees[cell] for name, cell in letters.items()})


def _rows(drawing: str) -> list[str]:
    lines = drawing.strip("\n").splitlines()
    indent = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    width = max(map(len, lines))
    return [line.ljust(width)[indent:] for line in lines]


def _is_node(char: str) -> bool:
    return char == "+" or char.isupper()


def _metres(rows: list[str]) -> dict[tuple[int, int], tuple[float, float]]:
    """Where each junction and bend lies, in metres east and north: lines and columns without any count 100 m."""
    nodes = [(r, c) for r, row in enumerate(rows) for c, char in enumerate(row) if _is_node(char)]
    node_rows, node_columns = {r for r, _ in nodes}, {c for _, c in nodes}
    for r, row in enumerate(rows):
        for c, char in enumerate(row):
            if (char in _ALONG and c in node_columns) or (char in _DOWN and r in node_rows):
                raise ValueError(f"line {r}, column {c}: {char!r} beside a junction's column or line would count nothing")
    return {(r, c): (100.0 * len(set(range(c)) - node_columns), -100.0 * len(set(range(r)) - node_rows)) for r, c in nodes}


def _streets(rows: list[str]) -> Iterator[tuple[str, tuple[list[tuple[int, int]], int]]]:
    """Streets from letter to letter (bends within): name, (cells, direction)."""
    links: dict[tuple[int, int], dict[tuple[int, int], int]] = {}
    for r, row in enumerate(rows):
        for c, char in enumerate(row):
            if _is_node(char):
                for (dr, dc), signs in (((0, 1), _ALONG), ((1, 0), _DOWN)):
                    end, direction = _run(rows, (r, c), (dr, dc), signs)
                    if end:
                        links.setdefault((r, c), {})[end] = direction
                        links.setdefault(end, {})[(r, c)] = -direction
    for cell in sorted(links):
        if rows[cell[0]][cell[1]] == "+":
            continue
        for following, direction in sorted(links[cell].items()):
            cells = [cell, following]
            while rows[cells[-1][0]][cells[-1][1]] == "+":
                (onward,) = (n for n in links[cells[-1]] if n != cells[-2])
                direction = direction or links[cells[-1]][onward]
                cells.append(onward)
            if cells[0] < cells[-1] or (cells[0] == cells[-1] and cells[1] < cells[-2]):
                yield rows[cell[0]][cell[1]] + rows[cells[-1][0]][cells[-1][1]], (cells, direction)


def _run(rows: list[str], cell: tuple[int, int], step: tuple[int, int], signs: Mapping[str, int]) -> tuple[tuple[int, int] | None, int]:
    """Follow dashes from a junction; the next junction and the direction of the arrow on the way."""
    (r, c), direction = cell, 0
    while True:
        r, c = r + step[0], c + step[1]
        char = rows[r][c] if r < len(rows) and c < len(rows[r]) else " "
        if _is_node(char) and (r, c) != (cell[0] + step[0], cell[1] + step[1]):
            return (r, c), direction
        if char not in signs:
            return None, 0
        direction = direction or signs[char]
