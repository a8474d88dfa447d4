import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.features.registry import SCORED
from detector.model.evidence import envelope, family_sums, grounds, widen
from detector.schema import FAMILIES

FAR = 1.5
"""An oriented value that counts; LITTLE is one that does not."""
LITTLE = 0.5


@pytest.fixture(scope="module")
def catalogue(make):
    """Two features for each rule that is tested, every family represented."""
    records = [
        make("names", family="fingerprint", print_mode=True),
        make("order", family="fingerprint", cause="order", print_mode=True),
        make("case", family="fingerprint", cause="order", print_mode=True),
        make("values", family="fingerprint", print_mode=True),
        make("foreign", family="fingerprint", cause="library", print_mode=True),
        make("churn", family="fingerprint", print_mode=True, decisive=2.0),
        make("pauses", family="cadence", benign=0.0),
        make("clock", family="cadence", benign=0.0),
        make("stretch", family="cadence", cause="hours", benign=0.0, decisive=48.0),
        make("silence", family="telemetry", cause="silence", direction="low", benign=0.5),
        make("counts", family="telemetry", print_mode=True),
        make("probe", family="telemetry", cause="probe", print_mode=True),
        make("helper", family="usage", cause="probe", benign=0.7),
        make("cache", family="usage", print_mode=True),
        make("limits", family="usage", print_mode=True),
        make("parallel", family="account", benign=0.0),
        make("account_stretch", family="account", cause="hours", benign=0.0, decisive=48.0),
        make("spread", family="account", benign=0.0),
    ]
    return {record.name: record for record in records}


@pytest.fixture
def judge(catalogue, rules):
    """Say what the rule makes of one stream with these oriented values and raw values."""

    def ask(oriented, cohort="interactive", version_known=1.0, **raw):
        row = np.array([[oriented.get(name, 0.0) for name in catalogue]])
        values = {name: [raw.get(name)] for name in catalogue}
        streams = pl.DataFrame(
            {"cohort": [cohort], "version_known": [version_known], **values},
            schema_overrides=dict.fromkeys(values, pl.Float64),
        )
        found = grounds(row, streams, tuple(catalogue.values()), rules)
        named = [
            {family for family, on in zip(FAMILIES, part[0], strict=True) if on}
            for part in (found.counting, found.strong)
        ]
        return *named, bool(found.conclusive[0])

    return ask


def far(*names):
    return dict.fromkeys(names, FAR)


# -- what counts ----------------------------------------------------------------


def test_nothing_counts_below_the_threshold(judge):
    assert judge({"names": 0.999, "order": LITTLE, "pauses": LITTLE}) == (set(), set(), False)


def test_the_threshold_itself_counts(judge):
    assert judge({"names": 1.0})[0] == {"fingerprint"}


def test_one_cause_counts_and_is_not_strong(judge):
    assert judge(far("names")) == ({"fingerprint"}, set(), False)


def test_two_causes_make_a_family_strong(judge):
    assert judge(far("names", "order")) == ({"fingerprint"}, {"fingerprint"}, False)


def test_two_features_of_one_cause_count_once(judge):
    assert judge(far("order", "case")) == ({"fingerprint"}, set(), False)
    assert judge(far("order", "case", "pauses")) == ({"fingerprint", "cadence"}, set(), False)


def test_a_decisive_value_makes_a_family_strong_by_itself(judge):
    assert judge(far("stretch"), stretch=48.0)[1] == {"cadence"}
    assert judge(far("stretch"), stretch=47.9)[1] == set()
    assert judge(far("stretch"), stretch=None)[1] == set()


def test_a_decisive_value_that_does_not_count_decides_nothing(judge):
    assert judge({"stretch": LITTLE}, stretch=99.0) == (set(), set(), False)


# -- two independent families ---------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_one_family_alone_is_never_conclusive(judge, catalogue, family):
    own = far(*(name for name, record in catalogue.items() if record.family == family))
    raw = {name: 0.0 if name == "silence" else 99.0 for name in own}
    counting, _, conclusive = judge(own, **raw)
    assert counting == {family}
    assert not conclusive


