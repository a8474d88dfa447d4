"""Real sessions as a library of requests, and decks that deal them without replacement."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

__all__ = ["Deck", "Library"]

CACHE_LIFE_S = 300.0
TOKENS_PER_S = 65.0
FIRST_TOKEN_S = 1.2
PLACEHOLDER_OUTPUT = "packmind"
"""Its output tokens were read when the stream began."""


@dataclass(frozen=True)
class Library:
    """Requests of real sessions, ready to be laid at any time.

    Attributes:
        requests: a row a request: ``key`` (session), ``at`` and ``end`` (s from the session's start),
            ``human`` (a human turn), ``context`` and ``previous`` (tokens of this and of the thread's
            last request, null on its first), ``warm`` (the prompt cache still lives), ``output``
            (tokens) and ``final`` (the turn ends here).
        people: keys of people's sessions.
        automated: keys of automated sessions.
        length: seconds of the session with key ``i``.

    """

    requests: pl.DataFrame
    people: np.ndarray
    automated: np.ndarray
    length: np.ndarray

    def reach(self, count: int) -> np.ndarray:
        """Give when session ``i`` sends its request after the first ``count``.

        Returns:
            Seconds from each session's start, shape ``(sessions,)``; infinite where it has no more.

        """
        arrivals = self.requests.group_by("key").agg(pl.col("at").sort().get(count, null_on_oob=True))
        return arrivals.sort("key")["at"].fill_null(float("inf")).to_numpy()

    def first_turn(self) -> np.ndarray:
        """Give when the second human turn of session ``i`` begins.

        Returns:
            Seconds from each session's start, shape ``(sessions,)``; infinite where it has no second.

        """
        turns = pl.col("at").filter(pl.col("human") & (pl.col("at") > pl.col("at").min())).min()
        begins = self.requests.group_by("key").agg(turns).sort("key")["at"]
        return begins.fill_null(float("inf")).to_numpy()

    @classmethod
    def read(
        cls,
        folder: Path,
        people: Sequence[str],
        automated: Sequence[str],
        part: tuple[int, int],
        rng: np.random.Generator,
    ) -> "Library":
        """Read the sources whose file names start with the given words.

        Args:
            folder: the cadence files.
            people: sources of people's sessions.
            automated: sources of automated sessions.
            part: ``(i, n)`` keeps every n-th session from the i-th on: weeks with disjoint sessions.
            rng: spreads times that a source rounded to a second.

        Raises:
            FileNotFoundError: no file starts with the name of a source.

        """
        frames = [
            _requests(_find(folder, source)).with_columns(person=pl.lit(value=is_person))
            for sources, is_person in ((people, True), (automated, False))
            for source in sources
        ]
        raw = pl.concat(frames).sort("person", "source", "session_id", "at", "end")
        names = raw.select("person", "source", "session_id").unique().sort("person", "source", "session_id")
        names = names.with_row_index("rank").filter(pl.col("rank") % part[1] == part[0])
        names = names.drop("rank").with_row_index("key")
        rows = _dequantised(raw.join(names, on=["person", "source", "session_id"]), rng)
        rows = rows.with_columns(
            first=pl.col("at").min().over("key"), following=pl.col("at").shift(-1).over("key", "thread")
        ).with_columns(pl.col("at") - pl.col("first"), pl.col("end") - pl.col("first"))
        rows = _durations(rows.with_columns(pl.col("following") - pl.col("first")))
        before = pl.col("end").shift(1).over("key", "thread")
        rows = rows.with_columns(
            previous=pl.col("context").shift(1).over("key", "thread"),
            warm=(pl.col("at") - before < CACHE_LIFE_S).fill_null(value=False),
            final=pl.col("human").shift(-1).over("key", "thread").fill_null(value=True),
        ).sort("key", "at", "end")
        length = rows.group_by("key").agg(pl.col("end").max()).sort("key")["end"].to_numpy()
        keys, person = names["key"].to_numpy(), names["person"].to_numpy()
        columns = ["key", "at", "end", "human", "context", "previous", "warm", "output", "final"]
        return cls(rows.select(columns), keys[person], keys[~person], length)


@dataclass
class Deck:
    """Deals session keys of one pool to one account: no session twice before every one was dealt."""

    keys: np.ndarray
    rng: np.random.Generator

    def __post_init__(self) -> None:
        """Shuffle."""
        self._dealt = np.empty(0, dtype=self.keys.dtype)

    def deal(self, count: int) -> np.ndarray:
        """Give ``count`` keys."""
        while len(self._dealt) < count:
            self._dealt = np.concatenate([self._dealt, self.rng.permutation(self.keys)])
        hand, self._dealt = self._dealt[:count], self._dealt[count:]
        return hand


def _find(folder: Path, source: str) -> Path:
    found = sorted(folder.glob(f"{source}*.parquet"))
    if not found:
        raise FileNotFoundError(f"no cadence file starts with {source!r} in {folder}")
    return found[0]


def _requests(path: Path) -> pl.DataFrame:
    """Rows that are model requests, under the library's names."""
    return (
        pl.scan_parquet(path)
        .filter(pl.col("role") == "assistant")
        .select(
            "source",
            "session_id",
            "thread",
            at=pl.col("request_t"),
            end=pl.col("t"),
            human=pl.col("trigger") == "user",
            context=pl.col("input_tokens").cast(pl.Int64),
            output=pl.lit(None, pl.Int64)
            if path.stem.startswith(PLACEHOLDER_OUTPUT)
            else pl.col("output_tokens").cast(pl.Int64),
        )
        .collect()
    )


def _dequantised(rows: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Spread whole-second arrivals over their second, so that rounding tells no source apart."""
    whole = pl.col("at") == pl.col("at").round()
    spread = pl.when(whole).then(pl.Series(rng.uniform(0, 1, rows.height))).otherwise(0.0)
    return (
        rows.with_columns(spread.alias("spread"))
        .with_columns(
            pl.col("at") + pl.col("spread"), pl.max_horizontal("end", pl.col("at") + pl.col("spread"))
        )
        .sort("key", "at", "end")
    )


def _durations(rows: pl.DataFrame) -> pl.DataFrame:
    """Fill what a source does not have: durations from output tokens, output from durations."""
    guess = FIRST_TOKEN_S + pl.col("output").fill_null(200) / TOKENS_PER_S
    room = (pl.col("following") - pl.col("at")).fill_null(float("inf")) * 0.85
    measured = pl.col("end") - pl.col("at") > 0.3
    rows = rows.with_columns(
        end=pl.when(measured).then(pl.col("end")).otherwise(pl.col("at") + pl.min_horizontal(guess, room))
    )
    spoken = ((pl.col("end") - pl.col("at") - FIRST_TOKEN_S) * TOKENS_PER_S).clip(8, 8000).cast(pl.Int64)
    return rows.with_columns(pl.col("output").fill_null(spoken))
