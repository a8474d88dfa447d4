import csv
import io
import json
import re
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.schema import REASON
from detector.verdict.formats import FILES, tables
from detector.verdict.formats.tables import FORMULA, REASONS, csv_lines, ndjson_lines, write_tables

START = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\0", "'=1", "''-1", "＝1", "'a", "", "a=b"]  # noqa: RUF001
hostile = st.one_of(
    st.none(), st.sampled_from(START), st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
)


def harmless(text):
    """What a CSV cell of text should be."""
    return "'" + text if re.match(FORMULA, text) else text


def read(table):
    """Return a table's CSV as the csv module and as polars read it."""
    text = "".join(csv_lines(table.lazy()))
    return (
        list(csv.reader(io.StringIO(text, newline=""))),
        pl.read_csv(text.encode(), infer_schema=False),
    )


@given(st.lists(st.tuples(hostile, hostile), max_size=4))
def test_csv_gives_the_text_back(rows):
    table = pl.DataFrame(rows, schema={"account_id": pl.String, "client": pl.String}, orient="row")
    lines, frame = read(table)
    wanted = [[None if cell is None else harmless(cell) for cell in row] for row in rows]
    assert lines == [["account_id", "client"], *([cell or "" for cell in row] for row in wanted)]
    assert frame.rows() == [tuple(row) for row in wanted]


@given(st.lists(hostile.filter(bool), min_size=1))
def test_the_apostrophe_can_be_taken_off_again(texts):
    lines, _ = read(pl.DataFrame({"account_id": texts}))
    back = [cell[1:] if re.match("'" + FORMULA[1:], cell) else cell for (cell,) in lines[1:]]
    assert back == texts


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠"])  # noqa: RUF001
def test_no_cell_begins_with_what_a_spreadsheet_computes(sign):
    reason = {"feature": "f", "family": "usage", "value": 1.0, "baseline": None, "text": sign + "1"}
    table = pl.DataFrame(
        {"account_id": [sign + "cmd"], "families": [[sign + "a", "b"]], "reasons": [[reason]]},
        schema_overrides={"reasons": pl.List(REASON)},
    )
    lines, _ = read(table)
    assert lines[1] == [f"'{sign}cmd", f"'{sign}a;b", f"'{sign}1", "", ""]


def test_csv_numbers_and_times_stay_as_they_are():
    table = pl.DataFrame(
        {
            "score": [-0.5, None],
            "requests": [-3, 1_000_000],
            "flagged": [True, False],
            "start": [datetime(2026, 11, 2, 1, 2, 3, 4, UTC), None],
        }
    )
    assert "".join(csv_lines(table.lazy())).splitlines() == [
        "score,requests,flagged,start",
        "-0.5,-3,true,2026-11-02T01:02:03.000004Z",
        ",1000000,false,",
    ]


def test_csv_is_flat():
    reasons = [
        {"feature": "f", "family": "usage", "value": 1.0, "baseline": 0.0, "text": f"text {i}"}
        for i in range(5)
    ]
    table = pl.DataFrame(
        {
            "families": [["cadence", "usage"], []],
            "reasons": [reasons, reasons[:1]],
            "other": [[{"a": 1}], []],
            "score": [1.0, 0.0],
        }
    )
    assert "".join(csv_lines(table.lazy())).splitlines() == [
        "families,reason_1,reason_2,reason_3,score",
        "cadence;usage,text 0,text 1,text 2,1.0",
        '"",text 0,,,0.0',
    ]


@given(st.lists(hostile), st.sampled_from([1, 2, 20_000]))
def test_ndjson_gives_every_value_back_in_ascii(texts, piece):
    table = pl.DataFrame(
        {"account_id": texts, "reasons": [[{"text": text}] for text in texts]},
        schema={"account_id": pl.String, "reasons": pl.List(pl.Struct({"text": pl.String}))},
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "PIECE", piece)
        text = "".join(ndjson_lines(table.lazy()))
    assert all(" " <= letter <= "~" or letter == "\n" for letter in text)
    assert [json.loads(line) for line in text.splitlines()] == table.to_dicts()


def test_ndjson_has_null_for_what_json_cannot_say():
    table = pl.DataFrame({"value": [float("nan"), float("inf"), None, 1e-7]})
    lines = "".join(ndjson_lines(table.lazy())).splitlines()
    assert [json.loads(line)["value"] for line in lines] == [None, None, None, 1e-7]


def test_a_table_without_rows_keeps_its_header():
    table = pl.DataFrame(schema={"account_id": pl.String, "score": pl.Float64})
    assert "".join(csv_lines(table.lazy())) == "account_id,score\n"
    assert "".join(ndjson_lines(table.lazy())) == ""


@pytest.mark.parametrize("form", ["ndjson", "csv"])
def test_pieces_change_no_byte(form, sample_run, tmp_path, monkeypatch):
    written = []
    for name, rows in (("one", 20_000), ("two", 7)):
        folder = tmp_path / name
        folder.mkdir()
        for path in sample_run[0].glob("*.parquet"):
            (folder / path.name).write_bytes(path.read_bytes())
        monkeypatch.setattr(tables, "PIECE", rows)
        write_tables(folder, form)
        written.append({name: (folder / name).read_bytes() for name in FILES[form]})
    assert written[0] == written[1]


def test_forms_of_the_sample_are_its_tables(sample_run):
    folder, run = sample_run
    accounts = pl.scan_parquet(folder / "accounts.parquet")
    lines = "".join(ndjson_lines(accounts)).splitlines()
    rows = [json.loads(line) for line in lines]
    times = [
        {name: datetime.fromisoformat(row[name]) for name in ("first_seen", "last_seen")} for row in rows
    ]
    assert [row | seen for row, seen in zip(rows, times, strict=True)] == run.accounts.to_dicts()
    flat = pl.read_csv("".join(csv_lines(accounts)).encode(), try_parse_dates=True)
    kept = [name for name in run.accounts.columns if name not in {"families", "reasons"}]
    assert flat.select(kept).equals(run.accounts.select(kept))
    assert flat["families"].fill_null("").to_list() == run.accounts["families"].list.join(";").to_list()
    for number in range(REASONS):
        texts = [
            reasons[number]["text"] if number < len(reasons) else None for reasons in run.accounts["reasons"]
        ]
        assert flat[f"reason_{number + 1}"].to_list() == texts
