"""The page in a real browser: nothing leaves, nothing acts, and its controls work."""

from contextlib import contextmanager

import polars as pl
import pytest

import detector
from detector.report.page.page import report_page
from detector.report.text import shown


@pytest.fixture
def opened(browser):
    """Open a page and, at the end, check that nothing happened that a page may not do."""

    @contextmanager
    def visit(path, fragment="", **how):
        heard = []
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | how)
        page = context.new_page()
        page.on("request", lambda request: heard.append(("request", request.url)))
        page.on("console", lambda message: heard.append(("console", message.text)))
        page.on("pageerror", lambda error: heard.append(("error", str(error))))
        page.on("dialog", lambda dialog: (heard.append(("dialog", dialog.message)), dialog.dismiss()))
        page.on("popup", lambda _: heard.append(("popup", "")))
        address = path.resolve().as_uri()
        page.goto(address + fragment)
        yield page
        assert heard == [("request", address)]
        assert page.title() == "Traffic report - harness-detector"
        context.close()

    return visit


def column(page, place):
    """The texts of one column of the accounts that are shown."""
    return page.locator(f"#accounts tbody tr:visible > :nth-child({place})").all_inner_texts()


def press(page, title):
    """Press a column's button and return how the column is sorted."""
    head = page.locator("#accounts thead th", has_text=title)
    head.get_by_role("button").click()
    return head.get_attribute("aria-sort")


def test_sample_page_is_quiet_and_complete(opened, sample_page, sample_cases):
    with opened(sample_page) as page:
        assert column(page, 1) == [case.account_id for case in sample_cases]
        assert page.locator(".case").count() == len(sample_cases)
        assert page.locator("h1, h2").all_inner_texts() == [
            "Traffic report",
            "Verdicts",
            "Incidents",
            "Flagged and watched accounts",
            "Cases",
            "Header lists",
            "Data quality",
            "Model",
        ]


def test_columns_sort_both_ways_by_mouse_and_keyboard(opened, sample_page, sample_cases):
    with opened(sample_page) as page:
        requests = sorted((case.requests for case in sample_cases), reverse=True)
        assert press(page, "Requests") == "descending"
        assert column(page, 4) == [f"{count:,}" for count in requests]
        assert press(page, "Requests") == "ascending"
        assert column(page, 4) == [f"{count:,}" for count in reversed(requests)]
        page.locator("#accounts thead th", has_text="Account").get_by_role("button").focus()
        page.keyboard.press("Enter")
        assert column(page, 1) == sorted(case.account_id for case in sample_cases)
        assert page.locator("#accounts [aria-sort]").count() == 1


def test_rows_and_cases_are_filtered_together(opened, sample_page, sample_cases):
    watched = [case.account_id for case in sample_cases if case.verdict == "watch"]
    usage = [case.account_id for case in sample_cases if "usage" in case.families]
    with opened(sample_page) as page:
        page.get_by_role("combobox", name="Verdict").select_option("watch")
        assert column(page, 1) == watched
        assert page.locator(".case:visible > summary b").all_inner_texts() == watched
        assert page.locator("#count").inner_text() == f"{len(watched)} of {len(sample_cases)} accounts shown"
        page.get_by_role("button", name="Clear").click()
        assert len(column(page, 1)) == len(sample_cases)
        page.get_by_role("combobox", name="Evidence from").select_option("usage")
        assert column(page, 1) == usage
        page.get_by_role("combobox", name="Evidence from").select_option("")
        page.get_by_label("Words in the row").fill(f"HARNESS {sample_cases[2].account_id[:9]}")
        assert column(page, 1) == [sample_cases[2].account_id]
        page.get_by_label("Words in the row").fill("no such words")
        assert column(page, 1) == []


def test_a_row_leads_to_its_case_and_the_case_shows_its_headers(opened, sample_page, sample_cases):
    place, case = next(
        (place, case)
        for place, case in enumerate(sample_cases, 1)
        if any(one.flagged_requests and one.expected and one.seen != one.expected for one in case.headers)
    )
    with opened(sample_page) as page:
        page.get_by_role("link", name=case.account_id).click()
        found = page.locator(f"#c{place}")
        found.locator("table.diff").wait_for()
        assert found.get_attribute("open") == ""
        assert page.evaluate("document.activeElement.parentElement.id") == f"c{place}"
        assert found.locator("figcaption").is_visible()
        assert found.locator("table.diff th").all_inner_texts() == ["Expected", "Seen"]
        page.get_by_role("button", name="Open all").click()
        assert page.locator(".case[open]").count() == len(sample_cases)
        page.get_by_role("button", name="Close all").click()
        assert page.locator(".case[open]").count() == 0


