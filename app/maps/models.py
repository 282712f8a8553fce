"""Street maps: shared by all tenants, never changed once built."""

from datetime import datetime
from typing import Any

from sqlalchemy import String, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base


class StreetMap(Base):
    """One extract and the street graph built from it; the files lie in the data directory under `digest`."""

    __tablename__ = "street_map"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    source: Mapped[str] = mapped_column(String(300))
    attribution: Mapped[str] = mapped_column(String(200), server_default="© OpenStreetMap contributors")
    west: Mapped[float]
    south: Mapped[float]
    east: Mapped[float]
    north: Mapped[float]
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    """Street kilometres, edges, turn restrictions, engine and its version: what the build found."""
    built_at: Mapped[datetime] = mapped_column(server_default=func.now())
