import polars as pl
import pytest

from detector.features.cadence import LARGEST_COUNT, turns
from detector.features.usage import COUNTERS, counters, steps
from detector.settings import default_settings

RULES = default_settings()
TTL = RULES.usage.cache_ttl_s


@pytest.fixture(scope="module")
def stepped(requests):
    """The rows of ``steps``, accounts standing for sessions, in the order of time."""

    def build(*rows, **common):
        frame = requests(*rows, **common).with_columns(session=pl.col("account"))
        turned = turns(frame.sort("session", "timestamp"), RULES.cadence)
        return steps(turned.sort("session", "timestamp"))

    return build


@pytest.fixture(scope="module")
def counted(stepped):
    """The counters of all rows taken as one session; null where polars sums nulls only."""

    def build(*rows, **common):
        return stepped(*rows, **common).select(counters(RULES.usage)).sum().row(0, named=True)

    return build


def row_of(found, *names):
    return tuple(found[name] or 0 for name in names)


def test_the_context_is_all_input_and_null_where_none_was_logged(stepped):
    rows = stepped(
        {"input_tokens": 1, "cache_read_tokens": 20, "cache_write_tokens": 300},
        {"at": 1, "cache_read_tokens": 20},
        {"at": 2, "output_tokens": 9},
        {"at": 3, "input_tokens": 0},
    )
    assert rows["context"].to_list() == [321, 20, None, 0]
    assert rows["earlier_context"].to_list() == [None, 321, 20, None]


def test_earlier_values_are_those_of_the_same_session(stepped):
    rows = stepped(
        {"at": 0, "input_tokens": 5, "status": 429, "retry_after_s": 3.0},
        {"at": 4, "account": 0},
        {"at": 9, "account": 1},
    )
    earlier = rows.select("earlier_context", "earlier_status", "earlier_retry_s", "since_s").rows()
    assert earlier == [(None,) * 4, (5, 429, 3.0, 4.0), (None,) * 4]


def test_tokens_are_input_of_any_kind_and_output(counted):
    found = counted({"input_tokens": 1, "cache_write_tokens": 10, "output_tokens": 100}, {"at": 1})
    assert row_of(found, "tokens", "output_tokens") == (111, 100)


@pytest.mark.parametrize(("status", "served"), [(None, 1), (200, 1), (299, 1), (199, 0), (300, 0), (500, 0)])
def test_a_request_is_served_on_a_2xx_or_unknown_status(counted, status, served):
    assert counted({"status": status})["served"] == served


@pytest.mark.parametrize(
    ("status", "refused"), [(400, 1), (403, 1), (499, 1), (429, 0), (500, 0), (200, 0), (None, 0)]
)
def test_refused_are_4xx_without_rate_limits(counted, status, refused):
    assert row_of(counted({"status": status}), "refused") == (refused,)


def test_warm_tokens_are_those_after_gaps_shorter_than_the_cache_lives(counted):
    # the first has no gap, the second waited 10 s, the third exactly the lifetime: only 90 of 100 are warm
    read = {"cache_read_tokens": 90, "input_tokens": 10}
    found = counted({"at": 0} | read, {"at": 10} | read, {"at": 10 + TTL} | read)
    assert row_of(found, "warm_read", "warm_total") == (90, 100)


def test_requests_without_a_cache_column_are_not_cold(counted):
    found = counted(
        {"at": 0}, {"at": 1, "input_tokens": 50}, {"at": 2, "input_tokens": 8, "cache_read_tokens": 0}
    )
    assert row_of(found, "warm_read", "warm_total") == (0, 8)


def test_context_grows_counts_equal_and_longer_steps(counted):
    # 5 -> 5 grows, 5 -> 4 does not, 4 -> null and null -> 9 are no pairs, 9 -> 10 grows
    contexts = (5, 5, 4, None, 9, 10)
    found = counted(*({"at": at, "input_tokens": tokens} for at, tokens in enumerate(contexts)))
    assert row_of(found, "context_pairs", "context_grows") == (3, 2)


def test_overlapping_requests_are_no_context_pair(counted):
    rows = ({"at": 0, "duration_ms": 9e3}, {"at": 1}, {"at": 20})
    found = counted(*rows, input_tokens=7)
    assert row_of(found, "context_pairs", "context_grows") == (1, 1)


@pytest.mark.parametrize(("status", "limits"), [(429, 1), (529, 1), (503, 0), (200, 0), (None, 0)])
def test_limits_are_429_and_529_with_a_retry_after(counted, status, limits):
    found = counted({"status": status, "retry_after_s": 9.0}, {"at": 3})
    assert row_of(found, "limits", "early_retries") == (limits, limits)


@pytest.mark.parametrize(("waited", "ignored"), [(8.999, 1), (9.0, 0), (9.001, 0)])
def test_a_limit_is_ignored_by_a_request_before_its_retry_after(counted, waited, ignored):
    found = counted({"status": 429, "retry_after_s": 9.0}, {"at": waited})
    assert row_of(found, "limits", "early_retries") == (1, ignored)


def test_a_limit_without_retry_after_or_without_a_next_request_is_no_limit(counted):
    found = counted({"status": 429}, {"at": 1}, {"at": 2, "status": 429, "retry_after_s": 60.0})
    assert row_of(found, "limits", "early_retries") == (0, 0)


def test_an_absurd_retry_after_is_only_a_limit(counted):
    assert row_of(counted({"status": 429, "retry_after_s": 1e300}, {"at": 1}), "limits", "early_retries") == (
        1,
        1,
    )


def test_nothing_logged_is_nothing_counted(counted):
    found = counted({"at": 0}, {"at": 1})
    assert {name: value for name, value in found.items() if value} == {"served": 2}


def test_absurd_counts_do_not_overflow(counted):
    kinds = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
    found = counted(*({"at": at} for at in range(4)), **dict.fromkeys(kinds, 2**62))
    assert row_of(found, "tokens", "output_tokens") == (16 * LARGEST_COUNT, 4 * LARGEST_COUNT)
    assert row_of(found, "warm_read", "warm_total") == (3 * LARGEST_COUNT, 9 * LARGEST_COUNT)
    assert row_of(found, "context_pairs", "context_grows") == (3, 3)


def test_counters_are_those_that_are_announced(counted):
    assert tuple(counted({})) == COUNTERS
