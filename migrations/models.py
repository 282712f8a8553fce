"""Imports every room's tables, so that the metadata is whole."""

from app.assets import models as assets
from app.db import Base
from app.dispatch import models as dispatch
from app.forecasts import models as forecasts
from app.maps import models as maps
from app.planning import models as planning
from app.reporting import models as reporting
from app.telemetry import models as telemetry
from app.tenancy import models as tenancy

__all__ = ["Base", "assets", "dispatch", "forecasts", "maps", "planning", "reporting", "telemetry", "tenancy"]
