"""Candidates of headers, versions and TLS."""

import polars as pl

from benchmarks.candidates.record import Candidate, Traffic, by_account, entropy

__all__ = ["CANDIDATES"]


def set_surprisal(traffic: Traffic) -> pl.DataFrame:
    """Mean surprisal of the header-name set against the accounts of the claimed client and version."""
    cores = traffic.population.filter(pl.col("aspect") == "core", pl.col("version") != "*")
    vouchers = pl.col("vouched").sum().over("client")
    cores = cores.with_columns(weight=pl.when(vouchers >= 5).then("vouched").otherwise("accounts"))
    totals = cores.group_by("client", "version").agg(total=pl.col("weight").sum())
    weights = cores.group_by("client", "version", "value").agg(pl.col("weight").max())
    facts = traffic.facts.select(
        "fingerprint", "client", pl.col("client_version").fill_null("").alias("version"), value="core"
    )
    told = facts.filter(pl.col("value").is_not_null()).join(totals, on=["client", "version"])
    told = told.join(weights, on=["client", "version", "value"], how="left").filter(pl.col("total") >= 20)
    told = told.with_columns(bits=-((pl.col("weight").fill_null(0) + 0.5) / (pl.col("total") + 1)).log(2))
    rows = traffic.turns.join(told.select("fingerprint", "bits"), on="fingerprint")
    return rows.group_by("stream").agg(value=pl.col("bits").mean())


def header(name: str) -> pl.Expr:
    """Return the value of a header among the harmless ones, null where it was not sent."""
    element = pl.element().struct.field("name").str.to_lowercase() == name
    return pl.col("header_values").list.eval(pl.element().filter(element)).list.first().struct.field("value")


def contradictions(traffic: Traffic) -> pl.DataFrame:
    """Mean number of claims of a request that contradict each other."""
    facts = traffic.facts.select(
        "fingerprint",
        "client",
        "surface",
        app=header("x-app"),
        lang=header("x-stainless-lang"),
        runtime=header("x-stainless-runtime"),
        retries=header("x-stainless-retry-count").cast(pl.Int64, strict=False),
    )
    own = pl.col("app").is_not_null()
    pairs = (
        own & pl.col("surface").is_null(),
        (pl.col("lang") == "js") & (pl.col("runtime") == "CPython"),
        (pl.col("lang") == "python") & (pl.col("runtime") != "CPython"),
        own & (pl.col("retries") > 0),
    )
    count = pl.sum_horizontal(pair.fill_null(value=False).cast(pl.Int64) for pair in pairs)
    known = pl.any_horizontal(pl.col("app", "lang").is_not_null())
    told = facts.select("fingerprint", count=pl.when(known).then(count))
    rows = traffic.turns.join(told, on="fingerprint")
    return rows.group_by("stream").agg(value=pl.col("count").mean())


PARTS = pl.col("version").str.extract_all(r"\d+").list.eval(pl.element().cast(pl.Int64))
RANK = (
    PARTS.list.get(0, null_on_oob=True).fill_null(0) * 1_000_000_000_000
    + PARTS.list.get(1, null_on_oob=True).fill_null(0) * 1_000_000
    + PARTS.list.get(2, null_on_oob=True).fill_null(0)
)
"""A version as a number that orders versions."""


def version_lag(traffic: Traffic) -> pl.DataFrame:
    """Share of the client's accounts that run a newer version."""
    runs = traffic.population.filter(pl.col("aspect") == "core", ~pl.col("version").is_in(["*", ""]))
    runs = runs.group_by("client", "version").agg(pl.col("accounts").sum()).with_columns(rank=RANK)
    whole = pl.col("accounts").sum().over("client")
    runs = runs.sort("client", "rank").with_columns(older=pl.col("accounts").cum_sum().over("client"))
    runs = runs.filter(whole >= 20).with_columns(lag=1 - pl.col("older") / whole)
    seen = traffic.turns.group_by("stream", "client", version="client_version").agg(count=pl.len())
    told = seen.join(runs, on=["client", "version"])
    lag = (pl.col("lag") * pl.col("count")).sum() / pl.col("count").sum()
    return told.group_by("stream").agg(value=lag)


