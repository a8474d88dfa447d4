import dataclasses
import json
from datetime import timedelta

import polars as pl
import pytest

import detector
from detector.errors import InputError
from detector.report.casefile import explain
from detector.report.casetext import render_text
from detector.report.text import how_many, shown, table, visible
from detector.schema import FAMILIES, VERDICTS
from detector.verdict.meaning import NEXT_STEPS


@pytest.fixture(scope="module")
def folder(sample_run):
    return sample_run[0]


@pytest.fixture(scope="module")
def accounts(sample_run):
    return sample_run[1].accounts


@pytest.fixture(scope="module")
def riding(sample, folder):
    """Case of a person's account with a harness on it."""
    labels = pl.read_parquet(sample / "_labels" / "accounts.parquet").filter(pl.col("class") == "riding")
    cases = [explain(folder, account) for account in labels["account_id"]]
    return max(cases, key=lambda case: min(case.flagged_sessions, case.sessions - case.flagged_sessions))


@pytest.fixture
def copy(folder, tmp_path):
    """A verdict folder to harm."""
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_case_repeats_the_verdict_tables(riding, accounts, sample_run):
    row = accounts.row(by_predicate=pl.col("account_id") == riding.account_id, named=True)
    for name in set(accounts.columns) - {"families", "reasons"}:
        assert getattr(riding, name) == row[name]
    assert list(riding.families) == row["families"]
    assert [dataclasses.asdict(reason) for reason in riding.reasons] == row["reasons"]
    assert len(riding.timeline) == riding.sessions
    assert sum(line.flagged for line in riding.timeline) == riding.flagged_sessions
    assert [line.start for line in riding.timeline] == sorted(line.start for line in riding.timeline)
    assert riding.model == sample_run[1].record["model"]["id"]


def test_evidence_covers_every_family_and_speaks_for_the_account_too(riding):
    assert [one.family for one in riding.evidence] == list(FAMILIES)
    counting = {one.family for one in riding.evidence if one.state == "counts"}
    assert counting == set(riding.families)
    assert any(one.state == "ordinary" and one.lines for one in riding.evidence)


def test_families_that_a_log_cannot_feed_are_said(sample, tmp_path):
    rows = pl.read_parquet(sample / "logs" / "date=2026-11-02" / "part-0.parquet")
    rows.select("timestamp", "account_id", "path").write_parquet(tmp_path / "log.parquet")
    run = detector.score(tmp_path / "log.parquet", tmp_path / "out")
    case = explain(tmp_path / "out", run.accounts["account_id"][0])
    states = {one.family: one.state for one in case.evidence}
    assert states["fingerprint"] == states["usage"] == "not logged"
    assert "fingerprint: the log does not hold what it needs" in render_text(case)


@pytest.mark.parametrize(
    "verdict", ["harness", "declared_third_party", "clear", "insufficient_data", "out_of_scope"]
)
def test_every_verdict_has_a_case_with_confidence_and_next_step(verdict, folder, accounts):
    case = explain(folder, accounts.filter(verdict=verdict)["account_id"][0])
    text = render_text(case)
    assert f"verdict       {verdict} (" in text
    assert case.next_step == NEXT_STEPS[verdict]
    assert case.next_step in text
    assert case.confidence in text
    assert "None" not in text


def test_next_steps_cover_the_verdicts():
    assert set(NEXT_STEPS) == set(VERDICTS)


def test_text_shows_hours_and_sessions_of_both_parts(riding):
    lines = render_text(riding).splitlines()
    start = lines.index("activity by hour of the day, UTC (# flagged, o other sessions)")
    days = lines[start + 2 : lines.index("", start)]
    assert all(len(line.split()[1]) == 24 for line in days)
    drawn = "".join(line.split()[1] for line in days)
    assert {"#", "o"} <= set(drawn) <= {"#", "o", "."}
    flagged = next(line for line in riding.timeline if line.flagged)
    assert any(line.startswith("  *  ") and f"{flagged.start:%Y-%m-%d %H:%M}" in line for line in lines)


def test_endless_sessions_draw_two_weeks_at_most(riding):
    first = riding.timeline[0]
    endless = dataclasses.replace(first, start=first.start - timedelta(days=30_000), end=riding.last_seen)
    text = render_text(dataclasses.replace(riding, timeline=(endless,)))
    assert sum(line.startswith("  20") for line in text.splitlines()) == 14


