"""Shared by the tests of endpoints."""

import pytest
from flask import Flask
from flask.testing import FlaskClient


@pytest.fixture
def anonymous(app: Flask) -> FlaskClient:
    """A browser that nobody has signed in with yet."""
    return app.test_client()
