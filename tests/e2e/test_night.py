"""The dispatcher's morning, in a browser."""

from playwright.sync_api import expect

from app.tenancy.models import Role
from tests.e2e.browser import Browsing, email_of, wait_for_map
from tests.e2e.town import SeededTown


def test_the_night_stands_on_a_map_and_in_lists(browsing: Browsing, town: SeededTown):
    page = browsing.signed_in(email_of(Role.DISPATCHER))
    wait_for_map(page)

    expect(page.locator("#map canvas")).to_be_visible()
    expect(page.locator(".maplibregl-ctrl-attrib")).to_contain_text("OpenStreetMap")
    expect(page.locator(".route")).to_have_count(len(town.route_ids()))
    expect(page.locator("table.decisions tbody tr")).to_have_count(len(town.container_ids))
    expect(page.locator(".banner-simulated")).to_be_visible()
    assert all(reason.strip() for reason in page.locator("td.why").all_inner_texts())
