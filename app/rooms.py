"""Which rooms answer requests: their API blueprints, and their pages."""

from flask import Blueprint
from flask_smorest import Blueprint as ApiBlueprint

BLUEPRINTS: tuple[ApiBlueprint, ...] = ()
PAGES: tuple[Blueprint, ...] = ()
