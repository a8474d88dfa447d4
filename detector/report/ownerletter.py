"""The page of a case that its owner may read: what was seen, when, and what would settle it.

It holds no threshold, score or comparison with others, and nothing of what gave the
traffic away: no feature, header, fingerprint or family of evidence.
"""

from collections.abc import Iterator

from detector.report.case import Case
from detector.report.casedocument import hours_drawn, minute
from detector.report.document import Document, Facts, Grid, Items, Section, Text

__all__ = ["owner_letter"]

SESSIONS = 40
"""Sessions listed at most, the last ones."""

ANSWERS = {
    "harness": "Part of the traffic on this account looks like an automated program rather than a person "
    "using the provider's own client.",
    "declared_third_party": "Part of the traffic on this account came from a client that the plan does not "
    "cover.",
}
"""What is said of a flagged account."""

NOTHING = "Nothing was found that would call for an answer."
"""What is said of every other account."""

SETTLED = ("clear", "insufficient_data", "out_of_scope")
"""Verdicts that settle a case."""

PROOF = {
    "harness": "This is a statistical finding and no proof.",
    "declared_third_party": "The client names itself in its requests; nothing else was concluded.",
}
"""How sure a flag is."""

REPLY = (
    "If you know what ran in these sessions, tell the support contact that sent you this page, and quote "
    "the account and the run below."
)


def owner_letter(case: Case) -> Document:
    """Return the page for the account's owner."""
    sections = [
        Section("your account", (Facts(tuple(_facts(case))),)),
        *_seen(case),
        *_settles(case),
        Section("the rule", (Text(case.rule),)),
        *([Section("your answer", (Text(f"{PROOF[case.verdict]} {REPLY}"),))] if case.flagged else []),
        Section("reference", (Facts((("account", case.account_id), ("run", case.run or "not recorded"))),)),
    ]
    answer = ANSWERS.get(case.verdict, NOTHING)
    return Document(f"account {case.account_id}", answer, tuple(sections))


def _facts(case: Case) -> Iterator[tuple[str, str]]:
    if case.plan:
        yield "plan", case.plan
    yield "looked at", f"{minute(case.first_seen)} to {minute(case.last_seen)} UTC"
    yield "traffic", f"{case.sessions:,} sessions, {case.requests:,} requests"
    if case.flagged:
        yield "in question", f"{case.flagged_sessions:,} sessions, {case.flagged_requests:,} requests"


def _seen(case: Case) -> Iterator[Section]:
    if not case.flagged:
        return
    blocks = list(hours_drawn(case, "in question", "other"))
    lines = [line for line in case.timeline if line.flagged]
    rows = tuple(
        (minute(line.start), minute(line.end), f"{line.requests:,}", line.client or "not named")
        for line in lines[-SESSIONS:]
    )
    blocks.append(Grid(("start (UTC)", "end (UTC)", "requests", "client"), rows, frozenset({2})))
    shown = f"the last {len(rows)} of {len(lines):,}" if len(lines) > len(rows) else f"{len(rows)}"
    yield Section(f"when: sessions in question ({shown})", tuple(blocks))


def _settles(case: Case) -> Iterator[Section]:
    """Name the sessions whose explanation would settle the case; never evidence."""
    told = [one.what for one in case.clearing if one.sessions and one.verdict in SETTLED]
    if case.flagged and told:
        yield Section("what would settle it", (Items(tuple((f"if {what}", "") for what in told)),))
