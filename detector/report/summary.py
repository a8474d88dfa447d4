"""What a run found, in the lines that a terminal shows when it is done."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import polars as pl

from detector.report.text import Style, fitted, shown, table, unstyled, visible
from detector.report.top import COLOURS, ranked, top_accounts
from detector.schema import VERDICTS
from detector.verdict.meaning import MEANINGS
from detector.verdict.names import TREATMENTS

if TYPE_CHECKING:
    from detector.verdict.evaluate import Figures  # takes a second to import, and only evaluating needs it

__all__ = ["figures_text", "fleet_text", "model_text", "run_text"]

CLIENTS = 8
"""Client names of others that the summary gives at most."""


def run_text(
    accounts: pl.DataFrame,
    record: Mapping[str, Any],
    output: str | Path,
    *,
    width: int | None = None,
    style: Style = unstyled,
) -> str:
    """Return the summary of a scoring run.

    Args:
        accounts: the account verdicts.
        record: what ``run.json`` holds.
        output: the folder that was written, as the user named it.
        width: columns that lines are fitted to; nothing is cut or folded where left out.
        style: gives text its colours; none where left out.

    """
    given = record["input"]
    top = top_accounts(accounts, width, style)
    used = f"model {shown(record['model']['id'])}, policy {shown(record['policy'])}"
    told = (f"incident: {shown(incident['text'], 1000)}" for incident in record["incidents"])
    notes = [
        *told,
        *_clients(record.get("clients", [])),
        *_print_mode(record["print_mode"]),
        *_limits(record),
        *(f"warning: {shown(text, 1000)}" for text in record["warnings"]),
    ]
    return "\n".join(
        [
            *_folded(f"{accounts.height:,} accounts, {given['accepted']:,} requests; {used}", width, style),
            *_counts(record["verdicts"], width, style),
            *([""] if top else []),
            *top,
            *([""] if notes else []),
            *(line for note in notes for line in _folded(note, width, style)),
            "",
            *_next(accounts, output, style),
        ]
    )


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


def _counts(verdicts: Mapping[str, int], width: int | None, style: Style) -> list[str]:
    """Count the verdicts; colour those that ask for somebody's eyes."""
    rows = [(name, f"{verdicts.get(name, 0):,}", MEANINGS[name]) for name in VERDICTS]
    lines = [fitted(line, width) if width else line for line in table(rows, right=frozenset({1}))]
    return [
        line.replace(name, style(name, fg=COLOURS[name]), 1) if name in COLOURS and name in verdicts else line
        for name, line in zip(VERDICTS, lines, strict=True)
    ]


def _folded(note: str, width: int | None, style: Style) -> list[str]:
    """Fold a note; its kind, which stands before the colon, in colour where it warns."""
    lines = wrap(note, max(20, width), subsequent_indent="  ", break_on_hyphens=False) if width else [note]
    kind, colon, rest = lines[0].partition(":")
    warns = kind in {"warning", "incident"}
    return [style(kind, fg="yellow") + colon + rest if warns else lines[0], *lines[1:]]


def _clients(names: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name the clients that no list has, and how they were taken; the rest stands in ``run.json``."""
    own = [row for row in names if row["treatment"] == "first_party"]
    others = [row for row in names if row["treatment"] != "first_party"]
    if not others:
        return []
    rows = [
        f"{shown(row['client'], 40)} ({_accounts(row['accounts'])}, {TREATMENTS[row['treatment']]}"
        f"{'' if row['listed'] else ', on no list'})"
        for row in others[:CLIENTS]
    ]
    more = f" and {len(others) - CLIENTS:,} more in run.json" if len(others) > CLIENTS else ""
    return [f"clients: {len(own):,} of the provider's own; {', '.join(rows)}{more}"]


def _accounts(count: int) -> str:
    return "1 account" if count == 1 else f"{count:,} accounts"


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


def _next(accounts: pl.DataFrame, output: str | Path, style: Style) -> list[str]:
    """Say where the verdicts are and how to go on."""
    folder = shlex.quote(visible(str(output)))
    groups = (ranked(accounts, name) for name in COLOURS)
    first = next((found["account_id"][0] for found in groups if found.height), None)
    if first is None:
        step = "nothing; no account asks for somebody's eyes"
    else:
        name = visible(first)
        end = "-- " if name.startswith("-") else ""
        step = style(f"detector explain {end}{folder} {shlex.quote(name)}", bold=True)
    return [f"written: {folder} (accounts.parquet, sessions.parquet, run.json)", f"next: {step}"]
