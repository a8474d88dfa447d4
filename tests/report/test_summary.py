import click
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.report.summary import run_text
from detector.report.text import columns
from detector.report.top import LEAST, TOP
from detector.schema import VERDICTS

HOSTILE = [
    "a\x1b[2Jb",
    "龍" * 30,
    "\u202eabc\u200f",
    "x" * 500,
    "-rf",
    "Zálgo\u0301\u0301",
    "a\tb\r\nc",
    "😀é",
]


@pytest.fixture(scope="module")
def accounts(sample_run):
    return sample_run[1].accounts


@pytest.fixture(scope="module")
def record(sample_run):
    return sample_run[1].record


def listed(text):
    """The lines of the top accounts: header, groups and accounts."""
    lines = text.splitlines()
    start = lines.index("", 1) + 1
    return lines[start : lines.index("", start)]


def named(accounts, names):
    """The accounts with other ids, the flagged ones first."""
    return accounts.sort("flagged", descending=True).with_columns(
        account_id=pl.Series([names[i % len(names)] for i in range(accounts.height)])
    )


def test_the_top_accounts_are_the_highest_scores_of_each_verdict(accounts, record):
    lines = listed(run_text(accounts, record, "out"))
    assert lines[0].split() == ["account", "score", "flagged", "strongest", "reason"]
    for verdict in ("harness", "declared_third_party"):
        ranked = accounts.filter(verdict=verdict).sort("score", "account_id", descending=[True, False])
        shown = min(TOP[verdict], ranked.height)
        told = f"{shown} of {ranked.height}" if shown < ranked.height else str(shown)
        start = lines.index(f"{verdict} ({told})") + 1
        for line, row in zip(lines[start : start + shown], ranked.iter_rows(named=True), strict=False):
            share = 100 * row["flagged_requests"] // row["requests"]
            assert line.split()[:3] == [row["account_id"], f"{row['score']:.3f}", f"{share}%"]
            assert line.endswith(row["reasons"][0]["text"])


def test_a_part_is_never_rounded_to_the_whole(accounts, record):
    row = accounts.filter(verdict="harness").head(1)
    part = row.with_columns(requests=1000, flagged_requests=999)
    assert listed(run_text(part, record, "out"))[2].split()[2] == "99%"


@pytest.mark.parametrize("width", [80, 100, 132])
def test_lines_fit_the_terminal(width, accounts, record):
    lines = listed(run_text(accounts, record, "out", width=width))
    assert max(map(columns, lines)) <= width
    assert all("..." in line for line in lines if line.startswith("  0") and width < 100)


@pytest.mark.parametrize("width", [80, 100])
def test_hostile_ids_break_no_column_and_act_on_nothing(width, accounts, record):
    worst = named(accounts, HOSTILE)
    lines = listed(run_text(worst, record, "out", width=width))
    assert all(letter.isprintable() for line in lines for letter in line)
    assert max(map(columns, lines)) <= width
    scores = [f"{score:.3f}" for score in worst.filter("flagged")["score"]]
    ends = {
        columns(line[: line.index(score) + 5]) for line in lines for score in scores if f"  {score}  " in line
    }
    assert len(ends) == 1


def test_ids_as_long_as_a_uuid_are_never_cut(accounts, record):
    name = "123e4567-e89b-12d3-a456-426614174000"
    for width in (60, 70, 80):
        lines = listed(run_text(named(accounts, [name]), record, "out", width=width))
        rows = [line for line in lines if line.startswith("  1")]
        assert all(line.startswith(f"  {name}  ") for line in rows)
        room = width - len(f"  {name}  0.123  flagged  ")
        assert all((len(line) > len(f"  {name}  0.123     100%")) == (room >= LEAST) for line in rows)


@given(st.text(min_size=1, max_size=80), st.integers(60, 120))
def test_the_next_step_names_the_account_however_it_is_written(accounts, record, name, width):
    text = run_text(named(accounts, [name]), record, "out", width=width)
    assert text.splitlines()[-1].startswith("next: detector explain ")
    assert all(letter.isprintable() for line in text.split("\n") for letter in line)


