"""The street graph: directed edges and the turns between them, kept in one file.

Turns are the arcs, so a forbidden or slow turn is a missing or dear arc, not a special case of the search.
"""

import hashlib
import zipfile
import zlib
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from routing.roads.extract import Streets

Array = npt.NDArray[Any]

FORMAT: Final = "kerbside-street-graph-1"
NO_EDGE: Final = -1

BANNED_HEAVY: Final = 1
BANNED_LIGHT: Final = 2

_STREET_ARRAYS: Final = tuple(f.name for f in fields(Streets) if f.name not in ("names", "turn_rules"))
_EDGE_ARRAYS: Final = ("edge_segment", "edge_reversed", "arc_from", "arc_to", "arc_penalty_s", "arc_banned")


class GraphFileError(ValueError):
    """The file is no street graph of this version, or was damaged; build the graph again."""


@dataclass(frozen=True, eq=False, kw_only=True)
class StreetGraph:
    """E directed edges (a segment driven one way) and A arcs (from the end of one edge into the next).

    One graph serves all vehicles: sizes, access and bans stay beside the edges and a `VehicleProfile` decides what they mean.
    """

    streets: Streets
    edge_segment: Array
    edge_reversed: Array
    arc_from: Array
    arc_to: Array
    arc_penalty_s: Array
    arc_banned: Array
    """Bits `BANNED_HEAVY` and `BANNED_LIGHT`, shape (A,)."""

    def __post_init__(self) -> None:
        for array in self._arrays().values():
            array.setflags(write=False)

    @property
    def edges(self) -> int:
        """Number of directed edges."""
        return len(self.edge_segment)

    @property
    def arcs(self) -> int:
        """Number of turns."""
        return len(self.arc_from)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content, hex: equal graphs have equal digests, however they came about."""
        return _digest(self._arrays(), self.streets.names)

    @cached_property
    def edge_length_m(self) -> Array:
        """Metres of each edge, shape (E,)."""
        return np.asarray(self.streets.length_m[self.edge_segment])

    @cached_property
    def edge_street(self) -> Array:
        """Street of each edge, shape (E,)."""
        return np.asarray(self.streets.segment_street[self.edge_segment])

    @cached_property
    def segment_edges(self) -> Array:
        """Edge along and edge against each segment, `NO_EDGE` where one-way; shape (S, 2)."""
        edges = np.full((len(self.streets.segment_first), 2), NO_EDGE, np.int64)
        edges[self.edge_segment, self.edge_reversed.astype(np.int64)] = np.arange(self.edges)
        return edges

    @cached_property
    def first_arc(self) -> Array:
        """Arcs are sorted by `arc_from`: those of edge e are ``first_arc[e]:first_arc[e + 1]``."""
        return np.searchsorted(self.arc_from, np.arange(self.edges + 1))

    def edge_line(self, edge: int) -> Array:
        """Longitudes and latitudes along the edge in driving direction, shape (k, 2)."""
        segment = self.edge_segment[edge]
        vertices = slice(self.streets.segment_first[segment], self.streets.segment_last[segment] + 1)
        line = np.column_stack((self.streets.lon[vertices], self.streets.lat[vertices]))
        return line[::-1] if self.edge_reversed[edge] else line

    def street_name(self, edge: int) -> str:
        """Name of the edge's street, empty where it has none."""
        return self.streets.names[int(self.streets.street_name[self.edge_street[edge]])]

    def save(self, path: Path) -> None:
        """Write the graph as one ``.npz``; an older file at `path` is replaced only once the new one is whole."""
        extra = {"format": np.array(FORMAT), "digest": np.array(self.digest), "names": _pack(self.streets.names)}
        partial = path.with_name(path.name + ".partial")
        with partial.open("wb") as file:
            np.savez(file, allow_pickle=False, **self._arrays(), **extra)
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a graph that `save` wrote.

        Raises
        ------
        GraphFileError
            If the file is of another version, is no street graph, or its content does not match its digest.
        """
        try:
            # opened here: numpy leaves the file open when the archive is broken
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                return cls._from_arrays({name: archive[name] for name in archive.files}, path)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            if isinstance(error, FileNotFoundError | GraphFileError):
                raise
            raise GraphFileError(f"{path} is no street graph: {error}") from error

    @classmethod
    def _from_arrays(cls, arrays: dict[str, Array], path: Path) -> Self:
        if "format" not in arrays or str(arrays["format"]) != FORMAT:
            raise GraphFileError(f"{path} is not of the format {FORMAT}: build it again")
        parts: dict[str, Any] = {name: arrays[name] for name in _STREET_ARRAYS}
        streets = Streets(names=_unpack(arrays["names"]), **parts)
        graph = cls(streets=streets, **{name: arrays[name] for name in _EDGE_ARRAYS})
        if graph.digest != str(arrays["digest"]):
            raise GraphFileError(f"{path} is damaged: its content does not match its digest")
        return graph

    def _arrays(self) -> dict[str, Array]:
        streets = {name: getattr(self.streets, name) for name in _STREET_ARRAYS}
        return streets | {name: getattr(self, name) for name in _EDGE_ARRAYS}


def _digest(arrays: dict[str, Array], names: tuple[str, ...]) -> str:
    hasher = hashlib.sha256(FORMAT.encode())
    for name in sorted(arrays):
        hasher.update(f"{name} {arrays[name].dtype.str} {arrays[name].shape}".encode())
        hasher.update(np.ascontiguousarray(arrays[name]).data)
    hasher.update(_pack(names).data)
    return hasher.hexdigest()


def _pack(names: tuple[str, ...]) -> Array:
    """Names as bytes: numpy's own text arrays would pad each to the longest."""
    return np.frombuffer("\0".join(names).encode(), np.uint8)


def _unpack(packed: Array) -> tuple[str, ...]:
    return tuple(packed.tobytes().decode().split("\0"))
