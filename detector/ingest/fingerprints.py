"""What a client shows of itself in its headers, stored once a distinct combination.

A log repeats the same few header lists millions of times, so lists are never
held row by row: each row carries a hash of its facts, and the facts of each
hash are collected apart.
"""

import polars as pl
import polars_hash as plh

from detector.schema import REQUEST

__all__ = ["FACTS", "FACTS_KEY", "facts_code", "facts_key", "normalised", "number_facts"]

FACTS = ("user_agent", "header_names", "headers_complete", "header_values", "http_version", "ja4")

FACTS_KEY = "facts_key"


def facts_key() -> pl.Expr:
    """Return the hash of a row's facts as read; good for joining within one process only."""
    return pl.struct(pl.col(name).hash() for name in FACTS).hash().alias(FACTS_KEY)


def number_facts(facts: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give every distinct combination of facts a code by its content.

    Args:
        facts: ``FACTS_KEY`` and the facts, as read; one key may stand in several rows.

    Returns:
        The distinct combinations after normalisation with their code
        ``fingerprint``, sorted by content; and the code of every key.

    """
    facts = facts.unique(FACTS_KEY).with_columns(*normalised())
    distinct = facts.select(FACTS).unique().sort(FACTS).with_row_index("fingerprint")
    codes = facts.select(FACTS_KEY, content=facts_key()).join(
        distinct.select("fingerprint", content=facts_key()), on="content", how="left", validate="m:1"
    )
    fingerprints = distinct.cast({name: REQUEST[name] for name in FACTS})
    return fingerprints, codes.select(FACTS_KEY, "fingerprint")


def normalised() -> tuple[pl.Expr, ...]:
    """Write facts one way: no null among the header names, one spelling of each HTTP version."""
    return pl.col("header_names").list.drop_nulls(), http_version("http_version")


def facts_code() -> pl.Expr:
    """Return a code of normalised facts that is the same in every process and version.

    The first 60 bits of SHA-256: nobody can make facts that pass for others.
    """
    digest: pl.Expr = plh.hash_rows(*FACTS).chash.sha2_256()
    return digest.str.head(15).str.to_integer(base=16, dtype=pl.Int64).alias("fingerprint")


def http_version(name: str) -> pl.Expr:
    """Write HTTP versions one way: ``HTTP/1.1`` is 1.1, ``h2`` and ``HTTP/2.0`` are 2, ``h3`` is 3."""
    bare = pl.col(name).str.strip_chars().str.to_lowercase().str.replace(r"^(http/|h)", "")
    return bare.str.replace(r"^([23])(\.0|-\d+)?$", "${1}").alias(name)
