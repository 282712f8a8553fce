"""Rows per CPU second of ingest, client and server together, beside raw COPY and beside marshmallow with the ORM, in one run.

    python -m benchmarks.ingest [--containers 400] [--readings 48] [--batch 1000]

Every way stores the same readings of the same containers, each in a city of its own. Raw COPY gets its text ready-made, and keeps no
state: it is the floor under everything. Ratios travel between machines, times do not.
"""

import argparse
import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, select
from sqlalchemy.pool import NullPool

from app import create_app
from app.assets.models import Container
from app.config import Settings
from app.db import Database, TenantSession
from app.embedded_postgres import EmbeddedPostgres
from app.provision import make_roles_and_database
from app.telemetry.ingest import ingest
from app.telemetry.models import Device, Measurement
from app.telemetry.queries import load_history
from app.telemetry.readings import decode_batch, encode_answer
from app.telemetry.schemas import BatchSchema
from benchmarks.server import backend_cpu_s, passing_server
from migrations.run import upgrade
from tests.factories import telemetry as make
from tests.factories.tenancy import client, tenant


@dataclass(frozen=True)
class City:
    """A tenant, its devices, and the bodies that they send."""

    tenant_id: int
    device_ids: dict[str, int]
    container_ids: dict[str, int]
    bodies: list[bytes]


@dataclass(frozen=True)
class Cost:
    """What storing everything took."""

    rows: int
    cpu_s: float
    wall_s: float

    @property
    def rows_per_cpu_s(self) -> float:
        return self.rows / self.cpu_s


def make_city(owner: Database, database: Database, arguments: argparse.Namespace) -> City:
    """Containers that fill by 1 % an hour; readings of all devices hour by hour."""
    tenant_id = tenant(owner)
    with database.transaction(tenant_id) as session:
        devices = [make.mounted(session) for _ in range(arguments.containers)]
    begin = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=arguments.readings + 1)
    readings = [
        {
            "device": device.device_uid,
            "observed_at": (begin + timedelta(hours=hour, seconds=number)).isoformat(),
            "distance_mm": 1200 - 10 * (hour % 100),
            "temperature_c": 18.5,
            "battery_v": 3.6,
            "signal_dbm": -98,
        }
        for hour in range(arguments.readings)
        for number, device in enumerate(devices)
    ]
    starts = range(0, len(readings), arguments.batch)
    bodies = [json.dumps({"measurements": readings[start : start + arguments.batch]}).encode() for start in starts]
    ids, mounts = {d.device_uid: d.id for d in devices}, {d.device_uid: d.container_id or 0 for d in devices}
    return City(tenant_id, ids, mounts, bodies)


def measure(database: Database, city: City, store: Callable[[TenantSession, bytes], None]) -> Cost:
    """Store every body in a transaction of its own."""
    rows = sum(len(json.loads(body)["measurements"]) for body in city.bodies)
    began, cpu_s = time.perf_counter(), 0.0
    for body in city.bodies:
        with database.transaction(city.tenant_id) as session, _counting(session) as used:
            store(session, body)
            session.commit()
        cpu_s += used[0]
    return Cost(rows, cpu_s, time.perf_counter() - began)


@contextmanager
def _counting(session: TenantSession) -> Iterator[list[float]]:
    """CPU seconds of this process and of the server process that works for the session, in a list of one."""
    backend = int(session.connection().exec_driver_sql("select pg_backend_pid()").scalar_one())
    used = [-time.process_time() - backend_cpu_s(backend)]
    yield used
    used[0] += time.process_time() + backend_cpu_s(backend)


def by_ingest(session: TenantSession, body: bytes) -> None:
    encode_answer(ingest(session, decode_batch(body)))


