"""`kerbside`: everything that is done from a terminal. Exit codes: 0 done, 1 done but the result is bad, 2 could not be done."""

import json
import re
import signal
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy.exc import OperationalError

from app.config import Settings
from app.db import Database
from app.errors import KerbsideError, SetupError
from app.jobs.audit_command import audit
from app.jobs.backtest_command import backtest
from app.jobs.progress import Bar, say
from app.jobs.routing_commands import check, solve
from app.jobs.twin_command import twin
from app.provision import DatabaseUrls, locate_database, owner_engine

LONGEST_EMAIL = 254


class Kerbside(click.Group):
    """Errors that we know become one clear line and exit code 2; SIGTERM ends a command as Ctrl-C does, so that leases are let go."""

    def invoke(self, ctx: click.Context) -> Any:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            return super().invoke(ctx)
        except KerbsideError as error:
            for line in in_lines(error):
                say(line, error=True)
            sys.exit(2)
        except OSError as error:
            if error.filename is None:
                raise
            say(f"kerbside: {error.filename}: {error.strerror}. Name a place that is there and may be used.", error=True)
            sys.exit(2)
        except OperationalError as error:
            say(f"kerbside: The database does not answer: {error.orig}. Look at DATABASE_URL.", error=True)
            sys.exit(2)
        except KeyboardInterrupt:
            sys.exit(130)


def in_lines(error: KerbsideError) -> Iterator[str]:
    """What is wrong, and how to mend each part of it; nothing twice."""
    yield f"kerbside: {error.detail}"
    for problem in error.fields:
        what = "" if problem.problem in error.detail else f"{problem.field} {problem.problem}. "
        mend = "" if problem.mend in error.detail else problem.mend
        if what or mend:
            yield f"  {what}{mend}"


class Instant(click.ParamType[datetime]):
    """An ISO instant with its offset from UTC: local clocks are told apart by nothing else."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no instant: write it as 2021-05-03T20:00+10:00.", param, ctx)
        if at.tzinfo is None:
            self.fail(f"{value!r} does not say in which zone: add Z, or the offset from UTC such as +10:00.", param, ctx)
        if at > datetime.now(UTC):
            self.fail(f"{value!r} has not come yet: leave it out to plan from now.", param, ctx)
        return at.astimezone(UTC)


@click.group(cls=Kerbside, context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def main(context: click.Context) -> None:
    """Kerbside: which containers tonight, by which routes, and what that saved."""
    context.obj = Settings.from_env()


def newest_schema(settings: Settings) -> DatabaseUrls:
    """Where the database is, brought to the newest schema: a newcomer's first command may be any of them."""
    from migrations.run import upgrade

    urls = locate_database(settings)
    upgrade(urls.owner)
    return urls


def open_database(settings: Settings) -> tuple[DatabaseUrls, Database]:
    urls = newest_schema(settings)
    return urls, Database(urls.app)


def tenant_number(database: Database, slug: str) -> int:
    """The tenant of that slug, or number."""
    from app.tenancy.queries import list_scheduled_tenants

    known = list_scheduled_tenants(database)
    for tenant in known:
        if slug in (tenant.slug, str(tenant.tenant_id)):
            return tenant.tenant_id
    raise SetupError(f"There is no tenant '{slug}'; there are: {', '.join(t.slug for t in known) or 'none yet'}.")


# Servers and the schema


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, help="If it is taken, the next free one is used and named.")
@click.option("--workers", type=int, help="Server processes; one a core by default.")
@click.option("--no-worker", is_flag=True, help="Do not plan nights beside it.")
@click.option("--quiet", is_flag=True)
@click.pass_obj
def serve(settings: Settings, host: str, port: int, workers: int | None, no_worker: bool, quiet: bool) -> None:
    """Serve the pages and the API, and plan the nights, until Ctrl-C."""
    from app.jobs import server

    newest_schema(settings)
    free = server.free_port(host, port)
    if free != port:
        say(f"Port {port} is taken; using {free}.")
    say(f"Kerbside: http://{host}:{free}/  (Ctrl-C stops it)")
    beside = None if no_worker else server.start_worker()
    try:
        server.serve(host=host, port=free, workers=workers, quiet=quiet)
    finally:
        if beside:
            server.stop_process(beside)


@main.command()
@click.option("--once", is_flag=True, help="Do what is due and leave.")
@click.pass_obj
def worker(settings: Settings, once: bool) -> None:
    """Plan the nights that are due, keep the deadlines, make partitions ahead. Run as many as you like."""
    from app.jobs.worker import run_worker

    newest_schema(settings)
    run_worker(settings, once=once)


@main.command()
@click.pass_obj
def migrate(settings: Settings) -> None:
    """Bring the database to the newest schema."""
    newest_schema(settings)
    say("The schema is the newest.")


