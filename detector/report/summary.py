"""What a run found, in the lines that a terminal shows when it is done."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from detector.report.text import shown, table, visible
from detector.schema import VERDICTS

if TYPE_CHECKING:
    from detector.verdict.evaluate import Figures  # takes a second to import, and only evaluating needs it

__all__ = ["figures_text", "fleet_text", "model_text", "run_text"]

TOP = 10
"""Flagged accounts that are listed at most."""

MEANINGS = {
    "harness": "automated traffic that poses as the provider's own client",
    "declared_third_party": "a third-party client that names itself",
    "watch": "unusual, not enough for a flag",
    "clear": "nothing conclusive",
    "insufficient_data": "too little traffic to judge",
    "out_of_scope": "pays for each use",
}


def run_text(accounts: pl.DataFrame, record: Mapping[str, Any], output: str | Path) -> str:
    """Return the summary of a scoring run.

    Args:
        accounts: the account verdicts.
        record: what ``run.json`` holds.
        output: the folder that was written, as the user named it.

    """
    given = record["input"]
    used = f"model {shown(record['model']['id'])}, policy {shown(record['policy'])}"
    lines = [
        f"{accounts.height:,} accounts, {given['accepted']:,} requests; {used}",
        *table(
            [(name, f"{record['verdicts'].get(name, 0):,}", MEANINGS[name]) for name in VERDICTS],
            right=frozenset({1}),
        ),
    ]
    order = {name: number for number, name in enumerate(VERDICTS)}
    flagged = accounts.filter("flagged").sort(
        pl.col("verdict").replace_strict(order, default=len(order)),
        "score",
        "account_id",
        descending=[False, True, False],
    )
    if flagged.height:
        lines += ["", f"flagged ({min(TOP, flagged.height)} of {flagged.height:,})"]
        lines += table(
            [_flagged(row) for row in flagged.head(TOP).iter_rows(named=True)], right=frozenset({1})
        )
    told = (f"incident: {shown(incident['text'], 1000)}" for incident in record["incidents"])
    notes = [
        *told,
        *_print_mode(record["print_mode"]),
        *_limits(record),
        *(f"warning: {shown(text, 1000)}" for text in record["warnings"]),
    ]
    return "\n".join([*lines, *([""] if notes else []), *notes, "", *_next(accounts, flagged, output)])


def figures_text(figures: "Figures") -> str:
    """Return the figures of an evaluation as text."""
    if figures.average_precision is None:
        ranking = ["no ranking: one side is empty after leaving out"]
    else:
        ranking = [f"average precision  {figures.average_precision:.3f}"]
        ranking += [
            f"recall at {at.false_flag_rate:.1%} false flags  {at.recall:.1%} ({at.allowed} allowed)"
            for at in figures.at_false_flags
        ]
    found = (
        "nothing flagged"
        if figures.false_discovery is None
        else f"{figures.false_discovery:.1%} of them wrong"
    )
    rows = [("class", "label", "members", "flagged", "rate", "95 % interval", "verdicts")]
    for one in figures.classes:
        counts = ", ".join(f"{name} {count}" for name, count in one.verdicts.items())
        interval = f"{one.low:.1%} to {one.high:.1%}"
        name, label = shown(one.name, 40), shown(one.label, 40)
        rows.append(
            (name, label, f"{one.members:,}", f"{one.flagged:,}", f"{one.flag_rate:.1%}", interval, counts)
        )
    left_out = ", ".join(f"{shown(reason)} {count}" for reason, count in figures.left_out.items()) or "none"
    return "\n".join(
        [
            f"{figures.evaluated:,} labelled {figures.unit}s, {figures.positives:,} of them harnesses",
            *(f"  {line}" for line in ranking),
            f"  flagged  {figures.flagged:,} ({found}); recall {figures.recall:.1%}",
            f"  left out of the ranking: {left_out}; labels without a verdict: {figures.unmatched_labels:,}",
            "",
            *table(rows, right=frozenset({2, 3, 4})),
        ]
    )


def model_text(
    model: str, facts: Mapping[str, int | float | str], logs: str | Path, output: str | Path
) -> str:
    """Return the summary of a training run.

    Args:
        model: id of the model.
        facts: counts of the run.
        logs: what was trained on, as the user named it.
        output: the folder of the bundle, likewise.

    """
    folder, source = shlex.quote(visible(str(output))), shlex.quote(visible(str(logs)))
    rows = [
        (name.replace("_", " "), f"{fact:,}" if isinstance(fact, int) else str(fact))
        for name, fact in facts.items()
    ]
    return "\n".join(
        [
            f"model {model}",
            *table(rows, right=frozenset({1})),
            "",
            f"written: {folder} (model.json, arrays.npz, population.parquet, CARD.md)",
            f"next: detector score {source} --model {folder} --output verdicts",
        ]
    )


def fleet_text(rows: Mapping[str, int], classes: Mapping[str, int], output: str | Path) -> str:
    """Return the summary of a simulation.

    Args:
        rows: rows by table.
        classes: accounts by class.
        output: the folder that was written, as the user named it.

    """
    folder = visible(str(output))
    logs = shlex.quote(f"{folder}/logs")
    return "\n".join(
        [
            ", ".join(f"{count:,} {name}" for name, count in rows.items()),
            *table([(name, f"{count:,}") for name, count in classes.items()], right=frozenset({1})),
            "",
            f"written: {shlex.quote(folder)} (logs/, and the labels accounts.parquet, sessions.parquet)",
            f"next: detector score {logs} --output verdicts",
        ]
    )


def _flagged(row: Mapping[str, Any]) -> Sequence[str]:
    reason = row["reasons"][0]["text"] if row["reasons"] else ""
    return shown(row["account_id"], 64), f"{row['score']:.3f}", row["verdict"], shown(reason)


def _print_mode(counts: Mapping[str, int]) -> list[str]:
    """Name those who claim print mode with headers that are not the client's."""
    if not counts["odd_headers"]:
        return []
    claimed = f"{counts['odd_headers']:,} of {counts['accounts']:,} accounts that claim it"
    return [f"print mode: {claimed} send headers of another program; {counts['flagged']:,} of them flagged"]


def _limits(record: Mapping[str, Any]) -> list[str]:
    """Name what the log could not give."""
    given = record["input"]
    families = record["families"]
    closed = [name for name, family in families.items() if not family["available"]]
    partly = [
        name
        for family in families.values()
        if family["available"]
        for name in family["features_not_available"]
    ]
    lines = []
    if closed:
        lines.append(f"families not available in this log: {', '.join(closed)}")
    if partly:
        lines.append(f"features not available in this log: {', '.join(partly)}")
    if given["unknown_columns"]:
        lines.append(
            f"unknown columns, ignored: {', '.join(shown(name, 64) for name in given['unknown_columns'])}"
        )
    if given["rejected"]:
        counts = ", ".join(f"{count:,} {reason}" for reason, count in given["rejected"].items())
        lines.append(f"rejected rows: {counts}, of {given['rows']:,}")
    return lines


def _next(accounts: pl.DataFrame, flagged: pl.DataFrame, output: str | Path) -> list[str]:
    """Say where the verdicts are and how to go on."""
    folder = shlex.quote(visible(str(output)))
    lines = [f"written: {folder} (accounts.parquet, sessions.parquet, run.json)"]
    first = (
        flagged
        if flagged.height
        else accounts.filter(pl.col("verdict") == "watch").sort("score", descending=True)
    )
    if first.height:
        name = visible(first["account_id"][0])
        end = "-- " if name.startswith("-") else ""
        lines.append(f"next: detector explain {end}{folder} {shlex.quote(name)}")
    return lines
