"""Whoever watches over the service learns whether it can work, without signing in."""

from flask import Flask

from app.db import Database


def test_it_is_well_when_the_database_answers(app: Flask):
    answer = app.test_client().get("/healthz")

    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_it_says_so_when_the_database_does_not(app: Flask):
    app.extensions["kerbside.database"] = Database("postgresql+psycopg2://nobody@127.0.0.1:1/nothing")

    answer = app.test_client().get("/healthz")

    assert answer.status_code == 503
    assert "database" in answer.json["detail"]
