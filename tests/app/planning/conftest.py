"""The tiny town, and its choice by a forecast that the test writes down."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from app.config import Settings
from app.db import TenantSession
from app.planning.city import City, load_city
from app.planning.select import Candidate, select_containers
from tests.factories import planning as make
from tests.factories.planning import EVE, THURSDAY, Town


@pytest.fixture
def town(session: TenantSession) -> Town:
    return make.town(session)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


@pytest.fixture
def read(session: TenantSession) -> Callable[..., City]:
    """The city on Thursday as Wednesday evening knows it."""

    def read_city(*, origin_at: datetime = EVE, **values: Any) -> City:
        session.flush()
        session.expire_all()
        return load_city(session, values.pop("service_date", THURSDAY), origin_at=origin_at, **values)

    return read_city


@pytest.fixture
def case(town: Town, read: Callable[..., City]) -> Callable[..., Candidate]:
    """What is decided of container A, (percent now, percent a day) being forecast for it."""

    def decide(now_pct: float, per_day_pct: float, *, spread_pct: float = 5.0, **values: Any) -> Candidate:
        city = read(**values)
        container_id = town.containers["A"].id
        forecast = make.outlook(city, {container_id: (now_pct, per_day_pct)}, spread_pct=spread_pct)
        return select_containers(city, forecast).candidates[container_id]

    return decide
