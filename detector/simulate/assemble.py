"""From columns of numbers to the log: codes become text, once, at the very end."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl
import pyarrow as pa

from detector.schema import HEADER_VALUE, REQUEST
from detector.simulate.columns import STOPS
from detector.simulate.plan import Book, Sittings

__all__ = ["assemble", "hex_texts"]

INFERENCE, HELPER, PROBE, TELEMETRY, COUNT = range(5)
HELPER_MODEL = "claude-haiku-4-5"
TELEMETRY_PATH = "/api/event_logging/batch"
PROBE_PATH = "/api/hello"
COUNT_PATH = "/v1/messages/count_tokens"
EPOCH = date(1970, 1, 1)


def hex_texts(rng: np.random.Generator, count: int, digits: int) -> pl.Series:
    """Draw ``count`` hexadecimal texts of ``digits`` (an even number) digits, as one buffer.

    >>> hex_texts(np.random.default_rng(0), 2, 4).str.len_bytes().to_list()
    [4, 4]
    """
    data = pa.py_buffer(rng.bytes(count * digits // 2).hex().encode())
    offsets = pa.py_buffer(np.arange(0, (count + 1) * digits, digits, dtype=np.int64))
    return pl.Series(values=pa.LargeStringArray.from_buffers(count, offsets, data))


def _uuids(rng: np.random.Generator, count: int) -> pl.Series:
    text = pl.col("text").str
    parts = [text.slice(begin, size) for begin, size in ((0, 8), (8, 4), (12, 4), (16, 4), (20, 12))]
    return (
        hex_texts(rng, count, 32)
        .alias("text")
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
    values = [[{"name": name, "value": value} for name, value in one.values] for one in items]
    return pl.DataFrame(
        {
            "user_agent": _texts([one.agent for one in items]),
            "header_names": pl.Series([list(one.names) for one in items], dtype=pl.List(pl.String)),
            "header_values": pl.Series(values, dtype=pl.List(HEADER_VALUE)),
            "http_version": _texts([one.http for one in items]),
        }
    )


def assemble(
    rng: np.random.Generator,
    start: date,
    book: Book,
    batches: Sequence[tuple[pl.DataFrame, Sittings]],
    accounts: pl.DataFrame,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Join rows, sittings and vocabularies.

    Args:
        rng: source of chance, for identifiers.
        start: first day of the period (UTC).
        book: the vocabularies.
        batches: rows and sittings of each batch of accounts, in order.
        accounts: ``account_id`` and ``class`` by number of the account.

    Returns:
        The request log sorted by time, and the sessions with their labels.

    """
    sizes = np.array([part.actor.size for _, part in batches])
    offsets = np.cumsum(sizes) - sizes
    rows = pl.concat(
        [
            frame.with_columns(pl.col("sitting") + int(offset))
            for (frame, _), offset in zip(batches, offsets.tolist(), strict=True)
        ]
    ).sort("start", maintain_order=True)
    shared = _sitting_frame(book, [part for _, part in batches], accounts, _uuids(rng, book.session_count))
    sitting, wire = rows["sitting"], rows["wire"]
    wires = _wires(book)
    epoch_us = (start - EPOCH).days * 86_400_000_000

    kind, asks = pl.col("kind"), pl.col("kind") <= HELPER
    given = {
        name: pl.when(pl.col(name) >= 0).then(pl.col(name))
        for name in rows.columns
        if name.endswith(("tokens", "events", "requests"))
    }
    columns = {name: shared[name].gather(sitting) for name in shared.columns if name in REQUEST}
    log = rows.with_columns(**columns).with_columns(**given)
    log = log.with_columns(
        timestamp=((pl.col("start") * 1e6).cast(pl.Int64) + epoch_us).cast(REQUEST["timestamp"]),
        path=pl.when(asks)
        .then("path")
        .when(kind == PROBE)
        .then(pl.lit(PROBE_PATH))
        .when(kind == COUNT)
        .then(pl.lit(COUNT_PATH))
        .otherwise(pl.lit(TELEMETRY_PATH)),
        method=pl.when(kind == PROBE).then(pl.lit("HEAD")).otherwise(pl.lit("POST")),
        request_id=hex_texts(rng, rows.height, 24),
        duration_ms=(pl.col("duration") * 1e3).round(3),
        auth=pl.when(kind != PROBE).then("auth"),
        session_id=pl.when(kind != PROBE).then("session_id"),
        device_id=pl.when(asks | (kind == COUNT)).then("device_id"),
        model=pl.when(kind.is_in([INFERENCE, COUNT]))
        .then("model")
        .when(kind == HELPER)
        .then(pl.lit(HELPER_MODEL)),
        tools_hash=pl.when(kind == INFERENCE).then("tools_hash"),
        stream=pl.when(asks).then("stream"),
        stop_reason=_texts(STOPS).gather(rows.select(pl.when(pl.col("stop") >= 0).then("stop")).to_series()),
        retry_after_s=pl.col("retry_after_s").fill_nan(None),
        ja4=_texts(book.ja4.items).gather(rows["ja4"]),
        user_agent=wires["user_agent"].gather(wire),
        http_version=wires["http_version"].gather(wire),
        header_names=wires["header_names"].gather(wire),
        header_values=wires["header_values"].gather(wire),
        headers_complete=pl.lit(value=True),
    )
    requests = log.select(pl.col(name).cast(dtype) for name, dtype in REQUEST.items())
    seen = np.unique(rows.filter(asks)["sitting"].to_numpy())
    sessions = (
        shared[seen]
        .select("account_id", "session_id", "class", "label")
        .unique(["account_id", "session_id"], keep="first", maintain_order=True)
        .sort("account_id", "session_id", nulls_last=True)
    )
    return requests, sessions
