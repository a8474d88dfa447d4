from itertools import combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from detector.features.registry import SCORED, feature
from detector.model.reference import Reference
from detector.model.rule import LEAST, WAYS, grounds, weigh
from detector.schema import FAMILIES
from detector.settings import default_settings

SETTINGS = default_settings()
NAMES = [record.name for record in SCORED]
FAR = 1.5
"""An oriented value that counts; LITTLE is one that does not."""
LITTLE = 0.5
OUTSIDE = {
    "headers_missing": 3.0,
    "fingerprint_churn": 1.5,
    "sleepless_share": 0.9,
    "telemetry_coverage": 0.0,
    "telemetry_mismatch": 0.6,
}
"""Raw values past the benign range, below the decisive one except for hours of replies."""

WIRE = ("order_distance", "case_distance", "accept_encoding_bits", "ja4_bits")
TWO_HEADERS = ("headers_extra", "values_bits")
"""Two causes of the fingerprint that no proxy explains."""
RHYTHM = ("pause_share", "single_turn_share")
HOURS = "restless_days"
SILENT = "telemetry_coverage"
INVENTED = ("telemetry_mismatch", "telemetry_spread")
CAUSES = {record.name: record.cause for record in SCORED}


def raw(name):
    """A value past the benign range of a feature."""
    record = feature(name)
    if name in OUTSIDE:
        return OUTSIDE[name]
    return record.benign - 0.01 if record.direction == "low" else record.benign + 1.0


def calm(name):
    """The value that everybody shows; telemetry neither in step nor silent."""
    return 0.6 if name == SILENT else feature(name).benign


def stream(*names, **values):
    """One stream that shows these features past their benign ranges, where nobody is ever there."""
    shown = {name: raw(name) if name in names else calm(name) for name in NAMES}
    base = {"account": 0, "client": "own", "cohort": "interactive", "attended": False, "days": 10}
    base |= {"reporting": SILENT not in names, "start_phase": 0.0, "helpers": 0, "odd": False, "weight": 1.0}
    base |= {"sessions": 60, "human_turns": 70}
    kinds = dict.fromkeys([*NAMES, "start_phase"], pl.Float64)
    kinds |= {"attended": pl.Boolean, "days": pl.Int64}
    return pl.DataFrame([base | shown | values], schema_overrides=kinds)


def oriented(*names, size=FAR):
    return np.array([[(LEAST if name == SILENT else size) if name in names else 0.0 for name in NAMES]])


def judge(*names, beside=None, size=FAR, **values):
    """Say what the rule makes of a stream against which these features count.

    ``beside`` is another stream of the account, which shows nothing.
    """
    table, matrix = stream(*names, **values), oriented(*names, size=size)
    if beside is not None:
        table = pl.concat([table, stream(**beside)])
        matrix = np.vstack([matrix, oriented()])
    against = grounds(matrix, table, SCORED, SETTINGS)
    families = {family for family, on in zip(FAMILIES, against.counting[0], strict=True) if on}
    return families, *(bool(mask[0]) for mask in (against.strong, against.conclusive, against.telling))


def conclusive(*names, **values):
    return judge(*names, **values)[2]


def strong(*names, **values):
    return judge(*names, **values)[1]


# -- what counts ----------------------------------------------------------------


def test_nothing_counts_below_the_threshold():
    assert judge(*TWO_HEADERS, *RHYTHM, size=0.999) == (set(), False, False, False)


def test_the_threshold_itself_counts():
    assert judge("headers_extra", size=1.0)[0] == {"fingerprint"}


def test_one_cause_counts_and_is_not_strong():
    assert judge("headers_extra") == ({"fingerprint"}, False, False, True)


def test_two_causes_make_a_family_strong():
    assert judge(*TWO_HEADERS) == ({"fingerprint"}, True, False, True)


@pytest.mark.parametrize(
    "pair",
    [
        ("headers_missing", "headers_extra"),
        ("pause_share", "away_share"),
        ("human_turn_share", "single_turn_share"),
        ("quiet_hours_share", "restless_days"),
    ],
)
def test_two_features_of_one_cause_count_once(pair):
    assert not strong(*pair)


