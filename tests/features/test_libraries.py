import tomllib
from collections import defaultdict
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.features import libraries
from detector.features.libraries import Library, foreign, layout, library, library_names, rewritten
from detector.simulate.plan import Wire
from detector.simulate.proxies import Proxy

BUN = ["Accept", "X-App", "Connection", "Host", "Accept-Encoding", "Content-Length"]
WHOLE = ["Accept", "Authorization", "Content-Type", "User-Agent", "X-App", "anthropic-beta", *BUN[2:]]
"""Names before, between and after the library's own where they are sorted."""


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (BUN, "* connection host accept-encoding content-length"),
        (["Host", "User-Agent", "Accept", "Accept-Encoding"], "host * accept-encoding"),
        (["host", "connection"], "host connection"),
        (["Accept", "X-App"], "*"),
        (["Host", "Host", "A", "B", "Host"], "host host * host"),
        (["*", "Host", "**"], "* host *"),
        ([], ""),
    ],
)
def test_a_layout_shows_the_names_of_the_library_and_runs_of_others(names, expected):
    assert layout(names) == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (BUN, Library("Bun", "JavaScript")),
        (["host", "connection", "x-app", "accept-encoding", "content-length"], "fetch of Node.js"),
        (["Host", "Connection", "Accept", "X-App", "Accept-Encoding", "Content-Length"], "fetch of Node.js"),
        (["Accept", "Content-Length", "Accept-Encoding", "Host", "Connection"], "http of Node.js"),
        (["Host", "Accept-Encoding", "Connection", "x-app", "Content-Length"], "httpx"),
        (
            ["Host", "User-Agent", "Accept-Encoding", "Accept", "Connection", "x-app", "Content-Length"],
            "requests",
        ),
        (["Host", "User-Agent", "Content-Length", "X-App", "Accept-Encoding"], "Go"),
    ],
)
def test_a_known_layout_names_its_library(names, expected):
    (found,) = library(names)
    assert expected in (found, found.name)


OWN_ENCODING = "gzip, deflate, br, zstd"

PROXIES = {
    "untouched": BUN,
    "lower case": [name.lower() for name in BUN],
    "Host first": ["Host", "Accept", "X-App", "Connection", "Accept-Encoding", "Content-Length"],
    "Envoy": ["host", "accept", "x-app", "accept-encoding", "content-length", "x-team"],
    "sorted": sorted(WHOLE, key=str.lower),
    "sorted, Host first": ["Host", *sorted(set(WHOLE) - {"Host"}, key=str.lower)],
    "nginx": ["Host", "Connection", "Content-Length", "Accept", "X-App", "Accept-Encoding"],
    "nginx, length in place": ["Host", "Connection", "Accept", "X-App", "Accept-Encoding", "Content-Length"],
    "nginx, unread": ["Host", "Connection", "Content-Length", "Accept", "X-App"],
    "Squid": ["Accept", "X-App", "Host", "Accept-Encoding", "Content-Length", "Cache-Control", "Connection"],
    "Squid, nothing added": ["Accept", "X-App", "Host", "Accept-Encoding", "Content-Length", "Connection"],
    "Apache httpd": ["Host", "Accept", "X-App", "Accept-Encoding", "Connection", "Content-Length"],
    "Go": ["Host", "User-Agent", "Content-Length", "Accept", "Accept-Encoding", "X-App"],
    "curl": ["Host", "Accept", "X-App", "Accept-Encoding", "Content-Length", "Connection"],
    "only names": ["Accept", "X-App"],
    "nothing": [],
}
"""What companies' proxies of several products make of the client's headers."""


@pytest.mark.parametrize("added", [[], ["X-Team"]])
@pytest.mark.parametrize("names", PROXIES.values(), ids=PROXIES)
def test_an_order_that_a_proxy_writes_is_not_foreign(names, added):
    for sent in ([*names, *added], [*added, *names]):
        assert foreign([sent], [BUN], [OWN_ENCODING]) == foreign([sent], [BUN]) == [False]


@pytest.mark.parametrize("names", PROXIES.values(), ids=PROXIES)
def test_what_a_proxy_can_write_is_of_the_clients_layout_or_made_of_it(names):
    own = layout(BUN)
    wrote = library(names)
    assert not wrote or layout(names) == own or layout(names) in rewritten(own)


@given(st.permutations(["A", "B", "C", "Connection", "Host"]))
def test_which_other_names_stand_between_is_all_the_same(names):
    renamed = [name.replace("A", "x").replace("B", "y") for name in names]
    assert layout(renamed) == layout(names)


