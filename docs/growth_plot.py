"""The growth of time and memory with requests and with accounts, drawn as SVG.

Both axes of each panel are logarithmic: what grows as fast as the log is a straight line of slope one.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

__all__ = ["growth_plot"]

SERIES = {
    "score-store": ("score, from a store", "#3b6ea5", ""),
    "score": ("score, from Parquet", "#d1603d", ""),
    "train-store": ("train, from a store", "#3b6ea5", "5 4"),
    "train": ("train, from Parquet", "#d1603d", "5 4"),
    "duckdb": ("DuckDB, from Parquet", "#7a7a7a", ""),
    "decode-store": ("bare decode of a store", "#4f9d69", ""),
}
"""What is drawn: its name, colour and dashes."""

WIDTH, HEIGHT = 760, 600
INK, GRID = "#444444", "#e2e2e2"
FRAME = f'fill="none" stroke="{GRID}"'
MOST_LABELS = 7
UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))

Point = tuple[float, float]


@dataclass(frozen=True)
class Panel:
    """A plot within the picture.

    Attributes:
        left: edge of the axes (pixels), as are ``top``, ``width`` and ``height``.
        title: above it.
        axis: title of the horizontal axis.
        curves: points by series, in order of the horizontal axis.
        heights: numbers of the vertical axis, the same for all panels of a row.

    """

    left: int
    top: int
    title: str
    axis: str
    curves: Mapping[str, Sequence[Point]]
    heights: Sequence[float]
    width: int = 300
    height: int = 180

    def draw(self) -> Iterator[str]:
        """Give the lines of SVG."""
        across = ladder([x for curve in self.curves.values() for x, _ in curve])
        up = self.heights

        def place(x: float, y: float) -> Point:
            right, top = share(x, across), share(y, up)
            return self.left + right * self.width, self.top + (1 - top) * self.height

        yield text(self.left, self.top - 10, self.title, weight="bold")
        yield text(self.left + self.width / 2, self.top + self.height + 36, self.axis, anchor="middle")
        for value in shown(across):
            x, y = place(value, up[0])
            yield stroke((x, self.top), (x, y), GRID)
            yield text(x, y + 17, short(value), anchor="middle")
        for value in shown(up):
            x, y = place(across[0], value)
            yield stroke((x, y), (self.left + self.width, y), GRID)
            yield text(x - 6, y + 4, short(value), anchor="end")
        yield f'<rect x="{self.left}" y="{self.top}" width="{self.width}" height="{self.height}" {FRAME}/>'
        for what, curve in self.curves.items():
            _, colour, dashes = SERIES[what]
            spots = [place(*point) for point in curve]
            yield from (stroke(one, next_, colour, 2, dashes) for one, next_ in pairwise(spots))
            yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in spots)


def growth_plot(lines: Sequence[Mapping[str, Any]]) -> str:
    """Draw time and peak memory against requests, and at equal requests against accounts.

    Args:
        lines: of the figures.

    """
    logged = [line for line in lines if not line["spread"]]
    spread = [line for line in lines if line["spread"]]
    equal = [line for line in lines if line["rows"] in {other["rows"] for other in spread}]
    beside = [line for line in equal if line["what"] in {other["what"] for other in spread}]
    at = f" ({spread[0]['rows'] / 1e6:.1f} M requests)" if spread else ""
    panels = []
    for top, measure, title in ((110, "wall", "time (s)"), (370, "peak", "peak memory (GiB)")):
        row = curves(logged, "rows", measure), curves(beside, "accounts", measure)
        heights = ladder([y for each in row for curve in each.values() for _, y in curve])
        panels += [
            Panel(left, top, title, axis, each, heights)
            for left, axis, each in zip((70, 440), ("requests", f"accounts{at}"), row, strict=True)
        ]
    drawn = [panel for panel in panels if panel.curves]
    used = [what for what in SERIES if any(what in panel.curves for panel in drawn)]
    size = f'width="{WIDTH}" height="{HEIGHT}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">',
            f'<rect {size} fill="#ffffff"/>',
            text(16, 22, "Growth of time and peak memory; logarithmic axes"),
            *(part for number, what in enumerate(used) for part in entry(what, number)),
            *(part for panel in drawn for part in panel.draw()),
            "</svg>\n",
        ]
    )


def curves(lines: Sequence[Mapping[str, Any]], key: str, measure: str) -> dict[str, list[Point]]:
    """Return the points of every series that was measured."""
    scale = 2.0**30 if measure == "peak" else 1.0
    return {
        what: sorted((line[key], line["cost"][measure] / scale) for line in lines if line["what"] == what)
        for what in SERIES
        if any(line["what"] == what for line in lines)
    }


def ladder(values: Sequence[float]) -> list[float]:
    """Return the numbers 1, 2, 5, 10, 20, ... that span all values, at least two."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    # Texts, for a tenth times three powers of ten is not quite a hundred.
    rungs = [float(f"{digit}e{power}") for power in range(low, high + 2) for digit in (1, 2, 5)]
    first = max(number for number, rung in enumerate(rungs) if rung <= min(values))
    last = min(number for number, rung in enumerate(rungs) if rung >= max(values))
    return rungs[first : max(last, first + 1) + 1]


def shown(rungs: Sequence[float]) -> list[float]:
    """Return which numbers of an axis are written: all if few, else powers of ten."""
    return list(rungs) if len(rungs) <= MOST_LABELS else [one for one in rungs if f"{one:e}"[0] == "1"]


def share(value: float, rungs: Sequence[float]) -> float:
    """Return where a value lies along an axis, from 0 to 1."""
    return math.log(value / rungs[0]) / math.log(rungs[-1] / rungs[0])


def short(value: float) -> str:
    """Return a number as a label of an axis."""
    scale, unit = next(((scale, unit) for scale, unit in UNITS if value >= scale), (1.0, ""))
    return f"{value / scale:g}{unit and ' ' + unit}"


def entry(what: str, number: int) -> list[str]:
    """Return one entry of the legend, three a row."""
    name, colour, dashes = SERIES[what]
    x, y = 16 + 240 * (number % 3), 46 + 20 * (number // 3)
    return [stroke((x, y - 4), (x + 28, y - 4), colour, 2, dashes), text(x + 36, y, name)]


def stroke(start: Point, end: Point, colour: str, width: int = 1, dashes: str = "") -> str:
    """Return a straight line."""
    (x1, y1), (x2, y2) = start, end
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{colour}" stroke-width="{width}"{dashed}/>'
    )


def text(x: float, y: float, words: str, anchor: str = "start", weight: str = "normal") -> str:
    """Return a line of text."""
    style = f'fill="{INK}" text-anchor="{anchor}" font-weight="{weight}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{words}</text>'