@pytest.mark.parametrize("name", ["headers_missing", "fingerprint_churn", "name_bits"])
def test_a_decisive_value_makes_a_family_strong_by_itself(name):
    decisive = feature(name).decisive
    assert strong(name, **{name: decisive})
    assert not strong(name, **{name: decisive - 0.01})
    assert not strong(name, **{name: None})


def test_a_decisive_value_that_is_not_rare_decides_nothing():
    assert judge("headers_missing", size=LITTLE, headers_missing=99.0) == (set(), False, False, False)


def test_a_name_that_stands_on_the_wrong_kind_of_request_needs_one_more_family():
    assert not conclusive("name_bits")
    assert conclusive("name_bits", SILENT)


# -- a proxy on the way -----------------------------------------------------------


@pytest.mark.parametrize("pair", list(combinations(WIRE, 2)))
def test_what_one_proxy_rewrites_is_one_piece_of_evidence(pair):
    assert not strong(*pair, ja4_bits=raw("ja4_bits") if "ja4_bits" in pair else None)


@pytest.mark.parametrize("name", WIRE)
def test_what_a_proxy_rewrites_is_strong_beside_another_cause(name):
    assert strong(name, "headers_missing", ja4_bits=raw("ja4_bits") if name == "ja4_bits" else None)


@pytest.mark.parametrize("name", WIRE)
def test_names_that_are_only_added_are_as_a_proxy_adds_them(name):
    ja4 = raw("ja4_bits") if name == "ja4_bits" else None
    assert not strong(name, "headers_extra", ja4_bits=ja4)
    assert strong(name, "headers_extra", "headers_missing", ja4_bits=ja4)
    assert name == "ja4_bits" or strong(name, "headers_extra", ja4_bits=0.1)


@pytest.mark.parametrize("pair", list(combinations(WIRE[:3], 2)))
def test_nobody_on_the_way_rewrote_what_arrives_with_the_clients_own_tls(pair):
    assert strong(*pair, ja4_bits=0.1)


def test_tls_that_was_not_logged_or_is_anothers_is_not_the_clients_own():
    assert not strong(*WIRE[:2], ja4_bits=None)
    assert not strong(*WIRE)


# -- the ways ---------------------------------------------------------------------

REPORTING = {"telemetry_coverage": 1.0, "reporting": True}
"""A part of the account whose every request is reported."""
COMPLETE = {
    "foreign program": ((*TWO_HEADERS, SILENT), {}),
    "unattended": (("pause_share", HOURS, SILENT), {}),
    "farm": (("pause_share", SILENT, "operator_accounts"), {}),
    "rider": ((*RHYTHM, SILENT), {"beside": REPORTING}),
    "invented telemetry": ((*INVENTED, "pause_share"), {"attended": None}),
    "relay": (("sleepless_share", SILENT, "tools_variety"), {"attended": True}),
}
"""What completes each way with nothing to spare."""


def test_every_way_is_walked_below():
    assert list(COMPLETE) == list(WAYS)


@pytest.mark.parametrize("way", WAYS)
def test_a_way_is_conclusive_where_it_is_complete(way):
    names, values = COMPLETE[way]
    assert conclusive(*names, **values)


@pytest.mark.parametrize(
    ("way", "missing"), [(way, missing) for way, (names, _) in COMPLETE.items() for missing in names]
)
def test_a_way_is_not_conclusive_where_any_part_is_missing(way, missing):
    names, values = COMPLETE[way]
    assert not conclusive(*(name for name in names if name != missing), **values)


@pytest.mark.parametrize("way", ["unattended", "farm", "rider"])
@pytest.mark.parametrize(
    "excuse",
    [
        {"attended": True},
        {"attended": None},
        {"days": 2},
        {"days": None},
        {"cohort": "unknown"},
    ],
)
def test_rhythm_leads_only_where_nobody_is_there_for_days_at_a_client_that_is_known(way, excuse):
    names, values = COMPLETE[way]
    assert not conclusive(*names, **values | excuse)


