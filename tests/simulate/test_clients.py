import itertools

import pytest

from detector.simulate import clients, stacks
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


def test_the_new_release_adds_headers_as_a_session_goes_on(book):
    client = clients.first_party(book, clients.new_release(), LINUX)
    assert (client.choice, client.variants) == ("step", 3)
    beside, turn, step = (
        set(wire.names) for wire in book.wires.items[client.inference : client.inference + 3]
    )
    assert set(own_names(book)) < beside < turn < step
    assert [len(names) for names in (beside, turn, step)] == [25, 26, 27]
    assert turn - beside == {"x-claude-code-prompt-id"}
    assert step - turn == {"x-claude-code-prev-tool-durations"}


def test_the_new_release_posts_from_two_senders(book):
    client = clients.first_party(book, clients.new_release(), LINUX)
    senders = [book.wires.items[code].agent for code in (client.telemetry, client.second)]
    assert senders == ["claude-code/2.1.332", "Bun/1.4.6"]
    assert client.telemetry_path == "/api/event_logging/v2/batch"
    before = clients.first_party(book, clients.current_release(), LINUX)
    assert (before.second, before.telemetry_path) == (-1, "/api/event_logging/batch")


def test_the_same_client_is_registered_once(book):
    looks = [clients.first_party(book, clients.new_release(), LINUX) for _ in range(2)]
    assert looks[0] == looks[1]


def test_a_launched_product_sends_the_headers_of_the_cli(book):
    agent = "claude-cowork/1.0.3 (external, desktop)"
    client = clients.first_party(book, clients.current_release(), LINUX, product=agent)
    wire = book.wires.items[client.inference]
    assert (wire.names, wire.agent) == (own_names(book), agent)
    assert book.wires.items[client.telemetry].agent == "claude-cowork/1.0.3"


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
        ("httpx_lower", 0.25),
        ("node_http", 0.11),
        ("bun_sorted", 0.21),
        ("bun_title", 0.21),
    ],
)
def test_copied_headers_keep_the_order_of_the_stack(book, stack, share):
    client = stacks.copied(book, stack, clients.current_release(), LINUX)
    names = book.wires.items[client.inference].names
    assert reversed_share(names, own_names(book)) == pytest.approx(share, abs=0.01)


def test_go_over_http2_shuffles_every_request(book):
    client = stacks.copied(book, "go_http2", clients.current_release(), LINUX)
    orders = {wire.names for wire in book.wires.items[client.inference : client.inference + client.variants]}
    assert len(orders) == client.variants > 10
    assert all(name == name.lower() for order in orders for name in order)


@pytest.mark.parametrize(
    ("stack", "first", "last", "encoding"),
    [
        ("httpx_lower", ("host", "accept-encoding", "connection"), ("Content-Length",), True),
        ("node_http", ("Content-Type", "Content-Length"), ("Host", "Connection"), False),
        ("httpx2", ("Host", "Accept"), ("Connection", "Accept-Encoding", "Content-Length"), True),
        ("bun_sorted", ("accept", "anthropic-beta"), TAIL, True),
        ("bun_title", ("Accept", "Anthropic-Beta"), TAIL, True),
    ],
)
def test_stacks_have_their_own_ends_and_letters(book, stack, first, last, encoding):
    client = stacks.copied(book, stack, clients.current_release(), LINUX)
    names = book.wires.items[client.inference].names
    assert names[: len(first)] == first
    assert names[-len(last) :] == last
    assert ("accept-encoding" in {name.lower() for name in names}) == encoding
    assert len({name.lower() for name in names}) == len(names)


def test_a_copy_may_add_names_of_its_own(book):
    extra = ["traceparent", "x-request-id"]
    client = stacks.copied(book, "axios", clients.current_release(), LINUX, extra=extra)
    assert set(extra) <= set(book.wires.items[client.inference].names)


def test_sdks_count_their_retries_and_copies_do_not(book):
    sdk = stacks.foreign(book, "anthropic_python", "Anthropic/Python 2.12.0")
    assert sdk.counts_retries
    counted = [dict(wire.values)["x-stainless-retry-count"] for wire in book.wires.items[sdk.inference :][:3]]
    assert counted == ["0", "1", "2"]
    assert not stacks.copied(book, "anthropic_python", clients.current_release(), LINUX).counts_retries
