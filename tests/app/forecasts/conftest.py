"""Containers with weeks of readings behind them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.db import TenantSession
from app.forecasts.night import forecast, load_signals
from app.forecasts.outlook import Outlook
from app.forecasts.subjects import load_subjects
from tests.factories import planning as make
from tests.factories.planning import EVE, Town


@pytest.fixture
def town(session: TenantSession) -> Town:
    """A fills by 10 % a day and stands at 62 %, B by 20 % and stands at 35 %; C has no sensor."""
    made = make.town(session)
    for place, name in enumerate("ABC", start=3):
        made.add(name, place)
    made.fills("A", 62, 10, days=30)
    made.fills("B", 35, 20, days=30)
    return made


@pytest.fixture
def foresee(session: TenantSession) -> Callable[..., Outlook]:
    """Tonight's outlook, as a night makes it."""

    def made(origin_at: datetime = EVE, **values: Any) -> Outlook:
        signals = load_signals(session, origin_at, **values)
        return forecast(load_subjects(session, origin_at), signals, origin_at)

    return made


DAY = timedelta(days=1)