def test_an_address_with_a_case_opens_it(opened, sample_page):
    with opened(sample_page, "#c2") as page:
        assert page.locator("#c2").get_attribute("open") == ""


def test_light_and_dark_follow_the_system_and_the_button(opened, sample_page):
    paper = "getComputedStyle(document.body).backgroundColor"
    with opened(sample_page, color_scheme="dark") as page:
        dark = page.evaluate(paper)
        page.get_by_role("button", name="Light colours").click()
        light = page.evaluate(paper)
        assert light == "rgb(255, 255, 255)" != dark
        page.get_by_role("button", name="Dark colours").click()
        assert page.evaluate(paper) == dark
        page.emulate_media(media="print")
        assert page.evaluate(paper) == light
        assert page.locator("nav").is_hidden()


def test_keyboard_skips_to_the_report(opened, sample_page):
    with opened(sample_page) as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
        assert page.locator(".skip").bounding_box()["x"] >= 0


def test_page_is_read_without_scripts_too(opened, sample_page, sample_cases):
    with opened(sample_page, java_script_enabled=False) as page:
        assert page.locator("#accounts tbody tr:visible").count() == len(sample_cases)
        assert page.locator("#filters").is_hidden()
        page.locator("#c1 summary").click()
        assert page.locator("#c1 figcaption").is_visible()


def test_nothing_runs_over_at_any_width(opened, sample_page):
    with opened(sample_page) as page:
        page.get_by_role("button", name="Open all").click()
        for width in (360, 800, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") == width


ACTING = """() => [...document.querySelectorAll('*')].flatMap((one) => [...one.attributes]
    .filter((attribute) => /^(on|style$|src$|srcset$|action$|formaction$)/.test(attribute.name)
        || (/href$/.test(attribute.name) && !/^(#[a-z0-9-]+|data:,)$/.test(attribute.value)))
    .map((attribute) => `${one.tagName} ${attribute.name}`))"""


def check_harmless(page):
    """Nothing of the log became an element, an attribute that acts, or a letter that acts."""
    assert page.locator("script").count() == page.locator("style").count() == 1
    assert page.locator("img, iframe, object, embed, base, math, foreignObject").count() == 0
    assert page.evaluate(ACTING) == []
    text = page.evaluate("document.body.textContent")
    assert [letter for letter in set(text) if not letter.isprintable() and letter != "\n"] == []


def test_hostile_texts_are_texts_everywhere(opened, hostile_page, hostile_folder):
    folder, _ = hostile_folder
    accounts = pl.read_parquet(folder / "accounts.parquet").filter(
        pl.col("flagged") | (pl.col("verdict") == "watch")
    )
    with opened(hostile_page) as page:
        page.get_by_role("button", name="Open all").click()
        page.locator(".case table.diff").first.wait_for()
        check_harmless(page)
        assert set(column(page, 1)) == {shown(name, 40) for name in accounts["account_id"]}
        for name in accounts["account_id"]:
            page.get_by_label("Words in the row").fill(shown(name, 40))
            assert shown(name, 40) in column(page, 1)


def test_a_hostile_log_comes_out_as_text(opened, sample, sample_cases, tmp_path):
    worst = '"><script>document.title=1</script>\u202e\x1b[2J'
    rows = pl.read_parquet(sample / "logs")
    asked = pl.col("account_id") == next(
        case.account_id for case in sample_cases if case.verdict == "harness"
    )
    rows = rows.with_columns(
        account_id=pl.when(asked).then(pl.lit(worst)).otherwise("account_id"),
        user_agent=pl.when(asked).then(pl.col("user_agent") + worst).otherwise("user_agent"),
        session_id=pl.when(asked).then(pl.col("session_id") + worst).otherwise("session_id"),
        plan=pl.when(asked).then(pl.lit(worst)).otherwise("plan"),
        header_names=pl.when(asked & (pl.col("header_names").list.len() > 0))
        .then(pl.concat_list("header_names", pl.lit(worst)))
        .otherwise("header_names"),
    ).with_columns(pl.lit(1).alias(worst))
    rows.write_parquet(tmp_path / "log.parquet")
    run = detector.score(tmp_path / "log.parquet", tmp_path / "verdicts")
    assert run.accounts.filter(pl.col("account_id") == worst)["flagged"].to_list() == [True]
    with opened(report_page(tmp_path / "verdicts", tmp_path / "report.html")) as page:
        page.get_by_role("button", name="Open all").click()
        check_harmless(page)
        assert shown(worst, 40) in column(page, 1)
        text = page.locator("body").inner_text()
        assert f"+ {shown(worst, 60)}" in text  # in the header list
        assert f"Plan\n{shown(worst, 40)}" in text
        assert shown(worst, 64) in page.locator("#data").inner_text()  # among the unknown columns
