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
        "interactive", "genuine", 0.31, "a person on the provider's own CLI or web app, telemetry on"
    ),
    TrafficClass("telemetry_off", "genuine", 0.09, "the same, telemetry opted out or blocked"),
    TrafficClass("corporate_proxy", "genuine", 0.09, "own client behind a company's proxy or TLS inspection"),
    TrafficClass("power_user", "genuine", 0.07, "many terminals, sub-agents, several machines, long hours"),
    TrafficClass("headless", "genuine", 0.07, "own CLI in print mode or the vendor's SDK, on cron or in CI"),
    TrafficClass("old_or_new_version", "genuine", 0.05, "pinned old version, or first to take a new release"),
    TrafficClass("accessibility", "genuine", 0.025, "dictation, switch control, pasted bursts"),
    TrafficClass(
        "official_scheduler",
        "genuine",
        0.015,
        "a person's own client on its own schedule at night or at lunch",
    ),
    TrafficClass(
        "all_nighter", "genuine", 0.01, "an ordinary person with a stretch or two of 30 to 40 hours"
    ),
    TrafficClass(
        "editor_desktop", "genuine", 0.02, "own client inside an editor, desktop app or remote session"
    ),
    TrafficClass("ci_action", "genuine", 0.01, "the official action on a code forge, on pushes at any hour"),
    TrafficClass("remote_dev_box", "genuine", 0.01, "a person whose client runs on a rented machine"),
    TrafficClass("traveller", "genuine", 0.008, "three countries and time zones within the period"),
    TrafficClass("many_terminals", "genuine", 0.01, "four sessions side by side, five machines, long days"),
    TrafficClass(
        "tiny_company_proxy", "genuine", 0.015, "two to four people behind a rewriting proxy of their own"
    ),
    TrafficClass(
        "new_product",
        "genuine",
        0.0,
        "a client launched within the period, beside the CLI; an event of its own",
    ),
    TrafficClass("declared_third_party", "declared_third_party", 0.02, "a third-party tool that says so"),
    TrafficClass(
        "declared_unlisted", "declared_third_party", 0.006, "the same under a name that no list has"
    ),
    TrafficClass(
        "permitted", "permitted", 0.01, "a declared tool where the provider's policy permits it on the plan"
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
        "rotated_farm",
        "harness",
        0.004,
        "one operator's jobs over many accounts, a few sessions a day on each",
    ),
    TrafficClass(
        "slow_drip", "harness", 0.004, "one to three requests every 20 to 60 minutes round the clock"
    ),
    TrafficClass("light_rider", "harness", 0.004, "a busy person's account with few requests at fixed hours"),
    TrafficClass(
        "office_hours_imitation",
        "harness",
        0.004,
        "identical headers, every day from 9 to 18, silent at night",
    ),
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
