import json

import polars as pl
import pytest

from detector.errors import InputError
from detector.report.casefile import cases, explain
from detector.report.folder import EXTRA, open_verdicts
from detector.schema import ACCOUNT_VERDICT, HEADERS
from detector.verdict.write import RUN_FILES, TABLES


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


def test_every_table_that_is_written_is_read(folder):
    assert set(EXTRA) == set(TABLES)
    assert {f"{name}.parquet" for name in open_verdicts(folder).tables} | {"run.json"} == set(RUN_FILES)


@pytest.mark.parametrize("name", TABLES)
def test_a_damaged_table_is_one_clear_line(name, copy, accounts):
    (copy / f"{name}.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=rf"{name}\.parquet: damaged .*; score again"):
        explain(copy, accounts["account_id"][0])
    pl.DataFrame({"account_id": ["a"]}).write_parquet(copy / f"{name}.parquet")
    with pytest.raises(InputError, match=rf"{name}\.parquet: not a verdict table: .*; score again"):
        explain(copy, accounts["account_id"][0])


@pytest.fixture
def earlier(copy):
    """A folder as an earlier version wrote it: three files, and reasons of five fields."""
    for name in TABLES:
        (copy / f"{name}.parquet").unlink()
    fields = ("feature", "family", "value", "baseline", "text")
    short = pl.col("reasons").list.eval(pl.struct(pl.element().struct.field(name) for name in fields))
    for name in ("accounts", "sessions"):
        pl.read_parquet(copy / f"{name}.parquet").with_columns(short).write_parquet(copy / f"{name}.parquet")
    record = json.loads((copy / "run.json").read_text())
    for name in ("run", "rule"):
        del record[name]
    (copy / "run.json").write_text(json.dumps(record))
    return copy


def test_a_folder_of_an_earlier_version_still_opens(earlier, found):
    old = list(cases(earlier))
    assert [case.account_id for case in old] == [case.account_id for case in found]
    for one, now in zip(old, found, strict=True):
        assert [reason.text for reason in one.reasons] == [reason.text for reason in now.reasons]
        assert {reason.tail for reason in one.reasons} == {None}
        assert (one.activity, one.headers, one.clearing, one.against, one.plan) == ((), (), (), (), None)
        assert (one.run, one.rule) == ("", one.policy)
        assert one.timeline == now.timeline


def test_reasons_of_another_kind_are_refused(copy, accounts):
    odd = pl.struct(pl.lit(1).alias(name) for name in ("feature", "family", "value", "baseline", "text"))
    table = accounts.with_columns(reasons=pl.concat_list(odd))
    assert table.schema["reasons"] != ACCOUNT_VERDICT["reasons"]
    table.write_parquet(copy / "accounts.parquet")
    with pytest.raises(InputError, match="not a verdict table: reasons missing or of another type"):
        explain(copy, accounts["account_id"][0])


def test_headers_of_an_earlier_version_look_like_nothing(copy, found):
    table = pl.read_parquet(copy / "headers.parquet")
    table.drop("library", "resembles").write_parquet(copy / "headers.parquet")
    assert open_verdicts(copy).collect(open_verdicts(copy).tables["headers"]).schema == HEADERS
    for one, now in zip(cases(copy), found, strict=True):
        assert {(line.library, line.resembles) for line in one.headers} <= {(None, None)}
        assert [line.seen for line in one.headers] == [line.seen for line in now.headers]


def test_headers_that_look_like_numbers_are_refused(copy, accounts):
    table = pl.read_parquet(copy / "headers.parquet").with_columns(library=pl.lit(1))
    table.write_parquet(copy / "headers.parquet")
    with pytest.raises(InputError, match="not a verdict table: library missing or of another type"):
        explain(copy, accounts["account_id"][0])
