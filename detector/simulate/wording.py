"""What the codes of rows say: columns of the log that many rows share, each text kept once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from detector.simulate.columns import STOPS, Kind

__all__ = ["HEADERS", "Words", "worded"]

HELPER_MODEL = "claude-haiku-4-5"
PROBE_PATH = "/api/hello"
COUNT_PATH = "/v1/messages/count_tokens"
CODE = pa.uint8()
CODED_TEXT = pa.dictionary(CODE, pa.string())
HEADERS = {
    "header_names": pa.list_(CODED_TEXT),
    "header_values": pa.list_(pa.struct({"name": CODED_TEXT, "value": CODED_TEXT})),
}


@dataclass(frozen=True)
class Words:
    """What the codes of rows stand for.

    Attributes:
        sittings: what the rows of a sitting share, by its number; ``telemetry_path``: where its posts go.
        wires: ``user_agent``, ``http_version`` by code of the wire.
        headers: ``header_names``, ``header_values`` by code of the wire, each text a code itself.
        ja4: TLS fingerprints by code.

    """

    sittings: pl.DataFrame
    wires: pl.DataFrame
    headers: Mapping[str, pa.ListArray]
    ja4: pl.Series


def worded(rows: pl.DataFrame, words: Words) -> dict[str, pa.Array]:
    """Return every column of the log that rows share with others, by its name.

    Args:
        rows: columns of ``ROW``.
        words: what their codes stand for.

    Returns:
        Arrays as long as ``rows``; a text is a code of a dictionary, which holds little else than occurs.

    """
    call = rows.select(pl.col("sitting").cast(pl.Int64) * len(Kind) + pl.col("kind")).to_series()
    stop = rows.select(pl.when(pl.col("stop") >= 0).then("stop")).to_series()
    return {
        **_shared(call, lambda codes: _calls(codes, words.sittings)),
        **_shared(rows["wire"], lambda codes: words.wires[codes]),
        **_shared(rows["ja4"], lambda codes: words.ja4.gather(codes).alias("ja4").to_frame()),
        **{name: _taken(lists, rows["wire"].to_arrow()) for name, lists in words.headers.items()},
        "stop_reason": pa.DictionaryArray.from_arrays(stop.to_arrow(), pl.Series(STOPS).to_arrow()),
    }


def _calls(codes: pl.Series, sittings: pl.DataFrame) -> pl.DataFrame:
    """Say what the rows of one kind in one sitting share."""
    shared = sittings[codes // len(Kind)].with_columns(kind=codes % len(Kind))
    kind, asks = pl.col("kind"), pl.col("kind") <= Kind.HELPER
    return shared.with_columns(
        path=pl.when(asks)
        .then("path")
        .when(kind == Kind.PROBE)
        .then(pl.lit(PROBE_PATH))
        .when(kind == Kind.COUNT)
        .then(pl.lit(COUNT_PATH))
        .otherwise("telemetry_path"),
        method=pl.when(kind == Kind.PROBE).then(pl.lit("HEAD")).otherwise(pl.lit("POST")),
        auth=pl.when(kind != Kind.PROBE).then("auth"),
        session_id=pl.when(kind != Kind.PROBE).then("session_id"),
        device_id=pl.when(asks | (kind == Kind.COUNT)).then("device_id"),
        model=pl.when(kind.is_in([Kind.INFERENCE, Kind.COUNT]))
        .then("model")
        .when(kind == Kind.HELPER)
        .then(pl.lit(HELPER_MODEL)),
        tools_hash=pl.when(kind == Kind.INFERENCE).then("tools_hash"),
        stream=pl.when(asks).then("stream"),
    ).drop("kind", "telemetry_path")


def _shared(codes: pl.Series, meaning: Callable[[pl.Series], pl.DataFrame]) -> dict[str, pa.Array]:
    """Columns of rows by a code of theirs: what a code means is looked up once, however many rows have it."""
    coded = codes.to_arrow().dictionary_encode()
    found = meaning(pl.Series(coded.dictionary)).to_arrow()
    columns = {name: found[name].combine_chunks() for name in found.column_names}
    return {
        name: (one.dictionary_encode() if pa.types.is_large_string(one.type) else one).take(coded.indices)
        for name, one in columns.items()
    }


def _taken(lists: pa.ListArray, codes: pa.Array) -> pa.ListArray:
    """Take lists, each as one piece: a list of one-byte codes lies in memory as a text does."""
    pairs = pa.types.is_struct(lists.type.value_type)
    children = lists.values.flatten() if pairs else [lists.values]
    taken = []
    for child in children:
        pieces = [None, lists.buffers()[1], child.indices.buffers()[1]]
        _, ends, data = pa.Array.from_buffers(pa.binary(), len(lists), pieces).take(codes).buffers()
        offsets = pa.Array.from_buffers(pa.int32(), len(codes) + 1, [None, ends])
        indices = pa.Array.from_buffers(CODE, offsets[-1].as_py(), [None, data])
        taken.append(pa.DictionaryArray.from_arrays(indices, child.dictionary, safe=False))
    values = pa.StructArray.from_arrays(taken, fields=list(lists.type.value_type)) if pairs else taken[0]
    return pa.ListArray.from_arrays(offsets, values)
