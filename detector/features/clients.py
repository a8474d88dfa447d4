"""Who a request claims to be, and its header list in forms that can be compared.

Everything here works on the small table of distinct fingerprints, never on the
requests themselves.
"""

import re

import polars as pl

from detector.settings import ClientSettings

__all__ = ["any_of", "claims", "headers", "release_ranks"]

PRODUCT = (
    r"^\s*([^\s/()]+(?:/(?:[A-UW-Za-uw-z]|[Vv][^\d\s/()])[^\s/()]*)?)"  # name, or name/word
    r"(?:[/ ][Vv]?(\d[\w.+-]*))?"
)
ENTRY_POINT = r"\((?:external|internal|ant)\s*,\s*([^,)\s]+)"
TRANSPORT = (
    "connection",
    "host",
    "content-length",
    "transfer-encoding",
    "keep-alive",
    "te",
    "accept-encoding",
)
"""Names that belong to the connection, which any proxy may add, drop or rewrite."""

LONGEST_TOKEN = 120
"""Characters kept of anything taken from a user agent; a log may hold anything."""


def claims(settings: ClientSettings) -> list[pl.Expr]:
    """Return the columns that a user agent claims, for a frame with ``user_agent``.

    ``name`` (lower-case product name, null where no user agent was logged), ``client``
    (the same, but ``browser`` for any browser, and the provider's main client for the names
    of ``settings.elsewhere``, which pose as it), ``client_version`` (text, null where none is
    given), ``surface`` (entry point in the parenthesis, such as ``cli``; null where none),
    ``headless`` (whether the surface is none of a person's: print mode, an SDK, CI, one that
    nobody knows) and ``ua_template`` (the user agent with every number and the entry point masked).
    """
    agent = pl.col("user_agent").str.slice(0, 4 * LONGEST_TOKEN)
    product = agent.str.extract(PRODUCT, 1).str.to_lowercase().str.slice(0, LONGEST_TOKEN)
    surface = agent.str.extract(ENTRY_POINT, 1).str.to_lowercase().str.slice(0, LONGEST_TOKEN)
    aliases = dict.fromkeys(settings.browsers, "browser") | dict.fromkeys(settings.elsewhere, settings.main)
    personal = surface.str.contains(any_of(settings.interactive_surfaces))
    return [
        product.alias("name"),
        product.replace(aliases).alias("client"),
        agent.str.extract(PRODUCT, 2).str.slice(0, LONGEST_TOKEN).alias("client_version"),
        surface.alias("surface"),
        (~personal).fill_null(value=False).alias("headless"),
        agent.str.replace(ENTRY_POINT + r"[^)]*", "(#")
        .str.replace_all(r"\d[\w.+]*", "#")
        .alias("ua_template"),
    ]


def any_of(globs: tuple[str, ...]) -> str:
    """Return one regular expression for all globs (``*`` and ``?``); for none, one that never matches."""
    bodies = (re.escape(glob).replace(r"\*", ".*").replace(r"\?", ".") for glob in globs)
    return f"^({'|'.join(bodies)})$" if globs else r"$^x"


def headers(settings: ClientSettings) -> list[pl.Expr]:
    """Return comparable forms of a header list, for a frame of fingerprints.

    All are null where the list is missing or known to be cut. Names are those of
    the client: hop headers that proxies and CDNs add are stripped first.

    ``names`` lower-case names in wire order, either credential header as one name;
    ``raw_names`` the same with case as received; ``core`` the sorted names without those
    that belong to the connection; ``accept_encoding`` and ``values`` (the other harmless
    values, numbers masked, sorted by name).
    """
    complete = pl.col("headers_complete").fill_null(value=True)
    listed = pl.when(complete & (pl.col("header_names").list.len() > 0)).then(pl.col("header_names"))
    name = pl.element().str.to_lowercase().str.strip_chars()
    hop = name.str.contains(settings.hop_pattern)
    raw = listed.list.eval(pl.element().filter(~hop))
    names = raw.list.eval(name.replace({"x-api-key": "authorization"}))
    pairs = pl.col("header_values").list.eval(
        pl.concat_str(
            pl.element().struct.field("name").str.to_lowercase(),
            pl.lit("="),
            pl.element()
            .struct.field("value")
            .str.replace_all(r"\d[\w.+-]*", "#")
            .str.slice(0, LONGEST_TOKEN),
        )
    )
    local = pl.element().str.contains(r"^(user-agent|accept-encoding|x-stainless-(os|arch)|connection)=")
    return [
        names.alias("names"),
        raw.alias("raw_names"),
        names.list.eval(pl.element().filter(~pl.element().is_in(TRANSPORT)).unique().sort())
        .list.join(",")
        .alias("core"),
        pairs.list.eval(pl.element().filter(pl.element().str.starts_with("accept-encoding=")))
        .list.first()
        .alias("accept_encoding"),
        pairs.list.eval(pl.element().filter(~local).unique().sort()).list.join(";").alias("values"),
    ]


def release_ranks(versions: pl.Series) -> pl.DataFrame:
    """Rank distinct versions from old to new, by the numbers in them.

    Returns:
        ``client_version`` and ``rank``; equal ranks where only the words differ, null
        for no version and for one without a number.

    """
    numbers = {
        text: tuple(map(int, re.findall(r"\d+", text))) for text in versions.drop_nulls().unique().sort()
    }
    order = {key: place for place, key in enumerate(sorted({key for key in numbers.values() if key}))}
    ranks = {text: order.get(key) for text, key in numbers.items()}
    return pl.DataFrame(
        {"client_version": list(ranks), "rank": list(ranks.values())},
        schema={"client_version": pl.String, "rank": pl.Int64},
    )