def test_case_as_json(riding):
    plain = riding.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["first_seen"] == riding.first_seen.isoformat()
    assert plain["timeline"][0]["start"] == riding.timeline[0].start.isoformat()


def test_everything_from_a_log_is_escaped(riding):
    evil = "a\x1b[2J\r\n\u202e\u200b\x07"
    line = dataclasses.replace(riding.timeline[0], session=evil, client=evil, client_version=evil)
    reason = dataclasses.replace(riding.reasons[0], text=evil)
    case = dataclasses.replace(
        riding, account_id=evil, timeline=(line,), reasons=(reason,), model=evil, policy=evil
    )
    text = render_text(case)
    assert all(part.isprintable() for part in text.split("\n"))
    assert text.startswith("account a\\x1b[2J\\r\\n\\u202e\\u200b\\x07\n")


def test_accounts_are_found_as_logged_and_as_shown(copy, accounts):
    evil = "x\\\x1b\u202e"
    table = accounts.with_columns(
        account_id=pl.when(pl.int_range(pl.len()) == 0).then(pl.lit(evil)).otherwise("account_id")
    )
    table.write_parquet(copy / "accounts.parquet")
    assert explain(copy, evil).account_id == evil
    assert explain(copy, visible(evil)).account_id == evil


def test_unknown_accounts_name_the_near_ones(folder, accounts):
    names = accounts["account_id"].sort().to_list()
    with pytest.raises(InputError, match=f"no account {names[0][:6]}; 1 similar: {names[0]}; see account_id"):
        explain(folder, names[0][:6])
    near = [name for name in names if "a" in name]
    with pytest.raises(InputError, match=rf"{len(near)} similar: (\w+, ){{5}}\.\.\.; see"):
        explain(folder, "A")
    with pytest.raises(InputError, match=f"no account zz; no account of {len(names)} is similar; see"):
        explain(folder, "zz")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("run.json", None, "run.json: no such file"),
        ("run.json", b"{", "run.json: damaged"),
        ("run.json", b"[]", "run.json: damaged"),
        ("run.json", b'{"model": {"id": 1}}', "run.json: damaged"),
        ("accounts.parquet", None, "accounts.parquet: no such file"),
        ("accounts.parquet", b"PAR1", "accounts.parquet: damaged"),
        ("sessions.parquet", b"", "sessions.parquet: damaged"),
    ],
)
def test_damaged_folders_are_one_clear_line(name, content, said, copy, accounts):
    (copy / name).unlink()
    if content is not None:
        (copy / name).write_bytes(content)
    with pytest.raises(InputError, match=said) as caught:
        explain(copy, accounts["account_id"][0])
    assert "\n" not in str(caught.value)


def test_tables_of_another_kind_are_refused(copy, accounts):
    accounts.drop("verdict").with_columns(flagged=pl.lit("yes")).write_parquet(copy / "accounts.parquet")
    with pytest.raises(InputError, match="not a verdict table: verdict, flagged missing or of another type"):
        explain(copy, accounts["account_id"][0])


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain-1_\u00e9\u4e2d", "plain-1_\u00e9\u4e2d"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\u202e\u200f\u2066", "\\u202e\\u200f\\u2066"),
        ("a\\x1b", "a\\\\x1b"),
        ("\r\n\t\x7f\x85", "\\r\\n\\t\\x7f\\x85"),
        ("\ud800\U000e0001", "\\ud800\\U000e0001"),
    ],
)
def test_visible(text, seen):
    assert visible(text) == seen


def test_long_texts_are_cut_and_say_so():
    assert shown("a" * 10, 4) == "aaaa...(+6 characters)"


@pytest.mark.parametrize(
    ("chance", "words"),
    [(0.5, "50%"), (0.05, "5%"), (0.04, "1 in 25"), (0.001, "1 in 1,000"), (0.0034, "1 in 290")],
)
def test_chances_in_words(chance, words):
    assert how_many(chance) == words


def test_table_aligns_columns_and_allows_short_rows():
    assert table([("a", "10", "x"), ("bcd", "5")], right=frozenset({1})) == ["  a    10  x", "  bcd   5"]
