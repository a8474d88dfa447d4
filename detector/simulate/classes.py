"""The classes of simulated account, and what each is to be called."""

from dataclasses import dataclass

__all__ = ["CLASSES", "DEFAULT_MIXTURE", "LABELS", "TrafficClass", "label_of"]

LABELS = ("genuine", "harness", "declared_third_party", "permitted", "watch", "out_of_scope")


@dataclass(frozen=True, slots=True)
class TrafficClass:
    """One class of account.

    Attributes:
        name: name of the class, as written to ``accounts.parquet``.
        label: what its accounts are; one of ``LABELS``.
        share: share of accounts in the default mixture.
        summary: one line for people.

    """

    name: str
    label: str
    share: float
    summary: str


CLASSES: tuple[TrafficClass, ...] = (
    TrafficClass(
        "interactive", "genuine", 0.43, "a person on the provider's own CLI or web app, telemetry on"
    ),
    TrafficClass("telemetry_off", "genuine", 0.09, "the same, telemetry opted out or blocked"),
    TrafficClass("corporate_proxy", "genuine", 0.09, "own client behind a company's proxy or TLS inspection"),
    TrafficClass("power_user", "genuine", 0.07, "many terminals, sub-agents, several machines, long hours"),
    TrafficClass("headless", "genuine", 0.07, "own CLI in print mode or the vendor's SDK, on cron or in CI"),
    TrafficClass("old_or_new_version", "genuine", 0.05, "pinned old version, or first to take a new release"),
    TrafficClass("accessibility", "genuine", 0.025, "dictation, switch control, pasted bursts"),
    TrafficClass("declared_third_party", "declared_third_party", 0.02, "a third-party tool that says so"),
    TrafficClass(
        "permitted", "permitted", 0.01, "the same where the provider's policy permits it on the plan"
    ),
    TrafficClass(
        "spoofed_partial", "harness", 0.008, "claims the own client, other stack, few headers copied"
    ),
    TrafficClass("spoofed_full", "harness", 0.008, "claims it with every header copied, other stack"),
    TrafficClass(
        "imitation", "harness", 0.008, "identical headers and TLS; no telemetry, probe or helper calls"
    ),
    TrafficClass("fake_telemetry", "harness", 0.006, "imitation that also posts made-up telemetry"),
    TrafficClass(
        "riding", "harness", 0.008, "a person's account with a harness on it at night or in parallel"
    ),
    TrafficClass("relay_pool", "harness", 0.005, "many people behind one account through one relay"),
    TrafficClass("person_on_harness", "harness", 0.007, "a person at an undeclared third-party tool"),
    TrafficClass(
        "shared_account", "watch", 0.015, "two to five people on one account, each on the own client"
    ),
    TrafficClass("stolen_token", "watch", 0.005, "genuine use, then another country in a burst"),
    TrafficClass("api_key", "out_of_scope", 0.05, "pays per use with an API key"),
    TrafficClass("cloud", "out_of_scope", 0.025, "pays per use through a partner cloud"),
)
"""Every class, in the order of the documentation."""

DEFAULT_MIXTURE = {one.name: one.share for one in CLASSES}
_LABELS = {one.name: one.label for one in CLASSES}


def label_of(name: str) -> str:
    """Label of a class by its name."""
    return _LABELS[name]
