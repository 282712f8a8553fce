"""Which rooms answer requests: their API blueprints, and their pages."""

from flask import Blueprint
from flask_smorest import Blueprint as ApiBlueprint

from app.assets import api as assets
from app.maps import api as maps
from app.telemetry import api as telemetry
from app.tenancy import people_api as tenancy
from app.web import health

BLUEPRINTS: tuple[ApiBlueprint, ...] = (assets.blueprint, maps.blueprint, telemetry.blueprint, tenancy.blueprint)
PAGES: tuple[Blueprint, ...] = (health.blueprint, maps.tiles)
