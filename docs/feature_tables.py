"""Tables of features: what each is, what it was measured to be worth, and what became of the others.

Figures come from ``benchmarks/results/features.json``, which ``python -m benchmarks.ablation`` and
``python -m benchmarks.candidates`` write; judgements from ``benchmarks/catalogue.toml``.
"""

import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from detector.features.registry import FEATURES
from detector.schema import FAMILIES

__all__ = ["feature_blocks", "markdown"]

FIGURES = "benchmarks/results/features.json"
CATALOGUE = "benchmarks/catalogue.toml"
COMPOSED = ("A", "B", "C")
"""Folds of composed real traces; the fourth is ``simulated``."""

TAILS = {"high": "high counts", "low": "low counts", "either": "far from the median counts"}
"""The suspicious tail of a candidate, in words."""


def feature_blocks(root: Path) -> dict[str, str]:
    """Return the blocks of ``docs/features.md``, given the root of the tree."""
    figures = json.loads((root / FIGURES).read_text("utf-8"))
    entries = tomllib.loads((root / CATALOGUE).read_text("utf-8"))
    ablation, candidates = figures["ablation"], figures["candidates"]
    return {
        "measured": f"{how(ablation, 'ablation')}\n\n{left_out_table(ablation)}",
        "features": "\n\n".join(f"## {family}\n\n{family_table(family, ablation)}" for family in FAMILIES),
        "catalogue-built": built_table(entries),
        "catalogue-measured": f"{how(candidates, 'candidates')}\n\n{measured_table(entries, candidates)}",
        "catalogue-rest": rest_table(entries),
    }


def family_table(family: str, ablation: Mapping[str, Any]) -> str:
    """Return the features of one family and what they were measured to be worth."""
    alone, without = (ablation[part] for part in ("alone", "left_out"))
    head = ("feature", "definition", "null when", "tail", "benign", "level", "needs", "source")
    rows = [
        (
            f"`{one.name}`",
            one.definition,
            one.null,
            one.direction,
            "" if one.direction == "context" else f"{one.benign:g}",
            one.level,
            ", ".join(one.needs),
            one.source,
            # A feature that is newer than the figures has a row without any; a test asks for them.
            *(
                worth(alone[one.name], without[one.name])
                if one.direction != "context" and one.name in alone
                else ("", "", "")
            ),
        )
        for one in FEATURES
        if one.family == family
    ]
    return markdown((*head, "alone", "counts in", "lost without"), rows)


def worth(alone: Mapping[str, Any], without: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return a feature's AUC, where it counts, and what is lost without it: composed / simulated."""
    auc, genuine, harness = (
        sides(alone, lambda row, name=name: row[name], form)
        for name, form in (("auc", "{:.2f}"), ("genuine", "{:.1%}"), ("harness", "{:.0%}"))
    )
    ranking, flags = (
        sides(without, lambda row, name=name: -row[name], "{:+.3f}")
        for name in ("average_precision", "recall_own")
    )
    return auc, f"{genuine}; {harness}", f"{ranking}; {flags}"


def sides(folds: Mapping[str, Any], figure: Callable[[Any], float | None], form: str) -> str:
    """Return the mean of a figure over composed folds, and that of simulated fleets."""
    composed = [value for fold in COMPOSED if (value := figure(folds[fold])) is not None]
    both = fmean(composed) if composed else None, figure(folds["simulated"])
    # Adding 0 turns a negative zero into zero.
    return " / ".join("-" if value is None else form.format(round(value, 4) + 0.0) for value in both)


def how(part: Mapping[str, Any], benchmark: str) -> str:
    """Return when, where and by which command one part of the figures was measured."""
    one = part["measured"]
    (first, last), (simulated, _) = one["composed_seeds"], one["simulated_seeds"]
    seeds = f"--seeds {last - first + 1} --first-seed {first} --first-simulated {simulated}"
    command = f"python -m benchmarks.{benchmark} --data DATA {seeds} --trees {one['trees']}"
    return f"Measured on {one['date']} ({one['machine']}) by\n\n    {command}"


def left_out_table(ablation: Mapping[str, Any]) -> str:
    """Return what the model loses without each family, and by growing other trees."""
    shares = ("average_precision", "recall_1", "recall_01", "recall_own")
    rows = [
        (
            title,
            *(sides(folds, lambda row, share=share: -row[share], "{:+.3f}") for share in shares),
            *(
                f"{sum(row[part] for row in folds.values()):+d}"
                for part in ("genuine_flagged", "genuine_watched")
            ),
        )
        for title, folds in ablation["left_out"].items()
        if " " in title
    ]
    lost = ("AP lost", "recall at 1 % lost", "at 0.1 %", "at own flags", "genuine flagged", "watched")
    return markdown(("left out", *lost), rows)


def built_table(entries: Mapping[str, Any]) -> str:
    """Return the entries that are features."""
    rows = [
        (code, one["title"], ", ".join(f"`{name}`" for name in one["features"]), one["why"])
        for code, one in entries.items()
        if "features" in one
    ]
    return markdown(("entry", "what it is", "feature", "how"), rows)


def measured_table(entries: Mapping[str, Any], candidates: Mapping[str, Any]) -> str:
    """Return the entries that were measured, after the row of what chance changes."""
    tried = candidates["tried"]
    rows = [("", "a column of noise", *added(tried["(noise)"]["folds"]), "")]
    for code, one in entries.items():
        if "candidate" in one:
            told = tried[one["candidate"]]
            what = f"{told['definition']}; {TAILS[told['direction']]}; null: {told['null']}"
            rows.append((code, f"`{one['candidate']}`: {what}", *added(told["folds"]), one["why"]))
    itself = ("null", "AUC alone", "counts in harnesses", "counts most in")
    changed = ("AP", "recall at 0.1 %", "recall at own flags", "genuine")
    return markdown(("entry", "what was measured", *itself, *changed, "why not"), rows)


def rest_table(entries: Mapping[str, Any]) -> str:
    """Return the entries that are neither features nor measured."""
    rows = [
        (code, one["title"], one["why"])
        for code, one in entries.items()
        if not {"features", "candidate"}.intersection(one)
    ]
    return markdown(("entry", "what it is", "why not"), rows)


def added(folds: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the cells of a candidate: itself alone, whom it accuses, and what changes with it."""

    def each(figure: str, form: str) -> str:
        values = (folds[fold][figure] for fold in (*COMPOSED, "simulated"))
        return " / ".join("-" if value is None else form.format(value + 0.0) for value in values)

    accused = [(share, name, fold) for fold, row in folds.items() for name, share in row["accused"].items()]
    worst = max(accused, default=None)
    genuine = (sum(row[part] for row in folds.values()) for part in ("genuine_flagged", "genuine_watched"))
    return (
        each("null", "{:.0%}"),
        each("auc", "{:.2f}"),
        each("harness", "{:.0%}"),
        f"{worst[0]:.1%} of {worst[1]} ({worst[2]})" if worst else "none",
        each("average_precision", "{:+.3f}"),
        each("recall_01", "{:+.3f}"),
        each("recall_own", "{:+.3f}"),
        "{:+d} flagged, {:+d} watched".format(*genuine),
    )


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines)
