"""Header fingerprints against the claimed client's own population.

A population counts accounts, never requests, and trusts a fact (a header order,
an accept-encoding, a JA4) as far as accounts that report telemetry show it:
harnesses copy headers far more often than they keep up a telemetry pipeline, so a
stack that nobody vouches for stays odd however many accounts use it. Where no
telemetry was logged, plain prevalence takes its place.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from detector.features.clients import TRANSPORT
from detector.features.distance import displaced_names, nearest_order, nearest_set
from detector.features.libraries import foreign
from detector.settings import FingerprintSettings

__all__ = [
    "ASPECTS",
    "LIBRARY",
    "MEASURES",
    "POPULATION",
    "WIRE",
    "common_lists",
    "describe",
    "judge",
    "population",
]

ASPECTS = ("name", "core", "order", "accept_encoding", "values", "user_agent", "ja4")
"""Facts of a fingerprint that a client's population shares: the product name, which header
names, their order and case, the accept-encoding, other harmless values, the user agent's
form, the TLS client."""

MEASURES = (
    "headers_missing",
    "headers_extra",
    "order_distance",
    "case_distance",
    "foreign_library",
    "accept_encoding_bits",
    "values_bits",
    "user_agent_bits",
    "name_bits",
    "ja4_bits",
    "version_known",
)
"""What :func:`judge` measures of a fingerprint."""

WIRE = ("order_distance", "case_distance", "accept_encoding_bits", "ja4_bits")
"""Measures of what a proxy rewrites."""

LIBRARY = ("foreign_library",)
"""The measure of what only a program of its own writes, were it a proxy."""

POPULATION = pl.Schema(
    {
        "client": pl.String,
        "version": pl.String,
        "aspect": pl.String,
        "value": pl.String,
        "accounts": pl.Float64,
        "vouched": pl.Float64,
    }
)
"""Accounts (and accounts with telemetry) that showed a value; version ``*`` is any."""


def describe(facts: pl.DataFrame) -> pl.DataFrame:
    """Return the aspects of every fingerprint in long form.

    Args:
        facts: a row a fingerprint with the columns of ``clients.claims`` and
            ``clients.headers``, ``http_version`` and ``ja4``.

    Returns:
        ``fingerprint``, ``client``, ``version``, ``aspect``, ``value``; rows only
        where the fact was logged.

    """
    values = {
        "name": pl.when(pl.col("client") != "browser").then("name"),
        "core": pl.col("core"),
        "order": pl.col("raw_names").list.join(","),
        "accept_encoding": pl.col("accept_encoding"),
        "values": pl.when(pl.col("values") != "").then(pl.col("values")),
        "user_agent": pl.when(pl.col("client") != "browser").then(pl.col("ua_template")),
        "ja4": pl.col("ja4"),
    }
    wide = facts.select(
        "fingerprint",
        "client",
        pl.col("client_version").fill_null("").alias("version"),
        *(values[aspect].alias(aspect) for aspect in ASPECTS),
    )
    index = ["fingerprint", "client", "version"]
    long = wide.unpivot(index=index, variable_name="aspect", value_name="value")
    return long.filter(pl.col("value").is_not_null() & pl.col("client").is_not_null())


def population(described: pl.DataFrame, seen: pl.DataFrame, settings: FingerprintSettings) -> pl.DataFrame:
    """Count in how many accounts each value of each aspect was seen.

    Args:
        described: result of :func:`describe`.
        seen: ``account``, ``fingerprint``, ``requests``, ``vouched`` (requests in
            sessions that reported telemetry), inference requests in scope only.
        settings: when an account stands behind a value.

    Returns:
        A table of ``POPULATION``. An account stands behind every value that makes up
        ``settings.own_share`` of its requests by the client: one that changed release
        within the log stands behind both.

    """
    aspect = ["client", "version", "aspect"]
    both = pl.concat([described, described.with_columns(version=pl.lit("*"))])
    # Accounts are many and their values few: texts are numbers here.
    numbered = both.with_columns(
        unit=pl.struct(aspect).rank("dense"), shown=pl.struct(*aspect, "value").rank("dense")
    )
    unit = ["unit", "account"]
    own = settings.own_share * pl.col("requests").sum().over(unit)
    counts = (
        numbered.lazy()
        .select("fingerprint", "unit", "shown")
        .join(seen.lazy(), on="fingerprint")
        .group_by(*unit, "shown")
        .agg(pl.col("requests", "vouched").sum())
        .with_columns(stands=pl.col("requests") >= own, vouched=pl.col("vouched") >= own)
        .group_by("shown")
        .agg(accounts=pl.col("stands").sum(), vouched=pl.col("vouched").sum())
        .collect()
    )
    values = numbered.select("shown", *aspect, "value").unique("shown")
    return values.join(counts, on="shown").drop("shown").sort(*aspect, "value").cast(POPULATION)


def _probabilities(
    described: pl.DataFrame, table: pl.DataFrame, settings: FingerprintSettings
) -> pl.DataFrame:
    """Look up P(value | client, version), falling back on P(value | client).

    Null where fewer than ``settings.reference_accounts`` accounts were counted, and
    fewer than ``settings.common_accounts`` of them with this value. A product name is the
    provider's or not: fewer than ``settings.vouchers`` accounts with it make it nobody's.
    """
    group = ["client", "version", "aspect"]
    table = _weighted(table, settings)
    totals = table.group_by(group).agg(total=pl.col("weight").sum())
    rare = (pl.col("aspect") == "name") & (pl.col("weight") < settings.vouchers)
    table = table.with_columns(weight=pl.when(~rare).then("weight").otherwise(0.0))
    looked_up = described
    for suffix, version in (("_version", pl.col("version")), ("_client", pl.lit("*"))):
        key = ["client", "version_key", "aspect"]
        values = table.select(*group, "value", pl.col("weight").alias(f"weight{suffix}"))
        looked_up = (
            looked_up.with_columns(version_key=version)
            .join(totals.rename({"total": f"total{suffix}"}), left_on=key, right_on=group, how="left")
            .join(values, left_on=[*key, "value"], right_on=[*group, "value"], how="left")
            .drop("version_key")
        )

    def chance(suffix: str) -> pl.Expr:
        total, weight = pl.col(f"total{suffix}"), pl.col(f"weight{suffix}").fill_null(0)
        # A release of a few days has few users, but those show what it looks like.
        told = (total >= settings.reference_accounts) | (weight >= settings.common_accounts)
        return pl.when(told).then((weight + 0.5) / (total + 1))

    return looked_up.select(*described.columns, p=pl.coalesce(chance("_version"), chance("_client")))


def judge(
    facts: pl.DataFrame, populations: list[pl.DataFrame], settings: FingerprintSettings
) -> pl.DataFrame:
    """Measure how far every fingerprint lies from the population of the client it claims.

    Where several populations know the client (the one a model learned and the one
    being scored), the kinder answer counts: a new release is vouched for by those
    who run it today.

    Returns:
        A row a fingerprint: ``MEASURES``: ``<aspect>_bits``, the surprisal -log2 P;
        ``headers_missing`` and ``headers_extra`` (names against the nearest common set);
        ``order_distance`` and ``case_distance`` (share of name pairs in another order, and of
        names in another case, than in the nearest common order, 0 to 1); ``foreign_library``
        (1 where the headers stand as a known HTTP library writes them and no common order of the
        client does, or where the client's own names stand in an order of neither the client nor
        the alphabet, else 0); ``version_known`` (1 where other accounts stand behind the claimed
        version, else 0). Null where the fact was not logged, where nobody's fingerprint of that
        client is known, and, for what proxies rewrite, where no header list was logged. With them
        ``shuffled``: whether ``foreign_library`` rests on the order of the client's names alone.

    """
    described = describe(facts)
    likely = pl.concat([_probabilities(described, table, settings) for table in populations])
    bits = (
        likely.group_by("fingerprint", "aspect")
        .agg(bits=-pl.col("p").max().log(2))
        .sort("fingerprint", "aspect")
        .pivot("aspect", index="fingerprint", values="bits")
    )
    empty = [pl.lit(None, pl.Float64).alias(aspect) for aspect in ASPECTS if aspect not in bits.columns]
    bits = bits.with_columns(empty).rename({aspect: f"{aspect}_bits" for aspect in ASPECTS})
    joined = facts.join(bits, on="fingerprint", how="left")
    joined = joined.with_columns(_distances(joined, populations, settings))
    versions = _known_versions(populations, settings)
    joined = joined.with_columns(version=pl.col("client_version").fill_null(""))
    joined = joined.join(versions, on=["client", "version"], how="left")
    compared = pl.col("headers_missing").is_not_null()
    joined = joined.with_columns(version_known=pl.when(compared).then(pl.col("version_known").fill_null(0.0)))
    # Without a header list nobody can tell whether a proxy rewrote the rest.
    listed = pl.col("core").is_not_null()
    return joined.select(
        "fingerprint",
        *(pl.when(listed).then(name).alias(name) if name in WIRE else pl.col(name) for name in MEASURES),
        "shuffled",
    )


def _weighted(table: pl.DataFrame, settings: FingerprintSettings) -> pl.DataFrame:
    """Add ``weight``: vouched accounts where enough vouch for the client at all, else all accounts."""
    whole = pl.when(pl.col("version") == "*").then("vouched")
    vouchers = whole.sum().over("client", "aspect")
    return table.with_columns(
        weight=pl.when(vouchers >= settings.vouchers).then("vouched").otherwise("accounts")
    )


def _known_versions(populations: list[pl.DataFrame], settings: FingerprintSettings) -> pl.DataFrame:
    """Return the versions of each client that several accounts with telemetry run."""
    tables = []
    for table in populations:
        cores = _weighted(table.filter(pl.col("aspect") == "core"), settings)
        runs = cores.group_by("client", "version").agg(pl.col("weight").sum())
        tables.append(runs.filter(pl.col("weight") >= settings.common_accounts).select("client", "version"))
    return pl.concat(tables).unique().sort("client", "version").with_columns(version_known=pl.lit(1.0))


def common_lists(
    populations: list[pl.DataFrame], aspect: str, settings: FingerprintSettings
) -> dict[str, list[list[str]]]:
    """Return, by client, the name lists that a fair share of its accounts send, or most of a version's."""
    whole = pl.col("version") == "*"
    total = pl.col("weight").sum().over("client", "version")
    known = pl.when(whole).then(total).max().over("client") >= settings.reference_accounts
    share = pl.when(whole).then(settings.common_share).otherwise(settings.version_share)
    common = (pl.col("weight") >= settings.common_accounts) & (pl.col("weight") >= share * total)
    tables = [
        _weighted(table.filter(pl.col("aspect") == aspect), settings).filter(known & common)
        for table in populations
    ]
    rows = pl.concat(tables).unique(["client", "value"]).sort("client", "value")
    return {
        str(client): [value.split(",") for value in part["value"]]
        for (client,), part in rows.group_by("client")
    }


