"""From requests to a summary of their sessions, from which everything else is measured.

:func:`summarise` knows only the accounts it was given, so that accounts can be taken
part by part.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import polars as pl

from detector.features import cadence, clients, telemetry, usage
from detector.features.attendance import follow_ups
from detector.features.hours import hourly
from detector.features.runs import Runs
from detector.features.sessions import assign_sessions, in_order
from detector.settings import Settings

__all__ = ["COUNTERS", "Summary", "identify", "summarise"]

COUNTERS = (*cadence.COUNTERS, *telemetry.COUNTERS, *usage.COUNTERS, "unheard")
"""Session columns that add up over sessions; ``unheard`` are served requests whose telemetry
a whole group lost."""

TURN = (
    "session",
    "timestamp",
    "duration_ms",
    "model",
    "tool_result",
    "status",
    "retry_after_s",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "tools_hash",
    "fingerprint",
    "device",
    "network",
    "asn",
    "country",
    "web",
    "subscribed",
)
"""What is looked at of an inference request."""

POST = ("session", "kind", "timestamp", "telemetry_requests", "telemetry_events")
"""What is looked at of every other request."""

AMOUNTS = ("_sum", "tokens", "warm_read", "warm_total", "reported", "events")
"""How counters end that add up amounts; all others count rows."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What is kept of the requests of some accounts.

    Attributes:
        sessions: a row a session with its counters.
        hours: result of ``hours.hourly``: when each session asked, and what telemetry told of it.
        marks: ``session``, ``fingerprint``, ``network`` (address, else operator),
            ``requests``: which fingerprints its inference requests showed, from where.
        tools: ``session``, ``tools_hash``: the tool sets it offered.
        accounts: a row an account: ``account_id``, ``requests`` of any kind, ``first_seen``,
            ``last_seen``, ``plan`` (the last one seen).

    """

    sessions: pl.DataFrame
    hours: pl.DataFrame
    marks: pl.DataFrame
    tools: pl.DataFrame
    accounts: pl.DataFrame

    @staticmethod
    def concat(parts: Sequence[Callable[[str], pl.DataFrame]]) -> "Summary":
        """Join the summaries of disjoint sets of accounts.

        Accounts are numbered by name, and sessions by account, in the order that they
        have within it: which accounts came together changes nothing.

        Args:
            parts: each gives a table of its summary by name, and is asked again rather than
                that tables which are not joined yet are held.

        """
        accounts = [part("accounts")["account_id"] for part in parts]
        owners = [part("sessions").select("account", "session") for part in parts]
        order = pl.concat(accounts).arg_sort()
        rank = order.arg_sort()
        counts = [
            _per_account(own["account"], names.len()) for own, names in zip(owners, accounts, strict=True)
        ]
        by_rank = pl.concat(counts).gather(order)
        starts = (by_rank.cum_sum() - by_rank).gather(rank)
        codes, numbers = [], []
        done = 0
        for own, count in zip(owners, counts, strict=True):
            shift = starts.slice(done, count.len()) - (count.cum_sum() - count)
            codes.append(rank.slice(done, count.len()).cast(pl.UInt32))
            numbers.append((own["session"] + shift.gather(own["account"])).cast(pl.UInt32))
            done += count.len()
        joined = {}
        for name in Summary.__slots__:
            frames = []
            for part, code, number in zip(parts, codes, numbers, strict=True):
                frame = part(name)
                if "session" in frame.columns:
                    frame = frame.with_columns(session=number.gather(frame["session"]))
                if "account" in frame.columns:
                    frame = frame.with_columns(account=code.gather(frame["account"]))
                frames.append(frame)
            joined[name] = pl.concat(frames, rechunk=True)
        return Summary(**joined)

    def table(self, name: str) -> pl.DataFrame:
        """Return the table of a name."""
        found: pl.DataFrame = getattr(self, name)
        return found

    def between(self, first: int, last: int) -> "Summary":
        """Return what is known of the accounts from one number to another, both included."""
        sessions = self.sessions.filter(pl.col("account").is_between(first, last)).sort("session")
        own = pl.col("session").is_between(sessions["session"].min(), sessions["session"].max())
        rest = {
            name: getattr(self, name).filter(own).sort("session", maintain_order=True)
            for name in ("hours", "marks", "tools")
        }
        accounts = self.accounts.filter(pl.col("account").is_between(first, last)).sort("account")
        return Summary(sessions=sessions, accounts=accounts, **rest)


def _per_account(owners: pl.Series, accounts: int) -> pl.Series:
    """Count how often each account owns a session."""
    return pl.Series("sessions", np.bincount(owners.to_numpy(), minlength=accounts))


def identify(fingerprints: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Add to the table of fingerprints what each claims and how its headers compare.

    Returns:
        The columns of ``clients.claims`` and ``clients.headers``, ``http_version``,
        ``ja4`` and ``lineage``: one number for all fingerprints of one client,
        surface and set of header names, by content and so independent of order.

    """
    facts = fingerprints.with_columns([*clients.claims(settings.clients), *clients.headers(settings.clients)])
    same = pl.concat_str(["client", "surface", "core"], separator="\x1f", ignore_nulls=True)
    return facts.with_columns(lineage=same.rank("dense").cast(pl.UInt32)).drop(
        "header_names", "header_values"
    )


