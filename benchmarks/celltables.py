"""Verdicts on the accounts of cells as Markdown tables, pooled over seeds."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import fmean

import polars as pl
from scipy.stats import beta

from detector.verdict.evaluate import evaluate_frames

__all__ = ["overall", "report", "upper_bound", "varied"]

MODELS = ("trained", "bundled")
HONEST_HEADS = ("flagged", "at most", "watch", "share", "other verdicts")
GUILTY_HEADS = ("accounts", "as expected", "flagged", "watch", "clear", "other verdicts")
OVERALL = (
    *("genuine", "flagged", "on watch", "share on watch", "average precision"),
    *("recall at 0.1 % false flags", "at own flags", "at flags and watch"),
)


def report(accounts: pl.DataFrame) -> str:
    """Give every table, in Markdown.

    Args:
        accounts: from ``benchmarks.cells.judged``, of one seed or more.

    """
    parts = ["### Overall", _overall(accounts)]
    honest = accounts.filter(pl.col("kind") == "honest")
    parts += ["### Honest classes by telemetry state (at most: upper 95 % bound of the share flagged)"]
    parts += [_honest(honest)]
    harnesses = accounts.filter(pl.col("kind") == "harness")
    tools = accounts.filter(pl.col("kind") == "tool")
    variants = accounts.filter(pl.col("kind") == "variant")
    for model in MODELS:
        parts += [f"### Harness classes, {model} model", _guilty(_of(harnesses, model), ["class"])]
        for kept_out, title in ((False, "tools"), (True, "tools kept out of tuning")):
            rows = _of(tools, model).filter(pl.col("kept_out") == kept_out)
            parts += [f"### Captured {title}, {model} model", _guilty(rows, ["class"])]
            rows = _of(variants, model).filter(pl.col("kept_out") == kept_out)
            parts += [f"### Variants of captured {title}, {model} model", _guilty(rows, ["state"])]
            if rows.height:
                parts += ["Flagged by tool and variant:", _crossed(rows)]
    return "\n\n".join(parts) + "\n"


def upper_bound(hits: int, total: int) -> float:
    """Give the one-sided upper 95 % bound of a share (Clopper-Pearson), in [0, 1]."""
    return 1.0 if hits == total else float(beta.ppf(0.95, hits + 1, total - hits))


def overall(accounts: pl.DataFrame) -> dict[str, float | None]:
    """Give the figures of one model over its seeds, by the names of the overall table.

    Accounts are pooled over seeds; the ranking is that of each seed, and its figures are averaged.

    Args:
        accounts: of one model.

    """
    genuine = accounts.filter(pl.col("label") == "genuine")
    harness = accounts.filter(pl.col("label") == "harness")
    watched = pl.col("verdict") == "watch"
    flagged, watch = int(genuine["flagged"].sum()), genuine.filter(watched).height
    figures = [
        evaluate_frames(
            own.filter(pl.col("verdict") != "unseen"),
            own.select("account_id", "class", "label"),
            unit="account",
            where="cells",
        )
        for own in accounts.partition_by("seed")
    ]
    precisions = [one.average_precision for one in figures if one.average_precision is not None]
    recalls = [one.at_false_flags[-1].recall for one in figures if one.at_false_flags]
    values = (
        *(genuine.height, flagged, watch, watch / max(1, genuine.height)),
        *(fmean(shares) if shares else None for shares in (precisions, recalls)),
        harness["flagged"].mean(),
        harness.select((pl.col("flagged") | watched).mean()).item(),
    )
    return dict(zip(OVERALL, values, strict=True))


def varied(title: str, tables: Mapping[str, pl.DataFrame]) -> str:
    """Give a row a variation, in Markdown: the zeros and recalls of both models, print-mode imitations aside.

    Args:
        title: what is varied.
        tables: by value, what ``benchmarks.cells.judged`` gives.

    """
    shown = ("flagged", "on watch", "at own flags", "at flags and watch")
    rows = []
    for value, accounts in tables.items():
        row = [value, str(_of(accounts, MODELS[0]).filter(pl.col("label") == "genuine").height)]
        for model in MODELS:
            figures = overall(_of(accounts.filter(~pl.col("kept_out")), model))
            row += [_number(figures[name]) for name in shown]
        rows.append(row)
    heads = [f"{head}, {model}" for model in MODELS for head in shown]
    return _table((title, "genuine", *heads), rows) + "\n"


def _overall(accounts: pl.DataFrame) -> str:
    """Figures without and with what stands outside of tuning."""
    plain = accounts.filter(~pl.col("kept_out"), pl.col("kind") != "variant")
    rows = []
    for model in MODELS:
        for name, chosen in (("classes and tools", plain), ("kept out and variants too", accounts)):
            values = overall(_of(chosen, model)).values()
            rows.append([model, name, *(_number(value) for value in values)])
    return _table(("model", "accounts", *OVERALL), rows)


def _number(value: float | None) -> str:
    return "-" if value is None else str(value) if isinstance(value, int) else f"{value:.3f}"


def _honest(accounts: pl.DataFrame) -> str:
    """Both models side by side; each class in each state, states over all classes, and everything."""
    every = pl.lit("**all**")
    pooled = [
        accounts.with_columns(**{"class": every}),
        accounts.with_columns(every.alias("state"), **{"class": every}),
    ]
    rows = []
    for table in (accounts, *pooled):
        for cell in table.sort("class", "state").partition_by("class", "state", maintain_order=True):
            total = cell.filter(pl.col("model") == MODELS[0]).height
            row = [cell["class"][0], cell["state"][0], str(total)]
            for model in MODELS:
                own = _of(cell, model)
                flagged, watch = int(own["flagged"].sum()), _count(own, "watch")
                bound = upper_bound(flagged, total)
                row += [str(flagged), f"{bound:.1%}", str(watch), f"{watch / total:.1%}"]
                row.append(_others(own, {"watch", "clear"}))
            rows.append(row)
    heads = [f"{head}, {model}" for model in MODELS for head in HONEST_HEADS]
    return _table(("class", "state", "accounts", *heads), rows)


def _guilty(accounts: pl.DataFrame, keys: Sequence[str]) -> str:
    if accounts.is_empty():
        return "None."
    rows = []
    for cell in accounts.sort(keys).partition_by(*keys, maintain_order=True):
        expected = cell.filter(pl.col("verdict") == pl.col("label")).height
        counts = (
            cell.height,
            expected,
            int(cell["flagged"].sum()),
            _count(cell, "watch"),
            _count(cell, "clear"),
        )
        names = [cell[key][0] for key in keys]
        rows.append([*names, *map(str, counts), _others(cell, {"watch", "clear", "harness"})])
    return _table((*keys, *GUILTY_HEADS), rows)


def _crossed(accounts: pl.DataFrame) -> str:
    """Give flagged and all accounts, a row a tool and a column a variant."""
    variants = accounts["state"].unique().sort().to_list()
    rows = []
    for tool in accounts.sort("class").partition_by("class", maintain_order=True):
        cells = (tool.filter(pl.col("state") == variant) for variant in variants)
        counts = [f"{cell['flagged'].sum()} of {cell.height}" if cell.height else "-" for cell in cells]
        rows.append([tool["class"][0], *counts])
    return _table(("class", *variants), rows)


def _of(accounts: pl.DataFrame, model: str) -> pl.DataFrame:
    return accounts.filter(pl.col("model") == model)


def _count(accounts: pl.DataFrame, verdict: str) -> int:
    return accounts.filter(pl.col("verdict") == verdict).height


def _others(accounts: pl.DataFrame, usual: set[str]) -> str:
    counts = accounts.filter(~pl.col("verdict").is_in(list(usual)))["verdict"].value_counts()
    rows: Iterator[tuple[str, int]] = iter(counts.sort("verdict").iter_rows())
    return ", ".join(f"{verdict} {count}" for verdict, count in rows)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
