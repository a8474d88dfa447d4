"""A case as the page shows it: its texts and its pictures, nothing left to compute."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from detector.features.units import measured
from detector.report.case import Case, Clearing, HeaderLine, Reason
from detector.report.casedocument import compared
from detector.report.caselooks import likeness, shared
from detector.report.headerdiff import Row, beside
from detector.report.page.charts import Hour, Profile, Strip, profile, strip, window
from detector.schema import VERDICTS

__all__ = ["SIGNS", "CaseData", "Headers", "Why", "case_data"]

SIGNS = {
    "missing": ("\N{MINUS SIGN}", "missing"),
    "extra": ("+", "extra"),
    "moved": ("\N{UP DOWN ARROW}", "moved"),
    "case": ("\N{ALMOST EQUAL TO}", "in other case"),
    "proxy": ("\N{RIGHTWARDS ARROW}", "added on the way"),
}
"""Sign and words for what may be the matter with a header's name."""

CONTEXT = 1
"""Equal header names that are shown before and after a difference."""

LISTS = 2
"""Header lists that a case shows at most: those of the most requests."""

REASONS = 4
"""Reasons that a case shows at most, the strongest; ``explain`` gives all."""

CLIENTS = 4
"""Clients that a case names at most; a rotating one may show thousands."""

AGAINST = 3
"""Lines that speak for the account that a case shows at most."""


@dataclass(frozen=True, slots=True)
class Why:
    """One reason: its sentence, and where the value lies in its cohort.

    Attributes:
        family: of the evidence.
        text: the sentence.
        place: the cohort's range, and how many of it are as far out; empty where that is not known.
        strip: value, median and range as a picture; None likewise, for a rarity, or where nearly
            all show one value.

    """

    family: str
    text: str
    place: str
    strip: Strip | None


@dataclass(frozen=True, slots=True)
class Headers:
    """One header list beside the one that its client sends.

    Attributes:
        client: name and version that the list claims.
        requests: with this list.
        said: how it compares, in words.
        looks: which library and which other client it looks like, in words; empty where none.
        lines: the comparison as ``headerdiff.beside`` gives it, runs of equal names as one row
            (their number, ``skipped``, nothing); empty where nothing is the matter or known.

    """

    client: str
    requests: int
    said: str
    looks: str
    lines: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Others:
    """Other accounts that share something: a sentence, the ids of a few, and how many are not named."""

    said: str
    names: tuple[str, ...]
    rest: int


@dataclass(frozen=True, slots=True)
class CaseData:
    """One case.

    Attributes:
        case: the case file.
        clients: names and versions of the busiest clients.
        reason: the strongest reason in short; empty where there is none.
        days: days of the picture.
        profile: the picture.
        said: the picture in a sentence.
        reasons: what counts against the account, the strongest.
        against: what speaks for it, the strongest.
        changes: what would make the verdict a milder one.
        unchanged: number of answers that would not.
        headers: header lists, those of flagged requests where there are any.
        others: accounts that share what it shows.

    """

    case: Case
    clients: tuple[str, ...]
    reason: str
    days: tuple[date, ...]
    profile: Profile
    said: str
    reasons: tuple[Why, ...]
    against: tuple[Why, ...]
    changes: tuple[Clearing, ...]
    unchanged: int
    headers: tuple[Headers, ...]
    others: tuple[Others, ...]


def case_data(case: Case, first: date, last: date, *, telemetry: bool) -> CaseData:
    """Prepare a case.

    Args:
        case: the case file.
        first: day of the run's first request (UTC).
        last: day of its last one.
        telemetry: whether the log holds telemetry.

    """
    days = window(first, last, [one.hour.date() for one in case.activity if one.flagged_requests])
    hours = [one for one in _hours(case) if one.hour.date() in days]
    lists = [one for one in case.headers if one.flagged_requests] or list(case.headers)
    changes = tuple(
        one for one in case.clearing if VERDICTS.index(one.verdict) > VERDICTS.index(case.verdict)
    )
    drawn = profile(days, hours)
    return CaseData(
        case=case,
        clients=tuple(_client(one.client, one.client_version) for one in case.clients[:CLIENTS]),
        reason=case.reasons[0].text.partition(";")[0] if case.reasons else "",
        days=days,
        profile=drawn,
        said=" ".join(_said(drawn, hours, telemetry=telemetry)),
        reasons=tuple(map(_why, case.reasons[:REASONS])),
        against=tuple(map(_why, case.against[:AGAINST])),
        changes=changes,
        unchanged=len(case.clearing) - len(changes),
        headers=tuple(map(_headers, lists[:LISTS])),
        others=tuple(Others(shared(one), one.others, one.accounts - len(one.others)) for one in case.related),
    )


