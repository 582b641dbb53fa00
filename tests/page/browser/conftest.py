"""Debian's chromium, driven by playwright. `make browser` installs both.

Where they are missing, as where npm's packages are, the tests fail in CI and say elsewhere that they were left out.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.page.made_page import Made, made, page

ROOT = Path(__file__).parents[3]
SWITCHES = (
    "--no-sandbox",  # CI is root in a container
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def missing(what: str, remedy: str) -> None:
    """Fail in CI, and leave the test out elsewhere, saying why."""
    said = f"{what} is missing: {remedy}"
    if os.environ.get("CI"):
        pytest.fail(said)
    pytest.skip(said)


@dataclass
class Seen:
    """A page in a browser, and what it did that no page should."""

    page: Any
    wrongs: list[str] = field(default_factory=list)
    address: str = ""

    def shown(self) -> list[int]:
        """Positions of the examples in the gallery, in their order."""
        return [int(example) for example in self.page.evaluate("Array.from(theGallery.order())")]

    def count(self) -> str:
        return self.page.inner_text(".count")

    def until(self, true: str) -> None:
        """Wait for an expression of the page (wait_for_function would evaluate text, which its policy forbids)."""
        end = time.monotonic() + 20
        while not self.page.evaluate(true):
            assert time.monotonic() < end, f"never: {true}"
            time.sleep(0.02)


@pytest.fixture(scope="package")  # and no longer: while it is open, other tests of this process could run no event loop
def chromium() -> Iterator[Any]:
    path = shutil.which("chromium")
    sync_playwright: Any = None
    with suppress(ImportError):
        from playwright.sync_api import sync_playwright
    if not path or not sync_playwright:
        missing("chromium" if not path else "playwright", "`make browser` installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(SWITCHES))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core."""
    file = ROOT / "node_modules" / "axe-core" / "axe.min.js"
    if not file.exists():
        missing("axe-core", "`make js` installs it")
    return file.read_text()


@pytest.fixture(scope="session")
def examples() -> Made:
    """Three sheets of them (`report`): few, because the page is opened often."""
    return made(600, [2, 4, 8, 16])


@pytest.fixture(scope="session")
def report(examples: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page(examples, sheet=512))
    return path


@pytest.fixture(scope="package")
def tabs(chromium: Any) -> Iterator[dict[str, list[Seen]]]:
    """Tabs that are open and idle, by their options: another costs twice the time of the page that is opened in it."""
    idle: dict[str, list[Seen]] = {}
    yield idle
    for seen in (seen for some in idle.values() for seen in some):
        seen.page.context.close()


@pytest.fixture
def opened(chromium: Any, report: Path, tabs: dict[str, list[Seen]]) -> Iterator[Callable[..., Seen]]:
    """Opens a page. At the end it must have written no error, run no script of a name, and asked for nothing."""
    used: list[tuple[str, Seen]] = []
    forget = "try { localStorage.clear() } catch {}"

    def open_page(
        words: str = "", *, file: Path = report, width: int = 1280, theme: str = "light", **more: Any
    ) -> Seen:
        options = str(more)
        idle = tabs.setdefault(options, [])
        seen = idle.pop() if idle else new_tab(chromium, more)
        used.append((options, seen))
        seen.page.goto("about:blank")  # else another view of the same page would be opened in what was done to it
        seen.page.set_viewport_size({"width": width, "height": 900})
        seen.page.emulate_media(media="null", color_scheme=theme)
        seen.address = file.as_uri()
        seen.page.goto(seen.address + words)
        if more.get("java_script_enabled", True):
            seen.page.wait_for_selector("html[data-ready]")
        return seen

    yield open_page
    wrongs = [wrong for _, seen in used for wrong in seen.wrongs]
    for options, seen in used:
        seen.page.evaluate(forget)
        seen.wrongs.clear()
        tabs[options].append(seen)
    assert wrongs == []


def new_tab(chromium: Any, options: dict[str, Any]) -> Seen:
    context = chromium.new_context(**options)
    context.set_default_timeout(10_000)
    tab = context.new_page()
    seen = Seen(tab)
    tab.on("console", lambda message: message.type in ("error", "warning") and seen.wrongs.append(message.text))
    tab.on("pageerror", lambda error: seen.wrongs.append(str(error)))
    tab.on("dialog", lambda dialog: (seen.wrongs.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    tab.on("request", lambda request: asked(seen, request.url))
    return seen


def asked(seen: Seen, url: str) -> None:
    if not url.startswith((seen.address, "blob:", "data:", "about:blank")):
        seen.wrongs.append(f"asked for {url}")
