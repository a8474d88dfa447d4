"""The texts that rows share: what a sitting, a client and a fingerprint are written as."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl
import pyarrow as pa

from detector.schema import REQUEST
from detector.simulate.columns import Kind
from detector.simulate.log import ID_BYTES, Day, Log, hex_texts
from detector.simulate.plan import Book, Sittings
from detector.simulate.wording import HEADERS, Words

__all__ = ["assemble"]


def _uuids(rng: np.random.Generator, count: int) -> pl.Series:
    text = pl.col("text").str
    parts = [text.slice(begin, size) for begin, size in ((0, 8), (8, 4), (12, 4), (16, 4), (20, 12))]
    return (
        pl.Series("text", hex_texts(rng.bytes(count * 16), 32))
        .to_frame()
        .select(pl.concat_str(parts, separator="-"))
        .to_series()
    )


def _texts(values: Sequence[str | None]) -> pl.Series:
    return pl.Series(values, dtype=pl.String)


def _actor_frame(book: Book) -> pl.DataFrame:
    """Collect what each actor puts into its rows; texts by code where many rows share them."""
    actors = book.actors
    return pl.DataFrame(
        {
            "account": [one.account for one in actors],
            "actor_network": [one.network for one in actors],
            "actor_device": [-1 if one.device is None else book.devices.code(one.device) for one in actors],
            "declares": [one.sessions for one in actors],
            "auth": _texts([one.auth for one in actors]),
            "plan": _texts([one.plan for one in actors]),
            "path": _texts([one.path for one in actors]),
            "telemetry_path": _texts([one.client.telemetry_path for one in actors]),
            "model": _texts([one.model for one in actors]),
            "tools_hash": _texts([one.tools for one in actors]),
            "stream": [one.stream for one in actors],
            "label": _texts([one.label for one in actors]),
        },
    )


def _sitting_frame(
    book: Book, sittings: Sequence[Sittings], accounts: pl.DataFrame, session_ids: pl.Series
) -> pl.DataFrame:
    """One row a sitting with everything that its log rows have in common."""

    def whole(name: str) -> pl.Series:
        return pl.Series(np.concatenate([getattr(part, name) for part in sittings]))

    frame = _actor_frame(book)[whole("actor").to_numpy()]
    network, device = whole("network"), whole("device")
    code = pl.DataFrame({"own": frame["actor_network"], "here": network}).select(
        pl.when(pl.col("here") >= 0).then("here").otherwise("own")
    )
    networks = pl.DataFrame(
        {
            "client_ip": _texts([one.address for one in book.networks.items]),
            "asn": pl.Series([one.asn for one in book.networks.items], dtype=pl.Int64),
            "country": _texts([one.country for one in book.networks.items]),
        }
    )
    devices = _texts(book.devices.items)
    used = pl.DataFrame({"own": frame["actor_device"], "here": device}).select(
        pl.when(pl.col("here") >= 0).then("here").when(pl.col("own") >= 0).then("own")
    )
    session = session_ids.gather(whole("session"))
    web = pl.col("path").str.ends_with("/")
    return (
        frame.hstack(networks[code.to_series().to_numpy()])
        .with_columns(
            accounts["account_id"].gather(frame["account"]),
            accounts["class"].gather(frame["account"]),
            device_id=devices.gather(used.to_series()),
            session_id=session,
        )
        .with_columns(
            path=pl.when(web)
            .then(pl.concat_str("path", "session_id", pl.lit("/completion")))
            .otherwise("path")
        )
        .with_columns(session_id=pl.when("declares").then("session_id"))
    )


def _wires(book: Book) -> pl.DataFrame:
    items = book.wires.items
    return pl.DataFrame(
        {
            "user_agent": _texts([one.agent for one in items]),
            "http_version": _texts([one.http for one in items]),
        }
    )


def _headers(book: Book) -> dict[str, pa.ListArray]:
    items = book.wires.items
    lists = (
        pl.Series("header_names", [one.names for one in items], REQUEST["header_names"]),
        pl.Series("header_values", [one.values for one in items], REQUEST["header_values"]),
    )
    # By way of polars: of Python's own lists pyarrow makes no array before it has imported pandas, if it can.
    return {one.name: one.to_arrow().cast(HEADERS[one.name]) for one in lists}


def assemble(
    rng: np.random.Generator,
    start: date,
    book: Book,
    days: Mapping[int, pl.DataFrame],
    sittings: Sequence[Sittings],
    *,
    accounts: pl.DataFrame,
) -> tuple[Log, pl.DataFrame]:
    """Join rows, sittings and vocabularies.

    Args:
        rng: source of chance, for identifiers.
        start: first day of the period (UTC).
        book: the vocabularies.
        days: rows by time, by number of the day, in order.
        sittings: sittings of each batch of accounts, in order.
        accounts: ``account_id`` and ``class`` by number of the account.

    Returns:
        The request log, and the sessions with their labels.

    """
    shared = _sitting_frame(book, sittings, accounts, _uuids(rng, book.session_count))
    words = Words(
        sittings=shared.select(name for name in shared.columns if name in {*REQUEST, "telemetry_path"}),
        wires=_wires(book),
        headers=_headers(book),
        ja4=_texts(book.ja4.items),
    )
    log = Log(
        start,
        tuple(
            Day(start + timedelta(days=number), rows, rng.bytes(rows.height * ID_BYTES))
            for number, rows in days.items()
        ),
        words,
    )
    asks = (rows.filter(pl.col("kind") <= Kind.HELPER)["sitting"] for rows in days.values())
    seen = np.unique(np.concatenate([np.empty(0, dtype=np.int32), *asks]))
    sessions = (
        shared[seen]
        .select("account_id", "session_id", "class", "label")
        .unique(["account_id", "session_id"], keep="first", maintain_order=True)
        .sort("account_id", "session_id", nulls_last=True)
    )
    return log, sessions
