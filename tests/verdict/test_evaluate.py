import json

import numpy as np
import polars as pl
import pytest

from detector.errors import InputError
from detector.verdict.evaluate import evaluate, recall_at

SCORED = [
    # account, verdict, flagged, score, label, class
    ("h1", "harness", True, 0.9, "harness", "imitation"),
    ("g1", "harness", True, 0.8, "genuine", "interactive"),
    ("h2", "watch", False, 0.7, "harness", "imitation"),
    ("g2", "clear", False, 0.2, "genuine", "interactive"),
    ("g3", "clear", False, 0.1, "genuine", "telemetry_off"),
    ("h3", "insufficient_data", False, None, "harness", "imitation"),
    ("d1", "declared_third_party", True, 0.95, "declared_third_party", "declared_third_party"),
    ("k1", "out_of_scope", False, None, "out_of_scope", "api_key"),
]


def write(folder, rows=SCORED, form="parquet"):
    table = pl.DataFrame(
        rows, orient="row", schema=["account_id", "verdict", "flagged", "score", "label", "class"]
    )
    verdicts = folder / "verdicts"
    verdicts.mkdir(exist_ok=True)
    table.select("account_id", "verdict", "flagged", "score").write_parquet(verdicts / "accounts.parquet")
    labels = folder / f"labels.{form}"
    chosen = table.select("account_id", "label", "class")
    {"parquet": chosen.write_parquet, "csv": chosen.write_csv, "ndjson": chosen.write_ndjson}[form](labels)
    return verdicts, labels


@pytest.mark.parametrize("form", ["parquet", "csv", "ndjson"])
def test_figures_computed_by_hand(tmp_path, form):
    figures = evaluate(*write(tmp_path, form=form))
    assert (figures.unit, figures.evaluated, figures.positives) == ("account", 8, 3)
    assert (figures.ranked, figures.ranked_positives) == (5, 2)
    # ranks of the harnesses: 1 and 3, so (1/1 + 2/3) / 2
    assert figures.average_precision == pytest.approx((1 + 2 / 3) / 2)
    assert [(at.allowed, at.threshold, at.recall) for at in figures.at_false_flags] == [(0, 0.8, 0.5)] * 2
    assert figures.flagged == 2
    assert figures.false_discovery == pytest.approx(1 / 2)
    assert figures.recall == pytest.approx(1 / 3)
    assert figures.left_out == {
        "label declared_third_party": 1,
        "label out_of_scope": 1,
        "verdict insufficient_data": 1,
    }


def test_class_figures_and_wilson_interval(tmp_path):
    classes = {part.name: part for part in evaluate(*write(tmp_path)).classes}
    interactive = classes["interactive"]
    assert (interactive.members, interactive.flagged, interactive.flag_rate) == (2, 1, 0.5)
    # Wilson for 1 of 2: centre 1/2, half width z * sqrt(1/8 + z^2/16) / (1 + z^2/2)
    z = 1.959963984540054
    half = z * np.sqrt(1 / 8 + z**2 / 16) / (1 + z**2 / 2)
    assert interactive.low == pytest.approx(0.5 - half)
    assert interactive.high == pytest.approx(0.5 + half)
    assert interactive.verdicts == {"clear": 1, "harness": 1}
    assert classes["declared_third_party"].flag_rate == 1.0


def test_figures_are_plain_enough_for_json(tmp_path):
    plain = json.loads(json.dumps(evaluate(*write(tmp_path)).to_dict()))
    assert plain["at_false_flags"][0]["false_flag_rate"] == 0.01
    assert plain["classes"][0]["name"] == "api_key"


def test_ties_with_a_negative_are_not_found():
    truth = np.array([True, True, False, False])
    assert recall_at(0.01, truth, np.array([0.5, 0.9, 0.5, 0.1])).recall == 0.5


def test_allowed_false_flags_are_whole_accounts():
    score = np.r_[np.linspace(0, 1, 200), 0.994]
    at = recall_at(0.01, np.r_[np.zeros(200, dtype=bool), True], score)
    assert at.allowed == 2
    assert at.threshold == pytest.approx(197 / 199)
    assert at.recall == 1.0


