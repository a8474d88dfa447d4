import tomllib
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.features.libraries import Library, _known, foreign, layout, library, library_names

BUN = ["Accept", "X-App", "Connection", "Host", "Accept-Encoding", "Content-Length"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (BUN, "* Connection Host Accept-Encoding Content-Length"),
        (["Host", "User-Agent", "Accept", "Accept-Encoding"], "Host * Accept-Encoding"),
        (["host", "connection"], "host connection"),
        (["Accept", "X-App"], "*"),
        (["Host", "Host", "A", "B", "Host"], "Host Host * Host"),
        (["*", "Host", "**"], "* Host *"),
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
    found = library(names)
    assert found is not None
    assert expected in (found, found.name)


@pytest.mark.parametrize(
    "names",
    [
        # what proxies make of the order above
        ["Host", "Accept", "X-App", "Connection", "Accept-Encoding", "Content-Length"],
        ["host", "accept", "x-app", "connection", "accept-encoding", "content-length"],
        ["Host", "Accept", "X-App", "Accept-Encoding", "Content-Length"],
        ["Host", "Connection", "Accept", "X-App", "Accept-Encoding", "Content-Length"],
        sorted(BUN),
        ["accept", "x-app", "accept-encoding", "content-length"],
        ["Accept", "X-App"],
        [],
    ],
)
def test_an_order_that_a_proxy_writes_names_no_library(names):
    assert library(names) is None


@given(st.permutations(["A", "B", "C", "Connection", "Host"]))
def test_which_other_names_stand_between_is_all_the_same(names):
    renamed = [name.replace("A", "x").replace("B", "y") for name in names]
    assert layout(renamed) == layout(names)


def test_no_layout_belongs_to_two_libraries():
    table = tomllib.loads(resources.files("detector.features").joinpath("libraries.toml").read_text("utf-8"))
    assert sum(len(row["layouts"]) for row in table["library"]) == len(_known())


def test_every_layout_of_the_table_can_be_sent():
    assert [layout(text.replace("*", "Other").split()) for text in _known()] == list(_known())


def test_what_no_reference_was_written_by_is_foreign():
    fetch = ["host", "connection", "x-app", "accept-encoding", "content-length"]
    httpx = ["Host", "Accept-Encoding", "Connection", "x-app", "Content-Length"]
    assert foreign([BUN, fetch, httpx, ["Host"]], [BUN]) == (
        [False, True, True, False],
        [False, False, True, False],
    )
    assert foreign([httpx], [BUN, httpx]) == ([False], [False])
    # nobody knows what the client itself is written in
    assert foreign([httpx], [["Host"]]) == ([True], [False])


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
