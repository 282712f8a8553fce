"""Where extracts come from. The mirror is a server of this test's own; nothing outside is reached."""

import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app.errors import SetupError
from app.maps import regions
from app.maps.regions import demo_streets, obtain_extract, read_pin

CONTENT = bytes(range(256)) * 4096  # 1 MiB


class Mirror(ThreadingHTTPServer):
    """Serves one region, in ranges; remembers what was asked of it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), MirrorHandler)
        self.md5 = hashlib.md5(CONTENT).hexdigest()
        self.asked: list[str | None] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class MirrorHandler(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        if self.path == "/here/town-latest.osm.pbf.md5":
            self.answer(200, f"{self.server.md5}  town-latest.osm.pbf\n".encode())
        elif self.path == "/here/town-latest.osm.pbf":
            asked = self.headers.get("Range")
            self.server.asked.append(asked)
            start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
            if start >= len(CONTENT):
                self.answer(416, b"")
            else:
                self.answer(206 if asked else 200, CONTENT[start:])
        else:
            self.answer(404, b"")

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    server = Mirror()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def stages() -> list[tuple[str, float]]:
    return []


def obtain(source: str, folder: Path, address: str, stages: list[tuple[str, float]] | None = None) -> regions.Extract:
    tell = [] if stages is None else stages
    return obtain_extract(source, folder, progress=lambda stage, share: tell.append((stage, share)), mirror=address)


def test_a_region_is_downloaded_once(mirror: Mirror, tmp_path: Path, stages: list[tuple[str, float]]) -> None:
    first = obtain("here/town", tmp_path, mirror.address, stages)
    again = obtain("here/town", tmp_path, mirror.address)

    assert first.path.read_bytes() == CONTENT
    assert first.origin == f"{mirror.address}/here/town-latest.osm.pbf"
    assert again == first
    assert mirror.asked == [None]
    assert stages[-1] == ("download", 1.0)


@pytest.mark.parametrize("have", [1000, len(CONTENT)])
def test_a_broken_download_goes_on_where_it_stopped(mirror: Mirror, tmp_path: Path, have: int) -> None:
    partial = tmp_path / f"here-town-{mirror.md5[:12]}.osm.pbf.partial"
    partial.write_bytes(CONTENT[:have])

    assert obtain("here/town", tmp_path, mirror.address).path.read_bytes() == CONTENT
    assert mirror.asked == [f"bytes={have}-"]
    assert not partial.exists()


def test_a_damaged_download_is_refused_and_removed(mirror: Mirror, tmp_path: Path) -> None:
    mirror.md5 = "0" * 32
    with pytest.raises(SetupError, match="damaged"):
        obtain("here/town", tmp_path, mirror.address)
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_an_unknown_region_is_named(mirror: Mirror, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="no region 'here/nowhere'"):
        obtain("here/nowhere", tmp_path, mirror.address)


def test_without_a_network_the_error_says_what_to_do(mirror: Mirror, tmp_path: Path) -> None:
    address = mirror.address
    mirror.server_close()  # nobody listens on that port any more
    with pytest.raises(SetupError, match=r"could not be downloaded .* kerbside map add FILE"):
        obtain("here/town", tmp_path, address)


@pytest.mark.parametrize(("source", "says"), [("not-there.osm.pbf", "no file"), ("Here & There", "neither a file nor a region")])
def test_what_is_neither_file_nor_region_is_refused(source: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=says):
        obtain(source, tmp_path, "http://127.0.0.1:9")


def test_the_demo_lock_pins_one_wheel_by_its_hash() -> None:
    pin, digest = read_pin(regions.DEMO_LOCK)
    assert pin == "aequilibrae==1.7.2"
    assert len(digest) == 64


@pytest.fixture
def lock(tmp_path: Path) -> tuple[Path, bytes]:
    """A lock, and the wheel that it pins: a project within a wheel, as pip would leave it."""
    project, wheel = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(project, "w") as packed:
        packed.writestr("project_database.sqlite", b"the streets")
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.writestr("aequilibrae/reference_files/coquimbo.zip", project.getvalue())
    path = tmp_path / "streets.lock"
    path.write_text(f"# why\naequilibrae==9.9 \\\n    --hash=sha256:{hashlib.sha256(wheel.getvalue()).hexdigest()}\n")
    return path, wheel.getvalue()


def test_demo_streets_come_out_of_the_wheel(lock: tuple[Path, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, wheel = lock
    _, digest = read_pin(path)
    folder = tmp_path / "downloads" / f"wheel-{digest[:12]}"
    folder.mkdir(parents=True)
    (folder / "aequilibrae-9.9-any.whl").write_bytes(wheel)
    monkeypatch.setattr(regions, "convert_project", lambda database, target: target.write_bytes(database.read_bytes().upper()))

    extract = demo_streets(tmp_path / "downloads", path)

    assert extract.path.read_bytes() == b"THE STREETS"
    assert "aequilibrae==9.9" in extract.origin
    monkeypatch.delattr(regions, "convert_project")  # the second time nothing is converted
    assert demo_streets(tmp_path / "downloads", path) == extract


def test_a_wheel_with_another_hash_is_not_taken(lock: tuple[Path, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And where pip cannot fetch the right one, the error says so, with a way out."""
    path, wheel = lock
    _, digest = read_pin(path)
    folder = tmp_path / "downloads" / f"wheel-{digest[:12]}"
    folder.mkdir(parents=True)
    (folder / "aequilibrae-9.9-any.whl").write_bytes(wheel + b"!")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "empty"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")

    with pytest.raises(SetupError, match=r"could not be fetched .*MAP=file\.osm\.pbf"):
        demo_streets(tmp_path / "downloads", path)