def by_raw_copy(city: City) -> Callable[[TenantSession, bytes], None]:
    """COPY of ready text into a table without row-level security, without keys looked up, without state."""
    ready = {}
    for body in city.bodies:
        items = json.loads(body)["measurements"]
        lines = [
            f"{city.tenant_id}\t{city.device_ids[i['device']]}\t{i['observed_at']}\t{city.container_ids[i['device']]}\t{i['distance_mm']}"
            f"\t50\t{i['temperature_c']}\t{i['battery_v']}\t{i['signal_dbm']}\t4\n"
            for i in items
        ]
        ready[body] = "".join(lines)

    def store(session: TenantSession, body: bytes) -> None:
        cursor: Any = session.connection().connection.cursor()
        columns = "tenant_id, device_id, observed_at, container_id, distance_mm, fill_pct, temperature_c, battery_v, signal_dbm, quality"
        cursor.copy_expert(f"copy raw_measurement ({columns}) from stdin", io.StringIO(ready[body]))

    return store


def by_marshmallow_and_orm(session: TenantSession, body: bytes) -> None:
    """As one would write it first: a schema, a row object a reading; no state, no duplicates looked for."""
    items = BatchSchema().load(json.loads(body))["measurements"]
    devices = {d.device_uid: d for d in session.scalars(select(Device).where(Device.device_uid.in_({i["device"] for i in items})))}
    mounts = [device.container_id for device in devices.values()]
    containers = {c.id: c for c in session.scalars(select(Container).where(Container.id.in_(mounts)))}
    for item in items:
        device = devices[item.pop("device")]
        fill_pct = containers[device.container_id or 0].fill_pct(item["distance_mm"])
        session.add(Measurement(device_id=device.id, container_id=device.container_id, fill_pct=fill_pct, quality=4, **item))


def over_http(database: Database, city: City, folder: Path) -> Cost:
    """The whole request, key and all, without a network between."""
    asks = client(create_app(Settings(data_dir=folder, secret_key="benchmark"), database=database), database, city.tenant_id)
    began, cpu_s = time.perf_counter(), -time.process_time()
    counts = [asks.post("/api/v1/measurements", data=body).get_json()["counts"]["stored"] for body in city.bodies]
    return Cost(sum(counts), cpu_s + time.process_time(), time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--containers", type=int, default=400)
    parser.add_argument("--readings", type=int, default=48, help="hours, one reading each, a container")
    parser.add_argument("--batch", type=int, default=1000)
    arguments = parser.parse_args()
    with passing_server() as (server, root):
        compare(server, root, arguments)


def compare(server: EmbeddedPostgres, root: Path, arguments: argparse.Namespace) -> None:
    urls = make_roles_and_database(server, "bench")
    upgrade(urls.owner)
    with create_engine(urls.owner, poolclass=NullPool).begin() as connection:
        connection.exec_driver_sql("create table raw_measurement (like measurement including all)")
        connection.exec_driver_sql("grant insert on raw_measurement to kerbside_app")
    owner, database = Database(urls.owner), Database(urls.app)
    cities = {name: make_city(owner, database, arguments) for name in ("copy", "ingest", "orm", "http")}
    raw = measure(database, cities["copy"], by_raw_copy(cities["copy"]))
    ours = measure(database, cities["ingest"], by_ingest)
    orm = measure(database, cities["orm"], by_marshmallow_and_orm)
    print(f"batch {arguments.batch}, {raw.rows:,} readings of {arguments.containers} containers; client and server CPU together")
    for name, cost in (("raw COPY", raw), ("ingest, with state and quality", ours), ("marshmallow + ORM, without", orm)):
        print(f"{name:32} {cost.rows_per_cpu_s:10,.0f} rows per CPU second, {cost.rows_per_cpu_s / raw.rows_per_cpu_s:5.2f} of raw COPY")
    print(f"ingest is {ours.rows_per_cpu_s / orm.rows_per_cpu_s:.1f} times as fast as marshmallow + ORM")
    http = over_http(database, cities["http"], root)
    print(f"through the whole request        {http.rows / http.wall_s:10,.0f} rows per second of the clock")
    began = time.perf_counter()
    with database.transaction(cities["http"].tenant_id) as session:
        history = load_history(session, datetime.now(UTC) - timedelta(days=400))
    took_s = time.perf_counter() - began
    print(f"load_history: {sum(map(len, history.values())):,} readings in {took_s:.2f} s of the clock")


if __name__ == "__main__":
    main()
