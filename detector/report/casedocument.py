"""A case file as a page for support staff: what happened, what speaks for and against, what clears it."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from detector.features.units import measured, spanned
from detector.report.case import Case, Clearing, Reason, SessionLine
from detector.report.caselooks import header_lists, other_accounts
from detector.report.document import Block, Document, Facts, Grid, Hours, Items, Section, Text
from detector.verdict.meaning import MEANINGS

__all__ = ["case_document", "compared", "hours_drawn", "minute"]

SESSIONS = 20
"""Sessions listed at most."""

OTHERS = 6
"""Of them, those that are not flagged, where there are enough of both."""

MEASURES = 3
"""Measured features listed a family at most, where nothing was compared."""

DAYS = 60
"""Last days that are drawn at most."""

HOUR = timedelta(hours=1)

CLEARED = ("clear", "insufficient_data", "out_of_scope")
"""Verdicts under which nothing is held against an account."""

ORDER = ("harness", "declared_third_party", "watch", *CLEARED)
"""Verdicts from the gravest on."""

SAID = {
    "unknown": "too little traffic of this kind to measure",
    "not logged": "the log does not hold what it needs",
}
"""Why a family says nothing."""


def case_document(case: Case) -> Document:
    """Return the page of a case, texts as they were logged."""
    sections = [
        Section("in short", (Facts(tuple(_facts(case))),)),
        *_reasons(case),
        *_against(case),
        *_clearing(case),
        *_telemetry(case),
        *header_lists(case),
        *other_accounts(case),
        *_activity(case),
        *_sessions(case),
        Section("policy", (Text(case.rule),)),
        Section("next step", (Text(case.next_step),)),
        Section("made by", (Facts(_made_by(case)),)),
    ]
    held = "flagged" if case.flagged else "not flagged"
    answer = f"{case.verdict} ({held}): {MEANINGS[case.verdict]}"
    return Document(f"account {case.account_id}", answer, tuple(sections))


def minute(moment: datetime) -> str:
    """Return a time to the minute."""
    return f"{moment:%Y-%m-%d %H:%M}"


def hours_drawn(case: Case, flagged: str, other: str) -> tuple[Block, ...]:
    """Return the hours of the last days, and a word on it where there are more."""
    counts = hours_of(case)
    if not counts:
        return ()
    first = max(counts).replace(hour=0) - (DAYS - 1) * 24 * HOUR
    drawn = {hour: parts for hour, parts in counts.items() if hour >= first}
    said = () if len(drawn) == len(counts) else (Text(f"Only the last {DAYS} days are drawn."),)
    return (Hours(drawn, flagged, other), *said)


def hours_of(case: Case) -> dict[datetime, tuple[int, int]]:
    """Return the flagged and the other requests of every active hour.

    Where a run kept no hours of an account, each hour of a session counts as one request.
    """
    if case.activity:
        return {
            one.hour: (one.flagged_requests, one.requests - one.flagged_requests)
            for one in case.activity
            if one.requests
        }
    counts: dict[datetime, tuple[int, int]] = {}
    for line in case.timeline:
        hour = line.start.replace(minute=0, second=0, microsecond=0)
        while hour <= line.end:
            flagged, other = counts.get(hour, (0, 0))
            counts[hour] = (flagged + line.flagged, other + (not line.flagged))
            hour += HOUR
    return counts


def _facts(case: Case) -> Iterator[tuple[str, str]]:
    yield "confidence", case.confidence
    part = f"{case.flagged_sessions:,} of {case.sessions:,} sessions, "
    part += f"{case.flagged_requests:,} of {case.requests:,} requests, {case.flagged_tokens:,} tokens"
    yield "flagged part", part if case.flagged else "none"
    if not case.flagged:
        yield "traffic", f"{case.sessions:,} sessions, {case.requests:,} requests"
    if case.plan:
        yield "plan", case.plan
    yield "clients", "; ".join(_clients(case)) or "none"
    yield "seen", f"{minute(case.first_seen)} to {minute(case.last_seen)} UTC"
    figures = (case.score, case.p_value, case.q_value)
    score, p_value, q_value = ("-" if one is None else f"{one:.3g}" for one in figures)
    yield "score", f"{score} (p-value {p_value}, q-value {q_value})"


def _clients(case: Case) -> list[str]:
    most = 4
    said = []
    for line in case.clients[:most]:
        name = " ".join(part for part in (line.client, line.client_version) if part) or "no user agent"
        flagged = f", {line.flagged_sessions:,} of them flagged" if line.flagged_sessions else ""
        said.append(f"{name} ({line.sessions:,} {_sessions_word(line.sessions)}{flagged})")
    if len(case.clients) > most:
        said.append(f"{len(case.clients) - most:,} more")
    return said


def _sessions_word(count: int) -> str:
    return "session" if count == 1 else "sessions"


def _reasons(case: Case) -> Iterator[Section]:
    if case.reasons:
        held = case.flagged or case.verdict == "watch"
        title = "what counts against it" if held else "noticed, and not held against it"
        rows = tuple((f"{one.text} ({one.family})", _place(one)) for one in case.reasons)
        yield Section(title, (Items(rows, numbered=True),))


def _place(reason: Reason) -> str:
    """Say where in its cohort a value lies."""
    many = compared(reason)
    if not many or reason.low is None or reason.high is None:
        return ""
    return f"{many} comparable accounts as far out; {spanned(reason.low, reason.high, reason.unit)}"


def compared(reason: Reason) -> str:
    """Say how many of how many of the cohort are at least as suspicious, empty where it is not known."""
    if reason.tail is None or reason.accounts is None:
        return ""
    count = round(reason.tail * reason.accounts)
    many = "none" if not reason.tail else f"about {count:,}" if count else "fewer than one"
    return f"{many} of {reason.accounts:,}"


def _against(case: Case) -> Iterator[Section]:
    if case.verdict == "declared_third_party":
        return
    blocks: list[Block] = []
    if case.against:
        blocks.append(Items(tuple((f"{one.text} ({one.family})", "") for one in case.against)))
    ordinary = [one for one in case.evidence if one.state == "ordinary"]
    if not case.against and ordinary:
        lines = tuple((line, "") for one in ordinary for line in one.lines[:MEASURES])
        blocks += [Text("Medians over the sessions:"), Items(lines)] if lines else []
    named = {reason.family for reason in case.reasons}
    if silent := [one.family for one in ordinary if one.family not in named]:
        blocks.append(Text(f"Nothing counts in: {', '.join(silent)}."))
    for state, words in SAID.items():
        if names := [one.family for one in case.evidence if one.state == state]:
            blocks.append(Text(f"No evidence either way from {', '.join(names)}: {words}."))
    if blocks:
        yield Section("what speaks for it", tuple(blocks))


def _clearing(case: Case) -> Iterator[Section]:
    """Say what would change the verdict, and what alone would not."""
    if not case.clearing:
        return
    better = [one for one in case.clearing if ORDER.index(one.verdict) > ORDER.index(case.verdict)]
    better.sort(key=lambda one: (not one.sessions, one.verdict not in CLEARED))
    rows = tuple((f"{_becomes(one)} if {one.what}", "") for one in better)
    blocks: list[Block] = [Items(rows)] if rows else []
    same = [one for one in case.clearing if one.sessions == 0 and one not in better]
    if same:
        blocks.append(Text("No single one of these would change the verdict:"))
        blocks.append(Items(tuple((one.what, "") for one in same)))
    yield Section("what would clear it", tuple(blocks))


def _becomes(one: Clearing) -> str:
    if one.verdict == "insufficient_data":
        return "insufficient_data (too little else to judge)"
    return one.verdict


def _telemetry(case: Case) -> Iterator[Section]:
    rows = tuple(
        (one.part, f"{one.served:,}", f"{one.reported:,}", measured(one.reported / one.served, "share"))
        for one in case.telemetry
        if one.served
    )
    if rows:
        head = ("part", "requests answered", "reported by telemetry", "share")
        yield Section("telemetry", (Grid(head, rows, frozenset({1, 2, 3})),))


def _activity(case: Case) -> Iterator[Section]:
    if blocks := hours_drawn(case, "flagged", "other"):
        yield Section("activity", blocks)


def _sessions(case: Case) -> Iterator[Section]:
    if not case.timeline:
        return
    lines = _chosen(case.timeline)
    head = ("", "start (UTC)", "minutes", "requests", "score", "client", "families", "session")
    marked = frozenset(i for i, line in enumerate(lines) if line.flagged)
    grid = Grid(head, tuple(_session(line) for line in lines), frozenset({2, 3, 4}), marked)
    yield Section(f"sessions ({len(lines)} of {len(case.timeline):,}; * flagged)", (grid,))


def _chosen(timeline: Sequence[SessionLine]) -> list[SessionLine]:
    """Take the largest sessions by start, so that the person's stand beside those that ride."""
    largest = sorted(timeline, key=lambda line: -line.requests)
    flagged = [line for line in largest if line.flagged]
    other = [line for line in largest if not line.flagged]
    rest = min(len(other), max(SESSIONS - len(flagged), OTHERS))
    return sorted(flagged[: SESSIONS - rest] + other[:rest], key=lambda line: line.start)


def _session(line: SessionLine) -> tuple[str, ...]:
    return (
        "*" if line.flagged else "",
        minute(line.start),
        f"{(line.end - line.start).total_seconds() / 60:.0f}",
        f"{line.requests:,}",
        "-" if line.score is None else f"{line.score:.3g}",
        " ".join(part for part in (line.client, line.client_version) if part) or "unknown",
        " ".join(line.families),
        line.session or "",
    )


def _made_by(case: Case) -> tuple[tuple[str, str], ...]:
    rows = (("model", case.model), ("policy", case.policy), ("run", case.run))
    return tuple((name, said) for name, said in rows if said)
