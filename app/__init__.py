"""Kerbside's app: people, rows, clock and network around the two kernels. `create_app` only wires."""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from app.config import Settings
from app.db import Database


def create_app(settings: Settings | None = None, *, database: Database | None = None) -> Flask:
    """The web application on `database`, or on the one that the settings name (which is started if it is the embedded one)."""
    from app import provision
    from app.http import register_errors
    from app.openapi import SECURITY, DescribedApi
    from app.reading import register_reading
    from app.rooms import BLUEPRINTS, PAGES
    from app.tenancy.api import register_transactions
    from app.web.pages import register_pages
    from app.web.security_headers import register_security_headers

    settings = settings or Settings.from_env()
    app = Flask(__name__, static_folder="web/static", template_folder="web/templates")
    app.config.update(
        SECRET_KEY=settings.signing_key(),
        SESSION_COOKIE_NAME="kerbside",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        MAX_CONTENT_LENGTH=16 * 1024 * 1024,
        API_TITLE="Kerbside",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/api/v1",
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS=SECURITY,
    )
    app.extensions["kerbside.settings"] = settings
    app.extensions["kerbside.database"] = database or Database(provision.locate_database(settings).app)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    register_reading(app)
    api = DescribedApi(app)
    for blueprint in BLUEPRINTS:
        api.register_blueprint(blueprint)
    for pages in PAGES:
        app.register_blueprint(pages)
    register_errors(app)
    register_pages(app)
    register_transactions(app)
    register_security_headers(app)
    return app
