"""How fast report.html is: its first paint, and a filter or a sort of its gallery, in Debian's chromium.

    python -m benchmarks.page                   # a made page of 50,000 examples at 8 sizes
    python -m benchmarks.page --file REPORT     # one that `memscope report` wrote

The aims: first paint under 1 s, a filter or a sort under 100 ms, from the reader's choice to the tiles in the document.
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

SWITCHES = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN"
# From a choice until the page has told the new count and has its tiles; the first choice of a column decodes it.
CHANGE = """([selector, value]) => (async () => {
  const field = document.querySelector(selector);
  const count = document.querySelector(".count");
  const told = new Promise((done) => new MutationObserver(done).observe(count, {childList: true}));
  const before = field.value;
  const start = performance.now();
  if (field.type === "checkbox") field.checked = !field.checked;
  else field.value = before === value ? field.dataset.before : value;
  field.dataset.before = before;
  field.dispatchEvent(new Event(field.type === "number" ? "input" : "change", {bubbles: true}));
  await told;
  document.querySelector(".grid").getBoundingClientRect();
  return performance.now() - start;
})()"""
CHOICES = (
    ("filter by type", ".types input", ""),
    ("filter by label", ".labels input", ""),
    ("filter by suggested label", ".filters .line:has(option[value=other]) select", "other"),
    ("filter by score", ".range input", "0.3"),
    ("sort the other way", ".order .line:last-child select", "up"),
    ("sort by another measure", ".order .line select", "index"),
)


def measure(file: Path, starts: int, times: int) -> dict[str, list[float]]:
    """Milliseconds of first paints, of being ready, of each choice, and of each choice on the page's own thread.

    The last are less than the others only where other processes want the same cores.
    """
    from playwright.sync_api import sync_playwright

    found: dict[str, list[float]] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(SWITCHES))
        for _ in range(starts):
            tab = browser.new_page(viewport={"width": 1280, "height": 900})
            began = time.perf_counter()
            tab.goto(file.resolve().as_uri(), wait_until="commit")
            tab.wait_for_selector("html[data-ready]", timeout=120_000)
            found.setdefault("gallery ready", []).append(1000 * (time.perf_counter() - began))
            found.setdefault("first paint", []).append(tab.evaluate(PAINT))
        session = tab.context.new_cdp_session(tab)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})

        def worked() -> float:
            metrics = session.send("Performance.getMetrics")["metrics"]
            return next(1000 * metric["value"] for metric in metrics if metric["name"] == "TaskDuration")

        tab.evaluate("document.querySelector('.filters').open = true")
        for name, selector, value in CHOICES:
            if not tab.locator(selector).count():
                continue
            for _ in range(times):
                before = worked()
                took = tab.evaluate(CHANGE, [selector, value])
                found.setdefault(f"{name}, own thread", []).append(worked() - before)
                found.setdefault(name, []).append(took)
                time.sleep(0.1)
        browser.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", type=Path, help="a report; otherwise a page is made")
    parser.add_argument("--examples", type=int, default=50_000)
    parser.add_argument("--sizes", type=int, default=8)
    parser.add_argument("--starts", type=int, default=3, help="times that the page is opened")
    parser.add_argument("--times", type=int, default=10, help="times that each choice is made")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = chosen.file
        if file is None:
            from tests.page.made_page import made, page

            file = Path(folder) / "report.html"
            examples = made(chosen.examples, [2**power for power in range(1, chosen.sizes + 1)])
            file.write_text(page(examples, quality=50, method=0))
        print(f"{file.name}: {file.stat().st_size / 1e6:.1f} MB; load {os.getloadavg()[0]:.1f}; milliseconds")
        print(f"{'':40}{'median':>8}{'longest':>9}")
        for name, took in measure(file, chosen.starts, chosen.times).items():
            print(f"{name:40}{statistics.median(took):8.0f}{max(took):9.0f}")


if __name__ == "__main__":
    main()
