import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.report.casedocument import case_document
from detector.report.casehtml import document_html, templates
from detector.report.ownerletter import owner_letter
from detector.report.text import shown
from detector.schema import VERDICTS

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; alert(1); '",
    "</title></svg></style><script>1</script>",
    "{{ 7 * 7 }} {% raw %} {# x",
    "<!-- --> ]]> &lt;b&gt; &amp;",
    "\x1b[31m \u202e\u2066 \u200b \x00 \r\n",
    "=1+1",
]


class Reader(HTMLParser):
    """Collects tags, attributes and text."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.text, self.open = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in {"meta", "rect", "br"} or tag == "rect":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag):
        while self.open[-1] == "meta":
            self.open.pop()
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read(page):
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_verdict_has_a_well_formed_page(verdict, of):
    case = of(verdict)
    reader = read(document_html(case_document(case)))
    assert reader.open == []
    assert f"account {case.account_id}" in reader.text
    assert case.next_step in reader.text
    assert {"h1", "h2", "table"} <= set(reader.tags)


def test_a_page_needs_nothing_beside_itself(riding):
    page = document_html(case_document(riding))
    reader = read(page)
    assert not {"script", "link", "img", "iframe", "a", "form", "object"} & set(reader.tags)
    assert not {name for _, name, _ in reader.attributes} & {"src", "href", "onclick", "style"}
    assert not re.search(r"url\(|@import|https?:", page)
    assert "default-src 'none'" in page
    assert len(page) < 60_000


def test_the_picture_has_both_parts_and_says_them_in_words(riding):
    page = document_html(case_document(riding))
    reader = read(page)
    colours = {value for tag, name, value in reader.attributes if (tag, name) == ("rect", "class")}
    assert colours == {"flagged", "other", "empty"}
    (label,) = [value for tag, name, value in reader.attributes if (tag, name) == ("svg", "aria-label")]
    assert label == "Requests by day and hour, UTC: flagged and other"
    titles = [
        text for text in reader.text if re.match(r"\d{4}-\d\d-\d\d \d\d:00, \d+ flagged, \d+ other", text)
    ]
    assert len(titles) == len([hour for hour in riding.activity if hour.requests])


def test_pictures_have_a_row_for_every_day_from_first_to_last():
    start = datetime(2026, 11, 2, 12, tzinfo=UTC)
    counts = {start: (1, 2), start + timedelta(hours=1): (3, 0), start + timedelta(days=2): (0, 5)}
    assert templates().filters["picture"](counts) == [
        ("2026-11-02", [(12, 1, 2), (13, 3, 0)]),
        ("2026-11-03", []),
        ("2026-11-04", [(12, 0, 5)]),
    ]
    assert templates().filters["picture"]({}) == []


def test_it_says_what_headers_look_like_and_who_shares_what(hostile):
    text = " ".join(" ".join(read(document_html(case_document(hostile("<b>")))).text).split())
    assert "of them flagged; laid out as by <b>, names like those of <b>:" in text
    assert "shares <b> with 7 other accounts, 3 of them flagged: <b>, <b>, <b>, <b>, <b> and 2 more" in text
    assert "shares <b> with 1 other account, flagged: <b>" in text


@pytest.mark.parametrize("letter", [False, True])
@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_case_has_the_tags_of_an_honest_one_and_shows_the_text(text, letter, hostile):
    page = owner_letter if letter else case_document
    reader, honest = (read(document_html(page(hostile(one)))) for one in (text, "x"))
    assert reader.tags == honest.tags
    assert [row[:2] for row in reader.attributes] == [row[:2] for row in honest.attributes]
    assert shown(f"account {text}") in reader.text
    assert all(part.isprintable() or part.isspace() for data in reader.text for part in data)


@settings(max_examples=30, deadline=None)
@given(st.text(alphabet=st.characters() | st.sampled_from(list("<>&\"'{}%#/=")), min_size=1, max_size=20))
def test_no_text_becomes_markup(hostile, text):
    reader, honest = (read(document_html(case_document(hostile(one)))) for one in (text, "x"))
    assert reader.tags == honest.tags