def test_a_rider_needs_the_other_part_to_report_under_the_same_client_of_the_same_account():
    names, _ = COMPLETE["rider"]
    assert not conclusive(*names)
    for apart in ({"client": "another"}, {"account": 1}, {"telemetry_coverage": 0.79}, {"reporting": False}):
        assert not conclusive(*names, beside=REPORTING | apart)


@pytest.mark.parametrize("sign", ["tools_variety", "parallel_sessions", "context_growth", "headers_extra"])
def test_a_relay_shows_that_several_people_are_there_in_any_of_four_ways(sign):
    assert conclusive("sleepless_share", SILENT, sign, attended=True)


def test_hours_of_replies_below_the_decisive_share_need_the_tool_sets_of_several():
    names = ("sleepless_share", SILENT)
    state = {"attended": True, "sleepless_share": 0.7}
    assert conclusive(*names, "tools_variety", **state)
    assert not conclusive(*names, "parallel_sessions", **state)
    assert conclusive(*names, "parallel_sessions", attended=True, sleepless_share=0.75)


def test_one_foreign_sign_stands_in_for_the_hours_of_an_unattended_stream():
    names = (*RHYTHM, "order_distance", SILENT)
    assert conclusive(*names)
    for missing in (*RHYTHM, "order_distance"):
        assert not conclusive(*(name for name in names if name != missing))
    assert not conclusive(*names, attended=True)


ONE_PROMPT_EACH = {"sessions": 60, "human_turns": 60, "single_turn_share": 1.0}


def test_fifty_conversations_of_one_prompt_each_stand_in_for_the_hours_of_an_unattended_stream():
    names = (*RHYTHM, SILENT)
    assert conclusive(*names, **ONE_PROMPT_EACH)
    assert conclusive(*names, **ONE_PROMPT_EACH | {"sessions": 50, "human_turns": 50})
    for missing in names:
        assert not conclusive(*(name for name in names if name != missing), **ONE_PROMPT_EACH)


@pytest.mark.parametrize(
    "excuse",
    [
        {"human_turns": 49},
        {"human_turns": 61},
        {"single_turn_share": 0.98},
        {"single_turn_share": None},
        {"days": 4},
        {"start_phase": 3.1},
        {"helpers": 1},
        {"attended": True},
    ],
)
def test_a_second_prompt_few_days_or_a_scheduler_of_the_client_excuse_single_prompts(excuse):
    assert not conclusive(*RHYTHM, SILENT, **ONE_PROMPT_EACH | excuse)


def test_a_second_prompt_anywhere_on_the_account_excuses_single_prompts():
    elsewhere = {"sessions": 3, "human_turns": 4}
    names = (*RHYTHM, SILENT)
    assert not conclusive(*names, beside=elsewhere, **ONE_PROMPT_EACH)
    assert conclusive(*names, beside=elsewhere | {"account": 1}, **ONE_PROMPT_EACH)
    assert conclusive(*names, beside={"sessions": 3, "human_turns": 3}, **ONE_PROMPT_EACH)


def test_a_missing_probe_supports_a_timer_and_nothing_that_lost_rows_explain():
    rhythm = {"attended": None}
    assert conclusive("telemetry_spread", "probe_missing", "pause_share", **rhythm)
    assert conclusive("telemetry_spread", "helper_missing", "pause_share", **rhythm)
    assert not conclusive("telemetry_mismatch", "probe_missing", "pause_share", **rhythm)
    assert not conclusive("probe_missing", "helper_missing", "pause_share", **rhythm)
    assert not strong("probe_missing", "helper_missing")


def test_two_and_a_half_times_as_many_reports_as_requests_are_invented():
    assert conclusive("telemetry_mismatch", "pause_share", attended=None, telemetry_mismatch=1.0)
    assert not conclusive("telemetry_mismatch", "pause_share", attended=None, telemetry_mismatch=0.9)


