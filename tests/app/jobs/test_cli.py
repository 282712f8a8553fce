"""The terminal, as people use it: every command says what it does, and every mistake ends with 2 and one line on its mend."""

import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4

import click
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from app.db import APP_ROLE, Database
from app.embedded_postgres import EmbeddedPostgres
from app.jobs.cli import main
from app.planning.operations import change_policy
from app.provision import OWNER_ROLE, DatabaseUrls
from app.tenancy.queries import list_scheduled_tenants

LONG_ENOUGH = "a sentence to remember"
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def own_urls(cluster: EmbeddedPostgres, urls: DatabaseUrls) -> Iterator[DatabaseUrls]:
    """An empty database, as a newcomer's: the first command of all has to bring it to the newest schema."""
    name = f"cli_{uuid4().hex[:8]}"
    superuser = create_engine(cluster.url(database="postgres", user="postgres"), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with superuser.connect() as connection:
        connection.execute(text(f"create database {name} owner {OWNER_ROLE}"))
    yield DatabaseUrls(app=cluster.url(database=name, user=APP_ROLE), owner=cluster.url(database=name, user=OWNER_ROLE))
    with superuser.connect() as connection:
        connection.execute(text(f"drop database {name} with (force)"))


@pytest.fixture(scope="module")
def run(own_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """`kerbside` with these words, on the module's installation."""
    environment = {"KERBSIDE_DATA": str(tmp_path_factory.mktemp("data")), "KERBSIDE_ADMIN_PASSWORD": LONG_ENOUGH}
    environment |= {"DATABASE_URL": own_urls.app, "DATABASE_OWNER_URL": own_urls.owner}

    def run(*words: str | Path, **more: str) -> Result:
        result = CliRunner().invoke(main, [str(word) for word in words], env=environment | more)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run


@pytest.fixture(scope="module")
def town(run: Run) -> str:
    """The slug of a tenant of its own."""
    slug = f"town-{uuid4().hex[:6]}"
    made = run("tenant", "create", slug, "--name", "Town", "--timezone", "Australia/Melbourne", "--admin-email", "jo@town.example")
    assert made.exit_code == 0, made.output
    return slug


def paths(command: click.Command, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield words
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from paths(child, (*words, name))


@pytest.mark.parametrize("words", list(paths(main)), ids=" ".join)
def test_every_command_says_what_it_does(run: Run, words: tuple[str, ...]):
    result = run(*words, "--help")
    assert result.exit_code == 0
    assert result.output.startswith("Usage: ")
    assert len(result.output.split("\n\n")[1].strip()) > 10, "no sentence says what it is for"


def test_the_schema_is_brought_up_as_often_as_one_likes(run: Run):
    assert run("migrate").exit_code == run("migrate").exit_code == 0


# Mistakes


def test_an_unknown_tenant_is_named_beside_those_that_there_are(run: Run, town: str):
    result = run("plan-night", "--tenant", "atlantis")
    assert result.exit_code == 2
    assert result.stderr.startswith("kerbside: There is no tenant 'atlantis'; there are: ")
    assert town in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("solve", "nowhere.json"), "'nowhere.json' does not exist"),
        (("restore", "nowhere.backup"), "'nowhere.backup' does not exist"),
        (("import", "measurements", "nowhere.csv", "--tenant", "t"), "'nowhere.csv' does not exist"),
        (("plan-night", "--tenant", "t", "--date", "31.12.2026"), "'31.12.2026' does not match the format '%Y-%m-%d'"),
        (("plan-night", "--tenant", "t", "--as-of", "tonight"), "'tonight' is no instant: write it as"),
        (("plan-night", "--tenant", "t", "--as-of", "2021-05-03T20:00"), "does not say in which zone"),
        (("plan-night", "--tenant", "t", "--as-of", "2999-01-01T00:00Z"), "has not come yet"),
    ],
)
def test_a_wrong_word_is_named(run: Run, words: tuple[str, ...], said: str):
    result = run(*words)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_day_that_is_over_is_not_planned_from_now(run: Run, town: str):
    result = run("plan-night", "--tenant", town, "--date", "2021-05-04")
    assert result.exit_code == 2
    assert result.stderr == "kerbside: 2021-05-04 is over.\n  Name today or a day to come.\n"


def test_a_database_that_does_not_answer_is_said_in_one_line(run: Run):
    result = run("tenant", "list", DATABASE_URL="postgresql:///nothing?host=/nowhere")
    assert result.exit_code == 2
    assert result.stderr.startswith("kerbside: The database does not answer: ")
    assert "DATABASE_URL" in result.stderr


