"""Where a map's files lie, and how they come to lie there whole: built beside, renamed into place, by one process at a time."""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class MapFiles:
    """The folder of one built map; its content never changes."""

    folder: Path

    @classmethod
    def of(cls, data_dir: Path, digest: str) -> "MapFiles":
        return cls(data_dir / "maps" / digest)

    @property
    def extract(self) -> Path:
        return self.folder / "extract.osm.pbf"

    @property
    def graph(self) -> Path:
        return self.folder / "streets.npz"

    @property
    def topology(self) -> Path:
        return self.folder / "topology"

    @property
    def tiles(self) -> Path:
        return self.folder / "basemap.pmtiles"

    @property
    def about(self) -> Path:
        return self.folder / "about.json"


@contextmanager
def one_at_a_time(lock: Path) -> Iterator[None]:
    """Hold `lock` against all other threads and processes of this machine; a killed holder lets go of it."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def folder_made_whole(folder: Path) -> Iterator[Path]:
    """A new folder to fill; it replaces `folder` when the block ends well and vanishes when it does not. Needs `one_at_a_time`."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{folder.name}-"
    for left_by_a_killed_process in folder.parent.glob(f"{prefix}*"):
        shutil.rmtree(left_by_a_killed_process)
    fresh = Path(tempfile.mkdtemp(prefix=prefix, dir=folder.parent))
    try:
        yield fresh
        old = fresh.with_name(fresh.name + ".old")
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
