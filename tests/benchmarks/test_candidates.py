from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from benchmarks.candidates import CANDIDATES
from benchmarks.candidates.account import _peaks
from benchmarks.candidates.cadence import Echo, Spectrum
from benchmarks.candidates.record import Traffic, entropy, surprisal
from benchmarks.worth import Trial, mean_change

START = datetime(2026, 11, 2, tzinfo=UTC)
EVERY_HOUR = np.arange(0, 7 * 24 * 60, 60.0)


@pytest.fixture
def measured():
    """Measure one candidate on rows of one stream, account and session."""

    def measure(name, **columns):
        usual = {"stream": 0, "account": 0, "session": 0, "helper": False, "cohort": "interactive"}
        rows = pl.DataFrame(columns)
        rows = rows.with_columns(**{one: pl.lit(usual[one]) for one in usual.keys() - columns.keys()})
        empty = pl.DataFrame()
        traffic = Traffic(rows, empty, empty, empty, empty, empty, empty)
        (candidate,) = (one for one in CANDIDATES if one.name == name)
        return candidate.measure(traffic)["value"].to_list()

    return measure


def test_names_and_ids_are_unique():
    assert len({one.id for one in CANDIDATES}) == len({one.name for one in CANDIDATES}) == len(CANDIDATES)


@pytest.mark.parametrize(
    ("name", "gaps", "value"),
    [
        ("gap_log_iqr", [10.0] * 20, 0.0),
        ("gap_log_iqr", [10.0] * 19, None),
        ("rita_human", [10.0] * 8, 1.0),
        ("rita_human", [1.0, 100.0, 10_000.0] * 8, 0.0),
        ("gap_entropy", [10.0] * 30, 0.0),
        ("gap_entropy", [1.0, 10.0] * 15, 1.0),
        ("gap_mode_share", [10.0, 1000.0] * 10, 0.5),
        ("gap_mode_share", [0.1] * 20, 0.0),
    ],
)
def test_gaps(measured, name, gaps, value):
    found = measured(name, gap=gaps, human=[True] * len(gaps), tool_result=[False] * len(gaps))
    assert found == [value if value is None else pytest.approx(value, abs=0.02)]


def test_loops_are_counted_between_prompts(measured):
    human = [True, False, False] * 6
    assert measured("loop_p95", human=human, tool_result=[not one for one in human]) == [2.0]


def test_longer_answers_take_longer_to_read(measured):
    tokens = [10 * i for i in range(20)]
    rows = {"output_tokens": tokens, "gap": [None, *map(float, tokens[:-1])], "human": [True] * 20}
    assert measured("reading_rho", **rows) == [pytest.approx(1.0)]


def test_only_a_step_back_is_a_downgrade(measured):
    rows = {"client": ["cli"] * 4, "device": [1] * 4, "session": range(4)}
    times = [START + timedelta(hours=i) for i in range(4)]
    versions = ["2.1.9", "2.1.10", "2.1.10", "2.0.99"]
    assert measured("downgrades", timestamp=times, client_version=versions, **rows) == [1.0]


def test_a_timer_has_a_period_and_an_echo_and_chance_has_neither():
    rng = np.random.default_rng(0)
    chance = np.sort(rng.uniform(0, EVERY_HOUR[-1], len(EVERY_HOUR)))
    assert Echo.of(EVERY_HOUR) > 0.9
    assert Echo.of(chance) < 0.3
    assert Spectrum.of(EVERY_HOUR) > 1
    assert Spectrum.of(chance) < 0.5


def test_two_shifts_are_two_groups_of_hours():
    day = np.zeros(24)
    day[8:12] = 10
    assert _peaks(day) == 1
    day[20:23] = 8
    assert _peaks(day) == 2


def test_entropy_and_surprisal_count_what_they_say():
    rows = pl.DataFrame({"stream": range(40), "account": range(40), "kind": ["a"] * 39 + ["b"], "of": "x"})
    assert entropy(rows, "of", pl.col("kind"))["bits"].item() == pytest.approx(0.169, abs=0.001)
    bits = surprisal(rows, ["of"], "kind", 20).sort("stream")["value"]
    assert bits[0] == pytest.approx(-np.log2(39.5 / 41))
    assert bits[39] == pytest.approx(-np.log2(1.5 / 41))
    assert surprisal(rows, ["of"], "kind", 41).is_empty()


def test_changes_are_means_and_counts_are_sums():
    whole = [Trial(0.9, 1.0, 1.0, 0.8, 0, 2)] * 2
    parts = [Trial(0.8, 1.0, 0.9, 0.8, 1, 0), Trial(1.0, 1.0, 0.9, 0.6, 0, 2)]
    change = mean_change(parts, whole)
    assert change["average_precision"] == 0
    assert change["recall_own"] == -0.1
    assert (change["genuine_flagged"], change["genuine_watched"]) == (1, -2)
