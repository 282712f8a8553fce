"""A driver's morning on a phone, with a link, through a tunnel."""

from datetime import UTC, datetime, timedelta

from playwright.sync_api import expect

from app.dispatch.models import ActionKind, SkipReason
from app.dispatch.queries import actions_of_routes
from app.tenancy.links import sign_route_link
from app.tenancy.models import Role
from tests.e2e.browser import Browsing, email_of
from tests.e2e.town import SeededTown


def link_to(town: SeededTown, route_id: int, *, hours: float = 12) -> str:
    ends = datetime.now(UTC) + timedelta(hours=hours)
    return f"/d/{sign_route_link('only for tests', town.tenant_id, route_id, expires_at=ends)}"


def reported(town: SeededTown, route_id: int) -> list[tuple[ActionKind, SkipReason | None]]:
    with town.database.transaction(town.tenant_id) as session:
        return [(action.kind, action.skip_reason) for action in actions_of_routes(session, [route_id])[route_id]]


def test_reports_of_a_tunnel_arrive_once(browsing: Browsing, town: SeededTown):
    browsing.forgiven = ["ERR_INTERNET_DISCONNECTED"]
    route_id = town.route_ids()["T1"]
    page = browsing.page(phone=True)
    page.goto(link_to(town, route_id))
    page.wait_for_selector("html[data-ready=drive]", state="attached")

    page.get_by_role("button", name="Start").click()
    expect(page.locator('.visit[data-kind="depart"]')).to_have_attribute("data-state", "done")
    page.get_by_role("button", name="Collected", exact=True).click()
    expect(page.locator("#done")).to_have_text("1")
    expect(page.locator("#pending")).to_be_hidden()

    page.context.set_offline(True)
    page.get_by_role("button", name="Collected", exact=True).click()
    page.get_by_text("Not collected …").locator("visible=true").click()
    page.get_by_label("Why").locator("visible=true").select_option("gate_locked")
    page.get_by_role("button", name="Report as not collected").click()
    expect(page.locator("#pending")).to_contain_text("Pending 2")
    expect(page.locator("#skipped")).to_have_text("1")

    page.context.set_offline(False)
    expect(page.locator("#pending")).to_be_hidden(timeout=20_000)
    page.reload()
    expect(page.locator("#done")).to_have_text("2")
    expect(page.locator("#skipped")).to_have_text("1")
    collected = (ActionKind.COLLECTED, None)
    assert reported(town, route_id) == [(ActionKind.STARTED, None), collected, collected, (ActionKind.SKIPPED, SkipReason.GATE_LOCKED)]


def test_what_is_tapped_is_large_enough_for_gloves(browsing: Browsing, town: SeededTown):
    page = browsing.page(phone=True)
    page.goto(link_to(town, town.route_ids()["T1"]))

    tapped = page.locator(".visit summary:visible, .card button:visible, .card a:visible, .card select:visible, .card input:visible")
    heights = [tapped.nth(index).bounding_box()["height"] for index in range(tapped.count())]
    assert len(heights) > 5
    assert min(heights) >= 48


def test_a_link_opens_its_route_and_nothing_else(browsing: Browsing, town: SeededTown):
    routes = town.route_ids()
    page = browsing.page(phone=True)
    page.goto(link_to(town, routes["T1"]))
    others = [route_id for code, route_id in routes.items() if code != "T1"]

    assert page.goto(f"/drive/{others[0]}").status == 404
    assert page.goto("/kpis").status == 403
    page.goto("/")
    assert page.url.endswith(f"/drive/{routes['T1']}")
    browsing.forgiven = ["status of 404", "status of 403"]


def test_a_link_that_has_run_out_says_so(browsing: Browsing, town: SeededTown):
    page = browsing.page(phone=True)
    page.goto(link_to(town, town.route_ids()["T1"], hours=-1))

    expect(page.locator("main")).to_contain_text("This link has run out; ask the dispatcher for a new one.")


def test_a_dispatcher_who_tries_a_link_stays_signed_in(browsing: Browsing, town: SeededTown):
    page = browsing.signed_in(email_of(Role.DISPATCHER), to="/account")
    page.goto(link_to(town, town.route_ids()["T1"]))
    page.goto("/account")

    expect(page.locator("main")).to_contain_text(email_of(Role.DISPATCHER))
