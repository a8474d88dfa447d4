import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from detector.report.casedocument import case_document
from detector.report.casemarkdown import document_markdown, inert
from detector.report.document import Document, Facts, Grid, Items, Section, Text
from detector.report.ownerletter import owner_letter
from detector.report.text import shown
from detector.schema import VERDICTS

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "![x](http://evil.example/x.png)",
    "https://evil.example and www.evil.example",
    "mail@evil.example @team",
    "# heading",
    "- item",
    "1. item",
    "1) item",
    "===",
    "--- ---",
    "> quote",
    "a | b |",
    "`code` ``more`` `",
    "\\` | \\| \\",
    "*bold* _under_ ~~gone~~ :smile: $x^2$",
    "&lt;b&gt; &#64;",
    "\x1b[31m \u202e \u200b \r\n\n# new",
    "[ref]: http://evil.example",
    "    indented",
    "```fence",
    "<!-- comment -->",
    "a  \nb",
    " ",
    "|",
    "`",
    "\\",
]


def tokens(text):
    """All tokens with those inside lines."""
    return [inner for token in READER.parse(text) for inner in (token, *(token.children or ()))]


def content(text):
    return "".join(token.content for token in tokens(text) if token.type in {"text", "code_inline"})


INERT = {"inline", "text", "code_inline", "paragraph_open", "paragraph_close"}


@settings(max_examples=400, deadline=None)
@given(st.text(alphabet=st.characters() | st.sampled_from(list("`|\\<>[]()!*_~#-+=:.&@$1a ")), max_size=40))
@example("www.a.b")
def test_any_text_is_shown_as_it_is_and_never_marked_up(text):
    written = inert(text)
    assert {token.type for token in tokens(written)} <= INERT
    assert content(written).strip() == shown(text).strip()


@pytest.mark.parametrize("text", HOSTILE)
def test_known_tricks_are_text(text):
    written = inert(text)
    assert {token.type for token in tokens(written)} <= INERT
    assert content(written).strip() == shown(text).strip()


@pytest.mark.parametrize(
    "text", ["https://evil.example", "www.evil.example", "a@b.example", "@team", ":smile:", "#12"]
)
def test_what_some_dialects_link_stands_as_code(text):
    assert inert(text) == f"`{text}`"


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.characters() | st.sampled_from(list("`|\\<-: ")), max_size=30))
@example("|")
@example("`|`")
@example("\\|")
def test_a_cell_stays_one_cell(text):
    page = Document("t", "a", (Section("s", (Grid(("x", "y"), ((text, "end"),)),)),))
    found = tokens(document_markdown(page))
    assert [token.type for token in found].count("td_open") == 2
    assert not [token for token in found if token.type in {"html_inline", "html_block", "link_open", "image"}]


def test_blocks_become_lists_tables_and_headings():
    page = Document(
        "account a",
        "clear (not flagged): nothing",
        (
            Section(
                "in short",
                (
                    Facts((("plan", "max"),)),
                    Items((("one", "why"), ("two", "")), numbered=True),
                    Items((("three", ""),)),
                    Text("done."),
                    Grid(("n", "x_y"), (("1", "b"),), frozenset({0})),
                ),
            ),
        ),
    )
    assert document_markdown(page) == WRITTEN


WRITTEN = """\
# account a

**clear (not flagged): nothing**

## in short

|  |  |
| --- | --- |
| plan | max |

1. one\x20\x20
   why
2. two

- three

done.

| n | `x_y` |
| ---: | --- |
| 1 | b |"""

SHAPES = (
    "heading_open",
    "table_open",
    "bullet_list_open",
    "ordered_list_open",
    "list_item_open",
    "td_open",
    "fence",
)


def shape(text):
    """How many headings, tables, lists and cells there are."""
    types = [token.type for token in tokens(text)]
    return [types.count(name) for name in SHAPES]


@pytest.mark.parametrize("letter", [False, True])
@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_case_has_the_shape_of_an_honest_one(text, letter, hostile):
    page = owner_letter if letter else case_document
    written = document_markdown(page(hostile(text)))
    assert shape(written) == shape(document_markdown(page(hostile("x"))))
    bad = {"html_inline", "html_block", "link_open", "image", "em_open", "s_open", "blockquote_open", "hr"}
    assert not bad & {token.type for token in tokens(written)}
    assert all(letter.isprintable() or letter == "\n" for letter in written)


def test_it_says_what_headers_look_like_and_who_shares_what(hostile):
    lines = document_markdown(case_document(hostile("a|b"))).splitlines()
    looks = "of them flagged; laid out as by `a|b,` names like those of"
    assert f"90 requests as `a|b` `a|b,` 80 {looks} `a|b:`" in lines
    assert f"- 70 requests as `a|b` `a|b,` 60 {looks} `a|b`" in lines
    at = lines.index("## other accounts")
    assert lines[at + 2 : at + 4] == [
        f"- shares `a|b` with 7 other accounts, 3 of them flagged: {'`a|b,` ' * 4}`a|b` and 2 more",
        "- shares `a|b` with 1 other account, flagged: `a|b`",
    ]


@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_verdict_has_a_page(verdict, of):
    case = of(verdict)
    written = document_markdown(case_document(case))
    assert written.startswith(f"# account {case.account_id}\n")
    assert "None" not in written
    assert case.next_step in written
