"""How long a network server waits for its answer: ChirpStack's messages to a source, beside the same readings as batches of one.

    python -m benchmarks.uplinks [--messages 400] [--workers 1]

The database waits for the disk, as in a town. The whole request is counted, secret, envelope, payload, state and log, without a network
between. A webhook's p99 should stay below 50 ms at 200 a second on two cores that do nothing else.
"""

import argparse
import base64
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from flask.testing import FlaskClient

from app import create_app
from app.config import Settings
from app.db import Database
from app.embedded_postgres import EmbeddedPostgres
from app.provision import make_roles_and_database
from app.telemetry.models import SourceKind
from benchmarks.server import passing_server
from migrations.run import upgrade
from tests.factories import telemetry as make
from tests.factories.tenancy import client, tenant

DEVICES = 100
BEGIN = datetime.now(UTC) - timedelta(hours=30)

Send = Callable[[FlaskClient, int], Any]


def uid_of(number: int) -> str:
    return f"{number % DEVICES:016X}"


def heard_at(number: int) -> str:
    return (BEGIN + timedelta(minutes=number // DEVICES, seconds=number % DEVICES / 10)).isoformat()


def chirpstack(address: str, secret: str) -> Send:
    """An EM400-MUD at a distance that grows and falls."""

    def send(asks: FlaskClient, number: int) -> Any:
        payload = bytes.fromhex("01755c036701010482") + (400 + number % 700).to_bytes(2, "little") + b"\x05\x00\x00"
        body = {
            "deduplicationId": f"m{number}",
            "time": heard_at(number),
            "deviceInfo": {"devEui": uid_of(number)},
            "fPort": 85,
            "data": base64.b64encode(payload).decode(),
            "rxInfo": [{"rssi": -97, "snr": 4.5}],
        }
        return asks.post(f"{address}?event=up", json=body, headers={"Authorization": f"Bearer {secret}"})

    return send


def batch_of_one(asks: FlaskClient, number: int) -> Any:
    reading = {"device": uid_of(number), "observed_at": heard_at(number), "distance_mm": 400 + number % 700}
    return asks.post("/api/v1/measurements", data=json.dumps({"measurements": [reading]}))


def wait_ms(asks: Sequence[FlaskClient], send: Send, messages: int) -> tuple[np.ndarray[Any, Any], float]:
    """Milliseconds of each answer, and answers a second."""

    def run(worker: int) -> list[float]:
        took = []
        for number in range(worker, messages, len(asks)):
            began = time.perf_counter()
            answer = send(asks[worker], number)
            took.append(1000 * (time.perf_counter() - began))
            assert answer.status_code == 200, answer.text
        return took

    began = time.perf_counter()
    with ThreadPoolExecutor(len(asks)) as pool:
        took = [ms for found in pool.map(run, range(len(asks))) for ms in found]
    return np.array(took), messages / (time.perf_counter() - began)


def compare(server: EmbeddedPostgres, root: Path, arguments: argparse.Namespace) -> None:
    urls = make_roles_and_database(server, "bench")
    upgrade(urls.owner)
    owner, database = Database(urls.owner), Database(urls.app)
    app = create_app(Settings(data_dir=root, secret_key="only for tests"), database=database)
    ways: dict[str, tuple[int, Send]] = {}
    for name in ("batch of one", "uplink"):
        tenant_id = tenant(owner)
        with database.transaction(tenant_id, actor="benchmark") as session:
            for number in range(DEVICES):
                make.device(session, container_id=make.container(session).id, device_uid=uid_of(number), model="EM400-MUD")
            source, secret = make.source(session, SourceKind.CHIRPSTACK)
        ways[name] = tenant_id, chirpstack(f"/api/v1/uplinks/{source.source_key}", secret) if name == "uplink" else batch_of_one
    for name, (tenant_id, send) in ways.items():
        asks = [client(app, database, tenant_id) for _ in range(arguments.workers)]
        ms, a_second = wait_ms(asks, send, arguments.messages)
        p50, p99 = np.percentile(ms, [50, 99])
        print(f"{name:14} p50 {p50:6.1f} ms  p99 {p99:6.1f} ms  {a_second:6.0f} a second, {arguments.workers} at a time")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--messages", type=int, default=400)
    parser.add_argument("--workers", type=int, default=1, help="network servers that send at the same time")
    arguments = parser.parse_args()
    with passing_server() as (server, root):
        compare(server, root, arguments)


if __name__ == "__main__":
    main()
