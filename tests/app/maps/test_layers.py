"""What a tag looks like on the map."""

from pathlib import Path

import osmium
import pytest

from app.maps.basemap import drawn_area
from app.maps.layers import show_area, show_line, show_place
from app.maps.style import style
from routing.roads.extract import Area


@pytest.mark.parametrize(
    ("tags", "layer", "road_class", "zoom"),
    [
        ({"highway": "motorway"}, "roads", "motorway", 5),
        ({"highway": "motorway_link"}, "roads", "motorway", 7),
        ({"highway": "residential", "name": "Elm Row"}, "roads", "minor", 11),
        ({"waterway": "river"}, "water", "river", 8),
    ],
)
def test_lines(tags: dict[str, str], layer: str, road_class: str, zoom: int) -> None:
    shown = show_line(tags)
    assert shown is not None
    assert (shown.layer, shown.properties["class"], shown.first_zoom) == (layer, road_class, zoom)
    assert shown.properties.get("name") == tags.get("name")


@pytest.mark.parametrize("tags", [{"highway": "proposed"}, {"highway": "pedestrian", "area": "yes"}, {"waterway": "dam"}, {}])
def test_lines_that_are_not_shown(tags: dict[str, str]) -> None:
    assert show_line(tags) is None


def test_areas_and_places() -> None:
    lake, house, park = show_area({"natural": "water"}), show_area({"building": "yes"}), show_area({"leisure": "park"})
    town = show_place({"place": "town", "name": "Ulm"})
    assert lake and house and park and town
    assert (lake.layer, house.layer, park.layer, town.layer) == ("water", "buildings", "land", "places")
    assert park.properties == {"class": "green"}
    assert show_area({"landuse": "military"}) is None
    assert show_place({"place": "town"}) is None  # nothing to write


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_style_asks_for_nothing_from_elsewhere_and_only_for_layers_that_are_there(theme: str) -> None:
    made = style(theme, "/tiles/x/tiles.json", {"roads"})
    assert "glyphs" not in made
    assert "sprite" not in made
    assert {layer.get("source-layer") for layer in made["layers"]} == {None, "roads"}
    assert len({layer["id"] for layer in made["layers"]}) == len(made["layers"])


def test_the_basemap_covers_the_extract_and_streets_that_reach_beyond_it(tmp_path: Path) -> None:
    """The extract was cut to 0..2 degrees, a street runs on to 3."""
    extract = tmp_path / "cut.osm.pbf"
    header = osmium.io.Header()
    header.add_box(osmium.osm.Box(0.0, 0.0, 2.0, 2.0))
    with osmium.SimpleWriter(str(extract), header=header) as writer:
        writer.add_node(osmium.osm.mutable.Node(id=1, version=1, location=(1.0, 1.0)))
    streets = Area(west=1, south=1, east=3, north=1.5)

    assert drawn_area(extract, streets) == Area(west=0, south=0, east=3, north=2)
