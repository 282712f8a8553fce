"""Third-party browser code comes whole or not at all; npm is played by a script, so nothing is fetched."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "vendor.py"
FILES = {"chart/dist/chart.mjs": "chart.mjs", "checker/check.js": "dev/check.js"}

FAKE_NPM = """
import pathlib, sys
assert sys.argv[1:3] == ["ci", "--ignore-scripts"], sys.argv
for name, text in {"chart/dist/chart.mjs": "export default 1", "chart/LICENSE": "do as you like", "checker/check.js": "check()"}.items():
    path = pathlib.Path("node_modules") / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
"""
REFUSING_NPM = 'import sys; sys.exit("npm error code EINTEGRITY: sha512-A expected, sha512-B received")'
SPARSE_NPM = FAKE_NPM.replace('"checker/check.js"', '"checker/renamed.js"')


@pytest.fixture(scope="module")
def vendor() -> ModuleType:
    spec = importlib.util.spec_from_file_location("kerbside_vendor_script", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def project(tmp_path: Path) -> Path:
    lock = {
        "packages": {"": {}, "node_modules/chart": {"version": "1.2.3", "license": "MIT"}, "node_modules/checker": {"version": "4.5.6"}}
    }
    (tmp_path / "package.json").write_text("{}")
    (tmp_path / "package-lock.json").write_text(json.dumps(lock))
    return tmp_path


def played_by(script: str):
    """An npm that is this Python script."""

    def npm(work: Path) -> list[str]:
        (work / "npm.py").write_text(script)
        return [sys.executable, str(work / "npm.py")]

    return npm


def never(_: Path) -> list[str]:
    raise AssertionError("npm was asked although nothing had changed")


def test_copies_the_listed_files_and_every_licence(vendor: ModuleType, project: Path) -> None:
    target = project / "static" / "vendor"

    assert vendor.set_up(project, target, played_by(FAKE_NPM), FILES) is True

    assert (target / "chart.mjs").read_text() == "export default 1"
    assert (target / "dev" / "check.js").read_text() == "check()"
    notices = (target / "LICENSES.txt").read_text()
    assert "chart 1.2.3 (MIT)" in notices
    assert "do as you like" in notices
    assert "checker 4.5.6" in notices
    assert [path.name for path in target.parent.iterdir()] == ["vendor"]


def test_does_nothing_a_second_time_but_follows_a_new_lock(vendor: ModuleType, project: Path) -> None:
    target = project / "vendor"
    vendor.set_up(project, target, played_by(FAKE_NPM), FILES)

    assert vendor.set_up(project, target, never, FILES) is False

    lock = project / "package-lock.json"
    lock.write_text(lock.read_text().replace("1.2.3", "1.2.4"))
    assert vendor.set_up(project, target, played_by(FAKE_NPM.replace("default 1", "default 2")), FILES) is True
    assert (target / "chart.mjs").read_text() == "export default 2"


@pytest.mark.parametrize(("npm", "says"), [(REFUSING_NPM, "EINTEGRITY"), (SPARSE_NPM, "checker/check.js")])
def test_a_failure_leaves_the_old_files(vendor: ModuleType, project: Path, npm: str, says: str) -> None:
    """A wrong hash (npm refuses), or a package that no longer holds a listed file."""
    target = project / "static" / "vendor"
    vendor.set_up(project, target, played_by(FAKE_NPM), FILES)
    lock = project / "package-lock.json"
    lock.write_text(lock.read_text().replace("1.2.3", "9.9.9"))

    with pytest.raises(vendor.VendorError, match=says):
        vendor.set_up(project, target, played_by(npm), FILES)

    assert (target / "chart.mjs").read_text() == "export default 1"
    assert "chart 1.2.3" in (target / "LICENSES.txt").read_text()
    assert [path.name for path in target.parent.iterdir()] == ["vendor"]


def test_the_real_lock_pins_everything_and_names_no_host() -> None:
    """Exact versions with SHA-512, no `resolved` lines: whoever serves the packages, the bytes are the same."""
    packages = json.loads((SCRIPT.parents[1] / "package-lock.json").read_text())["packages"]
    for path, package in packages.items():
        assert "resolved" not in package
        assert not path or package["integrity"].startswith("sha512-")
