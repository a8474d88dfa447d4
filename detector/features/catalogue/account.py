"""What only the account as a whole shows."""

from detector.features.catalogue.record import Feature, counted, ratio

__all__ = ["FEATURES"]


FEATURES: tuple[Feature, ...] = (
    Feature(
        name="parallel_sessions",
        family="account",
        cause="parallel",
        level="stream",
        definition="mean number of sessions active in the same hour, over active hours",
        null="never",
        direction="high",
        benign=4.0,
        source="volumetric bot signals: concurrency",
        text="sessions active in the same hour, on average: {value}; normally {baseline}",
        unit="sessions",
    ),
    Feature(
        name="overlap_share",
        family="account",
        cause="parallel",
        level="session",
        definition="share of requests that start while another of the session is open",
        null="durations not logged, or fewer than 20 served requests",
        direction="context",
        benign=0.0,
        source="volumetric bot signals: concurrency",
        text=(
            "{part} of {whole} requests began while another of their session was open ({value}); "
            "normally {baseline}"
        ),
        counts=counted("overlaps", "served"),
        unit="share",
        expr=ratio("overlaps", "served", "served"),
        needs=("duration_ms",),
    ),
    Feature(
        name="sleepless_share",
        family="account",
        cause="people",
        level="stream",
        definition="whole days and nights of replies without 6 h of rest / days with a reply, one address",
        null="tool_result or address not logged, several addresses, or fewer than 3 days with a reply",
        direction="high",
        benign=0.35,
        source="no real person's active day lacked a 7-hour rest; several people behind one relay have none",
        text=(
            "somebody answered the model from one address day and night, without a 6-hour rest, on {value} "
            "of the days; normally {baseline}"
        ),
        unit="share",
        decisive=0.75,
        needs=("tool_result", "client_ip"),
    ),
    Feature(
        name="operator_accounts",
        family="account",
        cause="operator",
        level="stream",
        definition="accounts at one address that nobody is at work on and that report nothing (count)",
        null="tool_result or address not logged, several addresses, or print mode",
        direction="high",
        benign=4.0,
        source="groups of accounts: what is weak in each is plain across them",
        text=(
            "accounts at the same address on which nobody is ever at work and telemetry is silent: {value}; "
            "normally {baseline}"
        ),
        needs=("tool_result", "client_ip"),
    ),
    Feature(
        name="country_moves",
        family="account",
        cause="places",
        level="stream",
        definition="changes of country within 3 hours, a day of activity, over the whole account",
        null="country not logged, or fewer than 3 active days",
        direction="context",
        benign=1.0,
        source="impossible travel: shared accounts and stolen tokens",
        text="changes of country within 3 hours, for each active day: {value}; normally {baseline}",
        needs=("country",),
    ),
    Feature(
        name="tools_variety",
        family="account",
        cause="tools",
        level="stream",
        definition="distinct tool sets that were offered in several sessions (count)",
        null="no tools_hash, or fewer than 5 sessions",
        direction="high",
        benign=6.0,
        source="people behind a relay bring their own tools",
        text="different tool sets, each in several sessions: {value}; normally {baseline}",
        needs=("tools_hash",),
    ),
)
