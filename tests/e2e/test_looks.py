"""Every page can be read by everybody: axe-core finds nothing grave, in light and in dark. With KERBSIDE_SHOTS=folder it keeps pictures."""

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from app.tenancy.models import Role
from tests.e2e.browser import DESKTOP, PHONE, Browsing, email_of, serious_faults, wait_for_map
from tests.e2e.town import SeededTown

PAGES = {
    "night": (Role.DISPATCHER, "/?route={T1}&container={container}"),
    "container": (Role.DISPATCHER, "/containers/{container}"),
    "sheet": (Role.DISPATCHER, "/routes/{T1}/sheet"),
    "figures": (Role.ANALYST, "/kpis?figure=collections_in_period"),
    "drive": (Role.DISPATCHER, "/drive/{T1}"),
    "routes": (Role.DISPATCHER, "/drive?date={date}"),
    "account": (Role.DISPATCHER, "/account"),
    "admin": (Role.ADMIN, "/admin"),
}


VARIANTS = [(scheme, size) for size in ("desktop", "phone") for scheme in ("light", "dark")]
SIZES = {"desktop": DESKTOP, "phone": PHONE}


def test_the_sign_in_page_has_no_grave_fault(browsing: Browsing):
    page = browsing.page()
    page.goto("/sign-in")

    assert look_at(page, "sign-in") == {}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_no_grave_fault(browsing: Browsing, town: SeededTown, name: str):
    role, path = PAGES[name]
    where = path.format(**town.route_ids(), container=town.container_ids[12], date=town.service_date)
    page = browsing.signed_in(email_of(role), to=where)
    if name == "night":
        wait_for_map(page)

    assert look_at(page, name) == {}


def look_at(page: Page, name: str) -> dict[tuple[str, str], list[Any]]:
    """The grave faults of a page, by scheme and size."""
    found = {}
    for scheme, size in VARIANTS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size(SIZES[size])
        keep_picture(page, f"{name}-{scheme}-{size}")
        found[scheme, size] = serious_faults(page)
    return {variant: faults for variant, faults in found.items() if faults}


def keep_picture(page: Page, name: str) -> None:
    folder = os.environ.get("KERBSIDE_SHOTS")
    if folder:
        page.wait_for_timeout(1500)  # the map fades in
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)
