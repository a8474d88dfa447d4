"""Take the README's pictures of the report page: ``docs/report.png`` and ``docs/case.png``.

::

    python docs/screenshots.py

Needs Debian's chromium. Letters look as the machine's fonts do, so nothing compares the bytes.
"""

import shutil
import sys
import tempfile
from contextlib import chdir
from pathlib import Path

from playwright.sync_api import sync_playwright

import detector

ROOT = Path(__file__).parent.parent
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
)
WIDE = {"width": 1200, "height": 1290}


def main() -> int:
    """Score the sample, open its page, and take the pictures; return the exit code."""
    chromium = shutil.which("chromium")
    if not chromium:
        print("no chromium on the PATH: apt-get install chromium")
        return 1
    with tempfile.TemporaryDirectory() as work, chdir(ROOT), sync_playwright() as driver:
        detector.score("datasets/sample", f"{work}/verdicts", "models/default")
        address = detector.report_page(f"{work}/verdicts", f"{work}/report.html").as_uri()
        browser = driver.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = browser.new_page(viewport=WIDE, reduced_motion="reduce")  # type: ignore[arg-type]
        page.goto(address)
        page.screenshot(path="docs/report.png")
        page.goto(f"{address}#c1")
        page.locator("#c1 table.diff").wait_for()
        page.locator("#c1 summary").blur()
        page.locator("#c1").screenshot(path="docs/case.png")
        browser.close()
    print("written: docs/report.png, docs/case.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
