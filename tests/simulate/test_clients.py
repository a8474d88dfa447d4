import itertools

import pytest

from detector.simulate import clients
from detector.simulate.clients import Platform
from detector.simulate.plan import Book

TAIL = ("Connection", "Host", "Accept-Encoding", "Content-Length")
LINUX = Platform("Linux", "x64", "X11; Linux x86_64")


@pytest.fixture
def book():
    return Book(days=14, weekday=0, release=604800.0)


def reversed_share(names, reference):
    """Share of name pairs that stand in another order than in the reference."""
    place = {name.lower(): index for index, name in enumerate(reference)}
    order = [place[name.lower()] for name in names if name.lower() in place]
    pairs = list(itertools.combinations(order, 2))
    return sum(first > second for first, second in pairs) / len(pairs)


def own_names(book):
    client = clients.first_party(book, clients.current_release(), LINUX)
    return book.wires.items[client.inference].names


@pytest.mark.parametrize("release", range(7))
def test_every_release_sorts_its_names_before_the_tail(book, release):
    client = clients.first_party(book, release, LINUX)
    names = book.wires.items[client.inference].names
    assert names[-4:] == TAIL
    assert list(names[:-4]) == sorted(names[:-4])


def test_the_current_release_sends_21_headers(book):
    assert len(own_names(book)) == 21


def test_the_new_release_adds_a_header(book):
    client = clients.first_party(book, clients.new_release(), LINUX)
    added = set(book.wires.items[client.inference].names) - set(own_names(book))
    assert len(added) == 1


def test_the_agent_names_version_and_entry_point(book):
    client = clients.first_party(book, clients.current_release(), LINUX, "sdk-cli")
    assert book.wires.items[client.inference].agent == "claude-cli/2.1.330 (external, sdk-cli)"
    assert book.wires.items[client.telemetry].agent == "claude-code/2.1.330"
    assert book.wires.items[client.probe].agent == "Bun/1.4.4"


@pytest.mark.parametrize(
    ("stack", "share"),
    [
        ("httpx", 0.25),
        ("requests", 0.25),
        ("aiohttp", 0.09),
        ("node_fetch", 0.17),
        ("axios", 0.03),
        ("bun", 0.0),
    ],
)
def test_copied_headers_keep_the_order_of_the_stack(book, stack, share):
    client = clients.copied(book, stack, clients.current_release(), LINUX)
    names = book.wires.items[client.inference].names
    assert reversed_share(names, own_names(book)) == pytest.approx(share, abs=0.01)


def test_go_over_http2_shuffles_every_request(book):
    client = clients.copied(book, "go_http2", clients.current_release(), LINUX)
    orders = {wire.names for wire in book.wires.items[client.inference : client.inference + client.variants]}
    assert len(orders) == client.variants > 10
    assert all(name == name.lower() for order in orders for name in order)


def test_sdks_count_their_retries_and_copies_do_not(book):
    sdk = clients.foreign(book, "anthropic_python", "Anthropic/Python 2.12.0")
    assert sdk.counts_retries
    counted = [dict(wire.values)["x-stainless-retry-count"] for wire in book.wires.items[sdk.inference :][:3]]
    assert counted == ["0", "1", "2"]
    assert not clients.copied(book, "anthropic_python", clients.current_release(), LINUX).counts_retries