@main.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.pass_obj
def backup(settings: Settings, file: Path) -> None:
    """Write the whole database to FILE."""
    from app.jobs.backup import backup as write

    size_bytes = write(locate_database(settings), file)
    say(f"{file}: {size_bytes / 1e6:.1f} MB")


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask: what is in the database now is lost.")
@click.pass_obj
def restore(settings: Settings, file: Path, yes: bool) -> None:
    """Replace the whole database by the backup in FILE."""
    from app.jobs.backup import restore as read

    yes or click.confirm("Everything that is in the database now will be lost. Go on?", abort=True)
    read(locate_database(settings), file)
    say(f"Restored from {file}.")


# Tenants and people


@main.group()
def tenant() -> None:
    """Cities and franchises."""


@tenant.command("create")
@click.argument("slug")
@click.option("--name", required=True)
@click.option("--timezone", required=True, help="IANA name, such as Europe/Berlin.")
@click.option("--admin-email", required=True)
@click.password_option("--admin-password", envvar="KERBSIDE_ADMIN_PASSWORD")
@click.option("--currency", default="EUR", show_default=True, help="ISO 4217; all prices are read in it.")
@click.option("--parent", help="Slug of the city that a franchise belongs to.")
@click.pass_obj
def tenant_create(
    settings: Settings, slug: str, name: str, timezone: str, admin_email: str, admin_password: str, currency: str, parent: str | None
) -> None:
    """Make a tenant with its first administrator, who can do the rest on the pages."""
    from app.tenancy.models import Role
    from app.tenancy.operations import create_tenant, create_user
    from app.tenancy.passwords import require_lasting

    # before anything is made: a tenant that nobody can sign in to is of no use
    require_lasting(admin_password, field="admin_password")
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", admin_email) or len(admin_email) > LONGEST_EMAIL:
        raise SetupError(f"'{admin_email}' is no e-mail address: name one such as jo@city.example.")
    if not re.fullmatch("[A-Z]{3}", currency):
        raise SetupError(f"'{currency}' is no currency: write it in three capital letters, such as AUD.")
    urls, database = open_database(settings)
    parent_id = tenant_number(database, parent) if parent else None
    tenant_id = create_tenant(owner_engine(urls), slug=slug, name=name, timezone=timezone, parent_id=parent_id, currency=currency)
    with database.transaction(tenant_id) as session:
        create_user(session, email=admin_email, name="Administrator", role=Role.ADMIN, password=admin_password)
    say(f"Tenant {slug} is number {tenant_id}; {admin_email} administers it.")


@tenant.command("list")
@click.pass_obj
def tenant_list(settings: Settings) -> None:
    """All tenants, one a line."""
    from app.tenancy.queries import list_scheduled_tenants

    for row in list_scheduled_tenants(open_database(settings)[1]):
        say(f"{row.tenant_id}\t{row.slug}\t{row.timezone}")


@main.command("key")
@click.option("--tenant", "slug", required=True)
@click.option("--name", required=True, help="What it is for.")
@click.option("--scope", "scopes", multiple=True, required=True, help="May be given several times.")
@click.pass_obj
def key_create(settings: Settings, slug: str, name: str, scopes: tuple[str, ...]) -> None:
    """Make an API key; it is shown this once."""
    from app.tenancy.models import Scope
    from app.tenancy.operations import create_api_key

    database = open_database(settings)[1]
    unknown = sorted(set(scopes) - set(Scope))
    if unknown:
        raise SetupError(f"Unknown scope {', '.join(unknown)}; there are: {', '.join(Scope)}.")
    with database.transaction(tenant_number(database, slug)) as session:
        _, key = create_api_key(session, name=name, scopes=[Scope(scope) for scope in scopes])
    say(key)


# Data in


@main.group("import")
def import_() -> None:
    """Bring in a register or past measurements."""


@import_.command("register")
@click.argument("kind")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--tenant", "slug", required=True)
@click.option("--dry-run", is_flag=True, help="Say what would happen, change nothing.")
@click.pass_obj
def import_register_(settings: Settings, kind: str, file: Path, slug: str, dry_run: bool) -> None:
    """Rows of one KIND (sites, containers, vehicles, …) from a CSV FILE: all of them or, if one is wrong, none."""
    from app.assets.importing import import_register

    database = open_database(settings)[1]
    with file.open("rb") as content, database.transaction(tenant_number(database, slug)) as session:
        report = import_register(session, kind, content, dry_run=dry_run)
    say(str(report), error=bool(report.problem_count))
    sys.exit(1 if report.problem_count else 0)


@import_.command("measurements")
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option("--tenant", "slug", required=True)
@click.option("--place", help="`lat,lon` for histories that hold no places.")
@click.pass_obj
def import_measurements_(settings: Settings, source: Path, slug: str, place: str | None) -> None:
    """Past measurements from a file or folder: our CSV/Parquet columns, or the two public histories of docs/import.md."""
    from app.telemetry.importing import import_measurements

    urls, database = open_database(settings)
    with Bar("measurements") as bar:
        report = import_measurements(
            database, urls.owner, tenant_number(database, slug), source, place=_lat_lon(place), progress=bar.update_to
        )
    say(str(report))


