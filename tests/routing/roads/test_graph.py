"""Reading an extract, building the graph, keeping it in a file."""

from pathlib import Path

import numpy as np
import osmium
import pytest
from osmium.osm.mutable import Node, Way

from routing.roads.build import build_graph, build_graph_from_pbf
from routing.roads.cch import CchEngine, is_available, street_engine
from routing.roads.dijkstra import DijkstraEngine
from routing.roads.extract import Area, read_streets
from routing.roads.graph import BANNED_HEAVY, GraphFileError, StreetGraph
from tests.routing.roads.ascii_streets import ascii_town
from tests.routing.roads.conftest import TRUCK, VAN

T_JUNCTION = """
    A---B---C
        |
        D
"""


def turn_names(graph: StreetGraph) -> list[tuple[str, str]]:
    """All turns by the names of their streets; ``-`` before a street driven against its line."""
    names = [("-" if graph.edge_reversed[edge] else "") + graph.street_name(edge) for edge in range(graph.edges)]
    return [(names[a], names[b]) for a, b in zip(graph.arc_from, graph.arc_to, strict=True)]


def turns(graph: StreetGraph) -> set[tuple[str, str]]:
    """The turns as a set."""
    return set(turn_names(graph))


def test_every_street_follows_every_other_at_a_junction(tmp_path: Path):
    """Three two-way streets meet: 3 × 3 turns at B, and one U-turn at each of three ends."""
    graph = build_graph_from_pbf(ascii_town(tmp_path, T_JUNCTION).pbf)
    assert (graph.edges, graph.arcs) == (6, 12)
    assert {("AB", "BC"), ("AB", "BD"), ("AB", "-AB"), ("-BC", "-AB"), ("BC", "-BC")} < turns(graph)


def test_a_u_turn_ban_closes_the_way_back_only(tmp_path: Path):
    """`no_u_turn` from AB into AB at B takes that one arc away."""
    open_town = turns(build_graph_from_pbf(ascii_town(tmp_path, T_JUNCTION).pbf))
    banned = turns(build_graph_from_pbf(ascii_town(tmp_path, T_JUNCTION, turns=["no_u_turn AB B AB"]).pbf))
    assert open_town - banned == {("AB", "-AB")}


def test_an_only_rule_allows_one_way_on_and_forbids_turning_round(tmp_path: Path):
    """From AB only BC remains; other streets keep all their turns."""
    graph = build_graph_from_pbf(ascii_town(tmp_path, T_JUNCTION, turns=["only_straight_on AB B BC"]).pbf)
    assert {b for a, b in turns(graph) if a == "AB"} == {"BC"}
    assert {b for a, b in turns(graph) if a == "-BC"} == {"-AB", "BD", "BC"}


def test_an_only_rule_into_a_street_that_is_not_there_is_ignored(tmp_path: Path):
    """BC is a footway: obeying the rule would close the junction."""
    town = ascii_town(tmp_path, T_JUNCTION, turns=["only_straight_on AB B BC"], tags={"BC": {"highway": "footway"}})
    assert ("AB", "BD") in turns(build_graph_from_pbf(town.pbf))


def test_a_restriction_for_lorries_does_not_concern_vans(tmp_path: Path):
    """The arc stays in the graph that both share, marked for lorries; they take the dead end (846 m), the van turns (246 m)."""
    town = ascii_town(tmp_path, T_JUNCTION, turns=["no_right_turn:hgv AB B BD"])
    graph = build_graph_from_pbf(town.pbf)
    assert sorted(graph.arc_banned) == [0] * 11 + [BANNED_HEAVY]
    stops, engine = [town.at("A", east_m=100), town.at("D", north_m=54)], DijkstraEngine(graph)
    assert [engine.matrix(stops, vehicle).distance_m[0, 1] for vehicle in (TRUCK, VAN)] == [846, 246]


def test_a_rule_about_a_missing_street_or_of_another_kind_is_left_out(tmp_path: Path):
    """BD is a stair and no street of ours; giving way forbids nothing: all twelve turns remain."""
    missing = ascii_town(tmp_path, T_JUNCTION, turns=["no_right_turn AB B BD"], tags={"BD": {"highway": "steps"}})
    assert build_graph_from_pbf(missing.pbf).arc_banned.max() == 0
    unknown = ascii_town(tmp_path, T_JUNCTION, turns=["give_way AB B BD"])
    assert build_graph_from_pbf(unknown.pbf).arcs == 12


def one_street(folder: Path, nodes: list[int], known: set[int]) -> Path:
    """A street over `nodes`, each 0.001° (111 m) east of its number's predecessor; only the `known` ones are in the extract."""
    pbf = folder / "street.osm.pbf"
    with osmium.SimpleWriter(str(pbf), overwrite=True) as writer:
        for node in sorted(known):
            writer.add_node(Node(id=node, version=1, location=(node / 1000, 0.0)))
        writer.add_way(Way(id=1, version=1, nodes=nodes, tags={"highway": "residential"}))
    return pbf


def test_a_gap_in_the_extract_is_not_bridged(tmp_path: Path):
    """Node 3 of 1-2-3-4-5 is missing: two pieces of 111 m remain, with nothing between."""
    streets = read_streets(one_street(tmp_path, [1, 2, 3, 4, 5], {1, 2, 4, 5}))
    assert streets.length_m.round().tolist() == [111, 111]
    assert len(streets.node_blocked) == 4


def test_a_node_named_twice_in_a_row_is_no_street(tmp_path: Path):
    """1-1-2 is one piece of 111 m."""
    assert read_streets(one_street(tmp_path, [1, 1, 2], {1, 2})).length_m.round().tolist() == [111]


