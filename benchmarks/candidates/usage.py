"""Candidates of tokens, models, errors and auxiliary calls."""

import polars as pl

from benchmarks.candidates.record import Candidate, Traffic, by_stream, entropy, surprisal

__all__ = ["CANDIDATES"]


def models(traffic: Traffic) -> pl.DataFrame:
    """Entropy of the models asked for, helper calls left out."""
    told = entropy(
        traffic.turns.filter(~pl.col("helper") & pl.col("model").is_not_null()), "stream", pl.col("model")
    )
    return told.filter(pl.col("total") >= 50).select("stream", value="bits")


def backoff(traffic: Traffic) -> pl.DataFrame:
    """Median ratio of successive waits between failed attempts."""
    rows = traffic.turns.with_columns(
        failed=pl.col("earlier_status").is_in([408, 429, 500, 502, 503, 504, 529]),
        before=pl.col("since_s").shift(1).over("session"),
    )
    again = rows.with_columns(twice=pl.col("failed") & pl.col("failed").shift(1).over("session"))
    again = again.filter(pl.col("twice"), pl.col("before") > 0, pl.col("since_s") > 0)
    ratio = (pl.col("since_s") / pl.col("before")).log()
    return again.group_by("stream").agg(value=pl.when(pl.len() >= 3).then(ratio.median()))


def auxiliary(traffic: Traffic) -> pl.DataFrame:
    """Count the calls that are no inference, a request."""
    served = traffic.turns.group_by("stream").agg(served=pl.len())
    aside = traffic.rest.group_by("stream").agg(aside=pl.len())
    ratio = pl.col("aside").fill_null(0) / pl.col("served")
    logged = pl.lit(traffic.rest.height > 0)
    return served.join(aside, on="stream", how="left").select("stream", value=pl.when(logged).then(ratio))


CANDIDATES: tuple[Candidate, ...] = (
    Candidate(
        "U01",
        "output_share",
        "usage",
        "either",
        "ln(output tokens / all tokens)",
        "no token columns, or fewer than 20 served requests",
        lambda traffic: traffic.streams.select("stream", value="output_share"),
        print_mode=True,
    ),
    Candidate(
        "U06",
        "tools_bits",
        "usage",
        "high",
        "surprisal -log2 P(tool set | client), over the accounts of the log",
        "no tools_hash, or fewer than 20 accounts of the client",
        lambda traffic: surprisal(traffic.turns, ["client", "cohort"], "tools_hash", 20),
        print_mode=True,
    ),
    Candidate(
        "U08",
        "model_entropy",
        "usage",
        "either",
        "entropy of the models asked for, helper calls left out (bits)",
        "fewer than 50 requests",
        models,
    ),
    Candidate(
        "U09",
        "parameter_bits",
        "usage",
        "high",
        "surprisal -log2 P(streaming or not | client, model), the only parameter that is logged",
        "stream not logged, or fewer than 20 accounts",
        lambda traffic: surprisal(traffic.turns, ["client", "cohort", "model"], "streaming", 20),
        print_mode=True,
    ),
    Candidate(
        "U11",
        "backoff_ratio",
        "usage",
        "either",
        "median ln of the ratio of successive waits between failed attempts",
        "fewer than 3 pairs of waits",
        backoff,
        print_mode=True,
    ),
    Candidate(
        "U12",
        "refused_share",
        "usage",
        "high",
        "share of requests answered with a 4xx other than 429",
        "fewer than 20 requests",
        by_stream(
            pl.when(pl.len() >= 20).then(
                (pl.col("status").is_between(400, 499) & (pl.col("status") != 429)).mean()
            )
        ),
        print_mode=True,
    ),
    Candidate(
        "U16",
        "auxiliary_ratio",
        "usage",
        "either",
        "calls that are no inference, telemetry or probe / inference requests",
        "the log holds none",
        auxiliary,
    ),
)
