"""An incident: one event that moved many accounts at once, and so accuses none of them."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Any, Literal

__all__ = ["Incident", "Kind", "once"]

Kind = Literal["telemetry_lost", "headers_changed", "release", "cohort_shift", "new_client"]


@dataclass(frozen=True, slots=True)
class Incident:
    """One event, and what it sets aside.

    Attributes:
        kind: ``telemetry_lost`` (hours in which most accounts that report at other times fell
            silent, everywhere, with a version or behind a network operator; or a version with
            which most did), ``headers_changed`` (since a
            day most accounts of a client send their headers in another order, everywhere
            or behind a network operator), ``release`` (many accounts run a version newer
            than any that the model knows), ``cohort_shift`` (most accounts of a cohort
            show what the model knows as rare) or ``new_client`` (many accounts use a client
            whose name the policy does not know).
        client: product name in the user agent; None where it holds for all.
        version: of the client; None where it holds for all.
        asn: network operator (autonomous system number); None where it holds for all.
        cohort: cohort of streams; None where it holds for all.
        first_day: first day (UTC) of the sessions concerned.
        last_day: last day of the sessions concerned.
        causes: causes of evidence that were set aside, sorted.
        accounts: accounts concerned.
        of: accounts that the event could have reached.

    """

    kind: Kind
    first_day: date
    last_day: date
    causes: tuple[str, ...]
    accounts: int
    of: int
    client: str | None = None
    version: str | None = None
    asn: int | None = None
    cohort: str | None = None

    def text(self) -> str:
        """Return one sentence for people; names are as logged, so show it escaped."""
        many = f"{self.accounts:,} of {self.of:,} accounts"
        aside = f"set aside: {', '.join(self.causes) or 'nothing'}"
        days = f"{self.first_day}" + (f" to {self.last_day}" if self.last_day != self.first_day else "")
        if self.kind == "cohort_shift":
            return f"{many} in the {self.cohort} cohort show what the model knows as rare, {days}; {aside}"
        client = "several clients" if self.client is None else self.client
        if self.kind == "release":
            return f"{many} of {client} run {self.version}, newer than the model knows, {days}; {aside}"
        if self.kind == "new_client":
            line = f'if it is the provider\'s own, add "{self.client}" to first_party of the policy'
            return f"{many} use {self.client}, a name that the policy does not know, {days}; {line}"
        where = f" {self.version}" if self.version is not None else ""
        where += f" from network operator {self.asn}" if self.asn is not None else ""
        if self.kind == "headers_changed":
            since = f"{many} send them in another order since"
            return f"headers of {client}{where} changed on {self.first_day}: {since}; {aside}"
        return f"telemetry of {client}{where} was lost, {days}: {many} fell silent; {aside}"

    def to_dict(self) -> dict[str, Any]:
        """Give the fields and the sentence as JSON holds them, days as ISO text."""
        plain = asdict(self) | {"causes": list(self.causes), "text": self.text()}
        return plain | {name: plain[name].isoformat() for name in ("first_day", "last_day")}


def once(incidents: Iterable[Incident]) -> list[Incident]:
    """Tell what belongs to one event as one incident.

    Telemetry that was lost with a release is told as the release; headers that changed
    within a day of lost telemetry, of one client and operator, as the lost telemetry.
    """
    told = list(incidents)
    lost: dict[tuple[str | None, str | None], tuple[str, ...]] = {
        (one.client, one.version): one.causes
        for one in told
        if one.kind == "telemetry_lost" and one.version is not None and one.asn is None
    }
    releases = {(one.client, one.version) for one in told if one.kind == "release"}
    kept = [one for one in told if one.kind == "release" or (one.client, one.version) not in releases]
    losses = [one for one in kept if one.kind == "telemetry_lost"]
    return [
        replace(one, causes=tuple(sorted({*one.causes, *lost.get((one.client, one.version), ())})))
        if one.kind == "release"
        else one
        for one in kept
        if one.kind != "headers_changed" or not any(_together(one, loss) for loss in losses)
    ]


def _together(one: Incident, other: Incident) -> bool:
    """Tell whether two incidents of one client and operator began within a day of each other."""
    near = abs(one.first_day - other.first_day) <= timedelta(days=1)
    return near and (one.client, one.asn) == (other.client, other.asn)
