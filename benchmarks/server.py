"""A PostgreSQL of a benchmark's own, as durable as the product's, thrown away afterwards."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from app.embedded_postgres import EmbeddedPostgres


@contextmanager
def passing_server(settings: Mapping[str, str] | None = None) -> Iterator[tuple[EmbeddedPostgres, Path]]:
    """The server, and a folder to work in."""
    root = Path(tempfile.mkdtemp(prefix="kerbside-bench-"))
    root.chmod(0o755)
    server = EmbeddedPostgres(root / "postgres", settings=settings).start()
    try:
        yield server, root
    finally:
        server.stop_now()
        shutil.rmtree(root, ignore_errors=True)


def backend_cpu_s(pid: int) -> float:
    """What a process of the server has used: nanoseconds on the processor, for the ticks of /proc/…/stat are too coarse for one batch."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
