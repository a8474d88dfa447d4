import polars as pl
import pytest

from detector.verdict.parts import LONGEST_NAME, attested, busy_hours


def part(sessions=38, client="claude-cli", from_hour=None, to_hour=None):
    return {"sessions": sessions, "client": client, "from_hour": from_hour, "to_hour": to_hour}


def test_the_sessions_of_a_stream_are_named_by_client_number_and_hours():
    assert attested([part()]) == "the 38 sessions of claude-cli are attested as permitted use"
    assert attested([part(1)]) == "the one session of claude-cli is attested as permitted use"
    assert attested([part(1200, from_hour=22, to_hour=6)]) == (
        "the 1,200 sessions of claude-cli, most requests from 22:00 to 06:00 UTC, "
        "are attested as permitted use"
    )
    assert attested([part(), part(1, None)]) == (
        "the 38 sessions of claude-cli and the one session of no named client are attested as permitted use"
    )


def test_client_names_are_shown_without_effect_and_cut():
    hostile = "\x1b[31m\u202e|<script>" + "x" * 100
    said = attested([part(client=hostile)])
    assert all(" " <= letter <= "~" for letter in said)
    assert f"{hostile[5:8]}" not in said
    assert "x" * (LONGEST_NAME + 1) not in said


def hours(counts):
    """The hours that are named of a stream with so many requests in each hour of a Monday and Tuesday."""
    rows = [(0, 24 * 20_000 + hour, count) for hour, count in counts.items()]
    types = {"session": pl.UInt32, "hour": pl.Int32, "requests": pl.Int32}
    sessions = pl.DataFrame({"session": [0], "stream": [7]}, schema_overrides={"session": pl.UInt32})
    found = busy_hours(sessions, sessions, pl.DataFrame(rows, types, orient="row"))
    return found.select("from_hour", "to_hour").rows()


@pytest.mark.parametrize(
    ("counts", "named"),
    [
        ({9: 5}, [(9, 10)]),
        ({23: 5, 24: 5, 25: 5}, [(23, 2)]),
        ({2: 40, 3: 40, 15: 20}, [(2, 4)]),
        ({2: 40, 10: 40, 15: 20}, []),
        (dict.fromkeys(range(8), 1), [(0, 7)]),
        (dict.fromkeys(range(24), 1), []),
        ({4: 8, 28: 8, 12: 4}, [(4, 5)]),
    ],
    ids=["one hour", "over midnight", "most", "far apart", "four fifths of eight", "all day", "every day"],
)
def test_the_fewest_hours_that_hold_most_requests_are_named(counts, named):
    assert hours(counts) == named