def test_headers_of_one_kind_and_prompts_that_are_not_cached_are_another_program():
    names = ("headers_extra", "cache_read_ratio", SILENT)
    assert conclusive(*names, attended=True)
    for missing in names:
        assert not conclusive(*(name for name in names if name != missing))


def test_headers_lead_whoever_is_there():
    for attended in (True, False, None):
        assert conclusive(*TWO_HEADERS, SILENT, attended=attended)


# -- what never suffices ------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("attended", [True, False, None])
def test_one_family_alone_is_never_conclusive(family, attended):
    own = [record.name for record in SCORED if record.family == family]
    decisive = {name: 99.0 for name in own if feature(name).decisive is not None}
    families, _, enough, _ = judge(*own, attended=attended, beside=REPORTING, **decisive)
    assert families == {family}
    assert not enough


@pytest.mark.parametrize("attended", [True, False, None])
def test_silence_and_an_unknown_version_convict_nobody(attended):
    names = (SILENT, "version_known")
    assert judge(*names, attended=attended) == ({"telemetry", "fingerprint"}, False, False, False)


@pytest.mark.parametrize("name", [name for name in NAMES if CAUSES[name] not in {"claim", "silence"}])
def test_silence_and_an_unknown_version_beside_one_cause_convict_nobody(name):
    value = {"sleepless_share": 0.7}.get(name, raw(name))
    assert not conclusive(name, SILENT, "version_known", **{name: value})


def test_an_unknown_version_makes_no_fingerprint_strong_and_supports_nothing():
    assert not strong("headers_extra", "version_known")
    assert not conclusive("pause_share", HOURS, "version_known")
    assert conclusive("pause_share", HOURS, "headers_extra")


@pytest.mark.parametrize(
    "support", [("cache_read_ratio", "context_growth"), ("tools_variety", "parallel_sessions")]
)
def test_usage_and_terminals_support_and_never_lead(support):
    assert judge(*support, SILENT)[1:] == (False, False, False)
    assert conclusive(*support, *TWO_HEADERS)


@pytest.mark.parametrize("attended", [True, None])
def test_rhythm_convicts_nobody_where_a_person_may_be_there(attended):
    own = [record.name for record in SCORED if record.family in {"cadence", "usage"}]
    assert not conclusive(*own, SILENT, "operator_accounts", "parallel_sessions", attended=attended)


# -- what is said of a family --------------------------------------------------------


def test_rhythm_is_strong_only_where_no_scheduler_of_the_client_explains_it():
    assert strong(*RHYTHM)
    assert not strong(*RHYTHM, start_phase=3.1)
    assert not strong(*RHYTHM, helpers=1)
    assert strong(*RHYTHM, start_phase=3.0)
    assert strong(*TWO_HEADERS, helpers=1)


@pytest.mark.parametrize(
    "quiet", [{"attended": True}, {"attended": None}, {"days": 2}, {"cohort": "unknown"}]
)
def test_rhythm_is_strong_only_where_it_may_lead(quiet):
    assert not strong(*RHYTHM, **quiet)


def test_hours_of_replies_are_strong_where_they_are_decisive():
    assert strong("sleepless_share", attended=True)
    assert not strong("sleepless_share", attended=True, sleepless_share=0.7)


@pytest.mark.parametrize(
    ("names", "telling"),
    [
        ((), False),
        ((SILENT,), False),
        ((SILENT, "version_known"), False),
        (("parallel_sessions", SILENT), False),
        (("cache_read_ratio",), False),
        (("pause_share",), True),
        (("headers_extra",), True),
        (("telemetry_mismatch",), True),
    ],
)
def test_what_ranks_and_what_only_supports_tells_nothing_alone(names, telling):
    assert judge(*names)[3] is telling


def test_one_sign_in_the_headers_tells_nothing_where_telemetry_reports_every_request():
    assert judge("headers_extra", **REPORTING)[3] is False
    assert judge(*TWO_HEADERS, **REPORTING)[3] is True
    assert judge("headers_extra", **REPORTING | {"telemetry_coverage": 0.5})[3] is True


