"""What a client shows of itself in its headers, stored once a distinct combination.

A log repeats the same few header lists millions of times, so lists are never
held row by row: each row carries a hash of its facts, and the facts of each
hash are collected apart.
"""

import polars as pl
import polars_hash as plh

__all__ = ["FACTS", "FACTS_KEY", "facts_code", "normalised", "present_facts"]

FACTS = ("user_agent", "header_names", "headers_complete", "header_values", "http_version", "ja4")

FACTS_KEY = "facts_key"
"""Column of the key by which facts are told apart before they are read."""


def normalised() -> tuple[pl.Expr, ...]:
    """Write facts one way: no null among the header names, one spelling of each HTTP version."""
    return pl.col("header_names").list.drop_nulls(), http_version("http_version")


def facts_code() -> pl.Expr:
    """Return a code of normalised facts that is the same in every process and version.

    The first 60 bits of SHA-256: nobody can make facts that pass for others.
    """
    digest: pl.Expr = plh.hash_rows(*FACTS).chash.sha2_256()
    return digest.str.head(15).str.to_integer(base=16, dtype=pl.Int64).alias("fingerprint")


def present_facts(fingerprints: pl.DataFrame) -> frozenset[str]:
    """Name the header facts that hold a value in some row."""
    return frozenset(name for name in FACTS if fingerprints.get_column(name).count())


def http_version(name: str) -> pl.Expr:
    """Write HTTP versions one way: ``HTTP/1.1`` is 1.1, ``h2`` and ``HTTP/2.0`` are 2, ``h3`` is 3."""
    bare = pl.col(name).str.strip_chars().str.to_lowercase().str.replace(r"^(http/|h)", "")
    return bare.str.replace(r"^([23])(\.0|-\d+)?$", "${1}").alias(name)
