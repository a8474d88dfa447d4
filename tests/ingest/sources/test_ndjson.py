import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.ingest.sources.ndjson import read_records

SCHEMA = pl.Schema({"a": pl.String, "b": pl.String})


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ndjson")

    def records(text, rows=2):
        path = folder / "log.ndjson"
        path.write_text(text)
        whole = pl.scan_ndjson(path, schema=SCHEMA, ignore_errors=True)
        parts = list(read_records(pl.scan_lines(path), whole, SCHEMA, rows))
        frames = [frame for frame, _ in parts]
        bad = [row for _, rows in parts for row in rows.to_list()]
        return pl.concat(frames).rows(), sorted(bad)

    return records


def test_values_are_text_and_rows_count_from_one(read):
    good, bad = read('{"a":1,"b":{"c":[1,2]}}\n\n{"b":null,"z":5}\n{"a":"x"}\n')
    assert good == [(1, "1", '{"c": [1, 2]}'), (2, None, None), (3, "x", None)]
    assert bad == []


def test_bad_lines_are_numbered_and_the_others_are_read(read):
    good, bad = read('{"a":1}\nno json\n{"a":2}\n{broken}\n[3]\n"{"\n{"a":4}\n{"a":5,"b"')
    assert good == [(1, "1", None), (3, "2", None), (7, "4", None)]
    assert bad == [2, 4, 5, 6, 8]


@given(
    st.lists(
        st.sampled_from(['{"a":"x"}', '{"a":7,"b":[]}', "{", "}{", "{]}", "\x00", '{"a":}']),
        min_size=1,
        max_size=40,
    )
)
def test_every_line_is_read_or_named(read, lines):
    good, bad = read("\n".join(lines), rows=3)
    fine = [n for n, line in enumerate(lines, 1) if line.startswith(('{"a":"x"', '{"a":7'))]
    assert [row for row, *_ in good] == fine
    assert bad == [n for n in range(1, len(lines) + 1) if n not in fine]