def test_a_loop_driven_twice_is_no_u_turn(tmp_path: Path):
    """Clockwise round the loop and on: a right turn at A (3 s), the other way a left turn (6 s); round within it 60 s."""
    town = ascii_town(
        tmp_path,
        """
        X--A--+
           |  |
           +--+
        """,
    )
    graph = build_graph_from_pbf(town.pbf)
    seconds = dict(zip(turn_names(graph), graph.arc_penalty_s.tolist(), strict=True))
    assert [seconds[pair] for pair in (("AA", "AA"), ("-AA", "-AA"), ("AA", "-AA"))] == [3, 6, 60]


def test_streets_end_at_the_rim_of_the_area(tmp_path: Path):
    """A---B---C cut 500 m east of A: C lies beyond, and with it the street to it."""
    town = ascii_town(tmp_path, "A---B---C")
    streets = read_streets(town.pbf, area=Area.around([town.at("A")], margin_m=500))
    assert streets.length_m.round().tolist() == [300]
    with pytest.raises(ValueError, match="within the area"):
        read_streets(town.pbf, area=Area.around([(50, 50)]))


def test_a_file_that_is_no_extract_says_so(tmp_path: Path):
    """Another content, an extract without streets, and no file at all."""
    (tmp_path / "text.osm.pbf").write_text("no extract")
    with pytest.raises(ValueError, match="cannot be read"):
        read_streets(tmp_path / "text.osm.pbf")
    with pytest.raises(ValueError, match="no street for motor vehicles"):
        read_streets(ascii_town(tmp_path, "A---B", tags={"AB": {"highway": "steps"}}).pbf)
    with pytest.raises(FileNotFoundError):
        read_streets(tmp_path / "missing.osm.pbf")


def test_an_area_keeps_its_margin_all_round():
    """At 60° north a degree of longitude is half as long: 1 km is 0.009° up and 0.018° sideways."""
    area = Area.around([(10, 60), (11, 60)], margin_m=1_000)
    assert (10 - area.west, area.north - 60) == pytest.approx((0.018, 0.009), rel=0.01)
    with pytest.raises(ValueError, match="no points"):
        Area.around([])


def test_a_graph_comes_back_from_its_file(tmp_path: Path):
    """Same content, same digest, same answers, names included."""
    town = ascii_town(tmp_path, T_JUNCTION, turns=["no_left_turn BC B BD"], tags={"AB": {"name": "Rúa d'Água – 東"}})
    graph = build_graph_from_pbf(town.pbf)
    graph.save(tmp_path / "graph.npz")
    kept = StreetGraph.load(tmp_path / "graph.npz")
    assert kept.digest == graph.digest
    assert turns(kept) == turns(graph)
    stops = [town.at("A"), town.at("D")]
    assert (DijkstraEngine(kept).matrix(stops, TRUCK).drive_s == DijkstraEngine(graph).matrix(stops, TRUCK).drive_s).all()


def test_another_side_of_the_road_is_another_graph(tmp_path: Path):
    """The digest names the content: same extract same digest, other turn costs another."""
    streets = read_streets(ascii_town(tmp_path, T_JUNCTION).pbf)
    assert build_graph(streets).digest == build_graph(streets).digest
    assert build_graph(streets).digest != build_graph(streets, drives_on="left").digest


def test_a_damaged_or_foreign_file_is_refused(tmp_path: Path):
    """One length changed, another format, half a file, no archive: each is told apart, and a missing file stays missing."""
    graph = build_graph_from_pbf(ascii_town(tmp_path, T_JUNCTION).pbf)
    path = tmp_path / "graph.npz"
    graph.save(path)
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **{**arrays, "along_m": arrays["along_m"] * 2})
    with pytest.raises(GraphFileError, match="damaged"):
        StreetGraph.load(path)
    np.savez(path, **{**arrays, "format": np.array("another")})
    with pytest.raises(GraphFileError, match="build it again"):
        StreetGraph.load(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(GraphFileError, match="no street graph"):
        StreetGraph.load(path)
    path.write_bytes(b"no archive")
    with pytest.raises(GraphFileError, match="no street graph"):
        StreetGraph.load(path)
    with pytest.raises(FileNotFoundError):
        StreetGraph.load(tmp_path / "missing.npz")


def test_building_tells_how_far_it_is(tmp_path: Path):
    """Each stage ends at 1."""
    told: list[tuple[str, float]] = []
    build_graph_from_pbf(ascii_town(tmp_path, T_JUNCTION).pbf, progress=lambda stage, share: told.append((stage, share)))
    assert {stage for stage, share in told if share == 1} == {"read", "cut", "turns"}


@pytest.mark.skipif(not is_available(), reason="the wheel of the fast engine is not installed here")
def test_the_order_is_kept_beside_the_graph_and_made_anew_for_another(tmp_path: Path):
    """The folder's stamp is the digest of the graph it was made for."""
    right, left = (build_graph_from_pbf(ascii_town(tmp_path, T_JUNCTION).pbf, drives_on=side) for side in ("right", "left"))
    CchEngine(right, topology_dir=tmp_path / "order")
    stamp = tmp_path / "order" / "built-for"
    written = stamp.stat().st_mtime_ns
    CchEngine(right, topology_dir=tmp_path / "order")
    assert (stamp.read_text(), stamp.stat().st_mtime_ns) == (right.digest, written)
    CchEngine(left, topology_dir=tmp_path / "order")
    assert stamp.read_text() == left.digest


def test_without_the_wheel_dijkstra_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Another platform: the same answers, slower, and the name says so."""
    graph = build_graph_from_pbf(ascii_town(tmp_path, T_JUNCTION).pbf)
    monkeypatch.setattr("routing.roads.cch.is_available", lambda: False)
    assert street_engine(graph).name == "dijkstra-1"
