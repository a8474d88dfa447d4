import polars as pl
import pytest

from detector.features.attendance import follow_ups
from detector.features.cadence import turns
from detector.features.hours import hourly
from detector.features.telemetry import posts
from detector.features.usage import steps
from detector.settings import default_settings

SETTINGS = default_settings()
POST = {"kind": "telemetry"}
PROBE = {"kind": "probe"}


@pytest.fixture(scope="module")
def counted(requests):
    """The hours of rows, accounts standing for sessions, and the hour of noon."""

    def build(*rows):
        frame = requests(*rows).with_columns(session=pl.col("account")).sort("session", "timestamp", "kind")
        turned = turns(frame.filter(pl.col("kind") == "inference"), SETTINGS.cadence)
        return hourly(steps(turned).with_columns(follow_ups(SETTINGS.attendance)), posts(frame))

    return build


@pytest.fixture(scope="module")
def noon(requests):
    return int(requests({})["timestamp"][0].timestamp()) // 3600


def test_requests_and_prompts_are_counted_by_whole_hour_utc(counted, noon):
    # 3,599 s after noon is still the hour of noon, 3,600 s is not
    table = counted(
        {"at": 0, "tool_result": False},
        {"at": 3599, "tool_result": True, "country": "FR"},
        {"at": 3600, "tool_result": None},
        {"account": 1, "at": 3600, "tool_result": False, "country": "DE"},
        {"account": 1, "at": 3700, "tool_result": True, "country": "FR"},
    )
    assert table.select("session", "hour", "requests", "human", "country").rows() == [
        (0, noon, 2, 1, "FR"),  # the hour's first that is known
        (0, noon + 1, 1, 0, None),
        (1, noon + 1, 2, 1, "DE"),
    ]


def test_replies_are_counted_in_the_hour_in_which_they_come(counted, noon):
    table = counted(
        {"at": 0, "tool_result": False},
        {"at": 5, "tool_result": False},  # sooner than anybody reads
        {"at": 3599, "tool_result": False},
        {"at": 3609, "tool_result": False},
    )
    assert table.select("hour", "human", "follow_ups", "replies").rows() == [
        (noon, 3, 2, 1),
        (noon + 1, 1, 1, 1),
    ]


def test_a_post_belongs_to_the_hour_of_the_request_before_it(counted, noon):
    late = POST | {"telemetry_requests": 2}
    table = counted(
        POST | {"at": -30},
        {"at": 0},
        {"at": 3590, "status": 429},
        late | {"at": 3610},
        PROBE | {"at": 3620},
        {"at": 3630, "status": 200},
        {"at": 3640},
        POST | {"account": 1, "at": 9000},
    )
    assert table.select("session", "hour", "served", "posts", "reports", "reported").rows() == [
        (0, noon - 1, 0, 1, 0, 0),
        (0, noon, 1, 1, 1, 2),
        (0, noon + 1, 2, 0, 0, 0),
        (1, noon + 2, 0, 1, 0, 0),
    ]
    assert table["requests"].to_list() == [0, 2, 2, 0]


def test_without_posts_nothing_is_told(counted):
    assert counted({}).select("posts", "reports", "reported").row(0) == (0, 0, 0)
