"""Write the native rows of the dialects' fixtures: ``python tests/ingest/update.py``.

Run it when a dialect is meant to read something else, and read the difference before it
is committed.
"""

import io
import json
from pathlib import Path

import polars as pl

from detector.ingest.coerce import coerced
from detector.ingest.dialects import DIALECTS, load_dialect

FIXTURES = Path(__file__).parent / "fixtures"


def golden(name: str) -> str:
    """Return the native rows of a fixture as JSON lines, nulls left out."""
    dialect = load_dialect(name)
    lines = (FIXTURES / f"{name}.ndjson").read_bytes()
    read = pl.read_ndjson(io.BytesIO(lines), schema=dialect.schema, ignore_errors=True)
    mapped = dialect.to_native(read.with_row_index("row").lazy())
    types = mapped.collect_schema()
    columns = [coerced(column, types[column]) for column in types if column != "row"]
    rows = mapped.select("row", *columns).collect().sort("row", "timestamp", maintain_order=True)
    said = ({key: value for key, value in row.items() if value is not None} for row in rows.to_dicts())
    return "".join(json.dumps(row, default=str) + "\n" for row in said)


def main() -> None:
    """Write the golden rows of every dialect."""
    for name in DIALECTS:
        (FIXTURES / f"{name}.golden.ndjson").write_text(golden(name), "utf-8")


if __name__ == "__main__":
    main()