@pytest.mark.parametrize(
    ("words", "password", "said"),
    [
        (("--admin-email", "jo@town.example"), "short", "admin_password has 5 characters. Use 10 to 200"),
        (("--admin-email", "jo"), LONG_ENOUGH, "'jo' is no e-mail address"),
        (("--admin-email", "jo@town.example", "--currency", "euro"), LONG_ENOUGH, "'euro' is no currency"),
        (("--admin-email", "jo@town.example", "--timezone", "Mars/North"), LONG_ENOUGH, "'Mars/North' is unknown"),
    ],
)
def test_a_tenant_without_administrator_is_never_left_behind(
    run: Run, own_urls: DatabaseUrls, words: tuple[str, ...], password: str, said: str
):
    basics = ("tenant", "create", "half-made", "--name", "Half", "--timezone", "Europe/Berlin")
    result = run(*basics, *words, KERBSIDE_ADMIN_PASSWORD=password)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "half-made" not in {tenant.slug for tenant in list_scheduled_tenants(Database(own_urls.app))}


def test_a_slug_that_is_taken_is_refused(run: Run, town: str):
    result = run("tenant", "create", town, "--name", "Again", "--timezone", "UTC", "--admin-email", "jo@town.example")
    assert (result.exit_code, result.stderr) == (2, f"kerbside: There is a tenant '{town}' already.\n")


# A tenant's first day


def test_a_key_opens_what_its_scopes_name(run: Run, town: str):
    made = run("key", "--tenant", town, "--name", "gateway", "--scope", "measurements:write")
    assert made.exit_code == 0
    assert made.output.startswith("kb_")
    wrong = run("key", "--tenant", town, "--name", "gateway", "--scope", "everything")
    assert wrong.exit_code == 2
    assert "Unknown scope everything; there are: register:read" in wrong.stderr


def test_a_file_of_the_register_comes_in_whole_or_not_at_all(run: Run, town: str, tmp_path: Path):
    sites = tmp_path / "sites.csv"
    sites.write_text("code,name,lat,lon\nS1,Market,-37.90,144.66\nS2,Nowhere,95,144.66\n")
    refused = run("import", "register", "sites", sites, "--tenant", town)
    assert refused.exit_code == 1
    assert "row 3, lat: '95'" in refused.stderr
    sites.write_text("code,name,lat,lon\nS1,Market,-37.90,144.66\nS2,Square,-37.91,144.66\n")
    assert run("import", "register", "sites", sites, "--tenant", town, "--dry-run").output == "sites: 2 rows, 2 would be created, " + (
        "0 would be updated, 0 unchanged\n"
    )
    assert run("import", "register", "sites", sites, "--tenant", town).output == "sites: 2 rows, 2 created, 0 updated, 0 unchanged\n"
    unknown = run("import", "register", "unicorns", sites, "--tenant", town)
    assert unknown.exit_code == 2
    assert "There is no import of 'unicorns'; there are: " in unknown.stderr


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty days of two street bins: one fills by two levels a day and is lifted at ten, the other stays empty."""
    folder = tmp_path_factory.mktemp("past")
    rows = ["timestamp,latestFullness,serialNumber,description,longitude,latitude"]
    for day in range(20):
        at = date(2021, 4, 14) + timedelta(days=day)
        rows += [f"{at},{day * 2 % 12},1,Market G Town,144.66,-37.90", f"{at},0,2,Square G Town,144.66,-37.91"]
    (folder / "fill_history.csv").write_text("\n".join(rows) + "\n")
    depot = {"type": "depot", "id": "DP1", "title": "Yard", "address": "Wests Road"}
    place = {"type": "Point", "coordinates": [144.60, -37.94]}
    features = {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": depot, "geometry": place}]}
    (folder / "sites.geojson").write_text(json.dumps(features))
    return folder


def test_a_past_night_is_planned_with_what_was_known_then(run: Run, own_urls: DatabaseUrls, town: str, past: Path):
    """On Sunday 18 April the busy bin stands at level 8; that it is full on Monday must not be known on the evening before."""
    assert "40 stored, 0 there before" in run("import", "measurements", past, "--tenant", town).output
    assert "0 stored, 40 there before" in run("import", "measurements", past, "--tenant", town).output
    database = Database(own_urls.app)
    tenant_id = next(tenant.tenant_id for tenant in list_scheduled_tenants(database) if tenant.slug == town)
    with database.transaction(tenant_id) as session:
        change_policy(session, {"solve_s": 1})
    database.dispose()
    words = ("plan-night", "--tenant", town, "--date", "2021-04-19", "--as-of", "2021-04-18T20:00+10:00")
    planned = run(*words)
    assert planned.exit_code == 0, planned.output
    assert "service date Monday 19 April 2021" in planned.output
    assert "1 to empty" in planned.output
    assert "likely to overflow before the next chance" in planned.output
    assert "over the full mark now" not in planned.output
    assert "passes every rule" in planned.output
    assert "GREAT CIRCLE" in planned.output
    assert "Seconds     read" in planned.output
    assert run(*words).output == planned.output, "a night that is done is shown, not planned once more"