@pytest.mark.parametrize("attended", [True, None])
def test_rhythm_tells_nothing_where_a_person_may_be_there(attended):
    assert judge("pause_share", attended=attended)[3] is False


def test_a_cause_that_two_families_share_counts_in_the_first():
    assert judge("probe_missing", "helper_missing")[0] == {"telemetry"}
    assert judge("helper_missing")[0] == {"usage"}


# -- print mode -----------------------------------------------------------------------

AUTOMATED = {"pause_share": 0.0, "restless_days": 9.0, "telemetry_coverage": 0.0, "parallel_sessions": 9.0}


def test_print_mode_alone_proves_nothing():
    assert judge(cohort="headless", **AUTOMATED) == (set(), False, False, False)


@pytest.mark.parametrize("leader", [TWO_HEADERS, INVENTED])
@pytest.mark.parametrize("support", ["pause_share", "restless_days", "parallel_sessions"])
def test_automation_in_print_mode_supports_a_strong_fingerprint_or_invented_telemetry(leader, support):
    families, sure, enough, _ = judge(*leader, cohort="headless", **{support: AUTOMATED[support]})
    assert families == {feature(leader[0]).family, feature(support).family}
    assert sure
    assert enough


def test_print_mode_does_not_support_a_weak_fingerprint():
    assert judge("headers_extra", cohort="headless", **AUTOMATED)[2] is False
    assert judge(*WIRE, cohort="headless", **AUTOMATED)[2] is False


def test_what_print_mode_excuses_is_no_support_elsewhere():
    assert not conclusive(*TWO_HEADERS, cohort="interactive", **AUTOMATED)


def test_print_mode_within_the_benign_range_supports_nothing():
    assert not conclusive(*TWO_HEADERS, cohort="headless")
    assert not conclusive(*TWO_HEADERS, cohort="headless", **dict.fromkeys(AUTOMATED))


def test_print_mode_without_helper_calls_does_not_support_missing_probes():
    assert not conclusive("probe_missing", "telemetry_spread", cohort="headless", helper_missing=1.0)
    assert conclusive(*INVENTED, cohort="headless", helper_missing=1.0)


def test_rhythm_in_print_mode_supports_nothing_where_a_person_is_there():
    assert not conclusive(*TWO_HEADERS, cohort="headless", attended=True, pause_share=0.0)
    assert conclusive(*TWO_HEADERS, cohort="headless", attended=True, parallel_sessions=9.0)


@pytest.mark.parametrize("name", ["pause_share", "parallel_sessions", "context_growth"])
def test_print_mode_whose_every_request_is_reported_supports_nothing(name):
    values = {"cohort": "headless", name: raw(name), **REPORTING}
    assert not conclusive(*TWO_HEADERS, **values)
    # Telemetry that is made up speaks for nobody.
    assert conclusive(*TWO_HEADERS, "telemetry_spread", **values)


# -- what is weighed ------------------------------------------------------------------


@pytest.fixture(scope="module")
def reference():
    """A thousand accounts in two cohorts, calm in everything."""
    both = [
        pl.concat([stream(account=number, cohort=cohort) for number in range(first, first + 500)])
        for first, cohort in ((0, "interactive"), (500, "headless"))
    ]
    return Reference.fit(pl.concat(both), SCORED, 8)


@pytest.fixture(scope="module")
def weighed(reference):
    """The families of which something is left of a stream that shows everything but what telemetry says."""
    every = [record.name for record in SCORED if record.family != "telemetry"]

    def build(*names, **values):
        row = weigh(reference, stream(*every, *names, **values), SETTINGS)[0]
        return {record.family for record, value in zip(SCORED, row, strict=True) if value > 0}

    return build


EVERY = {"cadence", "fingerprint", "usage", "account"}


def test_where_nobody_is_there_or_nothing_tells_everything_is_weighed(weighed):
    assert weighed() == weighed(attended=None) == EVERY


def test_where_a_person_is_there_rhythm_weighs_nothing(weighed):
    assert weighed(attended=True) == EVERY - {"cadence"}


