"""What the forest sees of a stream: oriented features, their families, their total.

An isolation forest splits one column at a time, so evidence that is spread thin
over a family escapes it: the sums of each family and of all features stand beside
the features. And it can only split where its training rows vary: trained on clean
traffic it would be blind to everything that clean traffic lacks. So a small share
of *envelope* rows, which reach from nothing to the most that the reference can
tell in one to three families, is mixed into the rows it is grown on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from detector.features.registry import Feature, feature
from detector.model.reference import Reference
from detector.schema import FAMILIES
from detector.settings import Settings

__all__ = ["Grounds", "envelope", "family_sums", "grounds", "weigh", "widen"]

LEADING = ("fingerprint", "cadence", "telemetry")
"""Families that can carry a verdict with the support of another one."""

UNEXCUSED = ("fingerprint", "telemetry")
"""Families that print mode does not explain."""

SILENCE = "silence"
"""Missing telemetry: a setting that 14 to 21 % of honest customers have. It supports what is
strong without it, and never makes a family strong."""

RANKING = frozenset({SILENCE, "version"})
"""Causes that raise the score and are no evidence by themselves: anybody may switch telemetry
off or keep an old version, and a tool is free to claim any version."""

REWRITTEN = frozenset({"order", "case", "encoding", "tls"})
"""Causes that one proxy on the way explains together: one piece of evidence, unless the
client's own TLS arrives, for then nobody on the way can have rewritten anything."""

OPERATOR = "operator"
"""The cause of a farm: accounts at one address that nobody is at work on."""

PEOPLE, CROWD = "people", frozenset({"tools", "parallel", "context"})
"""The cause of a relay (replies from one address that never stop), and what goes with it."""

CACHE = "cache"
"""The cause of prompts that are not cached: another program built them, whatever carried them."""

HOURS = "hours"
"""The cause of activity that leaves nobody a night's rest."""

MOST_FAMILIES = 3
"""Families that an envelope row reaches into at most."""


def family_sums(oriented: NDArray[np.float64], features: Sequence[Feature]) -> NDArray[np.float64]:
    """Return the sum of oriented values by family, a column a family in the order of ``FAMILIES``."""
    columns = [[i for i, record in enumerate(features) if record.family == family] for family in FAMILIES]
    return np.column_stack([oriented[:, own].sum(axis=1) for own in columns])


def widen(oriented: NDArray[np.float64], features: Sequence[Feature]) -> NDArray[np.float64]:
    """Return the oriented matrix with a column a family and one for the total."""
    return np.column_stack([oriented, family_sums(oriented, features), oriented.sum(axis=1)])


