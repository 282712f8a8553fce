"""Read tiles out of a PMTiles file: header and directories are kept, a tile is one slice of a mapped file."""

import gzip
import json
import mmap
from functools import lru_cache
from pathlib import Path
from typing import Any

from pmtiles.tile import Compression, Entry, deserialize_directory, deserialize_header, find_tile, zxy_to_tileid

_DEEPEST = 4


class TileArchive:
    """One basemap. Safe to share between threads."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.header = deserialize_header(self._bytes[:127])
        self._directory = lru_cache(maxsize=256)(self._read_directory)

    def find_tile(self, z: int, x: int, y: int) -> bytes | None:
        """The gzipped tile; None where there is nothing to draw. Raises ValueError for a tile that no map can have."""
        if not (0 <= z <= 30 and 0 <= x < 2**z and 0 <= y < 2**z):
            raise ValueError(f"there is no tile {z}/{x}/{y}")
        tile_id = zxy_to_tileid(z, x, y)
        offset, length = self.header["root_offset"], self.header["root_length"]
        for _ in range(_DEEPEST):
            entry = find_tile(self._directory(offset, length), tile_id)
            if entry is None:
                return None
            if entry.run_length:
                return self._slice(self.header["tile_data_offset"] + entry.offset, entry.length)
            offset, length = self.header["leaf_directory_offset"] + entry.offset, entry.length
        return None

    def metadata(self) -> dict[str, Any]:
        """Layers and their attributes, as the tile cutter wrote them."""
        packed = self._slice(self.header["metadata_offset"], self.header["metadata_length"])
        zipped = self.header["internal_compression"] == Compression.GZIP
        return dict(json.loads(gzip.decompress(packed) if zipped else packed))

    def _read_directory(self, offset: int, length: int) -> list[Entry]:
        return deserialize_directory(self._slice(offset, length))

    def _slice(self, offset: int, length: int) -> bytes:
        return self._bytes[offset : offset + length]


@lru_cache(maxsize=8)
def open_archive(path: Path) -> TileArchive:
    """The archive at `path`, opened once per process: the folder is named by its content, so it never changes."""
    return TileArchive(path)