def _distances(
    facts: pl.DataFrame, populations: list[pl.DataFrame], settings: FingerprintSettings
) -> list[pl.Series]:
    """Return the distances to the nearest common set and order, a value a row of ``facts``."""
    sets = common_lists(populations, "core", settings)
    orders = common_lists(populations, "order", settings)
    found = {name: np.full(facts.height, np.nan) for name in MEASURES[:5]}
    shuffled = np.zeros(facts.height, dtype=bool)
    rows = facts.with_row_index("row").filter(pl.col("core").is_not_null() & pl.col("client").is_not_null())
    for (client,), part in rows.group_by("client"):
        at = part["row"].to_numpy()
        raw = part["raw_names"].to_list()
        if common := sets.get(str(client)):
            cores = [core.split(",") for core in part["core"]]
            found["headers_missing"][at], found["headers_extra"][at] = nearest_set(cores, common)
        if common := orders.get(str(client)):
            found["order_distance"][at], found["case_distance"][at] = nearest_order(raw, common)
            encodings = part["accept_encoding"].str.strip_prefix("accept-encoding=").to_list()
            library = np.array(foreign(raw, common, encodings), dtype=bool)
            # Where names are missing that is the sign; a proxy leaves the client's names, and a release of
            # the client's has names of its own.
            whole = found["headers_missing"][at] < settings.odd_names
            moved = displaced_names(*(_own_names(lists) for lists in (raw, common)))
            shuffled[at] = ~library & whole & (moved > settings.moved_names)
            found["foreign_library"][at] = library | shuffled[at]
    measured = [pl.Series(name, values, dtype=pl.Float64, nan_to_null=True) for name, values in found.items()]
    return [*measured, pl.Series("shuffled", shuffled)]


def _own_names(lists: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return the names of each list that are not those of the connection, in lower case."""
    return [[name for name in map(str.lower, names) if name not in TRANSPORT] for names in lists]
