"""Every page can be read by everybody: axe-core finds nothing grave, in light and in dark. With KERBSIDE_SHOTS=folder it keeps pictures."""

import os
from pathlib import Path

import pytest

from app.tenancy.models import Role
from tests.e2e.browser import Browsing, email_of, serious_faults, wait_for_map
from tests.e2e.town import SeededTown

PAGES = {
    "night": (Role.DISPATCHER, "/?route={T1}&container={container}"),
    "container": (Role.DISPATCHER, "/containers/{container}"),
    "sheet": (Role.DISPATCHER, "/routes/{T1}/sheet"),
    "figures": (Role.ANALYST, "/kpis"),
    "drive": (Role.DISPATCHER, "/drive/{T1}"),
    "routes": (Role.DISPATCHER, "/drive?date={date}"),
    "account": (Role.DISPATCHER, "/account"),
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_the_sign_in_page_has_no_grave_fault(browsing: Browsing, scheme: str, phone: bool):
    page = browsing.page(scheme=scheme, phone=phone)
    page.goto("/sign-in")

    keep_picture(page, f"sign-in-{scheme}-{'phone' if phone else 'desktop'}")
    assert serious_faults(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_no_grave_fault(browsing: Browsing, town: SeededTown, name: str, phone: bool, scheme: str):
    role, path = PAGES[name]
    where = path.format(**town.route_ids(), container=town.container_ids[12], date=town.service_date)
    page = browsing.signed_in(email_of(role), scheme=scheme, phone=phone, to="/account")
    page.goto(where)
    if name == "night":
        wait_for_map(page)

    keep_picture(page, f"{name}-{scheme}-{'phone' if phone else 'desktop'}")
    assert serious_faults(page) == []


def keep_picture(page, name: str) -> None:
    folder = os.environ.get("KERBSIDE_SHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)
