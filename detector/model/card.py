"""The model card: what a model was trained on, what it looks at, what it cannot do."""

from collections.abc import Mapping
from textwrap import fill
from typing import Any

from detector.features.registry import SCORED
from detector.model.train import Model

__all__ = ["LIMITS", "card"]

LIMITS = (
    (
        "A harness that shows the genuine client's headers, keeps human hours and pauses, "
        "and reports telemetry as the client does, is not seen."
    ),
    "First-party print mode with genuine headers is never called a harness.",
    (
        "p-values compare with the accounts of the training log; on another population they rank, "
        "and nothing more."
    ),
)
"""What no model of this package can do."""


def card(model: Model, families: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the card as Markdown.

    Args:
        model: the fitted model.
        families: by family, ``available`` and ``features_not_available``.

    """
    facts = "\n".join(
        f"| {name.replace('_', ' ')} | {value} |" for name, value in sorted(model.facts.items())
    )
    rows = "\n".join(
        f"| `{r.name}` | {r.family} | {r.cause} | {_cell(r.definition)} | {r.direction} | {r.benign:g} |"
        for r in SCORED
    )
    gone = sorted(name for family in families.values() for name in family["features_not_available"])
    missing = ", ".join(f"`{name}`" for name in gone) or "none"
    limits = "\n".join(fill(limit, 88, initial_indent="- ", subsequent_indent="  ") for limit in LIMITS)
    return f"""# Model card

An isolation forest over oriented features of streams (the sessions of one account
that share client, machine, cohort, fingerprint and telemetry state). It ranks accounts by how
much their traffic looks like an automated harness under a person's subscription; a
flag needs two independent families of evidence besides.

## Training

| fact | value |
|---|---|
{facts}

Features that the training log could not feed: {missing}.

## Features

Values on the benign side never count. `high` and `low` name the suspicious tail.

| feature | family | cause | definition | tail | benign |
|---|---|---|---|---|---|
{rows}

## Limits

- Accounts below {model.settings.floors.served} answered requests are not judged.
{limits}
"""


def _cell(text: str) -> str:
    """Return text that may stand in a table: a bar would end the cell."""
    return text.replace("|", r"\|")
