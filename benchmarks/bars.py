"""Figures with the limits they have to keep, and tables of figures in Markdown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["Bar", "bar_table", "table"]


@dataclass(frozen=True)
class Bar:
    """A figure with the limit it has to keep.

    Attributes:
        what: the figure, with its unit and what it was measured on.
        value: the figure.
        limit: what it has to keep.
        most: the limit is the largest value that holds; else the smallest.
        cpu: the same ratio taken of processor time; null where it is no ratio of times.

    """

    what: str
    value: float
    limit: float
    most: bool
    cpu: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the figure keeps its limit."""
        return self.value <= self.limit if self.most else self.value >= self.limit


def bar_table(bars: Iterable[Bar]) -> str:
    """Return a table of bars in Markdown."""
    rows = [
        [
            bar.what,
            f"{bar.value:.4g}",
            f"{'at most' if bar.most else 'at least'} {bar.limit:.3g}",
            "yes" if bar.holds else "**no**",
            "" if bar.cpu is None else f"{bar.cpu:.3g}",
        ]
        for bar in bars
    ]
    return table(("bar", "figure", "limit", "holds", "by CPU time"), rows)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    return "\n".join(f"| {' | '.join(line)} |" for line in (heads, ["---"] * len(heads), *rows))