def summarise(requests: pl.DataFrame, names: pl.Series, facts: pl.DataFrame, settings: Settings) -> Summary:
    """Sum up the requests of some accounts, session by session.

    Args:
        requests: all rows of these accounts, as ``detector.ingest`` gives them.
        names: the ids of the accounts, which ``account`` indexes.
        facts: result of :func:`identify`.
        settings: all settings.

    """
    session, sessions = assign_sessions(requests, facts, settings.sessions)
    order = in_order(requests, session)
    # Told to be sorted, windows over sessions are runs and need no hashing.
    keyed = requests.with_columns(
        session,
        web=pl.col("auth") == "web",
        subscribed=pl.col("auth").is_not_null() | pl.col("plan").is_not_null(),
    )
    key = pl.col("session").set_sorted()
    asked = order[(requests["kind"] == "inference").gather(order).to_numpy()]
    turns = cadence.turns(keyed.select(TURN)[asked].with_columns(key), settings.cadence)
    steps = usage.steps(turns).with_columns(follow_ups(settings.attendance))
    told = keyed.select(POST)[order].with_columns(key)
    posts = telemetry.posts(told)
    parts = [
        sessions,
        _counted(told, ["session"]),
        turns.group_by("session").agg(
            pl.col("end").max(),
            pl.col("device", "asn").min(),
            pl.col("web", "subscribed").any(),
            inference=pl.len().cast(pl.Int64),
            split=pl.col("tool_result").is_not_null().any(),
        ),
        _sums(steps.lazy(), [*cadence.counters(settings.cadence), *usage.counters(settings.usage)]),
        _sums(turns.lazy().filter("human"), cadence.human_counters(settings.cadence)),
        _sums(posts.lazy(), telemetry.counters()),
    ]
    table = reduce(lambda left, right: left.join(right, on="session", how="left"), parts)
    # Until ``outage.find_losses`` has seen the fleet, all silence is the account's own.
    table = table.with_columns(unheard=pl.lit(0), lost=pl.lit(value=False))
    table = table.with_columns(
        pl.col(name).fill_null(0).cast(pl.Int64 if name.endswith(AMOUNTS) else pl.Int32) for name in COUNTERS
    )
    # Made-up telemetry, whose counts do not agree, vouches for nothing.
    table = table.with_columns(vouched=telemetry.agrees())
    # Without an address the network operator is the next best place.
    place = pl.coalesce("network", pl.col("asn").cast(pl.UInt64, strict=False)).alias("network")
    marks = _counted(turns.select("session", "fingerprint", place), ["session", "fingerprint", "network"])
    dominant = marks.group_by("session", "fingerprint").agg(pl.col("requests").sum())
    dominant = dominant.sort("session", "requests", "fingerprint", descending=[False, True, False])
    dominant = dominant.unique("session", keep="first", maintain_order=True).join(
        facts, on="fingerprint", how="left"
    )
    table = table.join(
        dominant.select("session", "fingerprint", "client", "client_version", "surface", "headless"),
        on="session",
        how="left",
    )
    tools = _counted(turns, ["session", "tools_hash"]).select("session", "tools_hash").drop_nulls()
    return Summary(
        sessions=table.sort("session").with_columns(pl.col("session").cast(pl.UInt32)),
        hours=hourly(steps, posts),
        marks=marks.sort("session", "fingerprint", "network"),
        tools=tools.sort("session", "tools_hash"),
        accounts=_accounts(requests, names),
    )


def _accounts(requests: pl.DataFrame, names: pl.Series) -> pl.DataFrame:
    """Return what is said of accounts as a whole."""
    runs = Runs.of(requests, ["account", "plan"])
    heads = runs.heads(requests.select("account", "plan")).with_columns(
        runs.lengths,
        first=runs.least(requests["timestamp"]),
        last=runs.most(requests["timestamp"]),
    )
    accounts = heads.group_by("account").agg(
        requests=pl.col("rows").sum(),
        first_seen=pl.col("first").min(),
        last_seen=pl.col("last").max(),
        plan=pl.col("plan").sort_by("last", "plan").drop_nulls().last(),
    )
    return accounts.with_columns(account_id=names.gather(accounts["account"])).sort("account")


def _counted(rows: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """Return the distinct combinations of some columns, and of each the number of its ``requests``."""
    runs = Runs.of(rows, columns)
    heads = runs.heads(rows.select(columns)).with_columns(runs.lengths)
    return heads.group_by(columns).agg(requests=pl.col("rows").sum())


def _sums(rows: pl.LazyFrame, counters: list[pl.Expr]) -> pl.DataFrame:
    """Sum up what every row adds to each counter, by session; rows come sorted by session."""
    table = rows.select("session", *counters).collect(engine="in-memory")
    runs = Runs.of(table, ["session"])
    return runs.heads(table.select("session")).hstack(runs.sums(table.drop("session")))