@pytest.mark.parametrize(
    ("coverage", "reporting", "left"),
    [(0.8, True, {"fingerprint"}), (0.79, True, EVERY), (1.0, False, EVERY), (None, True, EVERY)],
)
def test_telemetry_in_step_leaves_nothing_but_the_fingerprint(weighed, coverage, reporting, left):
    assert weighed(telemetry_coverage=coverage, reporting=reporting) == left


@pytest.mark.parametrize("name", ["telemetry_mismatch", "telemetry_spread", "probe_missing"])
def test_made_up_telemetry_excuses_nothing(weighed, name):
    assert weighed(name, telemetry_coverage=1.0) == EVERY | {"telemetry"}


def test_silence_weighs_a_little_however_many_are_silent():
    many = pl.concat([stream(SILENT, account=number) for number in range(100)])
    column = NAMES.index(SILENT)
    silent = Reference.fit(many, SCORED, 8)
    assert silent.orient(many)[:, column].max() == 0
    assert weigh(silent, many, SETTINGS)[:, column].tolist() == [LEAST] * 100
    headless = many.with_columns(cohort=pl.lit("headless"))
    assert weigh(silent, headless, SETTINGS)[:, column].max() == 0
    unknown = many.with_columns(pl.lit(None, pl.Float64).alias(SILENT))
    assert weigh(silent, unknown, SETTINGS)[:, column].max() == 0


def test_rare_silence_weighs_what_it_is_worth(reference):
    column = NAMES.index(SILENT)
    table = stream(SILENT)
    assert weigh(reference, table, SETTINGS)[0, column] == reference.orient(table)[0, column] > LEAST


# -- any evidence -----------------------------------------------------------------------

VALUES = st.lists(st.sampled_from([0.0, LITTLE, 1.0, FAR]), min_size=len(SCORED), max_size=len(SCORED))
STATES = st.fixed_dictionaries(
    {
        "cohort": st.sampled_from(["interactive", "headless", "web", "unknown"]),
        "attended": st.sampled_from([True, False, None]),
        "days": st.sampled_from([2, 10]),
        "reporting": st.booleans(),
    }
)


@given(values=VALUES, state=STATES)
@effort(max_examples=300, deadline=None)
def test_conclusive_grounds_name_two_families(values, state):
    table = stream(*(name for name, value in zip(NAMES, values, strict=True) if value >= 1), **state)
    against = grounds(np.array([values]), table, SCORED, SETTINGS)
    if against.conclusive[0]:
        assert against.counting[0].sum() >= 2


@given(values=VALUES, state=STATES)
@effort(max_examples=300, deadline=None)
def test_without_headers_and_made_up_telemetry_nobody_who_is_there_and_rests_is_convicted(values, state):
    mine = {"fingerprint", "telemetry"}
    values = [
        0.0 if (record.family in mine and record.cause != "silence") or record.cause == "people" else value
        for record, value in zip(SCORED, values, strict=True)
    ]
    names = [name for name, value in zip(NAMES, values, strict=True) if value > 0]
    table = stream(*names, **state | {"attended": True})
    assert not grounds(np.array([values]), table, SCORED, SETTINGS).conclusive[0]


def shared(name, state):
    """Whether more of a feature may excuse something else.

    Foreign TLS shows that a proxy may be on the way, which joins what it rewrites to one cause; and
    in print mode missing probes take the support of missing helper calls, which have the same cause.
    """
    return name == "ja4_bits" or (name == "probe_missing" and state["cohort"] == "headless")


def cleared(shown, state):
    """The features of which more clears a stream that shows some."""
    base = stream(*shown, **state)
    table = pl.concat([base] * (len(NAMES) + 1))
    matrix = np.vstack([oriented(*shown)] * (len(NAMES) + 1))
    raised = []
    for row, name in enumerate(NAMES, 1):
        matrix[row, row - 1] = FAR
        values = [base[name][0]] * len(matrix)
        values[row] = raw(name)
        raised.append(pl.Series(name, values, pl.Float64))
    against = grounds(matrix, table.with_columns(raised), SCORED, SETTINGS)
    masks = (against.conclusive, against.strong, against.telling)
    return {name for mask in masks for name, on in zip(NAMES, mask[1:], strict=True) if mask[0] and not on}


