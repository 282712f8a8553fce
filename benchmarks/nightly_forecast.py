"""The forecast of a large tenant's night, from database to database, beside a raw COPY of the rows that it writes.

    python -m benchmarks nightly_forecast --containers 100000 [--days 28] [--per-day 4] [--nights 2]

Simulated containers fill by their own rates with weekly ups and downs and are emptied when they are full. Their readings, states and
lifts stand in the real tables of an embedded PostgreSQL; surveys of past evenings stand as earlier nights would have left them. Then the
nights begin: what is timed is what a night calls (`load_signals`, `forecast`, `store_forecast`), learning included. The first night finds
no forecast to judge; later ones judge those of the days before. One process, one thread; the server's own share is told beside.
"""

import argparse
import io
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import NullPool
from threadpoolctl import threadpool_limits

from app.db import Database, TenantSession
from app.embedded_postgres import EmbeddedPostgres
from app.forecasts.night import forecast, load_signals
from app.forecasts.operations import store_forecast
from app.forecasts.outlook import Outlook
from app.forecasts.queries import find_run_at
from app.forecasts.store import insert_rows
from app.forecasts.subjects import load_subjects
from app.forecasts.surveys import write_survey
from app.provision import make_roles_and_database
from benchmarks.server import backend_cpu_s, passing_server
from migrations.run import make_partitions_ahead, upgrade
from tests.factories import telemetry as make
from tests.factories.tenancy import tenant

CLASSES = ("paper", "glass", "residual", "organic")
NOISE = 0.015
READINGS_AT_ONCE = 400_000


@dataclass(frozen=True, eq=False)
class Simulation:
    """Levels of all containers at every reading, and what was lifted."""

    ids: NDArray[np.int64]
    device_ids: NDArray[np.int64]
    instants: NDArray[np.int64]
    """Epoch seconds of the readings, which all containers share but for a second each."""
    level: NDArray[np.float32]
    """(readings, containers), as the filter would have them."""
    emptied_before: NDArray[np.float32]
    """(readings, containers): the fill that was lifted out just before a reading; 0 without a lift."""


def simulate(ids: NDArray[np.int64], device_ids: NDArray[np.int64], begin: datetime, *, days: int, per_day: int, seed: int) -> Simulation:
    """Inflow by the hour of reading, weekly rhythm and single drops; emptied some readings after 70 to 100 % are passed."""
    rng = np.random.default_rng(seed)
    n, step_s = len(ids), 86_400 // per_day
    instants = int(begin.timestamp()) + step_s * np.arange(days * per_day, dtype=np.int64)
    rate = (rng.gamma(2.0, 0.05, n) / per_day).astype(np.float32)
    limit = rng.uniform(0.7, 1.0, n).astype(np.float32)
    now = rng.uniform(0, 0.7, n).astype(np.float32)
    level, lifted = np.empty((len(instants), n), np.float32), np.zeros((len(instants), n), np.float32)
    for i, at in enumerate(instants.tolist()):
        weekday = datetime.fromtimestamp(at, UTC).weekday()
        rhythm = 1.3 if weekday >= 5 else 0.88
        now = (now + rate * rhythm * rng.gamma(1.5, 1 / 1.5, n)).astype(np.float32)
        full = (now >= limit) & (rng.random(n) < 0.6)
        lifted[i] = np.where(full, now, 0)
        now = np.where(full, np.float32(0.01), now)
        level[i] = now
    return Simulation(ids, device_ids, instants, level, lifted)


SITES = """insert into site (code, name, lat, lon)
    select 'B' || i, 'Site ' || i, 50 + (i %% 400) * 0.001, 8 + (i / 400) * 0.0015 from generate_series(2, %s) i"""
CONTAINERS = """insert into container (code, site_id, model_id, waste_class, volume_l, empty_distance_mm, full_distance_mm)
    select s.code, s.id, c.model_id, (%s::text[])[1 + s.id %% 4], c.volume_l, c.empty_distance_mm, c.full_distance_mm
    from site s, container c where c.id = %s and s.code like 'B%%'"""
DEVICES = "insert into device (device_uid, container_id) select 'B' || id, id from container where id <> %s"