def downgrades(traffic: Traffic) -> pl.DataFrame:
    """How often a device of the account goes back to an older version."""
    rows = traffic.turns.filter(pl.col("client_version").is_not_null())
    rows = rows.group_by("session", "account", "client", "device").agg(
        when=pl.col("timestamp").min(), version=pl.col("client_version").first()
    )
    place = ["account", "client", "device"]
    rows = rows.with_columns(rank=RANK).sort(*place, "when", "rank")
    back = pl.col("rank") < pl.col("rank").shift(1).over(place)
    return rows.group_by("account").agg(value=pl.when(pl.len() >= 2).then(back.sum()))


def mark_entropy(traffic: Traffic) -> pl.DataFrame:
    """Entropy of the account's fingerprints."""
    told = entropy(traffic.turns, "account", pl.col("mark"))
    return told.filter(pl.col("total") >= 50).select("account", value="bits")


def alpn(traffic: Traffic) -> pl.DataFrame:
    """Share of requests over another HTTP version than the first that TLS offered."""
    offered = pl.col("ja4").str.slice(8, 2)
    spoken = pl.col("http_version")
    wrong = ((offered == "h2") & (spoken == "1.1")) | ((offered == "h1") & (spoken == "2"))
    told = traffic.facts.select("fingerprint", wrong=pl.when(pl.col("ja4").is_not_null()).then(wrong))
    rows = traffic.turns.join(told, on="fingerprint")
    return rows.group_by("stream").agg(value=pl.col("wrong").mean())


def sharers(traffic: Traffic) -> pl.DataFrame:
    """Accounts that share a fingerprint of at most one in twenty of its client's accounts."""
    rows = traffic.turns.filter(pl.col("client").is_not_null())
    shown = rows.group_by("client", "mark").agg(accounts=pl.col("account").n_unique())
    whole = rows.group_by("client").agg(whole=pl.col("account").n_unique())
    rare = shown.join(whole, on="client").filter(
        pl.col("whole") >= 20, pl.col("accounts") <= 0.05 * pl.col("whole")
    )
    told = rows.join(rare, on=["client", "mark"])
    return told.group_by("stream").agg(value=pl.col("accounts").cast(pl.Float64).log10().mean())


CANDIDATES: tuple[Candidate, ...] = (
    Candidate(
        "H01",
        "set_bits",
        "fingerprint",
        "high",
        "surprisal -log2 P(set of header names | client, version)",
        "no header list, or fewer than 20 accounts run the version",
        set_surprisal,
        print_mode=True,
    ),
    Candidate(
        "H06",
        "contradictions",
        "fingerprint",
        "high",
        "contradictory pairs a request: own app without entry point, language against runtime, own app with "
        "the SDK's retry counter above 0 (count)",
        "neither app nor language header logged",
        contradictions,
        print_mode=True,
    ),
    Candidate(
        "H08",
        "version_lag",
        "fingerprint",
        "high",
        "share of the client's accounts that run a newer version (release dates are not logged)",
        "version unknown, or fewer than 20 accounts of the client",
        version_lag,
        print_mode=True,
    ),
    Candidate(
        "H10",
        "downgrades",
        "fingerprint",
        "high",
        "steps back to an older version of one client on one device (count)",
        "fewer than 2 sessions",
        downgrades,
        print_mode=True,
    ),
    Candidate(
        "H12",
        "fingerprints",
        "fingerprint",
        "high",
        "distinct fingerprints (client, version, header order) of the account (count)",
        "fewer than 50 requests",
        by_account(pl.when(pl.len() >= 50).then(pl.col("mark").n_unique()), personal=False),
        print_mode=True,
    ),
    Candidate(
        "H13",
        "fingerprint_entropy",
        "fingerprint",
        "high",
        "entropy of the account's fingerprints (bits)",
        "fewer than 50 requests",
        mark_entropy,
        print_mode=True,
    ),
    Candidate(
        "H15",
        "alpn_mismatch",
        "fingerprint",
        "high",
        "share of requests over another HTTP version than the one that TLS offered first",
        "no JA4 logged",
        alpn,
        print_mode=True,
    ),
    Candidate(
        "H16",
        "fingerprint_sharers",
        "fingerprint",
        "high",
        "log10 of the accounts that share a fingerprint which at most 5 % of the client's accounts show",
        "a common fingerprint, or fewer than 20 accounts of the client",
        sharers,
        print_mode=True,
    ),
)