def _lat_lon(place: str | None) -> tuple[float, float] | None:
    if place is None:
        return None
    try:
        lat, lon = (float(part) for part in place.split(","))
    except ValueError as error:
        raise SetupError(f"--place takes 'lat,lon', such as 50.11,8.68, not {place!r}.") from error
    return lat, lon


@main.group("map")
def map_() -> None:
    """Street maps."""


@map_.command("add")
@click.argument("source")
@click.option("--name", help="Its name; that of the file by default.")
@click.option("--tenant", "slug", help="Let this tenant use it at once.")
@click.pass_obj
def map_add(settings: Settings, source: str, name: str | None, slug: str | None) -> None:
    """Build the streets of SOURCE: an .osm.pbf file, or a Geofabrik region such as europe/portugal."""
    from app.maps.operations import add_map
    from app.tenancy.operations import change_tenant
    from app.tenancy.queries import get_tenant

    urls, database = open_database(settings)
    tenant_id = tenant_number(database, slug) if slug else None
    with Bar("streets") as bar:
        street_map = add_map(urls.owner, settings.data_dir, name or Path(source).name.removesuffix(".osm.pbf"), source, progress=bar.at)
    say(f"{street_map.name}: {json.dumps(street_map.facts)}")
    if tenant_id is not None:
        with database.transaction(tenant_id) as session:
            change_tenant(session, get_tenant(session), {"map_name": street_map.name})


@map_.command("list")
@click.pass_obj
def map_list(settings: Settings) -> None:
    """The maps that are built."""
    from app.maps.queries import list_maps

    _, database = open_database(settings)
    with database.transaction(None) as session:
        for street_map in list_maps(session):
            say(f"{street_map.name}\t{street_map.source}\t{street_map.built_at:%Y-%m-%d}")


# Nights


@main.command("plan-night")
@click.option("--tenant", "slug", required=True)
@click.option("--date", "service_date", type=click.DateTime(["%Y-%m-%d"]), help="The next service date by default.")
@click.option("--seed", default=1, show_default=True)
@click.option("--again", is_flag=True, help="Plan it once more although there is a plan.")
@click.option(
    "--as-of", "origin_at", type=Instant(), help="Know nothing of what came later, such as 2021-05-03T20:00+10:00; now by default."
)
@click.pass_obj
def plan_night_(settings: Settings, slug: str, service_date: datetime | None, seed: int, again: bool, origin_at: datetime | None) -> None:
    """Decide and route one tenant's service date, check it, and publish it if it passes. Exit code 1: the night failed."""
    from app.dispatch.replan import compute_day
    from app.jobs.summary import night_summary
    from app.planning.jobs import plan_night
    from app.planning.operations import next_service_date, require_plannable

    database = open_database(settings)[1]
    tenant_id = tenant_number(database, slug)
    with database.transaction(tenant_id) as session:
        day = service_date.date() if service_date else next_service_date(session, at=origin_at)
        require_plannable(session, day, at=origin_at)
    with Bar(f"planning {day}") as bar:
        how: dict[str, Any] = {"seed": seed, "again": again, "origin_at": origin_at, "compute": compute_day}
        plan = plan_night(database, tenant_id, day, settings=settings, progress=bar.step, **how)
    if plan is None:
        with database.transaction(tenant_id) as session:
            say(f"No plan for {day}: {_why_no_plan(session, day)}", error=True)
        sys.exit(1)
    say(night_summary(database, tenant_id, day))


def _why_no_plan(session: Any, day: date) -> str:
    from app.planning.queries import find_job

    job = find_job(session, day)
    return (job.error or f"the night is {job.status}") if job else "nobody has asked for it"


# The kernels alone


main.add_command(solve)
main.add_command(check)

main.add_command(backtest)
main.add_command(twin)
main.add_command(audit)


# The demo


@main.command()
@click.option("--no-serve", is_flag=True, help="End after the summary.")
@click.option("--map", "map_file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Streets from this .osm.pbf instead.")
@click.option("--port", default=8000, show_default=True)
@click.option("--reset", is_flag=True, help="Forget the demo city, and end.")
@click.pass_obj
def demo(settings: Settings, no_serve: bool, map_file: Path | None, port: int, reset: bool) -> None:
    """A simulated city on real streets: eight weeks of sensor events, tonight's plan, and the pages."""
    from fixtures.demo_city import demo as city

    run: Callable[[], None] = (
        (lambda: city.forget(settings)) if reset else (lambda: city.run(settings, map_file=map_file, port=port, serve=not no_serve))
    )
    run()


if __name__ == "__main__":
    main()