def make_containers(database: Database, owner: Engine, tenant_id: int, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """One container made by the factory, the others after its pattern; a device in each."""
    with database.transaction(tenant_id) as session:
        first = make.mounted(session).container_id
    for statement, parameters in ((SITES, (count,)), (CONTAINERS, (list(CLASSES), first)), (DEVICES, (first,))):
        with database.transaction(tenant_id) as session:
            session.connection().exec_driver_sql(statement, parameters)
        analyze(owner)  # else each foreign key is looked up by a walk over the whole table
    with database.transaction(tenant_id) as session:
        rows = session.connection().exec_driver_sql("select container_id, id from device order by container_id").all()
    ids, devices = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    return ids, devices


def analyze(owner: Engine) -> None:
    """As autovacuum would have by the next minute."""
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("analyze")


MEASUREMENT = {"device_id": "bigint", "container_id": "bigint", "at_s": "bigint", "fill_pct": "real"}
LIFT = {"container_id": "bigint", "at_s": "bigint", "before_pct": "real"}
STATE = {"container_id": "bigint", "at_s": "bigint", "level_pct": "real", "emptied_s": "bigint"}


def write_simulation(session: TenantSession, world: Simulation, *, seed: int) -> None:
    """Readings, lifts and states as ingest would have left them, without its walk over each reading."""
    rng = np.random.default_rng(seed)
    n, at_once = len(world.ids), max(READINGS_AT_ONCE // len(world.ids), 1)
    for begin in range(0, len(world.instants), at_once):
        part = slice(begin, min(begin + at_once, len(world.instants)))
        level = world.level[part].ravel()
        columns: dict[str, NDArray[Any]] = {
            "device_id": np.tile(world.device_ids, part.stop - begin),
            "container_id": np.tile(world.ids, part.stop - begin),
            "at_s": np.repeat(world.instants[part], n),
            "fill_pct": 100 * (level + rng.normal(0, NOISE, len(level))).astype(np.float32),
        }
        selected = "device_id, to_timestamp(at_s), container_id, fill_pct, 4"
        into = "device_id, observed_at, container_id, fill_pct, quality"
        insert_rows(session, "measurement", MEASUREMENT, columns, selected=selected, into=into)
    row, container = np.nonzero(world.emptied_before)
    lifts: dict[str, NDArray[Any]] = {
        "container_id": world.ids[container],
        "at_s": world.instants[row] - 1800,
        "before_pct": 100 * world.emptied_before[row, container],
    }
    selected = "container_id, to_timestamp(at_s), 'sensor', before_pct"
    insert_rows(session, "lift", LIFT, lifts, selected=selected, into="container_id, lifted_at, source, fill_before_pct")


def write_states(session: TenantSession, world: Simulation, until: int) -> None:
    """States as they stand after a reading."""
    lifted = world.emptied_before[: until + 1] > 0
    last = len(lifted) - 1 - lifted[::-1].argmax(axis=0)
    emptied = np.where(lifted.any(axis=0), world.instants[last] - 1800, -1)
    columns = {
        "container_id": world.ids,
        "at_s": np.full(len(world.ids), world.instants[until]),
        "level_pct": 100 * world.level[until],
        "emptied_s": emptied,
    }
    session.connection().exec_driver_sql("delete from container_state")
    insert_rows(
        session,
        "container_state",
        STATE,
        columns,
        selected="container_id, to_timestamp(at_s), level_pct, 1.2, 4, case when emptied_s >= 0 then to_timestamp(emptied_s) end",
        into="container_id, observed_at, fill_pct, fill_spread_pct, quality, last_emptied_at",
    )


@dataclass
class Watch:
    """Seconds by step: this process's and the server's on the processor, and the clock's."""

    backend: int
    own_s: float = 0.0
    server_s: float = 0.0
    clock_s: float = 0.0

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        own, server, clock = time.process_time(), backend_cpu_s(self.backend), time.perf_counter()
        yield
        spent = time.process_time() - own, backend_cpu_s(self.backend) - server, time.perf_counter() - clock
        self.own_s, self.server_s, self.clock_s = self.own_s + spent[0], self.server_s + spent[1], self.clock_s + spent[2]
        print(f"  {name:34}{spent[0]:9.1f}{spent[1]:9.1f}{sum(spent[:2]):9.1f}{spent[2]:9.1f}", flush=True)


def backend_of(session: TenantSession) -> int:
    return int(session.connection().exec_driver_sql("select pg_backend_pid()").scalar_one())


def run_night(database: Database, tenant_id: int, origin_at: datetime) -> tuple[Outlook, float]:
    """What a night does for its forecast; the outlook, and its seconds on the processor, the server's included."""
    print(f"night of {origin_at:%d %B %Y, %H:%M} UTC{'':16}  process   server     both    clock")
    with database.transaction(tenant_id) as session:
        watch = Watch(backend_of(session))
        with watch.step("read subjects"):
            subjects = load_subjects(session, origin_at)
        with watch.step("read states, surveys, panel"):
            signals = load_signals(session, origin_at)
        with watch.step("replay, learn, snapshots, predict"):
            outlook = forecast(subjects, signals, origin_at)
        for name, seconds in outlook.steps_s.items():
            print(f"    {name:32}{'':27}{seconds:9.1f}")
    with database.transaction(tenant_id) as session:
        watch.backend = backend_of(session)
        with watch.step("write rows, judge past nights"):
            store_forecast(session, outlook)
            session.commit()
    with watch.step("overflow by the hour, for the choice"):
        _ = outlook.overflow
    total = watch.own_s + watch.server_s
    print(f"  {'all':34}{watch.own_s:9.1f}{watch.server_s:9.1f}{total:9.1f}{watch.clock_s:9.1f}")
    return outlook, total


def raw_copy(database: Database, tenant_id: int, outlook: Outlook) -> float:
    """COPY of the same forecast rows as ready text into a table without keys and policies: seconds on the processor."""
    low, middle, high = (100 * outlook.table.fill[:, :, column] for column in range(3))
    lines = [
        f"{tenant_id}\t1\t{key}\tmodel\t" + "\t".join("{" + ",".join(f"{v:.6g}" for v in row) + "}" for row in rows) + "\n"
        for key, *rows in zip(outlook.table.keys, low, middle, high, low / 100, middle, strict=True)
    ]
    ready = io.StringIO("".join(lines))
    with database.transaction(tenant_id) as session:
        backend = backend_of(session)
        spent = -time.process_time() - backend_cpu_s(backend)
        cursor: Any = session.connection().connection.cursor()
        columns = "tenant_id, run_id, container_id, method, q10_pct, q50_pct, q90_pct, overflow_probability, naive_pct"
        cursor.copy_expert(f"copy raw_forecast ({columns}) from stdin", ready)
        session.commit()
        return spent + time.process_time() + backend_cpu_s(backend)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--containers", type=int, default=100_000)
    parser.add_argument("--days", type=int, default=28, help="of history before the first night")
    parser.add_argument("--per-day", type=int, default=4, help="readings of each container a day")
    parser.add_argument("--nights", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with passing_server({"max_wal_size": "4GB"}) as (server, _), threadpool_limits(1):
        measure(server, arguments)


def measure(server: EmbeddedPostgres, arguments: argparse.Namespace) -> None:
    urls = make_roles_and_database(server, "bench")
    upgrade(urls.owner)
    owner = Database(urls.owner)
    tenant_id = tenant(owner)
    evening = datetime.now(UTC).replace(hour=20, minute=0, second=0, microsecond=0)
    # the last night is yesterday's, so that no partition lies ahead
    first_night = evening - timedelta(days=arguments.nights)
    engine = create_engine(urls.owner, poolclass=NullPool)
    make_partitions_ahead(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("create table raw_forecast (like container_forecast)")
        connection.exec_driver_sql("grant insert on raw_forecast to kerbside_app")
    database = Database(urls.app)
    ids, device_ids = make_containers(database, engine, tenant_id, arguments.containers)
    begin = first_night - timedelta(days=arguments.days)
    days = arguments.days + arguments.nights
    world = simulate(ids, device_ids, begin, days=days, per_day=arguments.per_day, seed=arguments.seed)
    began = time.perf_counter()
    prepare(database, tenant_id, world, first_night, arguments)
    print(f"{world.level.size:,} readings of {len(ids):,} containers written in {time.perf_counter() - began:.0f} s", flush=True)
    for night in range(arguments.nights):
        origin_at = first_night + timedelta(days=night)
        until = int(np.searchsorted(world.instants, origin_at.timestamp(), side="right")) - 1
        with database.transaction(tenant_id) as session:
            write_states(session, world, until)
        analyze(engine)
        outlook, total_s = run_night(database, tenant_id, origin_at)
        report(database, tenant_id, outlook, total_s)
    engine.dispose()


def prepare(database: Database, tenant_id: int, world: Simulation, first_night: datetime, arguments: argparse.Namespace) -> None:
    with database.transaction(tenant_id) as session:
        write_simulation(session, world, seed=arguments.seed + 1)
    with database.transaction(tenant_id) as session:
        for back in range(arguments.days, 0, -1):
            at = first_night - timedelta(days=back)
            level = world.level[int(np.searchsorted(world.instants, at.timestamp(), side="right")) - 1].astype(np.float64)
            write_survey(session, at, world.ids, level, np.full(len(level), 0.012))


def report(database: Database, tenant_id: int, outlook: Outlook, total_s: float) -> None:
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    raw_s = raw_copy(database, tenant_id, outlook)
    methods = {name: outlook.table.method.count(name) for name in sorted(set(outlook.table.method))}
    print(f"  {methods}; peak memory of the process {peak_gib:.2f} GiB; {outlook.model_version}")
    print(f"  the night is {total_s / raw_s:.1f} times a raw COPY of its {len(outlook.table):,} rows ({raw_s:.1f} s)")
    if outlook.note:
        print(f"  {outlook.note}")
    with database.transaction(tenant_id) as session:
        run = find_run_at(session, outlook.origin_at)
        realised = (run.evaluation if run else {}).get("realised", {})
    for hours, score in realised.items():
        print(f"  after {hours} h: {score}")
    print(flush=True)


if __name__ == "__main__":
    main()
