"""Tables of speed and memory, from the figures that ``python -m benchmarks.speed`` writes."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from feature_tables import markdown

__all__ = ["speed_blocks", "speed_figures"]

FIGURES = "benchmarks/results/speed.json"
HEADS = ("what", "reads", "s", "fastest to slowest", "requests/s", "CPU s", "peak memory, MiB")
SPREAD = {"merged": "{by} accounts merged into one", "split": "each account split into up to {by}"}


def speed_figures(root: Path) -> dict[str, Any]:
    """Return the figures, given the root of the tree."""
    figures: dict[str, Any] = json.loads((root / FIGURES).read_text("utf-8"))
    return figures


def speed_blocks(figures: Mapping[str, Any]) -> dict[str, str]:
    """Return the blocks of ``docs/speed.md``."""
    lines = figures["lines"]
    logs = [line for line in lines if line["reads"] and not line["spread"]]
    parts = []
    for rows in sorted({line["rows"] for line in logs}):
        own = [line for line in logs if line["rows"] == rows]
        head = f"### {rows:,} requests of {own[0]['accounts']:,} accounts"
        parts.append(f"{head}\n\n{markdown(HEADS, map(cells, own))}")
    return {
        "speed-measured": measured(figures["measured"]),
        "speed-logs": "\n\n".join(parts),
        "speed-accounts": accounts(lines),
        "speed-rest": rest(figures),
        "speed-bars": bars(figures["bars"]),
    }


def measured(setting: Mapping[str, Any]) -> str:
    """Say when, where and with what was measured."""
    versions = ", ".join(f"{name} {version}" for name, version in setting["versions"].items())
    return (
        f"Measured on {setting['date']} on {setting['machine']}, {setting['memory']:g} GiB; load before it "
        f"began {setting['load']:g} (1 keeps one core busy); medians of {setting['runs']} runs. {versions}."
    )


def cells(line: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a row of a table of contestants."""
    cost, walls = line["cost"], line["walls"]
    return (
        line["name"],
        line["reads"],
        f"{cost['wall']:.2f}",
        f"{min(walls):.2f} to {max(walls):.2f}",
        f"{line['rows'] / cost['wall']:,.0f}",
        f"{cost['cpu']:.2f}",
        f"{cost['peak'] / 2**20:,.0f}",
    )


def accounts(lines: Iterable[Mapping[str, Any]]) -> str:
    """Return what becomes of scoring where the same requests lie on other accounts."""
    spread = [line for line in lines if line["spread"]]
    rows = {(line["what"], line["rows"]) for line in spread}
    same = [line for line in lines if (line["what"], line["rows"]) in rows]
    table = [
        (f"{line['accounts']:,}", how(line["spread"]), *cells(line))
        for line in sorted(same, key=lambda line: (line["what"], line["accounts"]))
    ]
    return markdown(("accounts", "how", *HEADS), table)


def how(spread: str) -> str:
    """Say in words how requests were spread over accounts."""
    kind, _, by = spread.partition(" ")
    return SPREAD[kind].format(by=by) if kind else "as logged"


def rest(figures: Mapping[str, Any]) -> str:
    """Return what is measured beside logs."""
    rows = [
        (
            line["name"],
            f"{line['rows']:,}" if line["rows"] else "",
            f"{line['cost']['wall']:.2f}",
            f"{line['cost']['peak'] / 2**20:,.0f}",
        )
        for line in figures["lines"]
        if not line["reads"]
    ]
    parts = [markdown(("what", "requests", "s", "peak memory, MiB"), rows)]
    if forests := figures["forests"]:
        ours, theirs = forests["ours_wall"], forests["theirs_wall"]
        parts.append(
            f"The forest scores {forests['rows']:,} rows with {forests['trees']} trees in {ours:.2f} s, "
            f"scikit-learn's on the same trees takes {theirs:.2f} s, ours in a thread a core; the largest "
            f"difference of two scores is {forests['difference']:.1g}."
        )
    if (same := figures["jobs_same_bytes"]) is not None:
        parts.append(f"One job and two write {'the same' if same else '**different**'} bytes.")
    return "\n\n".join([*parts, *figures["skipped"]])


def bars(figures: Sequence[Mapping[str, Any]]) -> str:
    """Return every bar, and whether it holds."""
    rows = [
        (
            bar["what"],
            f"{bar['value']:.4g}",
            f"{'at most' if bar['most'] else 'at least'} {bar['limit']:.3g}",
            "yes" if bar["holds"] else "**no**",
            "" if bar["cpu"] is None else f"{bar['cpu']:.3g}",
        )
        for bar in figures
    ]
    return markdown(("bar", "figure", "limit", "holds", "by CPU time"), rows)