@pytest.mark.parametrize("leaders", [("names", "order"), ("pauses", "clock"), ("counts", "probe")])
@pytest.mark.parametrize("support", ["cache", "parallel", "pauses", "names", "counts"])
def test_a_strong_leading_family_and_one_cause_of_another_are_conclusive(judge, catalogue, leaders, support):
    apart = catalogue[support].family != catalogue[leaders[0]].family
    assert judge(far(*leaders, support))[2] is apart


def test_three_families_with_a_cause_each_are_conclusive_and_two_are_not(judge):
    counting, strong, conclusive = judge(far("names", "pauses", "cache"))
    assert (counting, strong, conclusive) == ({"fingerprint", "cadence", "usage"}, set(), True)
    for pair in (("names", "pauses"), ("pauses", "cache"), ("names", "cache"), ("counts", "parallel")):
        assert judge(far(*pair))[2] is False


def test_three_families_that_share_a_cause_are_two(judge):
    assert judge(far("names", "probe", "helper"))[2] is False
    assert judge(far("names", "stretch", "account_stretch"))[2] is False
    assert judge(far("names", "stretch", "account_stretch", "cache"))[2] is True


@pytest.mark.parametrize("pair", [("cache", "limits"), ("parallel", "spread")])
def test_usage_and_account_evidence_supports_and_never_leads(judge, pair):
    other = {"cache": "parallel", "parallel": "cache"}[pair[0]]
    assert judge(far(*pair, other))[2] is False
    assert judge(far(*pair, "names"))[2] is False
    assert judge(far(*pair, "names", "order"))[2] is True


def test_decisive_account_hours_never_lead(judge):
    _, strong, conclusive = judge(far("account_stretch", "cache", "limits"), account_stretch=99.0)
    assert strong == {"account", "usage"}
    assert not conclusive


def test_a_decisive_value_leads_with_the_support_of_another_family(judge):
    assert judge(far("stretch", "cache"), stretch=50.0)[2] is True


def test_a_cause_shared_across_families_is_not_independent(judge):
    assert judge(far("counts", "probe", "helper"))[2] is False
    assert judge(far("counts", "probe", "helper", "cache"))[2] is True
    assert judge(far("stretch", "account_stretch"), stretch=50.0, account_stretch=50.0)[2] is False
    assert judge(far("pauses", "clock", "account_stretch"))[2] is True


# -- silence --------------------------------------------------------------------


def test_silence_counts_at_any_rarity_and_supports(judge):
    silent = {"silence": 0.01}
    assert judge(silent) == ({"telemetry"}, set(), False)
    assert judge({**silent, **far("names", "order")})[2] is True


def test_silence_makes_no_family_strong(judge):
    assert judge({**far("probe"), "silence": 9.0}, silence=0.0)[1] == set()


def test_silence_never_leads(judge):
    silent = {"silence": 9.0}
    assert judge({**silent, **far("cache", "limits", "parallel", "spread")}, silence=0.0)[2] is False
    assert judge({**silent, **far("cache", "names")}, silence=0.0)[2] is True


def test_many_terminals_support_what_is_strong_and_nothing_weaker(judge):
    silent = {"silence": 9.0}
    assert judge({**silent, **far("names", "parallel")}, silence=0.0)[2] is False
    assert judge(far("names", "order", "parallel"))[2] is True


def test_silence_that_most_share_counts_for_nothing(judge):
    assert judge({**far("names", "order"), "silence": 0.0}, silence=0.0)[2] is False


# -- print mode -----------------------------------------------------------------


AUTOMATED = {
    "pauses": 1.0,
    "clock": 1.0,
    "stretch": 99.0,
    "silence": 0.0,
    "parallel": 9.0,
    "account_stretch": 99.0,
}


def test_print_mode_alone_proves_nothing(judge):
    assert judge({}, "headless", **AUTOMATED) == (set(), set(), False)


