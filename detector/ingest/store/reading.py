"""Reading a store into rows as ``detector.ingest.rows`` makes them of a native log."""

from collections.abc import Iterator

import polars as pl

from detector.ingest.fingerprints import FACTS, FACTS_KEY
from detector.ingest.rows import HASHED, PLAIN, TEXTS
from detector.ingest.store.layout import STORED
from detector.ingest.store.table import Store, active_files

__all__ = ["read_buckets"]


def read_buckets(
    store: Store, categories: dict[str, pl.Categories]
) -> Iterator[tuple[str, pl.DataFrame, pl.DataFrame]]:
    """Read a store bucket by bucket, at the version it has when the first is asked for.

    Args:
        store: the store.
        categories: a mapping of text to numbers for each of ``TEXTS``, shared by all buckets.

    Yields:
        The bucket's name; a row a request, as ``read_rows`` returns them, none of them
        with a reason to reject it; and the header facts of their hashes.

    """
    table = store.table()
    version, files = table.version(), active_files(table)
    facts = store.fingerprints().select(*FACTS, pl.col("fingerprint").cast(pl.UInt64).alias(FACTS_KEY))
    for (bucket,), part in files.group_by("bucket", maintain_order=True):
        rows = (
            pl.scan_parquet([store.path / path for path in part["path"]], glob=False, hive_partitioning=False)
            .select(_row(categories))
            .collect(engine="streaming")
        )
        yield f"version={version}/bucket={bucket}", rows, facts
        facts = facts.clear()


def _row(categories: dict[str, pl.Categories]) -> list[pl.Expr | str]:
    native = {**HASHED, "request": "request"}
    return [
        *PLAIN,
        *(
            pl.col(source).cast(pl.Categorical(categories[name])).alias(name)
            for name, source in TEXTS.items()
        ),
        *(
            pl.when(pl.col(source).is_not_null()).then(pl.col(source).hash()).alias(name)
            for name, source in native.items()
        ),
        pl.col("method").is_not_null().alias("method_known"),
        pl.col("fingerprint").cast(pl.UInt64).alias(FACTS_KEY),
        pl.struct(name for name in STORED if name not in {"day", "bucket"}).hash().alias("content"),
        pl.lit(None, dtype=pl.String).alias("reason"),
    ]
