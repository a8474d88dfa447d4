"""A whole request log in memory, for logs that are small: notebooks, benchmarks and tests."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from detector.ingest.fingerprints import present_facts
from detector.ingest.log import open_log
from detector.ingest.parts import read_part
from detector.ingest.shards import InputFile
from detector.settings import Settings

__all__ = ["RequestLog", "read_log"]


@dataclass(frozen=True, slots=True)
class RequestLog:
    """A request log in memory.

    Attributes:
        requests: a row an accepted request as ``parts.Requests`` holds them, sorted by
            account and time.
        accounts: the name of each account code, sorted.
        fingerprints: the distinct combinations of header facts by their code.
        present: native columns that hold a value in at least one accepted row.
        unknown_columns: columns of the files that the log schema does not have, sorted.
        files: what was read, in order of path.
        rows: rows read; accepted and rejected rows add up to it.
        rejected: rows left out, by reason: ``null_account_id``, ``null_path``,
            ``bad_timestamp``, ``duplicate_request_id``.

    """

    requests: pl.DataFrame
    accounts: pl.Series
    fingerprints: pl.DataFrame
    present: frozenset[str]
    unknown_columns: tuple[str, ...]
    files: tuple[InputFile, ...]
    rows: int
    rejected: dict[str, int]


def read_log(source: str | Path, settings: Settings) -> RequestLog:
    """Read a native request log or a store into memory.

    Args:
        source: as for ``open_log``.
        settings: says what paths mean and which years are believable.

    Raises:
        InputError: as ``open_log``.

    """
    with tempfile.TemporaryDirectory() as folder:
        log = open_log(source, settings, Path(folder))
        parts = [read_part(part, settings.paths) for part in log.parts]
    named = [part.rows.with_columns(account_id=part.accounts.gather(part.rows["account"])) for part in parts]
    requests = pl.concat(named).with_columns(account=pl.col("account_id").rank("dense") - 1)
    requests = requests.sort("account", "timestamp", *(n for n in requests.columns if n != "account_id"))
    repeated = sum(part.repeated for part in parts)
    shown = log.fingerprints.join(requests, on="fingerprint", how="semi")
    present = frozenset().union(*(part.present for part in parts), present_facts(shown))
    return RequestLog(
        requests=requests.drop("account_id"),
        accounts=requests["account_id"].unique().sort(),
        fingerprints=shown,
        present=present,
        unknown_columns=log.unknown_columns,
        files=log.files,
        rows=log.rows,
        rejected=log.rejected | ({"duplicate_request_id": repeated} if repeated else {}),
    )
