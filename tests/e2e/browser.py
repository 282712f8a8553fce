"""Chromium as tests use it: nothing downloaded, no page asks anybody but our server, nothing complains on the console."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from app.tenancy.models import Role
from tests.factories.tenancy import PASSWORD

CHROMIUM = Path("/usr/bin/chromium")
ARGS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)
DESKTOP = {"width": 1440, "height": 900}
SMALL_DESKTOP = {"width": 1000, "height": 560}
"""As wide as the desktop's layout needs: maps are drawn without a graphics card here, so each pixel costs."""
PHONE = {"width": 390, "height": 844}
AXE = Path(__file__).parents[2] / "app" / "web" / "static" / "vendor" / "dev" / "axe.min.js"
SIGNED_IN: dict[tuple[str, str], Any] = {}


@contextmanager
def open_browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(ARGS))
        yield browser
        browser.close()


class Browsing:
    """Pages of one test, and what went wrong in any of them."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.browser, self.address = browser, address
        self.contexts: list[BrowserContext] = []
        self.complaints: list[str] = []
        self.forgiven: list[str] = []
        """Parts of console messages that the test provokes on purpose."""

    def page(self, *, scheme: str = "light", phone: bool = False, **options: Any) -> Page:
        context = self.browser.new_context(
            base_url=self.address,
            viewport=PHONE if phone else SMALL_DESKTOP,
            has_touch=phone,
            color_scheme=scheme,
            reduced_motion="reduce",  # the map jumps instead of flying: one picture instead of sixty
            **options,
        )
        context.set_default_timeout(20_000)
        self.contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: self._complain(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self._complain(str(error)))
        page.on("request", lambda request: self._watch(request.url))
        return page

    def signed_in(self, email: str, *, to: str = "/", **options: Any) -> Page:
        """Somebody's page; they sign in once a run, for hashing passwords takes as long as it should."""
        known = SIGNED_IN.get((self.address, email))
        page = self.page(storage_state=known, **options)
        page.goto(f"/sign-in?next={to}" if known is None else to)
        if known is None:
            self._sign_in(page, email, to)
        return page

    def _sign_in(self, page: Page, email: str, to: str) -> None:
        page.get_by_label("E-mail address").fill(email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"**{to.partition('?')[0]}*")
        SIGNED_IN[self.address, email] = page.context.storage_state()

    def _watch(self, url: str) -> None:
        if not url.startswith((self.address, "data:", "blob:")):
            self.complaints.append(f"asked another host: {url}")

    def _complain(self, message: str) -> None:
        self.complaints.append(message)

    def close(self) -> None:
        for context in self.contexts:
            context.close()
        left = [one for one in self.complaints if not any(part in one for part in self.forgiven)]
        assert left == [], "\n".join(left)


def wait_for_map(page: Page) -> None:
    page.wait_for_selector("html[data-ready]", state="attached", timeout=60_000)


def serious_faults(page: Page) -> list[tuple[str, str, list[Any]]]:
    """What axe-core finds to be serious or worse."""
    page.evaluate(AXE.read_text())
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    found = page.evaluate("tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", tags)
    grave = [one for one in found["violations"] if one["impact"] in ("serious", "critical")]
    return [(one["id"], one["help"], [node["html"][:160] for node in one["nodes"][:3]]) for one in grave]


def email_of(role: Role) -> str:
    return f"{role}@gridtown.example"
