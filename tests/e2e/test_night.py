"""The dispatcher's morning, in a browser."""

from playwright.sync_api import expect

from app.planning.jobs import run_night
from app.planning.queries import find_job, now_in_database
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


def test_one_selection_is_shown_by_map_list_and_address(browsing: Browsing, town: SeededTown):
    routes = town.route_ids()
    page = browsing.signed_in(email_of(Role.DISPATCHER))
    wait_for_map(page)

    page.locator(f"#route-{routes['T1']} > summary").click()
    expect(page.locator("#map")).to_have_attribute("data-route", str(routes["T1"]))
    assert f"route={routes['T1']}" in page.url

    page.locator(f"#route-{routes['T2']} > summary").click()
    expect(page.locator("#map")).to_have_attribute("data-route", str(routes["T2"]))
    expect(page.locator(".route[open]")).to_have_count(1)

    page.reload()
    wait_for_map(page)
    expect(page.locator(f"#route-{routes['T2']}")).to_have_attribute("open", "")


def test_whoever_asks_for_a_bin_reads_why_it_is_not_on_it(browsing: Browsing, town: SeededTown):
    page = browsing.signed_in(email_of(Role.SERVICE_DESK))

    page.get_by_label("Find").fill("market street glass")
    page.get_by_role("button", name="Find").click()

    rows = page.locator("table.decisions tbody tr")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("no vehicle that takes glass is there")
    expect(page.get_by_role("button", name="Withdraw")).to_have_count(0)


def test_a_broken_truck_is_planned_around(browsing: Browsing, town: SeededTown):
    page = browsing.signed_in(email_of(Role.DISPATCHER))
    wait_for_map(page)
    before = town.route_ids()
    assert set(before) == {"T1", "T2"}

    page.get_by_text("Truck broken or crew absent").click()
    page.get_by_label("Who is missing").select_option(f"vehicle:{town.trucks['T2']}")
    page.get_by_role("combobox", name="Why").select_option("breakdown")
    page.get_by_role("button", name="Note it and plan again").click()
    expect(page.locator("#progress")).to_contain_text("The night is being planned")
    expect(page.locator("#progress")).to_contain_text("stands until the new one replaces it")

    assert run_night(town.database, town.tenant_id, town.service_date, settings=town.settings) is not None
    expect(page.locator("#progress")).to_have_count(0, timeout=20_000)
    wait_for_map(page)
    after = town.route_ids()
    assert set(after) == {"T1", "T3"}
    expect(page.locator(".route-name").filter(has_text="T2")).to_have_count(0)
    expect(page.locator(".actions")).to_contain_text("truck T2 (breakdown)")


def test_a_plan_is_withdrawn_and_published_again(browsing: Browsing, town: SeededTown):
    page = browsing.signed_in(email_of(Role.DISPATCHER))

    page.get_by_role("button", name="Withdraw").click()
    expect(page.locator(".status")).to_contain_text("is withdrawn")
    page.get_by_role("button", name="Publish plan").click()
    expect(page.locator(".status")).to_contain_text("is published")


def test_a_failed_night_says_so_and_leaves_the_last_plan_standing(browsing: Browsing, town: SeededTown):
    with town.database.transaction(town.tenant_id) as session:
        job = find_job(session, town.service_date)
        job.finish(now_in_database(session), error="The map's files are not on this machine.")
    page = browsing.signed_in(email_of(Role.DISPATCHER))

    expect(page.get_by_role("alert")).to_contain_text("The map's files are not on this machine.")
    expect(page.get_by_role("alert")).to_contain_text("stands: crews drive that one")


def test_without_webgl_the_lists_say_everything(browsing: Browsing, town: SeededTown):
    browsing.forgiven = ["WebGL", "webgl"]
    page = browsing.signed_in(email_of(Role.DISPATCHER), to="/account")
    page.add_init_script("HTMLCanvasElement.prototype.getContext = () => null;")
    page.goto("/")
    wait_for_map(page)

    expect(page.locator("#map-note")).to_contain_text("this browser has no WebGL 2")
    expect(page.locator("table.decisions tbody tr")).to_have_count(len(town.container_ids))


def test_it_works_without_scripts(browsing: Browsing, town: SeededTown):
    page = browsing.signed_in(email_of(Role.DISPATCHER), java_script_enabled=False)

    expect(page.locator("table.decisions tbody tr")).to_have_count(len(town.container_ids))
    page.get_by_role("button", name="Withdraw").click()
    page.get_by_role("button", name="Publish plan").click()
    expect(page.locator(".status")).to_contain_text("is published")
