"""A case as the page shows it: its texts and its pictures, nothing left to compute."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from detector.report.casefile import Case, Reason
from detector.report.charts import Hour, Profile, Strip, profile, strip, window
from detector.report.headerdiff import Line, header_diff

__all__ = ["CaseData", "Change", "Headers", "Why", "case_data"]

LISTS = 2
"""Header lists that a case shows at most: those of the most requests."""


@dataclass(frozen=True, slots=True)
class Why:
    """One reason: its sentence, and where the value lies in its cohort.

    Attributes:
        family: of the evidence.
        text: the sentence.
        scale: value, median and range in figures; empty where the cohort is not known.
        strip: the same as a picture; None likewise.

    """

    family: str
    text: str
    scale: str
    strip: Strip | None


@dataclass(frozen=True, slots=True)
class Change:
    """What would change the verdict, and to what."""

    what: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Headers:
    """One header list beside the one that its client sends.

    Attributes:
        client: name and version that the list claims.
        requests: with this list.
        flagged: of them, flagged.
        state: ``differs``, ``same``, or ``unknown`` where no list of this client is known.
        lines: the comparison where it differs.

    """

    client: str
    requests: int
    flagged: int
    state: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class CaseData:
    """One case.

    Attributes:
        case: the case file.
        clients: client names and versions that the account showed.
        last_day: day of the last request, ISO 8601.
        reason: the strongest reason; empty where there is none.
        days: days of the picture.
        profile: the picture.
        telemetry: whether the picture shows telemetry.
        reasons: what counts against the account.
        changes: what would change the verdict.
        unchanged: number of answers that would not.
        headers: header lists, those of flagged requests where there are any.

    """

    case: Case
    clients: tuple[str, ...]
    last_day: str
    reason: str
    days: tuple[date, ...]
    profile: Profile
    telemetry: bool
    reasons: tuple[Why, ...]
    changes: tuple[Change, ...]
    unchanged: int
    headers: tuple[Headers, ...]


def case_data(case: Case, first: date, last: date, *, telemetry: bool) -> CaseData:
    """Prepare a case.

    Args:
        case: the case file.
        first: day of the run's first request.
        last: day of its last one.
        telemetry: whether the log holds telemetry.

    """
    hours = list(_hours(case))
    days = window(first, last, [one.hour.date() for one in hours if one.flagged])
    lists = [one for one in case.headers if one.flagged_requests] or list(case.headers)
    changes = [Change(one.what, one.verdict) for one in case.clearing if one.verdict != case.verdict]
    return CaseData(
        case=case,
        clients=tuple(dict.fromkeys(_client(one.client, one.client_version) for one in case.headers)),
        last_day=f"{case.last_seen:%Y-%m-%d}",
        reason=case.reasons[0].text if case.reasons else "",
        days=days,
        profile=profile(days, hours),
        telemetry=telemetry,
        reasons=tuple(map(_why, case.reasons)),
        changes=tuple(changes),
        unchanged=len(case.clearing) - len(changes),
        headers=tuple(map(_headers, lists[:LISTS])),
    )


def _hours(case: Case) -> Iterator[Hour]:
    """Part the hours of a case into those of the flagged part and all others."""
    for one in case.activity:
        flagged = (one.flagged_requests, one.flagged_served, one.flagged_reported)
        whole = (one.requests, one.served, one.reported)
        yield Hour(one.hour, True, *flagged)
        yield Hour(one.hour, False, *(all_ - part for all_, part in zip(whole, flagged, strict=True)))


def _why(reason: Reason) -> Why:
    known = None not in (reason.value, reason.baseline, reason.low, reason.high)
    if not known:
        return Why(reason.family, reason.text, "", None)
    value, median, low, high = (_figure(one) for one in (reason.value, reason.baseline, reason.low, reason.high))
    return Why(
        family=reason.family,
        text=reason.text,
        scale=f"{value}; median {median}, usual {low} to {high}",
        strip=strip(reason.value, reason.baseline, reason.low, reason.high),
    )


def _figure(value: float) -> str:
    return f"{value:.3g}"


def _headers(one) -> Headers:
    client = _client(one.client, one.client_version)
    if not one.expected:
        return Headers(client, one.requests, one.flagged_requests, "unknown", ())
    lines = header_diff(one.expected, one.seen)
    same = all(line.skipped or line.expected == line.seen for line in lines)
    return Headers(client, one.requests, one.flagged_requests, "same" if same else "differs", () if same else lines)


def _client(client: str | None, version: str | None) -> str:
    return " ".join(part for part in (client, version) if part) or "unknown client"
