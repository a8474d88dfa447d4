"""The record of one account's case: what was decided, why, and what would change it."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

__all__ = [
    "Case",
    "Clearing",
    "ClientLine",
    "Evidence",
    "HeaderLine",
    "HourLine",
    "Reason",
    "Related",
    "SessionLine",
    "TelemetryLine",
]

State = Literal["counts", "ordinary", "unknown", "not logged"]


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that counts against the account, or one that speaks for it.

    Attributes:
        feature: name of the feature.
        family: its family.
        value: what was measured; null where the reason is no measurement.
        baseline: median of the cohort; null where the model knows no usual value.
        text: a sentence.
        unit: of value, baseline, low and high (``features.catalogue``).
        low: 5th percentile of the cohort; null likewise.
        high: 95th percentile.
        tail: share of the cohort that is at least as suspicious.
        accounts: accounts of the cohort that were compared.

    """

    feature: str
    family: str
    value: float | None
    baseline: float | None
    text: str
    unit: str | None = None
    low: float | None = None
    high: float | None = None
    tail: float | None = None
    accounts: int | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one family says of the account.

    Attributes:
        family: name of the family.
        state: ``counts`` against the account; ``ordinary``, measured and nothing
            counts; ``unknown``, too little of it to measure; ``not logged``.
        lines: the reasons where it counts, else what real people show too (medians over the
            flagged sessions, or over all where none is).

    """

    family: str
    state: State
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SessionLine:
    """One session of the account; ``score`` is null where it was not modelled."""

    session: str | None
    start: datetime
    end: datetime
    requests: int
    client: str | None
    client_version: str | None
    score: float | None
    flagged: bool
    families: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClientLine:
    """A client that the account used, with its sessions and requests and the flagged part of both."""

    client: str | None
    client_version: str | None
    sessions: int
    requests: int
    flagged_sessions: int
    flagged_requests: int


@dataclass(frozen=True, slots=True)
class HourLine:
    """An active hour: inference requests, those served, those that telemetry reported, the flagged part."""

    hour: datetime
    requests: int
    flagged_requests: int
    served: int
    reported: int
    flagged_served: int
    flagged_reported: int


@dataclass(frozen=True, slots=True)
class HeaderLine:
    """A header list that was sent, the one expected of the client, and what it looks like.

    Attributes:
        client: that it claims; null where there was no user agent.
        client_version: that it claims, likewise.
        requests: with this list.
        flagged_requests: of them, flagged.
        seen: names as received.
        expected: the nearest common order of the client; null where none is known.
        library: HTTP libraries that write such a layout; null where none is known to.
        resembles: another client whose names these are; null where there is none.

    """

    client: str | None
    client_version: str | None
    requests: int
    flagged_requests: int
    seen: tuple[str, ...]
    expected: tuple[str, ...] | None
    library: str | None = None
    resembles: str | None = None


@dataclass(frozen=True, slots=True)
class Related:
    """Other accounts that share something with this one.

    Attributes:
        by: what they share: ``address``, ``device``, ``tools`` or ``headers``.
        accounts: how many there are.
        flagged: of them, flagged.
        others: ids of a few of them, flagged ones first.

    """

    by: str
    accounts: int
    flagged: int
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TelemetryLine:
    """Requests answered and requests that telemetry reported, of a part of the account."""

    part: str
    served: int
    reported: int


@dataclass(frozen=True, slots=True)
class Clearing:
    """What the verdict would be if ``what`` held; ``sessions`` are those that it takes away."""

    what: str
    sessions: int
    verdict: str


@dataclass(frozen=True, slots=True)
class Case:
    """A case file. Texts from logs are as they were logged: show them with ``render_text``.

    Attributes:
        account_id: the account.
        plan: its plan; null where not known, and but for flagged and watched accounts.
        verdict: one of ``detector.schema.VERDICTS``.
        flagged: whether the verdict is a flag.
        confidence: how sure that is, in words.
        score: in [0, 1]; null where nothing was scored.
        p_value: chance of such a score for a genuine account; null likewise.
        q_value: false discovery rate at which it would just be flagged; null likewise.
        first_seen: first request (UTC).
        last_seen: last request (UTC).
        sessions: sessions seen.
        requests: requests seen.
        flagged_sessions: of them, flagged.
        flagged_requests: of the requests, flagged.
        flagged_tokens: tokens of the flagged requests.
        families: families that count against the account.
        reasons: why, strongest first.
        against: what speaks against automated use; empty but for flagged and watched accounts.
        evidence: what each family says, in the order of ``detector.schema.FAMILIES``.
        clients: what it used, the busiest first.
        timeline: every session, by start.
        activity: every active hour of a flagged or watched account, by time.
        telemetry: what telemetry reported of it, likewise; empty where the log does not count it.
        headers: the header lists it sent, likewise; flagged ones first.
        related: other accounts that share what it shows, likewise.
        clearing: what would change the verdict, likewise.
        rule: the policy's rule in a sentence.
        next_step: what to do.
        model: id of the model.
        policy: name of the policy.
        run: id of the run; empty where an earlier version made it.

    """

    account_id: str
    plan: str | None
    verdict: str
    flagged: bool
    confidence: str
    score: float | None
    p_value: float | None
    q_value: float | None
    first_seen: datetime
    last_seen: datetime
    sessions: int
    requests: int
    flagged_sessions: int
    flagged_requests: int
    flagged_tokens: int
    families: tuple[str, ...]
    reasons: tuple[Reason, ...]
    against: tuple[Reason, ...]
    evidence: tuple[Evidence, ...]
    clients: tuple[ClientLine, ...]
    timeline: tuple[SessionLine, ...]
    activity: tuple[HourLine, ...]
    telemetry: tuple[TelemetryLine, ...]
    headers: tuple[HeaderLine, ...]
    related: tuple[Related, ...]
    clearing: tuple[Clearing, ...]
    rule: str
    next_step: str
    model: str
    policy: str
    run: str

    def to_dict(self) -> dict[str, Any]:
        """Give the case as plain dictionaries, lists and ISO 8601 times, ready for JSON."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self), default=datetime.isoformat))
        return plain
