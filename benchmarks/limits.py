"""What was measured of speed and memory, and the limits that the detector has to keep."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.bars import Bar
from benchmarks.contestants import STORE
from benchmarks.forests import Forests
from benchmarks.process import Cost

__all__ = ["Line", "kept"]

GIB = 2**30
HEADERS, BARE = "duckdb", "decode-store"
MEMORY = {"score-store": 1.5, "train-store": 1.5, "score": 3.0, "train": 3.0}
"""Most memory (GiB) at any size."""
STARTS = {"help": 0.3, "sample": 3.0}
"""Most seconds of what is run by hand."""


@dataclass(frozen=True)
class Line:
    """What one contestant took.

    Attributes:
        what: key of the contestant, or of what else was measured.
        name: for people.
        reads: kind of log; empty where none is read.
        rows: of the log, or that were made.
        accounts: of the log, or that were made.
        cost: medians over the runs.
        walls: seconds of every run.
        spread: how the log's requests were spread over other accounts; empty: as logged.

    """

    what: str
    name: str
    reads: str
    rows: int
    accounts: int
    cost: Cost
    walls: tuple[float, ...]
    spread: str = ""


def kept(lines: Sequence[Line], forests: Forests | None = None) -> list[Bar]:
    """Compare figures with their limits, as far as they were measured.

    Args:
        lines: costs; bars of logs take those that are spread as logged.
        forests: the comparison of forests.

    """
    found = {(line.what, line.rows): line for line in lines if not line.spread}
    bars = [bar for line in found.values() for bar in (*_beside(line, found), *_alone(line))]
    for what in MEMORY:
        own = sorted((line for key, line in found.items() if key[0] == what), key=lambda line: line.rows)
        for small, large in pairwise(own):
            times = large.rows / small.rows
            label = (
                f"time a row, {large.rows:,} / {small.rows:,} rows ({what.partition('-')[0]}, {large.reads})"
            )
            bars.append(_ratio(label, large, small, 1.05, scale=times))
    if forests:
        ratio = forests.theirs_wall / forests.ours_wall
        rows = f"{forests.rows:,} rows"
        bars += [
            Bar(
                f"forest: times as fast as scikit-learn ({rows})",
                ratio,
                2,
                False,
                forests.theirs / forests.ours,
            ),
            Bar(
                f"forest: largest difference from scikit-learn ({rows})", forests.difference, 1e-12, most=True
            ),
        ]
    return bars


def _beside(line: Line, found: dict[tuple[str, int], Line]) -> Iterator[Bar]:
    """Compare scoring with DuckDB and with bare decoding, training with scoring."""
    on = f"({line.reads}, {line.rows:,} rows)"
    if line.what in {"score", "score-store"} and (peer := found.get((HEADERS, line.rows))):
        least = 4.0 if line.reads == STORE else 1.0
        yield _ratio(f"score: times as fast as DuckDB on Parquet {on}", peer, line, least, most=False)
    if line.what == "score-store" and (bare := found.get((BARE, line.rows))):
        yield _ratio(f"score: time / bare decode {on}", line, bare, 6)
    if line.what in {"train", "train-store"}:
        scoring = found.get((line.what.replace("train", "score"), line.rows))
        if scoring:
            yield _ratio(f"train: time / score {on}", line, scoring, 1.3)


def _alone(line: Line) -> Iterator[Bar]:
    """Compare memory, and what has a limit of its own."""
    if most := MEMORY.get(line.what):
        label = f"{line.what.partition('-')[0]}: peak memory, GiB ({line.reads}, {line.rows:,} rows)"
        yield Bar(label, line.cost.peak / GIB, most, most=True)
    if line.what == "simulate":
        yield Bar(
            f"simulate: million rows/s ({line.rows:,} rows)", line.rows / line.cost.wall / 1e6, 1, most=False
        )
    if line.what in STARTS:
        yield Bar(f"{line.name}, s", line.cost.wall, STARTS[line.what], most=True)


def _ratio(what: str, over: Line, under: Line, limit: float, *, most: bool = True, scale: float = 1) -> Bar:
    """Return the ratio of two times, and of two times of the processor."""
    wall, cpu = over.cost.wall / under.cost.wall / scale, over.cost.cpu / under.cost.cpu / scale
    return Bar(what, wall, limit, most, cpu)
