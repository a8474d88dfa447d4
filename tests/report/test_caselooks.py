import dataclasses

import pytest

from detector.report.case import HeaderLine, Related
from detector.report.casedocument import case_document
from detector.report.caselooks import DIFFS, header_lists, likeness, other_accounts
from detector.report.document import Items, Text


def items(section):
    return [row[0] for block in section.blocks if isinstance(block, Items) for row in block.rows]


@pytest.mark.parametrize(
    ("library", "resembles", "looks"),
    [
        ("httpx", "litellm", "laid out as by httpx, names like those of litellm"),
        ("httpx", None, "laid out as by httpx"),
        (None, "litellm", "names like those of litellm"),
    ],
)
def test_headers_say_what_they_look_like(library, resembles, looks, riding):
    odd = HeaderLine("cli", "1.2", 90, 80, ("Host",), ("Accept", "Host"), library, resembles)
    (section,) = header_lists(dataclasses.replace(riding, headers=(odd,)))
    assert section.blocks[0] == Text(f"90 requests as cli 1.2, 80 of them flagged; {looks}:")
    unknown = dataclasses.replace(odd, expected=None)
    (section,) = header_lists(dataclasses.replace(riding, headers=(unknown,) * 5))
    assert section.blocks[0] == Text("The headers of 450 requests have no known order to compare with.")
    assert items(section) == [f"90 requests as cli 1.2, 80 of them flagged; {looks}"] * DIFFS


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            Related("address", 11, 11, ("a1", "a2")),
            "shares its address with 11 other accounts, 11 of them flagged: a1, a2 and 9 more",
        ),
        (
            Related("device", 2, 0, ("a1", "a2")),
            "shares its device with 2 other accounts, none of them flagged: a1, a2",
        ),
        (Related("tools", 1, 1, ("a1",)), "shares its set of tools with 1 other account, flagged: a1"),
        (
            Related("headers", 1, 0, ("a1",)),
            "shares its list of headers with 1 other account, not flagged: a1",
        ),
    ],
)
def test_other_accounts_that_share_something_are_named(line, words, riding):
    case = dataclasses.replace(riding, related=(line, line))
    (section,) = other_accounts(case)
    assert section.title == "other accounts"
    assert items(section) == [words, words]
    titles = [one.title for one in case_document(case).sections]
    assert titles[titles.index("headers") + 1] == "other accounts"


def test_where_nothing_is_shared_or_alike_nothing_is_said(riding):
    assert list(other_accounts(dataclasses.replace(riding, related=()))) == []
    assert list(header_lists(dataclasses.replace(riding, headers=()))) == []
    assert likeness(HeaderLine("cli", "1.2", 5, 0, ("A",), None)) == ""
