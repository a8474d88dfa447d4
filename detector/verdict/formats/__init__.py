"""Verdicts in other forms than Parquet: NDJSON, CSV and OCSF findings.

Every form is made of the Parquet tables of a verdict folder, in pieces.
"""

__all__ = ["FILES", "PARQUET"]

PARQUET = "parquet"
"""The form that every run writes."""

FILES = {
    PARQUET: (),
    "ndjson": ("accounts.ndjson", "sessions.ndjson"),
    "csv": ("accounts.csv", "sessions.csv"),
    "ocsf": ("findings.ocsf.ndjson",),
}
"""The files of each form beside the Parquet tables; the first is what a command prints."""
