"""A small writer of stores, to see that the faults are found in one that is careless.

    python stand_in.py MODE ingest SOURCE... --store DIR --quiet
    python stand_in.py MODE score STORE --output DIR --json
    python stand_in.py MODE store compact STORE --quiet
    python stand_in.py MODE store verify STORE --quiet

Modes: ``careful`` does what it should, as long as there is room; ``doubling`` adds every row
again; ``halting`` commits half of the rows and waits to be killed; ``leaving`` leaves a file
behind; ``moving`` lists files to move and waits to be killed; ``silent`` takes what it can read
of a damaged file.
"""

import argparse
import fcntl
import json
import signal
import sys
from pathlib import Path

import polars as pl
from deltalake import DeltaTable, write_deltalake

from detector.schema import REQUEST

FACTS = ["user_agent", "header_names", "headers_complete", "header_values", "http_version", "ja4"]


def read(file, mode):
    try:
        if file.suffix == ".parquet":
            return pl.read_parquet(file, hive_partitioning=False)
        rows = pl.read_ndjson(file, schema=REQUEST, ignore_errors=True)
        return rows.filter(pl.col("request_id").is_not_null())
    except (pl.exceptions.PolarsError, OSError) as error:
        if mode == "silent":
            return pl.DataFrame(schema=REQUEST)
        raise SystemExit(f"detector: {file}: cannot be read; copy it again") from error


def known(table, column):
    return pl.read_delta(str(table), columns=[column])[column].to_list() if committed(table) else []


def committed(table):
    return any((table / "_delta_log").glob("*.json"))


def add(rows, store):
    facts = rows.select("fingerprint", *FACTS).unique("fingerprint")
    facts = facts.filter(~pl.col("fingerprint").is_in(known(store / "_fingerprints", "fingerprint")))
    if facts.height:
        write_deltalake(store / "_fingerprints", facts, mode="append")
    write_deltalake(store, rows.drop("request_id", *FACTS), mode="append", partition_by=["day", "bucket"])


def ingest(mode, sources, store):
    store.mkdir(parents=True, exist_ok=True)
    with (store / "_lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for table in filter(committed, (store, store / "_fingerprints")):
            DeltaTable(table).vacuum(0, dry_run=False, enforce_retention_duration=False, full=True)
        if mode == "moving":
            # Renamed: a file that is written in place is there before its text is.
            (store / "_staging" / "new").write_text("fresh")
            (store / "_staging" / "new").rename(store / "_staging" / "moved")
            signal.pause()
        files = [file for source in sources for file in sorted(source.rglob("*")) if file.is_file()]
        rows = pl.concat([read(file, mode) for file in files]).with_columns(
            day=pl.col("timestamp").dt.date(),
            bucket=pl.lit(0, dtype=pl.Int32),
            request=pl.col("request_id").hash().reinterpret(signed=True),
            fingerprint=pl.struct(FACTS).hash().reinterpret(signed=True),
        )
        if mode != "doubling":
            rows = rows.filter(~pl.col("request").is_in(known(store, "request")))
        if mode == "halting":
            add(rows[: rows.height // 2], store)
            signal.pause()
        if mode == "leaving":
            (store / "part.parquet").write_bytes(b"")
        if rows.height:
            add(rows, store)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mode")
    parser.add_argument("command")
    parser.add_argument("sources", nargs="+", type=Path)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--output", type=Path)
    for flag in ("--quiet", "--json"):
        parser.add_argument(flag, action="store_true")
    given = parser.parse_args()
    if given.command == "store":
        if given.sources[0].name == "compact":
            DeltaTable(given.sources[-1]).optimize.compact()
        return
    if given.command == "score":
        sys.stdout.write(json.dumps({"input": {"accepted": DeltaTable(given.sources[0]).count()}}))
        return
    try:
        ingest(given.mode, given.sources, given.store)
    except OSError as error:
        raise SystemExit(f"detector: {' '.join(str(error).split())}; make room") from error


main()