def test_what_to_do_next(accounts, record):
    def last(part):
        return run_text(part, record, "out").splitlines()[-1]

    watched = accounts.filter(verdict="watch").sort("score", descending=True)["account_id"][0]
    assert last(accounts.filter(~pl.col("flagged"))) == f"next: detector explain out {watched}"
    assert last(accounts.filter(verdict="clear")) == "next: nothing; no account asks for somebody's eyes"
    declared = accounts.filter(verdict="declared_third_party")
    assert last(declared) == f"next: detector explain out {declared['account_id'].sort()[0]}"


def test_a_run_without_flags_lists_nobody(accounts, record):
    quiet = record | {"clients": []}
    lines = run_text(accounts.filter(verdict="clear"), quiet, "out").splitlines()
    assert lines[1 + len(VERDICTS) :][:2] == [
        "",
        "written: out (accounts.parquet, sessions.parquet, run.json)",
    ]


def client(name, accounts=1, treatment="declared", *, listed=True):
    """A client of ``run.json``."""
    counts = {"accounts": accounts, "requests": 9, "reporting": 0}
    return {"client": name, **counts, "listed": listed, "treatment": treatment}


OWN = [client("claude-cli", 50, "first_party"), client("browser", 2, "first_party")]


def clients_line(accounts, record, clients):
    """The line about clients; None where there is none."""
    lines = run_text(accounts, record | {"clients": clients}, "out").splitlines()
    (line,) = [line for line in lines if line.startswith("clients: ")] or [None]
    return line


def test_clients_of_others_are_named_with_their_accounts_and_how_they_were_taken(accounts, record):
    names = [
        *OWN,
        client("opencode", 2),
        client("mine", listed=False),
        client("cowork", 1234, "launched", listed=False),
        client("fresh", 20, "new", listed=False),
    ]
    assert clients_line(accounts, record, names) == (
        "clients: 2 of the provider's own; opencode (2 accounts, names itself), "
        "mine (1 account, names itself, on no list), "
        "cowork (1,234 accounts, new, telemetry vouches for it, on no list), "
        "fresh (20 accounts, new, watched, on no list)"
    )


def test_the_providers_own_clients_alone_are_no_line(accounts, record):
    assert clients_line(accounts, record, OWN) is None
    assert clients_line(accounts, record, []) is None
    # a record of an earlier version has none
    older = {name: value for name, value in record.items() if name != "clients"}
    assert "clients: " not in run_text(accounts, older, "out")


def test_eight_clients_are_named_and_the_rest_is_counted(accounts, record):
    names = [client(f"tool-{n}") for n in range(10)]
    eight = clients_line(accounts, record, [*OWN, *names[:8]])
    assert eight.count(" account, ") == 8
    assert eight.endswith("tool-7 (1 account, names itself)")
    ten = clients_line(accounts, record, [*OWN, *names])
    assert ten == f"{eight} and 2 more in run.json"
    assert clients_line(accounts, record, names).startswith("clients: 0 of the provider's own; tool-0 (1")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_client_names_act_on_nothing(accounts, record, name):
    line = clients_line(accounts, record, [client(name)])
    assert all(letter.isprintable() for letter in line)
    assert len(line) < 160


def test_the_clients_of_the_sample_are_those_that_its_record_names(accounts, record):
    others = [one["client"] for one in record["clients"] if one["treatment"] != "first_party"]
    line = clients_line(accounts, record, record["clients"])
    assert others
    assert all(f"{name} (" in line for name in others)


def test_colours_change_no_letter(accounts, record):
    odd = record | {"warnings": ["something " * 30], "incidents": [{"text": "lost \x1b[31m"}]}
    for width in (None, 80):
        plain = run_text(accounts, odd, "out", width=width)
        coloured = run_text(accounts, odd, "out", width=width, style=click.style)
        assert coloured != plain
        assert click.unstyle(coloured) == plain
        assert "\x1b" not in plain


def test_notes_are_folded_on_a_terminal_only(accounts, record):
    odd = record | {"warnings": ["something " * 30]}
    assert f"warning: {'something ' * 30}".strip() in run_text(accounts, odd, "out").replace(" \n", "\n")
    lines = run_text(accounts, odd, "out", width=80).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("warning: "))
    assert lines[start + 1].startswith("  something")
    assert max(len(line) for line in lines[start : start + 4]) <= 80