def _hours(case: Case) -> Iterator[Hour]:
    """Part the hours of a case into those of the flagged part and all others."""
    for one in case.activity:
        flagged = Hour(one.hour, True, one.flagged_requests, one.flagged_served, one.flagged_reported)
        yield flagged
        yield Hour(
            one.hour,
            False,
            one.requests - flagged.requests,
            one.served - flagged.served,
            one.reported - flagged.reported,
        )


def _said(drawn: Profile, hours: list[Hour], *, telemetry: bool) -> Iterator[str]:
    """Say the picture in words."""
    if not drawn.most:
        yield "No requests in these days."
        return
    for flagged, count in ((True, drawn.flagged_hours), (False, drawn.hours)):
        if count:
            part = "Flagged" if flagged else "Not flagged"
            covered = _covered(hours, flagged=flagged) if telemetry else ""
            yield f"{part}: {count:,} hour{'' if count == 1 else 's'}{covered}."
    yield f"Highest bar: {drawn.most:,} an hour."


def _covered(hours: list[Hour], *, flagged: bool) -> str:
    served = sum(one.served for one in hours if one.flagged == flagged)
    reported = sum(one.reported for one in hours if one.flagged == flagged)
    return f"; answered {served:,}, reported {reported:,}"


def _why(reason: Reason) -> Why:
    many = compared(reason)
    far = f"{many} as far out" if many else ""
    value, median, low, high = reason.value, reason.baseline, reason.low, reason.high
    # A rarity has no range worth drawing, nor has what nearly all show: their sentences say it.
    rarity = reason.unit in {"bits", "-log10 p"}
    if value is None or median is None or low is None or high is None or rarity:
        return Why(reason.family, reason.text, far, None)
    least, most = measured(low, reason.unit), measured(high, reason.unit)
    if least == most:
        return Why(reason.family, reason.text, far, None)
    usual = f"usually {least} to {most}"
    return Why(
        reason.family, reason.text, "; ".join(filter(None, (usual, far))), strip(value, median, low, high)
    )


def _headers(one: HeaderLine) -> Headers:
    client, looks = _client(one.client, one.client_version), likeness(one)
    if not one.expected:
        said = "no header list of this client is known to compare with"
        return Headers(client, one.requests, said, looks, ())
    rows = beside(one.expected, one.seen)
    # A name that moved stands on both sides and counts once.
    counts = Counter(matter for expected, matter, _ in rows if not (matter == "moved" and expected))
    told = [f"{counts[matter]} {words}" for matter, (_, words) in SIGNS.items() if counts[matter]]
    if not told:
        return Headers(client, one.requests, "the names that this client sends, in its order", "", ())
    return Headers(client, one.requests, ", ".join(told), looks, tuple(_shortened(rows)))


def _shortened(rows: list[Row]) -> Iterator[Row]:
    """Count equal names where more than one stands between those beside a difference."""
    place = 0
    for odd, run in groupby(rows, key=lambda row: bool(row[1])):
        same = list(run)
        before = 0 if odd or not place else CONTEXT
        after = 0 if place + len(same) == len(rows) else CONTEXT
        between = len(same) - before - after
        place += len(same)
        if odd or between < 2:
            yield from same
            continue
        yield from same[:before]
        yield (f"{between}", "skipped", "")
        yield from same[len(same) - after :]


def _client(client: str | None, version: str | None) -> str:
    return " ".join(part for part in (client, version) if part) or "unknown client"
