"""Who gets in, and where those who do not are led."""

import pytest
from playwright.sync_api import expect

from app.tenancy.models import Role
from tests.e2e.browser import Browsing, email_of
from tests.e2e.town import SeededTown

CLOSED = ["/", "/kpis", "/containers/1", "/routes/1/sheet", "/drive", "/drive/1", "/account", "/admin"]


@pytest.mark.parametrize("path", CLOSED)
def test_whoever_is_signed_out_is_led_to_sign_in(browsing: Browsing, path: str):
    page = browsing.page()
    page.goto(path)

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_after_signing_in_one_is_where_one_wanted_to_be(browsing: Browsing, town: SeededTown):
    page = browsing.signed_in(email_of(Role.ANALYST), to=f"/containers/{town.container_ids[0]}")

    expect(page.get_by_role("heading", level=1)).to_contain_text("K-000")


def test_a_wrong_password_says_no_more_than_that(browsing: Browsing, town: SeededTown):
    browsing.forgiven = ["status of 401"]
    page = browsing.page()
    page.goto("/sign-in")
    page.get_by_label("E-mail address").fill(email_of(Role.ADMIN))
    page.get_by_label("Password").fill("not this one")
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_role("alert")).to_contain_text("The e-mail address or the password is wrong.")


def test_whoever_signs_out_is_out(browsing: Browsing, town: SeededTown):
    page = browsing.signed_in(email_of(Role.DISPATCHER), to="/account")
    page.get_by_role("button", name="Sign out").click()
    page.goto("/account")

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
