"""A case file as text for the terminal."""

from datetime import UTC, datetime, timedelta

from detector.report.casefile import Case, SessionLine
from detector.report.text import shown, table

__all__ = ["render_text"]

SESSIONS = 20
"""Sessions listed at most; flagged ones first."""

DAYS = 14
"""Last days of the account that the activity chart shows at most."""

MEASURES = 3
"""Measured features listed a family at most."""

FLAGGED, OTHER, NONE = "#", "o", "."
HOUR = timedelta(hours=1)


def render_text(case: Case) -> str:
    """Return the case as text, every letter from the log visible and harmless."""
    return "\n".join(
        [*_head(case), *_reasons(case), *_evidence(case), *_activity(case), *_sessions(case), *_foot(case)]
    )


def _head(case: Case) -> list[str]:
    part = f"{case.flagged_sessions:,} sessions, {case.flagged_requests:,} requests"
    rows = [
        ("verdict", f"{case.verdict} ({'flagged' if case.flagged else 'not flagged'})"),
        ("confidence", case.confidence),
        (
            "score",
            f"{_number(case.score)}   p-value {_number(case.p_value)}   q-value {_number(case.q_value)}",
        ),
        ("seen", f"{_minute(case.first_seen)} to {_minute(case.last_seen)} UTC"),
        ("traffic", f"{case.sessions:,} sessions, {case.requests:,} requests"),
        ("flagged part", f"{part}, {case.flagged_tokens:,} tokens"),
    ]
    return [f"account {shown(case.account_id)}", *table(rows)]


def _reasons(case: Case) -> list[str]:
    if not case.reasons:
        return []
    rows = [(f"{i}.", one.family, shown(one.text)) for i, one in enumerate(case.reasons, 1)]
    return ["", "evidence for automated use", *table(rows)]


def _evidence(case: Case) -> list[str]:
    said = {
        "ordinary": "ordinary",
        "unknown": "too little traffic of this kind to measure",
        "not logged": "the log does not hold what it needs",
    }
    lines = ["", "families in which nothing counts"]
    for one in case.evidence:
        if one.state != "counts":
            lines.append(f"  {one.family}: {said[one.state]}")
            lines += [f"    {shown(line)}" for line in one.lines[:MEASURES]]
    return lines if len(lines) > 2 else []


def _activity(case: Case) -> list[str]:
    """Draw the hours of the last days: flagged, other or no sessions."""
    last = case.last_seen.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    marks: dict[datetime, str] = {}
    for line in sorted(case.timeline, key=lambda line: line.flagged):
        hour = max(line.start, last - (DAYS - 1) * timedelta(days=1)).replace(
            minute=0, second=0, microsecond=0
        )
        while hour <= line.end and hour < last + timedelta(days=1):
            marks[hour] = FLAGGED if line.flagged else OTHER
            hour += HOUR
    if not marks:
        return []
    day = min(marks).replace(hour=0)
    lines = ["", f"activity by hour of the day, UTC ({FLAGGED} flagged, {OTHER} other sessions)"]
    lines.append(f"  {'':10}  0     6     12    18")
    while day <= last:
        lines.append(f"  {day:%Y-%m-%d}  " + "".join(marks.get(day + i * HOUR, NONE) for i in range(24)))
        day += timedelta(days=1)
    return lines


def _sessions(case: Case) -> list[str]:
    chosen = sorted(case.timeline, key=lambda line: not line.flagged)[:SESSIONS]
    if not chosen:
        return []
    title = f"sessions ({len(chosen)} of {len(case.timeline):,}; * flagged)"
    rows: list[tuple[str, ...]] = [
        ("", "start", "minutes", "requests", "score", "client", "families", "session")
    ]
    rows += [_session(line) for line in sorted(chosen, key=lambda line: line.start)]
    return ["", title, *table(rows, frozenset({2, 3, 4}))]


def _session(line: SessionLine) -> tuple[str, ...]:
    client = " ".join(part for part in (line.client, line.client_version) if part) or "unknown"
    return (
        "*" if line.flagged else "",
        _minute(line.start),
        f"{(line.end - line.start).total_seconds() / 60:.0f}",
        f"{line.requests:,}",
        _number(line.score),
        shown(client, 32),
        " ".join(line.families),
        shown(line.session or "", 40),
    )


def _foot(case: Case) -> list[str]:
    return [
        "",
        "next step",
        f"  {case.next_step}",
        "",
        f"model {shown(case.model)}, policy {shown(case.policy)}",
    ]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