@pytest.mark.parametrize(("yes", "no"), [(True, False), (1, 0), ("Harness", "genuine"), ("true", "false")])
def test_labels_in_every_spelling(tmp_path, yes, no):
    verdicts, labels = write(tmp_path)
    pl.DataFrame({"account_id": ["h1", "g1", "g2"], "label": [yes, no, no]}).write_parquet(labels)
    figures = evaluate(verdicts, labels)
    assert (figures.positives, figures.average_precision) == (1, 1.0)
    assert {part.name for part in figures.classes} == {"harness", "genuine"}


def test_numeric_looking_ids_keep_their_zeros_in_csv(tmp_path):
    rows = [("007", "harness", True, 0.9, "1", "a"), ("7", "clear", False, 0.1, "0", "b")]
    assert evaluate(*write(tmp_path, rows, "csv")).evaluated == 2


def test_session_labels_are_joined_to_sessions(tmp_path):
    verdicts, _ = write(tmp_path)
    pl.DataFrame(
        {
            "account_id": ["h1", "h1", "h1", "g1"],
            "session": ["a", "b", "c", "a"],
            "flagged": [True, False, False, False],
            "score": [0.9, 0.3, 0.8, 0.1],
        }
    ).write_parquet(verdicts / "sessions.parquet")
    labels = tmp_path / "sessions.csv"
    labels.write_text(
        "account_id,session_id,label\nh1,a,harness\nh1,b,genuine\nh1,c,harness\ng1,a,genuine\ng1,z,genuine\n"
    )
    figures = evaluate(verdicts, labels)
    assert (figures.unit, figures.evaluated, figures.unmatched_labels) == ("session", 4, 1)
    assert (figures.average_precision, figures.recall, figures.false_discovery) == (1.0, 0.5, 0.0)


def test_nothing_flagged_has_no_false_discovery(tmp_path):
    rows = [("h", "clear", False, 0.9, "harness", "x"), ("g", "clear", False, 0.1, "genuine", "y")]
    figures = evaluate(*write(tmp_path, rows))
    assert figures.false_discovery is None
    assert figures.recall == 0.0


def test_ranking_is_none_when_leaving_out_empties_one_side(tmp_path):
    rows = [
        ("h", "insufficient_data", False, None, "harness", "x"),
        ("g", "clear", False, 0.1, "genuine", "y"),
    ]
    figures = evaluate(*write(tmp_path, rows))
    assert figures.average_precision is None
    assert figures.at_false_flags == ()
    assert figures.recall == 0.0


def labelled(folder, text, name="labels.csv"):
    verdicts, _ = write(folder)
    path = folder / name
    path.write_text(text)
    return verdicts, path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("account_id,label\nnobody,harness\n", "none of its accounts has a verdict"),
        ("account_id,label\nh1,harness\n", "nothing but harnesses"),
        ("account_id,label\ng1,genuine\n", "no harness"),
        ("account,label\ng1,genuine\n", "lacks account_id"),
        ("account_id,label\nh1,harness\nh1,genuine\n", "h1 has two different labels"),
        ("", "cannot be read"),
    ],
)
def test_bad_labels_are_one_clear_line(tmp_path, text, said):
    with pytest.raises(InputError, match=said) as caught:
        evaluate(*labelled(tmp_path, text))
    assert "\n" not in str(caught.value)
    assert "labels.csv" in str(caught.value)


def test_files_that_are_missing_or_of_unknown_kind(tmp_path):
    verdicts, labels = write(tmp_path)
    with pytest.raises(InputError, match=r"accounts\.parquet: no such file"):
        evaluate(tmp_path, labels)
    with pytest.raises(InputError, match=r"nowhere\.csv: no such file"):
        evaluate(verdicts, tmp_path / "nowhere.csv")
    with pytest.raises(InputError, match="unknown kind of file"):
        evaluate(*labelled(tmp_path, "x", "labels.txt"))
    with pytest.raises(InputError, match="cannot be read"):
        evaluate(*labelled(tmp_path, "not parquet", "labels.parquet"))


def test_verdicts_without_scores_are_refused(tmp_path):
    verdicts, labels = write(tmp_path)
    pl.DataFrame({"account_id": ["h1"]}).write_parquet(verdicts / "accounts.parquet")
    with pytest.raises(InputError, match="lacks verdict, flagged, score"):
        evaluate(verdicts, labels)
