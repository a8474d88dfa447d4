from dataclasses import replace
from datetime import UTC, datetime

import polars as pl
import pytest

from detector.features.fingerprint import POPULATION
from detector.settings import default_settings
from detector.verdict.names import NAMES, client_names, launches
from detector.verdict.policy import load_policy

SETTINGS = default_settings()
"""Five accounts with telemetry and a quarter of all vouch; twenty accounts are many; three are common."""


def streams(client, accounts, *, first=0, reporting=0, coverage=0.8):
    """A stream of ten requests an account, of which the first so many report in step."""
    return pl.DataFrame(
        {
            "client": [client] * accounts,
            "account": range(first, first + accounts),
            "requests": [10] * accounts,
            "reporting": [i < reporting for i in range(accounts)],
            "telemetry_coverage": [coverage if i < reporting else None for i in range(accounts)],
        },
        schema={
            "client": pl.String,
            "account": pl.UInt32,
            "requests": pl.Int64,
            "reporting": pl.Boolean,
            "telemetry_coverage": pl.Float64,
        },
    )


def known(client="fresh", accounts=0, vouched=0, version="*", aspect="name"):
    """What a model knows of a name."""
    row = (client, version, aspect, client, float(accounts), float(vouched))
    return pl.DataFrame([row], POPULATION, orient="row")


NOBODY = pl.DataFrame(schema=POPULATION)


def taken(*tables, population=NOBODY, policy="default", settings=SETTINGS):
    """How each name is taken."""
    names = client_names(pl.concat(tables), population, load_policy(policy), settings)
    return dict(names.select("client", "treatment").rows())


def test_a_row_a_name_with_its_counts():
    tables = [
        streams("opencode", 2),
        streams("claude-cli", 4, reporting=3),
        streams("claude-cli", 4, reporting=1),  # the same accounts again
        streams(None, 9),
    ]
    names = client_names(pl.concat(tables), NOBODY, load_policy(), SETTINGS)
    assert names.schema == NAMES
    assert names.rows() == [
        ("claude-cli", 4, 80, 3, False, "first_party"),
        ("opencode", 2, 20, 0, True, "declared"),
    ]


def test_no_stream_gives_no_name():
    assert client_names(streams("x", 0), NOBODY, load_policy(), SETTINGS).is_empty()


def test_the_providers_own_names_are_its_own_however_few_use_them():
    assert taken(streams("claude-cli", 1), streams("browser", 1)) == dict.fromkeys(
        ("claude-cli", "browser"), "first_party"
    )


def test_any_other_name_declares_itself_listed_or_not():
    names = taken(streams("opencode", 1), streams("mine", 1), streams("claude-cli2", 1), streams("", 1))
    assert set(names.values()) == {"declared"}


# -- launches: telemetry vouches ----------------------------------------------------


@pytest.mark.parametrize(
    ("accounts", "reporting", "expected"),
    [(5, 5, "launched"), (4, 4, "declared"), (19, 5, "launched"), (19, 4, "declared")],
)
def test_five_accounts_with_telemetry_in_step_launch_a_name(accounts, reporting, expected):
    assert taken(streams("fresh", accounts, reporting=reporting)) == {"fresh": expected}


@pytest.mark.parametrize(("accounts", "expected"), [(20, "launched"), (21, "new")])
def test_they_must_be_a_quarter_of_those_who_use_it(accounts, expected):
    # 5 of 20 are a quarter; 5 of 21 are not, but 21 accounts are many
    assert taken(streams("fresh", accounts, reporting=5)) == {"fresh": expected}


@pytest.mark.parametrize(
    ("coverage", "expected"), [(0.8, "launched"), (0.79, "declared"), (None, "declared")]
)
def test_telemetry_vouches_in_step_with_the_requests_only(coverage, expected):
    assert taken(streams("fresh", 6, reporting=6, coverage=coverage)) == {"fresh": expected}