def test_print_mode_supports_a_strong_fingerprint(judge):
    counting, strong, conclusive = judge(far("names", "order"), "headless", silence=0.0)
    assert (counting, strong, conclusive) == ({"fingerprint", "telemetry"}, {"fingerprint"}, True)


def test_print_mode_does_not_support_a_weak_fingerprint(judge):
    assert judge(far("names"), "headless", **AUTOMATED) == ({"fingerprint"}, set(), False)
    assert judge(far("order", "case"), "headless", **AUTOMATED)[2] is False


def test_what_print_mode_excuses_is_no_support_elsewhere(judge):
    assert judge(far("names", "order"), "interactive", **AUTOMATED)[2] is False


def test_print_mode_within_the_benign_range_supports_nothing(judge):
    assert judge(far("names", "order"), "headless", silence=0.9, pauses=0.0)[2] is False
    assert judge(far("names", "order"), "headless")[2] is False


def test_print_mode_without_helper_calls_does_not_support_missing_probes(judge):
    assert judge(far("counts", "probe"), "headless", helper=1.0) == ({"telemetry"}, {"telemetry"}, False)
    assert judge(far("names", "order"), "headless", helper=1.0)[2] is True


def test_rhythm_does_not_lead_where_the_client_is_unknown(judge):
    # It may be print mode.
    evidence = far("pauses", "clock", "cache")
    assert judge(evidence, "interactive")[2] is True
    assert judge(evidence, "unknown")[2] is False
    assert judge(far("counts", "probe", "pauses"), "unknown")[2] is True


# -- rows and columns -----------------------------------------------------------


def test_every_row_is_judged_by_itself(catalogue, rules):
    names = list(catalogue)
    oriented = np.zeros((3, len(names)))
    oriented[0, [names.index("names"), names.index("order")]] = FAR
    oriented[1, names.index("cache")] = FAR
    oriented[2, [names.index("names"), names.index("order"), names.index("cache")]] = FAR
    streams = pl.DataFrame(
        {"cohort": ["interactive"] * 3, "version_known": [1.0] * 3, **{name: [0.9] * 3 for name in names}}
    )
    found = grounds(oriented, streams, tuple(catalogue.values()), rules)
    assert found.conclusive.tolist() == [False, False, True]
    assert found.counting.sum(axis=1).tolist() == [1, 1, 2]
    nobody = grounds(oriented[:0], streams[:0], tuple(catalogue.values()), rules)
    assert (nobody.conclusive.shape, nobody.counting.shape) == ((0,), (0, len(FAMILIES)))


def test_the_rule_leaves_its_input_alone(catalogue, rules):
    oriented = np.full((1, len(catalogue)), LITTLE)
    streams = pl.DataFrame(
        {"cohort": ["headless"], "version_known": [1.0], **{name: [0.0] for name in catalogue}}
    )
    grounds(oriented, streams, tuple(catalogue.values()), rules)
    assert (oriented == LITTLE).all()


@given(values=st.lists(st.floats(0, 4), min_size=len(SCORED), max_size=len(SCORED)), headless=st.booleans())
def test_conclusive_grounds_always_name_two_families_of_which_one_leads(rules, values, headless):
    raw = {record.name: [99.0 if record.direction == "high" else 0.0] for record in SCORED}
    streams = pl.DataFrame(
        {"cohort": ["headless" if headless else "interactive"], "version_known": [1.0], **raw}
    )
    found = grounds(np.array([values]), streams, SCORED, rules)
    if found.conclusive[0]:
        assert found.counting.sum() >= 2
        assert found.strong[
            0, [FAMILIES.index(name) for name in ("fingerprint", "cadence", "telemetry")]
        ].any()


