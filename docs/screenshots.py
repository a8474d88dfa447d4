"""Take the README's pictures of the report page: ``docs/report.png`` and ``docs/case.png``.

::

    python docs/screenshots.py

The page is that of a simulated fleet, the case the one in which a person and a harness are both
busiest and the headers differ. Needs Debian's chromium; letters look as the machine's fonts do,
so nothing compares the bytes.
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

import detector
from detector.report.case import Case
from detector.report.casefile import cases
from detector.simulate import FleetOptions, simulate

ROOT = Path(__file__).parent.parent
MIXTURE = {
    "interactive": 0.65,
    "power_user": 0.1,
    "api_key": 0.1,
    "riding": 0.1,
    "declared_third_party": 0.02,
    "shared_account": 0.03,
}
FLEET = FleetOptions(accounts=400, mixture=MIXTURE)
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
)


def main() -> int:
    """Make the fleet and its page, and take the pictures; return the exit code."""
    with tempfile.TemporaryDirectory() as work, chdir(work):
        simulate(FLEET).write(Path("fleet"))
        detector.score("fleet/logs", "verdicts", ROOT / "models" / "default")
        place = max(enumerate(cases("verdicts"), 1), key=lambda one: shared(one[1]))[0]
        address = detector.report_page("verdicts", "report.html").resolve().as_uri()
        with browsed() as page:
            page.goto(address)
            page.screenshot(path=ROOT / "docs" / "report.png")
            page.goto(f"{address}#c{place}")
            case = page.locator(f"#c{place}")
            case.locator("table.diff").wait_for()
            case.locator("summary").blur()
            case.screenshot(path=ROOT / "docs" / "case.png")
    print("written: docs/report.png, docs/case.png")
    return 0


def shared(case: Case) -> int:
    """Return the hours of the less busy part of a case, 0 where its headers are as expected."""
    odd = any(one.flagged_requests and one.expected and one.seen != one.expected for one in case.headers)
    flagged = sum(one.flagged_requests > 0 for one in case.activity)
    others = sum(one.requests > one.flagged_requests for one in case.activity)
    return min(flagged, others) * odd


@contextmanager
def browsed() -> Iterator[Page]:
    """Open a window of a laptop's width."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        yield browser.new_page(viewport={"width": 1200, "height": 1290}, reduced_motion="reduce")
        browser.close()


if __name__ == "__main__":
    sys.exit(main())