@pytest.mark.parametrize(
    ("accounts", "vouched", "expected"),
    [(20, 5, "launched"), (20, 4, "declared"), (21, 5, "declared")],
)
def test_a_name_that_telemetry_vouched_for_in_the_model_is_launched_still(accounts, vouched, expected):
    assert taken(streams("fresh", 1), population=known("fresh", accounts, vouched)) == {"fresh": expected}


def test_only_the_model_s_counts_of_the_name_over_all_versions_speak():
    other = pl.concat([known("fresh", 9, 9, version="1.0"), known("fresh", 9, 9, aspect="core")])
    assert taken(streams("fresh", 1), population=other) == {"fresh": "declared"}


def test_a_name_on_the_list_is_never_launched_nor_new():
    assert taken(streams("opencode", 30, reporting=30)) == {"opencode": "declared"}
    assert taken(streams("opencode", 30)) == {"opencode": "declared"}
    assert taken(streams("fresh", 30, reporting=30), policy="open") == {"fresh": "declared"}


# -- new names: many accounts, and nobody vouches -------------------------------------


@pytest.mark.parametrize(("accounts", "expected"), [(20, "new"), (19, "declared")])
def test_a_name_that_comes_up_on_twenty_accounts_is_new(accounts, expected):
    assert taken(streams("fresh", accounts)) == {"fresh": expected}


@pytest.mark.parametrize(("accounts", "expected"), [(2, "new"), (3, "declared")])
def test_a_name_that_the_model_knows_from_three_accounts_is_not_new(accounts, expected):
    assert taken(streams("fresh", 25), population=known("fresh", accounts)) == {"fresh": expected}


def test_thresholds_are_those_of_the_settings():
    rules = replace(SETTINGS.incidents, witnesses=2, cohort_accounts=3)
    fewer = replace(SETTINGS, incidents=rules)
    assert taken(streams("fresh", 3), settings=fewer) == {"fresh": "new"}
    assert taken(streams("fresh", 3, reporting=2), settings=fewer) == {"fresh": "launched"}


# -- incidents -----------------------------------------------------------------------


def used(*rows):
    """When accounts used clients: account, client, first and last day of November."""
    return pl.DataFrame(
        [
            (a, c, datetime(2026, 11, f, 9, tzinfo=UTC), datetime(2026, 11, to, 9, tzinfo=UTC))
            for a, c, f, to in rows
        ],
        {
            "account": pl.UInt32,
            "client": pl.String,
            "first": pl.Datetime("us", "UTC"),
            "last": pl.Datetime("us", "UTC"),
        },
        orient="row",
    )


def test_each_launched_or_new_name_is_one_incident_and_no_other():
    names = client_names(
        pl.concat(
            [
                streams("claude-cli", 40, reporting=40),
                streams("opencode", 25),
                streams("mine", 1),
                streams("young", 20),
                streams("cowork", 6, first=30, reporting=6),
            ]
        ),
        NOBODY,
        load_policy(),
        SETTINGS,
    )
    when = used(
        (0, "young", 3, 4),
        (1, "young", 2, 3),
        (30, "cowork", 5, 9),
        (2, "claude-cli", 1, 9),
        (3, "mine", 1, 1),
    )
    told = launches(names, when)
    assert [(one.kind, one.client, one.accounts, one.of) for one in told] == [
        ("new_client", "cowork", 6, 5),
        ("new_client", "young", 20, 5),
    ]
    assert [(f"{one.first_day}", f"{one.last_day}") for one in told] == [
        ("2026-11-05", "2026-11-09"),
        ("2026-11-02", "2026-11-04"),
    ]
    assert {one.causes for one in told} == {()}
    assert 'add "cowork" to first_party of the policy' in told[0].text()


def test_a_log_of_known_names_has_no_incident():
    names = client_names(streams("claude-cli", 40), NOBODY, load_policy(), SETTINGS)
    assert launches(names, used((0, "claude-cli", 1, 2))) == ()
