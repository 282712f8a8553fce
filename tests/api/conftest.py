"""Shared by the tests of endpoints."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient


@pytest.fixture
def anonymous(app: Flask) -> Iterator[FlaskClient]:
    """A browser that nobody has signed in with yet."""
    with app.test_client() as browser:
        yield browser
