"""Runs: rows side by side that agree in some columns.

What a client shows of itself, and the session it is in, seldom change from one request to the
next. So what is counted or looked up by such columns is taken once a run, and not once a row. How
rows are cut into runs depends on their order; what is summed up or looked up by runs does not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

__all__ = ["Runs"]


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of a table.

    Attributes:
        first: number of each run's first row, ascending, dtype int64.
        rows: rows of the table.

    """

    first: NDArray[np.int64]
    rows: int

    @classmethod
    def of(cls, table: pl.DataFrame, columns: Sequence[str]) -> "Runs":
        """Cut a table into runs that agree in some columns; two nulls agree."""
        own = pl.col(columns)
        changes = table.select(pl.any_horizontal(own.ne_missing(own.shift(1)))).to_series()
        begins = changes.to_numpy(writable=True)
        begins[:1] = True
        return cls(np.flatnonzero(begins), table.height)

    @property
    def lengths(self) -> pl.Series:
        """Rows of each run, dtype Int64."""
        return pl.Series("rows", np.diff(self.first, append=self.rows))

    def heads(self, table: pl.DataFrame) -> pl.DataFrame:
        """Return the first row of each run of a table."""
        return table[self.first]

    def spread(self, values: pl.Series) -> pl.Series:
        """Return what was found of each run, at each of its rows."""
        return values.gather(np.repeat(np.arange(len(self.first)), self.lengths.to_numpy()))

    def least(self, times: pl.Series) -> pl.Series:
        """Return the first time of each run; none is null."""
        return self._reduced(np.minimum, times).cast(times.dtype)

    def most(self, times: pl.Series) -> pl.Series:
        """Return the last time of each run; none is null."""
        return self._reduced(np.maximum, times).cast(times.dtype)

    def sums(self, table: pl.DataFrame) -> pl.DataFrame:
        """Sum up whole numbers and truth values over each run, dtype Int64; a null adds nothing."""
        # Half the time of a group of polars.
        columns = (values.fill_null(strategy="zero") if values.null_count() else values for values in table)
        return pl.DataFrame([self._reduced(np.add, values) for values in columns])

    def _reduced(self, how: np.ufunc, values: pl.Series) -> pl.Series:
        numbers = values.to_physical().to_numpy()
        found = np.zeros(0, dtype=np.int64)
        if len(self.first):
            # Truth values as numbers: numpy would say whether one is true.
            numbers = numbers.view(np.int8) if numbers.dtype == np.bool_ else numbers
            found = how.reduceat(numbers, self.first, dtype=np.int64)
        return pl.Series(values.name, found)