TABLE = tomllib.loads(resources.files("detector.features").joinpath("libraries.toml").read_text("utf-8"))
ROWS = [(text, row["name"]) for row in TABLE["library"] for text in row["layouts"]]
SHARED = [
    (text, encoding, row["name"])
    for row in TABLE["library"]
    for text in row["layouts"]
    for encoding in row.get("encodings", [])
    if text in rewritten(layout(BUN))
]
"""Layouts that proxies make of the client's too."""


@pytest.mark.parametrize(("text", "name"), ROWS)
def test_every_layout_of_the_table_can_be_sent_and_names_its_library(text, name):
    sent = text.replace("*", "Other").split()
    assert layout(sent) == text
    assert name in {one.name for one in library(sent)}


@pytest.mark.parametrize(("text", "encoding", "name"), SHARED)
def test_a_layout_that_proxies_write_too_names_a_library_only_with_its_own_encoding(text, encoding, name):
    sent = text.replace("*", "Other").split()
    assert library(sent, OWN_ENCODING, [BUN]) == library(sent, None, [BUN]) == frozenset()
    assert {one.name for one in library(sent, encoding, [BUN])} == {name}
    assert foreign([sent, sent], [BUN], [encoding, OWN_ENCODING]) == [True, False]


def test_layouts_of_four_libraries_need_an_encoding():
    assert {name for _, _, name in SHARED} == {"aiohttp", "curl", "fetch of Node.js", "http of Node.js"}


def test_a_layout_names_all_libraries_that_write_it_and_hardly_any_has_two():
    sharing = defaultdict(set)
    for text, name in ROWS:
        sharing[text].add(name)
    assert {
        text: {one.name for one in library(text.replace("*", "x").split())} for text in sharing
    } == sharing
    assert [names for names in sharing.values() if len(names) > 1] == [
        {"tornado", "http of Node.js"},
        {"twisted", "Deno"},
        {"reqwest", "net/http"},
    ]


@pytest.mark.parametrize("order", ["sorted", "host_first"])
@pytest.mark.parametrize("dropped", [(), ("connection",), ("connection", "host")])
@pytest.mark.parametrize("lower", [True, False])
def test_what_a_companys_proxy_makes_of_the_clients_headers_is_not_foreign(order, dropped, lower):
    proxy = Proxy("t13", lower=lower, order=order, added=(), dropped=frozenset(dropped))
    for names in (BUN, WHOLE):
        sent = proxy.pass_on(Wire(tuple(names), (), "tool/1")).names
        assert foreign([sent], [names]) == [False]


@pytest.mark.parametrize("change", [str.lower, str.upper, str.title])
def test_case_is_left_out_of_account(change):
    for text, _ in ROWS:
        sent = text.replace("*", "other").split()
        assert library([change(name) for name in sent]) == library(sent)


FETCH = ["host", "connection", "x-app", "accept-encoding", "content-length"]
HTTPX = ["Host", "Accept-Encoding", "Connection", "x-app", "Content-Length"]


def test_what_no_reference_was_written_by_is_foreign():
    assert foreign([BUN, FETCH, HTTPX, ["Host"]], [BUN], ["br, gzip, deflate"] * 4) == [
        False,
        True,
        True,
        False,
    ]
    assert foreign([HTTPX], [BUN, HTTPX]) == [False]
    assert foreign([[name.upper() for name in HTTPX]], [HTTPX]) == [False]
    # nobody knows what the client itself is written in
    assert foreign([HTTPX], [["Host"]]) == [True]
    assert foreign([], [BUN]) == foreign([], []) == []
    assert foreign([HTTPX], []) == [True]


def test_a_layout_that_the_clients_own_library_may_have_written_is_not_foreign(monkeypatch):
    ours, theirs = Library("ours", "C"), Library("theirs", "C")
    written = {"host": {ours, theirs}, "host *": {ours}, "* host": {theirs}}
    monkeypatch.setattr(
        libraries, "_known", lambda: {key: frozenset(value) for key, value in written.items()}
    )
    monkeypatch.setattr(libraries, "rewritten", lambda _: frozenset())
    lists = [["Host"], ["Host", "A"], ["A", "Host"]]
    assert foreign(lists, [["Host", "A"]]) == [False, False, True]
    assert foreign(lists, [["A", "Host"]]) == [False, True, False]
    assert foreign(lists, [["Host"]]) == [False, False, False]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (BUN, "Bun"),
        (["x-app", "connection", "accept-encoding", "host", "content-length"], "http of Node.js or tornado"),
        (["Accept", "X-App"], None),
        ([], None),
    ],
)
def test_libraries_are_named_in_words(names, expected):
    assert library_names(names) == expected