def envelope(
    rows: int, features: Sequence[Feature], most: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw envelope rows.

    Args:
        rows: how many.
        features: the columns of the oriented matrix.
        most: the largest oriented value that the reference can give.
        rng: source of randomness.

    Returns:
        Shape (rows, features): in one to three families, half of the features lie
        anywhere between 0 and ``most``; the others are 0.

    """
    family = np.array([FAMILIES.index(record.family) for record in features])
    ranks = rng.random((rows, len(FAMILIES))).argsort(axis=1)
    chosen = ranks < rng.integers(1, MOST_FAMILIES + 1, size=(rows, 1))
    touched = chosen[:, family] & (rng.random((rows, len(features))) < 0.5)
    drawn: NDArray[np.float64] = np.where(touched, rng.random((rows, len(features))) * most, 0.0)
    return drawn


@dataclass(frozen=True, slots=True)
class Grounds:
    """Which families count against each stream, and whether that is enough.

    Attributes:
        counting: shape (streams, families): at least one cause of the family counts.
        strong: shape (streams,): a family that may lead has two causes, or one decisive feature;
            rhythm only where nobody is there and no scheduler of the client's own explains it.
        conclusive: shape (streams,): one of the ways that :func:`grounds` names is complete.
        telling: shape (streams,): a cause counts, those of ``RANKING`` aside, of a family that
            can lead; many terminals and usage tell nothing alone.

    """

    counting: NDArray[np.bool_]
    strong: NDArray[np.bool_]
    conclusive: NDArray[np.bool_]
    telling: NDArray[np.bool_]


def weigh(reference: Reference, streams: pl.DataFrame, settings: Settings) -> NDArray[np.float64]:
    """Orient streams, without what is no evidence about this stream.

    Rhythm and hours are none where a person is at work: what runs there by itself is that
    person's own. Nor are rhythm, hours, usage and terminals where telemetry reports every
    request as the genuine client does.

    Args:
        reference: the population.
        streams: result of ``features.measure_streams``.
        settings: all settings.

    Returns:
        Shape (streams, features), as ``Reference.orient`` gives it.

    """
    oriented = reference.orient(streams)
    attended = streams["attended"].fill_null(value=False).to_numpy()
    invented = np.zeros(streams.height, dtype=bool)
    for i, record in enumerate(reference.features):
        if record.family == "telemetry" and record.cause != SILENCE:
            invented |= oriented[:, i] >= settings.decision.counting
    covered = (streams["telemetry_coverage"] >= settings.decision.in_step).fill_null(value=False)
    in_step = (covered & streams["reporting"]).to_numpy() & ~invented
    excused = {"cadence": attended | in_step, "usage": in_step, "account": in_step}
    for i, record in enumerate(reference.features):
        if record.family in excused:
            oriented[excused[record.family], i] = 0.0
    return oriented


def grounds(
    oriented: NDArray[np.float64], streams: pl.DataFrame, features: Sequence[Feature], settings: Settings
) -> Grounds:
    """Apply the rule of evidence: which ways to a flag are complete.

    A cause counts where one of its features lies past the benign range and in the outermost
    tail of the reference; silence (no telemetry) wherever it is measured. There are six ways, and each needs two families:

    - *foreign program*: the fingerprint is strong (two causes that nothing explains, or one that
      nothing can), and any other family counts, be it silence; or it has one cause, prompts are
      not cached, and the stream is silent;
    - *unattended*: nobody is ever at work on the stream, for days; its rhythm is strong, its hours
      leave nobody a rest, and any other family counts, be it silence. The client's own scheduler
      works on the minute and at night, but not day and night. Where nothing tells whether a person
      is there, rhythm supports and never leads;
    - *rider*: the same without its hours, but silent beside a stream of the same client and account
      whose telemetry is in step: switching it off would have silenced both;
    - *farm*: nobody is ever at work on the stream, its rhythm counts, and at its address several
      accounts are silent and unattended, and hardly any other is;
    - *invented telemetry*: two causes of telemetry, and a fingerprint or a rhythm that counts;
    - *relay*: people answer the model from one address, day and night, without telemetry, with
      the tools or contexts of several.

    In print mode automation and silence are normal and prove nothing, but they support a strong
    fingerprint or invented telemetry: those are no property of print mode.

    Args:
        oriented: the matrix of :func:`weigh`.
        streams: the rows it was made from.
        features: its columns.
        settings: what counts.

    """
    none = np.zeros(len(oriented), dtype=bool)
    counts, causes, excused, decisive = _causes(oriented, streams, features, settings)
    families = {family: np.any(list(own.values()), axis=0) for family, own in causes.items()}
    loud = {
        family: [at for cause, at in own.items() if cause not in RANKING]
        for family, own in _merged(causes, streams, counts, features).items()
    }
    heard = {family: np.any([none, *own], axis=0) for family, own in loud.items()}
    strong = {family: (np.sum([none, *own], axis=0) >= 2) | decisive[family] for family, own in loud.items()}
    silent = causes["telemetry"].get(SILENCE, none)

    def beside(leader: str) -> NDArray[np.bool_]:
        return np.any([at for family, at in families.items() if family != leader], axis=0)

    # Where a person is there, or may be, rhythm tells nothing.
    absent = (~streams["attended"]).fill_null(value=False).to_numpy()
    days = (streams["days"] >= settings.floors.days).to_numpy()
    alone = absent & days
    # Without a user agent nobody knows whether this is print mode.
    alone &= (streams["cohort"] != "unknown").to_numpy()
    unattended = strong["cadence"] & alone
    restless = unattended & causes["cadence"].get(HOURS, none)
    people = causes["account"].get(PEOPLE, none) & decisive["account"]
    several = np.any(
        [none, heard["fingerprint"], *(own[cause] for own in causes.values() for cause in CROWD & set(own))],
        axis=0,
    )
    uncached = causes["usage"].get(CACHE, none)
    ways = {
        "foreign program": (strong["fingerprint"] & beside("fingerprint"))
        | (heard["fingerprint"] & uncached & silent),
        "unattended": restless & beside("cadence"),
        "farm": alone & heard["cadence"] & silent & causes["account"].get(OPERATOR, none),
        "rider": unattended & silent & _beside_reports(streams, settings),
        "invented telemetry": strong["telemetry"] & (heard["fingerprint"] | heard["cadence"]),
        "relay": people & silent & several,
    }
    conclusive = np.any(list(ways.values()), axis=0)
    for leader in UNEXCUSED:
        for family in sorted(set(FAMILIES) - {leader}):
            for cause, at in excused[family].items():
                apart = strong[leader] & at & ~causes[leader].get(cause, none)
                families[family] = families[family] | apart
                conclusive |= apart
    return Grounds(
        np.column_stack([families[family] for family in FAMILIES]),
        strong["fingerprint"] | strong["telemetry"] | (unattended & ~_scheduled(streams)) | people,
        conclusive,
        heard["fingerprint"] | heard["telemetry"] | (heard["cadence"] & absent),
    )


def _scheduled(streams: pl.DataFrame) -> NDArray[np.bool_]:
    """Tell the streams that look like the client's own scheduler.

    Their sessions start on the minute, or come with the helper calls that the client makes itself.
    """
    clock = feature("start_phase")
    on_the_minute = (streams[clock.name] > clock.benign).fill_null(value=False)
    return (on_the_minute | (streams["helpers"] > 0)).to_numpy()


def _beside_reports(streams: pl.DataFrame, settings: Settings) -> NDArray[np.bool_]:
    """Tell the streams beside which the same client of the same account reports in step."""
    in_step = pl.col("reporting") & (pl.col("telemetry_coverage") >= settings.decision.in_step)
    beside = streams.select(in_step.any().over("account", "client").fill_null(value=False))
    return beside.to_series().to_numpy()


Causes = dict[str, dict[str, NDArray[np.bool_]]]
"""By family and cause, the streams for which it counts."""


def _causes(
    oriented: NDArray[np.float64], streams: pl.DataFrame, features: Sequence[Feature], settings: Settings
) -> tuple[dict[str, NDArray[np.bool_]], Causes, Causes, dict[str, NDArray[np.bool_]]]:
    """Return what counts by feature and by cause, what print mode excuses, and what is decisive by family."""
    none = np.zeros(len(oriented), dtype=bool)
    headless = (streams["cohort"] == "headless").to_numpy()
    counts: dict[str, NDArray[np.bool_]] = {}
    causes: Causes = {family: {} for family in FAMILIES}
    excused: Causes = {family: {} for family in FAMILIES}
    decisive = dict.fromkeys(FAMILIES, none)
    for i, record in enumerate(features):
        value = streams[record.name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        own = causes[record.family]
        # Silence is a setting, however many have it: it is there or not, and never rare.
        counts[record.name] = (
            (value < record.benign) & ~headless
            if record.cause == SILENCE
            else oriented[:, i] >= settings.decision.counting
        )
        own[record.cause] = own.get(record.cause, none) | counts[record.name]
        if record.decisive is not None:
            outside = counts[record.name] & (value >= record.decisive)
            decisive[record.family] = decisive[record.family] | outside
        if not record.print_mode:
            past = value < record.benign if record.direction == "low" else value > record.benign
            normal = excused[record.family]
            normal[record.cause] = normal.get(record.cause, none) | (headless & past)
    _settle(causes)
    return counts, causes, excused, decisive


def _merged(
    causes: Causes, streams: pl.DataFrame, counts: dict[str, NDArray[np.bool_]], features: Sequence[Feature]
) -> Causes:
    """Merge the causes that one proxy explains, but for streams that arrive with the client's own TLS."""
    own = causes["fingerprint"]
    rewritten = {cause: at for cause, at in own.items() if cause in REWRITTEN}
    tls = next((record for record in features if record.cause == "tls"), None)
    if tls is None or len(rewritten) < 2:
        return causes
    familiar = (streams[tls.name] <= tls.benign).fill_null(value=False).to_numpy() & ~counts[tls.name]
    merged = {"wire": np.any([at & ~familiar for at in rewritten.values()], axis=0)}
    apart = {cause: at & familiar for cause, at in rewritten.items()}
    rest = {cause: at for cause, at in own.items() if cause not in REWRITTEN}
    return causes | {"fingerprint": rest | apart | merged}


def _settle(causes: Causes) -> None:
    """Leave a cause that two families share to the first of them, where it counts in both."""
    taken: dict[str, NDArray[np.bool_]] = {}
    for family in (*LEADING, *(family for family in FAMILIES if family not in LEADING)):
        for cause, at in causes[family].items():
            causes[family][cause] = at & ~taken.get(cause, np.zeros(len(at), dtype=bool))
            taken[cause] = at | taken.get(cause, np.zeros(len(at), dtype=bool))
