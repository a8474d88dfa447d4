"""What a verdict means to people: one line each, how sure it is, and what to do next."""

from collections.abc import Mapping
from typing import Any, Literal

__all__ = ["MEANINGS", "NEXT_STEPS", "Confidence", "confidence"]

Confidence = Literal["certain", "high", "moderate", "low"]

MEANINGS = {
    "harness": "automated traffic posing as the provider's client",
    "declared_third_party": "a third-party client that names itself",
    "watch": "unusual, not enough for a flag",
    "clear": "nothing conclusive",
    "insufficient_data": "too little traffic to judge",
    "out_of_scope": "pays for each use",
}

NEXT_STEPS = {
    "harness": "Read the reasons, then ask the account holder what runs at the flagged times before "
    "anything is restricted: a flag is statistical evidence, not proof.",
    "declared_third_party": "Point the account holder to the policy; the client names itself, nothing is "
    "inferred. Where the plan permits the client, add it to the policy file and score again.",
    "watch": "Do nothing to the account. Score a longer log: evidence that is real grows, chance does not.",
    "clear": "Nothing to do.",
    "insufficient_data": "Nothing to do. Score a longer log if the account matters.",
    "out_of_scope": "Nothing to do: this traffic pays for each use.",
}


def confidence(account: Mapping[str, Any], rate: float) -> Confidence | None:
    """Return how sure the verdict on an account is; null where nothing is claimed of it.

    A harness is of high confidence where its q-value keeps the false discovery rate, or
    where three independent families count against the account.

    Args:
        account: a row of ``accounts.parquet``.
        rate: the false discovery rate asked for.

    """
    if account["verdict"] == "harness":
        earned = account["q_value"] is not None and account["q_value"] <= rate
        return "high" if earned or len(account["families"]) >= 3 else "moderate"
    known: dict[str, Confidence] = {"declared_third_party": "certain", "watch": "low"}
    return known.get(account["verdict"])
