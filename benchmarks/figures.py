"""Figures of many rankings as Markdown tables: pooled over seeds, a table a question."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from statistics import fmean

from benchmarks.contest import CUT
from benchmarks.outcomes import DETECTOR, Outcome, Stability
from detector.verdict.evaluate import ClassFigures, Figures, wilson

__all__ = ["report"]

HEADLINE = ("average precision", "recall at 1 % false flags", "at 0.1 %", "recall at own flags")
RATE = ("accounts", "flagged", "rate", "95 % interval")


def report(outcomes: Sequence[Outcome], stability: Sequence[Stability]) -> str:
    """Return all tables that the outcomes can fill, in Markdown."""
    parts: list[str] = []
    for source in dict.fromkeys(one.source for one in outcomes):
        mine = [one for one in outcomes if one.source == source]
        base = [one for one in mine if not one.varied]
        if base:
            parts += [f"### {source}", *_base(base, [one for one in stability if one.source == source])]
        for varied in dict.fromkeys(one.varied for one in mine if one.varied):
            own = [one for one in mine if one.varied == varied]
            if varied == CUT:
                own += [_as_value(one, "all") for one in base if one.method == DETECTOR]
            parts += [f"### {source}: {varied}", _varied(own)]
            if varied.startswith("class"):
                parts.append(_class_columns(own))
    return "\n\n".join(parts) + "\n"


def _base(base: Sequence[Outcome], stability: Sequence[Stability]) -> Iterator[str]:
    """Give the tables of one source with nothing varied."""
    methods = list(dict.fromkeys(one.method for one in base))
    rows = [[method, *_headline([one for one in base if one.method == method])] for method in methods]
    yield _table(("ranked by", *HEADLINE, "false discoveries", "genuine accounts flagged"), rows)
    ours = [one for one in base if one.method == DETECTOR]
    yield "Flags of the detector by class:"
    yield _table(("class", "label", *RATE, "verdicts"), _rates(one.accounts for one in ours))
    yield "Recall at 1 % false flags by class (accounts):"
    classes = sorted({name for one in base for name in one.found})
    cells = [
        [name, *(_share(*_found([one for one in base if one.method == m], name)) for m in methods)]
        for name in classes
    ]
    yield _table(("class", *methods), cells)
    told = [one.sessions for one in ours if one.sessions]
    riding = [row[:-1] for row in _rates(told) if row[0] == "riding"]
    if riding:
        yield "Sessions of riding accounts (harness: the rider's, named; genuine: the person's, accused):"
        yield _table(("class", "label", "sessions", *RATE[1:]), riding)
    if stability:
        yield "Another seed of the forest, the same training week:"
        rows = [
            [
                str(len(stability)),
                _mean([one.flagged for one in stability], "{:.1f}"),
                _spread([one.changed for one in stability]),
                _spread([one.jaccard for one in stability]),
            ]
        ]
        yield _table(("trials", "accounts flagged", "share of them that changes", "Jaccard distance"), rows)


def _varied(outcomes: Sequence[Outcome]) -> str:
    """Give the table of one thing varied, a row a value."""
    rows = []
    for value, own in _by_value(outcomes):
        short = [one.accounts.left_out.get("verdict insufficient_data", 0) for one in own]
        total = sum(one.accounts.evaluated for one in own)
        rows.append([value, *_headline(own), f"{sum(short) / total:.1%}"])
    heads = ("value", *HEADLINE, "false discoveries", "genuine accounts flagged", "insufficient data")
    return _table(heads, rows)


def _class_columns(outcomes: Sequence[Outcome]) -> str:
    """Give what became of each harness class: found at 1 % false flags / at own flags."""
    classes = sorted({name for one in outcomes for name in one.found})
    rows = [
        [value, *(f"{_share(*_found(own, name))} / {_share(*_flagged(own, name))}" for name in classes)]
        for value, own in _by_value(outcomes)
    ]
    return "Recall by class at 1 % false flags / at own flags:\n\n" + _table(("value", *classes), rows)


def _headline(outcomes: Sequence[Outcome]) -> list[str]:
    figures = [one.accounts for one in outcomes]
    at = [[one.at_false_flags[i].recall for one in figures if one.at_false_flags] for i in (0, 1)]
    columns = [
        [one.average_precision for one in figures if one.average_precision is not None],
        *at,
        [one.recall for one in figures],
        [one.false_discovery for one in figures if one.false_discovery is not None],
    ]
    genuine = [part for one in figures for part in one.classes if part.label == "genuine"]
    flagged, members = sum(part.flagged for part in genuine), sum(part.members for part in genuine)
    return [*map(_spread, columns), f"{flagged:,} of {members:,}"]


def _rates(figures: Iterable[Figures]) -> list[list[str]]:
    """Pool the flag rate of every class over seeds, with its Wilson 95 % interval."""
    pooled: dict[tuple[str, str], list[ClassFigures]] = {}
    for part in (part for each in figures for part in each.classes):
        pooled.setdefault((part.label, part.name), []).append(part)
    rows = []
    for (label, name), parts in sorted(pooled.items()):
        hits, total = sum(part.flagged for part in parts), sum(part.members for part in parts)
        low, high = wilson(hits, total)
        verdicts = sum((Counter(part.verdicts) for part in parts), Counter[str]())
        said = ", ".join(f"{verdict} {count:,}" for verdict, count in verdicts.most_common())
        counts = (f"{total:,}", f"{hits:,}", f"{hits / total:.1%}", f"{low:.1%} to {high:.1%}")
        rows.append([name, label, *counts, said])
    return rows


def _found(outcomes: Sequence[Outcome], name: str) -> tuple[int, int]:
    pairs = [one.found.get(name, (0, 0)) for one in outcomes]
    return sum(hits for hits, _ in pairs), sum(total for _, total in pairs)


def _flagged(outcomes: Sequence[Outcome], name: str) -> tuple[int, int]:
    parts = [part for one in outcomes for part in one.accounts.classes if part.name == name]
    return sum(part.flagged for part in parts), sum(part.members for part in parts)


def _by_value(outcomes: Sequence[Outcome]) -> list[tuple[str, list[Outcome]]]:
    order = list(dict.fromkeys(one.value for one in outcomes))
    place: Callable[[Outcome], int] = lambda one: order.index(one.value)  # noqa: E731
    return [(order[at], list(own)) for at, own in groupby(sorted(outcomes, key=place), key=place)]


def _as_value(one: Outcome, value: str) -> Outcome:
    return Outcome(one.source, one.seed, one.method, one.accounts, one.found, value=value)


def _share(hits: int, total: int) -> str:
    return f"{hits / total:.2f} ({hits}/{total})" if total else "-"


def _mean(values: Sequence[float], form: str) -> str:
    return form.format(fmean(values)) if values else "-"


def _spread(values: Sequence[float]) -> str:
    """Give the mean, and the range where there is more than one value."""
    if len(values) < 2:
        return _mean(values, "{:.3f}")
    return f"{fmean(values):.3f} ({min(values):.2f}-{max(values):.2f})"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
