"""Who may import whom, and where the web and SQL may be spoken."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[2]
APP = sorted((ROOT / "app").rglob("*.py"))

WEB = {"flask", "flask_smorest", "marshmallow", "webargs", "werkzeug"}
MAY_SPEAK_WEB = {
    "app/__init__.py",
    "app/http.py",
    "app/rooms.py",
    "app/tenancy/page_session.py",
    "app/assets/resource.py",  # makes the endpoints of all kinds of the register
    "app/reading.py",  # how every request is read, beside app/http.py, which answers
    "app/assets/importing.py",  # a CSV row is held to the same schema as a JSON body
    "app/assets/cells.py",
}
SQL = {"select", "insert", "update", "delete", "text", "exists", "literal_column"}
MAY_SPEAK_SQL = {
    "app/db.py",
    "app/forecasts/store.py",
    "app/http.py",
    "app/jobs/backup.py",  # swaps whole databases
    "app/provision.py",
    "app/telemetry/store.py",
    "app/tenancy/scope.py",
}


def test_rooms_import_downwards_and_kernels_stay_pure(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(ROOT)
    broken = lint_imports(no_cache=True)
    assert broken == 0, capsys.readouterr().out


def imported(module: Path) -> Iterator[tuple[str, str]]:
    """(package, name) of each import of a module, those within functions too."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module.partition(".")[0], alias.name) for alias in node.names)


def path(module: Path) -> str:
    return module.relative_to(ROOT).as_posix()


def test_the_web_is_spoken_at_the_edge_only():
    core = [
        path(module)
        for module in APP
        if not module.name.endswith(("api.py", "schemas.py")) and not path(module).startswith(("app/web/", "app/interop/"))
    ]
    speaking = {name for name in core if any(package in WEB for package, _ in imported(ROOT / name))}
    assert speaking - MAY_SPEAK_WEB == set()


def test_sql_is_spoken_in_few_places():
    elsewhere = [path(module) for module in APP if not module.name.endswith(("models.py", "queries.py"))]
    speaking = {name for name in elsewhere if any(package == "sqlalchemy" and what in SQL for package, what in imported(ROOT / name))}
    assert speaking - MAY_SPEAK_SQL == set()
