"""Which rooms answer requests: their API blueprints, and their pages."""

from flask import Blueprint
from flask_smorest import Blueprint as ApiBlueprint

from app.assets import api as assets
from app.dispatch import api as dispatch
from app.forecasts import api as forecasts
from app.maps import api as maps
from app.planning import api as planning
from app.reporting import api as reporting
from app.telemetry import api as telemetry
from app.telemetry import source_api as sources
from app.tenancy import people_api as tenancy
from app.web import admin, container, dashboard, dispatcher, driver, entry, health
from app.web import sources as source_pages

BLUEPRINTS: tuple[ApiBlueprint, ...] = (
    assets.blueprint,
    dispatch.blueprint,
    forecasts.blueprint,
    maps.blueprint,
    planning.blueprint,
    reporting.blueprint,
    sources.blueprint,
    telemetry.blueprint,
    tenancy.blueprint,
)
PAGES: tuple[Blueprint, ...] = (
    admin.blueprint,
    container.blueprint,
    dashboard.blueprint,
    dispatcher.blueprint,
    driver.blueprint,
    entry.blueprint,
    health.blueprint,
    maps.tiles,
    source_pages.blueprint,
)
