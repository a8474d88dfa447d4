"""Rows whose texts are numbers: a log repeats a few thousand texts in millions of rows.

That is dictionary encoding, as Parquet and Arrow have it. What is done to a text is done
once a distinct one, and moving a row moves a number.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Self

import polars as pl

__all__ = ["Packed"]

NUMBER = pl.UInt32


@dataclass(frozen=True, slots=True)
class Packed:
    """Some rows of a table.

    Attributes:
        rows: its columns; those named in ``texts`` hold the number of a text, null for none.
        texts: by column, its texts in the order of their numbers. A text may be there
            twice, or null, or used by no row.

    """

    rows: pl.DataFrame
    texts: dict[str, pl.Series] = field(default_factory=dict)

    def column(self, name: str) -> pl.Series:
        """Return a column with its texts."""
        held = self.rows.get_column(name)
        return self.texts[name].gather(held).alias(name) if name in self.texts else held

    def known(self, name: str) -> pl.Series:
        """Say by row whether a column of texts holds one."""
        number = self.rows.get_column(name)
        return self.texts[name].is_not_null().gather(number).fill_null(value=False)

    def unpacked(self) -> pl.DataFrame:
        """Return the rows with their texts."""
        return self.rows.with_columns(self.column(name) for name in self.texts)

    def select(self, columns: dict[str, tuple[str, pl.Expr]]) -> Self:
        """Return new columns, each of one column that is there.

        Args:
            columns: by new name the column that it is made of, and an expression of
                that one column, value by value. Texts made of texts stay packed;
                texts made of unpacked ones are packed.

        """
        plain = [how.alias(name) for name, (source, how) in columns.items() if source not in self.texts]
        made = {series.name: series for series in self.rows.with_columns(plain)} if plain else {}
        rows: list[pl.Series] = []
        texts: dict[str, pl.Series] = {}
        for name, (source, how) in columns.items():
            if source in self.texts:
                value = self.texts[source].alias(source).to_frame().select(how.alias(name)).to_series()
                number = self.rows.get_column(source)
            else:
                value, number = made[name], None
            if value.dtype == pl.String:
                texts[name] = value
                value = pl.int_range(value.len(), dtype=NUMBER, eager=True) if number is None else number
            elif number is not None:
                value = value.gather(number)
            rows.append(value.alias(name))
        return type(self)(pl.DataFrame(rows), texts)

    @classmethod
    def concat(cls, parts: Sequence[Self]) -> Self:
        """Join the rows of several of the same columns, each text there once and none null.

        Args:
            parts: at least one.

        """
        rows = [part.rows for part in parts]
        texts: dict[str, pl.Series] = {}
        for name in parts[0].texts:
            held = [part.texts[name] for part in parts]
            every = pl.concat(held)
            distinct = every.drop_nulls().unique()
            number = every.cast(pl.Enum(distinct)).to_physical().cast(NUMBER)
            starts = accumulate(map(len, held), initial=0)
            rows = [
                frame.with_columns(number[start:].gather(frame.get_column(name)).alias(name))
                for frame, start in zip(rows, starts, strict=False)
            ]
            texts[name] = distinct
        return cls(pl.concat(rows), texts)
