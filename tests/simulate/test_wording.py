import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.simulate.columns import ROW, Kind
from detector.simulate.wording import HEADERS, Words, _taken, worded

NAMES = [["Host", "Accept"], [], ["accept"]]
VALUES = [[("Accept", "*/*")], [("x-app", "cli"), ("Accept", "*/*")], []]
SHARED = {
    "account_id": ["a", "b"],
    "path": ["/v1/messages", "/chat/s/completion"],
    "auth": ["subscription", "web"],
    "plan": ["pro", "max"],
    "session_id": ["s", None],
    "device_id": ["d", None],
    "client_ip": ["100.64.0.1", "100.64.0.2"],
    "asn": [64500, 64501],
    "country": ["DE", "JP"],
    "model": ["opus", "sonnet"],
    "tools_hash": ["t", None],
    "stream": [True, False],
}
POSTS = {"telemetry_path": ["/api/event_logging/batch", "/api/event_logging/v2/batch"]}
WORDS = Words(
    sittings=pl.DataFrame(SHARED | POSTS),
    wires=pl.DataFrame({"user_agent": ["one", "two", "one"], "http_version": ["1.1", "2", "2"]}),
    headers={
        name: pa.array(lists, HEADERS[name]) for name, lists in zip(HEADERS, (NAMES, VALUES), strict=True)
    },
    ja4=pl.Series(["t13", "t12"]),
)


def said(*rows):
    columns = ("sitting", "kind", "wire", "ja4", "stop")
    frame = pl.DataFrame(rows, schema=columns, orient="row").cast({name: ROW[name] for name in columns})
    return {name: array.to_pylist() for name, array in worded(frame, WORDS).items()}


def test_rows_say_what_their_sitting_says():
    found = said((1, Kind.INFERENCE, 2, 1, 0), (0, Kind.INFERENCE, 0, 0, -1), (1, Kind.INFERENCE, 1, 1, 1))
    for name, (first, second) in SHARED.items():
        assert found[name] == [second, first, second], name
    assert found["method"] == ["POST"] * 3
    assert found["user_agent"] == ["one", "one", "two"]
    assert found["http_version"] == ["2", "1.1", "2"]
    assert found["ja4"] == ["t12", "t13", "t12"]
    assert found["stop_reason"] == ["end_turn", None, "tool_use"]
    assert found["header_names"] == [["accept"], ["Host", "Accept"], []]
    pairs = [[(one["name"], one["value"]) for one in row] for row in found["header_values"]]
    assert pairs == [VALUES[2], VALUES[0], VALUES[1]]


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        (
            Kind.HELPER,
            {"path": "/v1/messages", "model": "claude-haiku-4-5", "tools_hash": None, "device_id": "d"},
        ),
        (
            Kind.PROBE,
            {"path": "/api/hello", "method": "HEAD", "auth": None, "session_id": None, "stream": None},
        ),
        (Kind.TELEMETRY, {"path": "/api/event_logging/batch", "auth": "subscription", "device_id": None}),
        (
            Kind.COUNT,
            {"path": "/v1/messages/count_tokens", "model": "opus", "device_id": "d", "stream": None},
        ),
    ],
)
def test_a_small_call_says_less(kind, wanted):
    found = said((0, kind, 0, 0, -1))
    assert {name: found[name] for name in wanted} == {name: [value] for name, value in wanted.items()}


def test_a_text_is_kept_once():
    rows = pl.DataFrame(
        {"sitting": [0] * 9, "kind": [0] * 9, "wire": [0, 2, 0] * 3, "ja4": [1] * 9, "stop": [0] * 9}
    )
    found = worded(rows.cast({name: ROW[name] for name in rows.columns}), WORDS)
    assert found["user_agent"].dictionary.to_pylist() == ["one"]
    assert found["ja4"].dictionary.to_pylist() == ["t12"]
    assert found["header_names"].values.dictionary.to_pylist() == ["Host", "Accept", "accept"]


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=4), min_size=1), st.data())
def test_lists_are_taken_as_arrow_takes_them(lists, data):
    codes = data.draw(st.lists(st.integers(0, len(lists) - 1)))
    given, wanted = pa.array(lists, HEADERS["header_names"]), pa.array(codes, pa.int32())
    taken = _taken(given, wanted)
    taken.validate(full=True)
    assert taken.to_pylist() == [lists[code] for code in codes]
