from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.report.casetext import DAYS, WIDTH, chart, document_text, render_text
from detector.report.document import Document, Facts, Grid, Hours, Items, Section, Text
from detector.report.ownerletter import owner_letter
from detector.schema import VERDICTS

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
EVIL = "a\x1b[2J\r\n\u202e\u200b\x07"


@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_verdict_opens_with_the_account_and_the_answer(verdict, of):
    case = of(verdict)
    lines = render_text(case).splitlines()
    assert lines[0] == f"account {case.account_id}"
    assert lines[1].startswith(f"  {verdict} (")
    assert lines[3] == "in short"
    assert "None" not in render_text(case)


def test_hours_and_sessions_of_both_parts_are_shown(riding):
    lines = render_text(riding).splitlines()
    start = lines.index("  by hour of the day, UTC (# flagged, o other)")
    days = lines[start + 2 : lines.index("", start)]
    assert all(len(line.split()[1]) == 24 for line in days)
    drawn = "".join(line.split()[1] for line in days)
    assert {"#", "o"} <= set(drawn) <= {"#", "o", "."}
    rows = lines[lines.index(next(line for line in lines if line.startswith("sessions ("))) + 2 :]
    assert {line.startswith("  *  ") for line in rows[: rows.index("")]} == {True, False}


def test_it_says_what_headers_look_like_and_who_shares_what(hostile):
    text = " ".join(render_text(hostile("odd")).split())
    assert "of them flagged; laid out as by odd, names like those of odd:" in text
    assert "other accounts - shares odd with 7 other accounts, 3 of them flagged: odd, odd" in text
    assert "odd and 2 more - shares odd with 1 other account, flagged: odd" in text


def test_charts_draw_hours_and_two_weeks_at_most():
    counts = {NOON: (1, 5), NOON + timedelta(hours=1): (0, 5), NOON + timedelta(hours=2): (0, 0)}
    assert chart(counts)[1:] == ["2026-11-02  ............#o.........."]
    years = {NOON + timedelta(days=i): (0, 1) for i in range(0, 900, 9)}
    assert len(chart(years)) == 1 + DAYS
    assert chart(years)[-1] == "2029-04-11  ............o..........."
    assert chart({}) == chart({NOON: (0, 0)}) == []


def test_a_chart_that_is_cut_says_so():
    counts = {NOON + timedelta(days=i): (1, 0) for i in range(DAYS + 1)}
    page = Document("t", "a", (Section("s", (Hours(counts, "x", "y"),)),))
    assert f"  by hour of the day, UTC, the last {DAYS} days (# x, o y)" in document_text(page).splitlines()


def test_long_lines_are_wrapped_under_their_beginning():
    page = Document(
        "t",
        "a",
        (
            Section(
                "s",
                (
                    Text("word " * 40),
                    Facts((("name", "word " * 40),)),
                    Items((("word " * 40, "second"),), numbered=True),
                    Items((("short", ""),)),
                    Grid(("x", "y"), (("1", "abc"),), frozenset({0})),
                ),
            ),
        ),
    )
    lines = document_text(page).splitlines()
    assert max(map(len, lines)) <= WIDTH
    at = next(i for i, line in enumerate(lines) if line.startswith("  name  word"))
    assert lines[at + 1].startswith("        word")
    at = next(i for i, line in enumerate(lines) if line.startswith("  1. word"))
    assert lines[at + 1].startswith("     word")
    assert "     second" in lines
    assert lines[-3:] == ["  - short", "  x  y", "  1  abc"]


def test_everything_from_a_log_is_visible_and_harmless(hostile):
    text = render_text(hostile(EVIL))
    assert all(part.isprintable() for part in text.split("\n"))
    assert text.startswith("account a\\x1b[2J\\r\\n\\u202e\\u200b\\x07\n")


@settings(max_examples=40, deadline=None)
@given(st.text(min_size=1, max_size=30))
def test_no_text_acts_on_the_terminal(hostile, text):
    case = hostile(text)
    for page in (render_text(case), document_text(owner_letter(case))):
        assert all(part.isprintable() for part in page.split("\n"))
    # a log text can neither add a line nor a section
    assert len(render_text(case).split("\n\n")) == len(render_text(hostile("x")).split("\n\n"))
