"""One composed week: plans of all accounts turned into rows of the native request log, and labels."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.compose.headers import Catalogue
from benchmarks.compose.machines import HARNESSES, declared, headless, keyed
from benchmarks.compose.people import DAY, Session, World, companies, genuine
from benchmarks.compose.sources import Library
from benchmarks.compose.traffic import helper_calls, inference, probes, telemetry
from detector.schema import REQUEST

__all__ = ["CLASSES", "LABELS", "Options", "compose", "tabled", "write_log"]

GENUINE_SHARES = {
    "telemetry_off": 0.08,
    "corporate_proxy": 0.08,
    "headless": 0.06,
    "power_user": 0.05,
    "old_version": 0.04,
}
LABELS: dict[str, str] = {
    "interactive": "genuine",
    **dict.fromkeys(GENUINE_SHARES, "genuine"),
    **dict.fromkeys(HARNESSES, "harness"),
    "declared_third_party": "declared_third_party",
    "api_key": "out_of_scope",
}
"""Class -> label of its accounts."""

CLASSES = tuple(LABELS)


@dataclass(frozen=True)
class Options:
    """What a composed week holds.

    Attributes:
        accounts: accounts in all.
        harness_share: share of them that are harnesses, spread evenly over the harness classes.
        shares: share of each further class; interactive people are the rest.
        counts: accounts of a class, instead of its share.
        start: first instant of the week (UTC).
        part: ``(i, n)``: only every n-th real session from the i-th on, so that weeks composed with
            the same ``n`` and another ``i`` share no session.

    """

    accounts: int = 400
    harness_share: float = 0.05
    shares: Mapping[str, float] = field(
        default_factory=lambda: {**GENUINE_SHARES, "declared_third_party": 0.01, "api_key": 0.01}
    )
    counts: Mapping[str, int] = field(default_factory=dict)
    start: datetime = datetime(2026, 11, 2, tzinfo=UTC)
    part: tuple[int, int] = (0, 1)


def compose(
    data: Path,
    people: Sequence[str],
    automated: Sequence[str],
    options: Options | None = None,
    seed: int = 0,
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Compose one labelled week of request logs.

    Args:
        data: folder with ``cadence/`` and ``captures.jsonl``.
        people: sources of people's sessions, by the start of their file names (``kv_cache``, ``packmind``).
        automated: sources of automated sessions, likewise (``mini_swe``, ``chatdev``).
        options: what the week holds; the defaults where left out.
        seed: decides everything; same seed, same week.

    Returns:
        requests (the native log, sorted by time), account labels (``account_id, class, label``) and
        session labels (``account_id, session_id, class, label``; only sessions whose client declares an
        id). In a riding account only the rider's sessions are labelled ``harness``.

    Raises:
        FileNotFoundError: the data folder lacks a source.

    """
    options = options or Options()
    rng = np.random.default_rng(seed)
    library = Library.read(data / "cadence", people, automated, options.part, rng)
    world = World(library, Catalogue.read(data / "captures.jsonl"), rng)
    classes = rng.permutation(_classes(options, rng))
    accounts = pl.DataFrame(
        {"account_id": [f"a{world.word()}" for _ in classes], "class": [str(name) for name in classes]}
    ).with_columns(label=pl.col("class").replace_strict(LABELS))
    plan = tabled(_plans(world, accounts))
    # Published figures of these weeks were measured on logs without countries.
    requests = write_log(world, plan, options.start).drop("country")
    return requests, accounts.sort("account_id"), _session_labels(plan, accounts)


def _classes(options: Options, rng: np.random.Generator) -> list[str]:
    """Give the class of every account."""
    counts = {name: round(share * options.accounts) for name, share in options.shares.items()}
    harnesses = round(options.harness_share * options.accounts)
    for i, name in enumerate(rng.permutation(list(HARNESSES))):
        counts[str(name)] = harnesses // len(HARNESSES) + (i < harnesses % len(HARNESSES))
    counts |= options.counts
    rest = options.accounts - sum(n for name, n in counts.items() if name != "interactive")
    counts.setdefault("interactive", max(0, rest))
    return [name for name in CLASSES for _ in range(counts.get(name, 0))]


def _plans(world: World, accounts: pl.DataFrame) -> Iterator[Session]:
    """Plan every account's week."""
    proxied = accounts.filter(pl.col("class") == "corporate_proxy").height
    firms = companies(world, proxied)
    seat = 0
    for account_id, kind in accounts.select("account_id", "class").iter_rows():
        if kind in HARNESSES:
            yield from HARNESSES[kind](world, account_id)
        elif kind == "headless":
            yield from headless(world, account_id)
        elif kind == "declared_third_party":
            yield from declared(world, account_id)
        elif kind == "api_key":
            yield from keyed(world, account_id)
        elif kind == "corporate_proxy":
            yield from genuine(world, account_id, kind, firms[seat % len(firms)])
            seat += 1
        else:
            yield from genuine(world, account_id, kind)


def tabled(sessions: Iterable[Session]) -> pl.DataFrame:
    """Give the plan as a table: a row a placed session, numbered in ``sid``."""
    plan = pl.DataFrame(list(sessions), schema=list(Session._fields), orient="row", infer_schema_length=None)
    return plan.with_columns(pl.col("key").cast(pl.UInt32)).with_row_index("sid")


def write_log(world: World, plan: pl.DataFrame, start: datetime) -> pl.DataFrame:
    """Turn the plan into the native log: requests, helper calls, probes and telemetry posts.

    Args:
        world: where requests, profiles and chance come from.
        plan: from ``tabled``.
        start: first instant of the week (UTC).

    """
    rng = world.rng
    requests = inference(plan, world.library, rng)
    helpers = helper_calls(plan, requests, rng)
    rows = pl.concat(
        [requests, helpers, probes(plan, requests, helpers, rng), telemetry(plan, requests, rng)],
        how="diagonal_relaxed",
    )
    rows = rows.filter(pl.col("time") >= 0, pl.col("time") < 7 * DAY)
    rows = rows.sort("time", "account_id", "path", "sid").drop("path")
    wires = world.catalogue.table()
    variants = wires.group_by("profile").agg(pl.col("variants").first())
    draw = pl.Series("draw", rng.random(rows.height))
    rows = (
        rows.with_columns(draw, pl.Series("resumed", rng.random(rows.height) < 0.4))
        .join(variants, on="profile", how="left", maintain_order="left")
        .with_columns(variant=(pl.col("draw") * pl.col("variants")).floor().cast(pl.Int64))
        .join(wires.drop("variants"), on=["profile", "variant"], how="left", maintain_order="left")
    )
    base = int(start.timestamp() * 1_000_000)
    rows = rows.with_columns(
        timestamp=(base + (pl.col("time") * 1_000_000).cast(pl.Int64)).cast(pl.Datetime("us", "UTC")),
        ja4=pl.when("resumed").then("ja4_later").otherwise("ja4_first"),
        request_id=pl.lit("r") + pl.int_range(pl.len()).cast(pl.String),
        headers_complete=pl.lit(value=True),
    )
    return rows.select(pl.col(name).cast(REQUEST[name]) for name in REQUEST if name in rows.columns)


def _session_labels(plan: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """Label the sessions whose client declares an id."""
    return (
        plan.filter("declared")
        .join(accounts.select("account_id", "class"), on="account_id")
        .select("account_id", "session_id", "class", "label")
        .sort("account_id", "session_id")
    )