@given(shown=st.sets(st.sampled_from(NAMES), max_size=8), state=STATES, tls=st.booleans())
@effort(max_examples=300, deadline=None)
def test_more_of_any_feature_but_two_never_clears(shown, state, tls):
    own = {} if tls or "ja4_bits" in shown else {"ja4_bits": None}
    assert not {name for name in cleared(shown, state | own) if not shared(name, state)}


@pytest.mark.parametrize("cohort", ["interactive", "headless"])
def test_more_of_any_feature_but_two_never_clears_whoever_walks_a_way(cohort):
    starts = [(names, {"attended": values.get("attended", False)}) for names, values in COMPLETE.values()]
    starts += [
        ((*WIRE[:2], SILENT), {}),
        ((*WIRE[:2], "pause_share"), {}),
        ((*INVENTED, "helper_missing"), {}),
    ]
    excuses = set()
    for names, values in starts:
        for other in NAMES:
            found = cleared({*names, other}, values | {"cohort": cohort})
            assert not {name for name in found if not shared(name, {"cohort": cohort})}
            excuses |= found
    assert excuses == {"ja4_bits"} | ({"probe_missing"} if cohort == "headless" else set())


def test_foreign_tls_joins_what_a_proxy_rewrites_and_so_may_clear():
    pair = ("order_distance", "case_distance", SILENT)
    assert conclusive(*pair, ja4_bits=0.1)
    assert not conclusive(*pair, "ja4_bits")


def test_missing_probes_take_the_support_of_missing_helpers_in_print_mode():
    state = {"cohort": "headless", "helper_missing": 1.0}
    assert conclusive(*INVENTED, **state)
    assert not conclusive(*INVENTED, "probe_missing", **state)
    assert conclusive(*INVENTED, "probe_missing", **state, pause_share=0.0)


@pytest.mark.parametrize("name", ["telemetry_mismatch", "telemetry_spread"])
def test_invention_lifts_the_excuse_of_telemetry_in_step(reference, name):
    names = ("pause_share", "human_turn_share", HOURS)
    for shown, enough in ((names, False), ((*names, name), True)):
        table = stream(*shown, telemetry_coverage=1.0)
        matrix = weigh(reference, table, SETTINGS)
        assert grounds(matrix, table, SCORED, SETTINGS).conclusive.tolist() == [enough]


def test_telemetry_in_step_is_the_one_value_of_which_more_excuses(reference):
    names = ("pause_share", "parallel_sessions", HOURS)
    for coverage, enough in ((0.6, True), (0.8, False), (1.0, False)):
        table = stream(*names, telemetry_coverage=coverage)
        matrix = weigh(reference, table, SETTINGS)
        assert grounds(matrix, table, SCORED, SETTINGS).conclusive.tolist() == [enough]


# -- rows and columns --------------------------------------------------------------------


def test_every_row_is_judged_by_itself():
    rows = [TWO_HEADERS, ("cache_read_ratio",), (*TWO_HEADERS, "cache_read_ratio")]
    table = pl.concat([stream(*names, account=number) for number, names in enumerate(rows)])
    matrix = np.vstack([oriented(*names) for names in rows])
    against = grounds(matrix, table, SCORED, SETTINGS)
    assert against.conclusive.tolist() == [False, False, True]
    assert against.counting.sum(axis=1).tolist() == [1, 1, 2]
    nobody = grounds(matrix[:0], table[:0], SCORED, SETTINGS)
    assert (nobody.conclusive.shape, nobody.counting.shape) == ((0,), (0, len(FAMILIES)))


def test_the_rule_leaves_its_input_alone():
    matrix = np.full((1, len(SCORED)), FAR)
    grounds(matrix, stream(*NAMES, cohort="headless"), SCORED, SETTINGS)
    assert (matrix == FAR).all()