def test_more_evidence_never_clears(catalogue, rules):
    rng = np.random.default_rng(0)
    less = rng.exponential(0.6, size=(2000, len(catalogue)))
    more = less + rng.exponential(0.4, size=less.shape) * (rng.random(less.shape) < 0.2)
    streams = pl.DataFrame(
        {
            "cohort": ["interactive"] * 2000,
            "version_known": [1.0] * 2000,
            **{name: [99.0] * 2000 for name in catalogue},
        }
    )
    shared = {"probe", "helper", "stretch", "account_stretch"}
    for column, name in enumerate(catalogue):
        if name in shared:
            more[:, column] = less[:, column]
    before, after = (grounds(part, streams, tuple(catalogue.values()), rules) for part in (less, more))
    assert 100 < before.conclusive.sum() < 1900
    assert (after.conclusive | ~before.conclusive).all()


# -- what the forest sees -------------------------------------------------------


def test_family_sums_by_hand(make):
    features = (make("a", family="usage"), make("b", family="cadence"), make("c", family="usage"))
    sums = family_sums(np.array([[1.0, 2.0, 4.0], [0.0, 0.5, 0.25]]), features)
    expected = {"cadence": [2.0, 0.5], "telemetry": [0, 0], "fingerprint": [0, 0], "usage": [5.0, 0.25]}
    expected["account"] = [0, 0]
    assert sums.T.tolist() == [expected[family] for family in FAMILIES]


def test_widened_rows_are_features_then_families_then_their_total(make):
    features = (make("a", family="usage"), make("b", family="cadence"))
    row = widen(np.array([[1.0, 2.0]]), features)[0].tolist()
    assert row[:2] == [1.0, 2.0]
    assert row[2:-1] == [2.0 if name == "cadence" else 1.0 if name == "usage" else 0.0 for name in FAMILIES]
    assert row[-1] == 3.0


def test_envelope_reaches_from_nothing_to_the_most_in_one_to_three_families():
    rows = envelope(4000, SCORED, 2.5, np.random.default_rng(0))
    assert rows.shape == (4000, len(SCORED))
    assert rows.min() == 0
    assert 2.45 < rows.max() < 2.5
    touched = (family_sums(rows, SCORED) > 0).sum(axis=1)
    assert set(touched.tolist()) == {0, 1, 2, 3}
    # Half of the features of a chosen family: empty rows come from families of few features.
    assert (touched == 0).mean() < 0.1
    assert (rows > 0).any(axis=0).all()


def test_envelope_depends_on_the_seed_and_nothing_else():
    one, same, other = (envelope(50, SCORED, 1.0, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.tolist() == same.tolist() != other.tolist()
    assert envelope(0, SCORED, 1.0, np.random.default_rng(0)).shape == (0, len(SCORED))


def test_a_version_that_nobody_else_runs_needs_a_third_cause_to_make_its_headers_foreign(judge):
    two, three = far("names", "order"), far("names", "order", "values")
    assert "fingerprint" in judge(two)[1]
    assert "fingerprint" not in judge(two, version_known=0.0)[1]
    assert "fingerprint" in judge(three, version_known=0.0)[1]


def test_a_library_that_no_version_uses_needs_no_third_cause(judge):
    assert "fingerprint" in judge(far("order", "foreign"), version_known=0.0)[1]
    assert "fingerprint" not in judge(far("order", "churn"), version_known=0.0, churn=1.9)[1]


def test_another_order_at_each_request_makes_a_fingerprint_strong_by_itself(judge):
    assert "fingerprint" in judge(far("churn"), churn=2.0, version_known=0.0)[1]
    assert "fingerprint" not in judge(far("churn"), churn=1.9)[1]


@pytest.mark.parametrize(
    ("names", "telling"),
    [
        ((), False),
        (("silence",), False),
        (("parallel", "silence"), False),
        (("cache",), False),
        (("pauses",), True),
        (("counts",), True),
    ],
)
def test_terminals_usage_and_silence_tell_nothing_alone(catalogue, rules, names, telling):
    row = np.array([[FAR if name in names else 0.0 for name in catalogue]])
    raw = {name: [1.0] for name in catalogue}
    streams = pl.DataFrame({"cohort": ["interactive"], "version_known": [1.0], **raw})
    assert grounds(row, streams, tuple(catalogue.values()), rules).telling.tolist() == [telling]
