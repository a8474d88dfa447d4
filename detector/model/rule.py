"""The rule of evidence: what can lead to a flag, and what cannot.

Every observation is asked two things: how often does an honest account of this state show it,
and is it independent of the others? What honest people show by a setting, a habit or an event
raises the score and convicts nobody. Each way to a flag needs two families of evidence, and of
each way honest accounts were looked for that could walk it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from detector.features.registry import Feature, feature
from detector.model.reference import Reference
from detector.schema import FAMILIES
from detector.settings import Settings

__all__ = ["WAYS", "Grounds", "grounds", "weigh"]

Mask = NDArray[np.bool_]

WAYS = {
    "foreign program": "the headers or the connection are those of another program, in two independent "
    "ways that neither a proxy nor another version explains or in one that nothing explains; and evidence "
    "of another kind, for which missing telemetry is enough. Or they are in one way, telemetry is missing, "
    "and the prompts are not kept in the cache as the client keeps them",
    "unattended": "on a part of the account that looks like the provider's own client nobody ever answers "
    "the model, for days, the rhythm is a program's, and the hours leave nobody a night's rest, or the "
    "headers show one sign of another program, or in fifty conversations or more, on five days, no part of "
    "the account holds a second prompt and nothing shows the client's own scheduler; and evidence of "
    "another kind, for which missing telemetry is enough",
    "farm": "nobody ever answers the model, telemetry is missing and the rhythm is a program's, on this "
    "and on several other accounts at one address where hardly anybody else is",
    "rider": "nobody ever answers the model and telemetry is missing, for days, on a part of an account "
    "whose other part reports every request under the same client; and the rhythm is a program's",
    "invented telemetry": "telemetry reports requests that were never made, or comes from a timer, in two "
    "independent ways; and the headers or the rhythm are a program's",
    "relay": "somebody answers the model day and night from one address, with hardly a day's rest, without "
    "telemetry, and with the tools, sessions or contexts of several people or the headers of another program",
}
"""The ways to a flag, each in words that may be quoted; :func:`grounds` applies them."""

LEADING = ("fingerprint", "cadence", "telemetry")
"""Families that can carry a verdict with the support of another one."""

UNEXCUSED = ("fingerprint", "telemetry")
"""Families that print mode does not explain."""

SILENCE = "silence"
"""Missing telemetry: a setting that 14 to 21 % of honest customers have."""

VERSION = "version"
"""A version that nobody else runs: anybody may keep one, and a tool may claim any."""

LEAST = 0.01
"""Oriented value of silence where most are silent."""

PROBE = "probe"
"""A start-up probe or helper calls that are missing beside telemetry: easily lost on the way."""

RANKING = frozenset({SILENCE, VERSION, PROBE})
"""Causes that raise the score and make no family strong; of them only silence supports one that is."""

REWRITTEN = frozenset({"added", "order", "case", "encoding", "tls"})
"""Causes that one proxy on the way explains together: one piece of evidence, unless the client's own
TLS arrives, for then nobody on the way can have rewritten anything."""

CROWD = frozenset({"tools", "parallel", "context"})
"""Causes that go with several people behind one relay."""


@dataclass(frozen=True, slots=True)
class Grounds:
    """Which families count against each stream, and whether that is enough.

    Attributes:
        counting: shape (streams, families): at least one cause of the family counts.
        strong: shape (streams,): a family that may lead has two causes, or one decisive feature;
            rhythm only where nobody is there day after day, and no scheduler of the client's
            own explains it.
        conclusive: shape (streams,): one of ``WAYS`` is complete.
        telling: shape (streams,): a cause counts, those of ``RANKING`` aside, of a family that
            can lead; many terminals and usage tell nothing alone, nor does one sign in the headers
            where telemetry reports every request.

    """

    counting: Mask
    strong: Mask
    conclusive: Mask
    telling: Mask


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
    excused = _excused(oriented, streams, reference.features, settings)
    for i, record in enumerate(reference.features):
        if record.family in excused:
            oriented[excused[record.family], i] = 0.0
        if record.cause == SILENCE:
            # A setting is there or not, however many have it.
            at = _is(streams, (pl.col(record.name) < record.benign) & (pl.col("cohort") != "headless"))
            oriented[at, i] = np.maximum(oriented[at, i], LEAST)
    return oriented


def grounds(
    oriented: NDArray[np.float64], streams: pl.DataFrame, features: Sequence[Feature], settings: Settings
) -> Grounds:
    """Apply the rule: which of ``WAYS`` are complete.

    A cause counts where one of its features lies past the benign range and in the outermost
    tail of the reference; silence (no telemetry) wherever it is measured. Where nothing tells
    whether a person is there, rhythm supports and never leads. In print mode automation and
    silence are normal and prove nothing, but they support a strong fingerprint or invented
    telemetry: those are no property of print mode.

    Args:
        oriented: the matrix of :func:`weigh`.
        streams: the rows it was made from.
        features: its columns.
        settings: what counts.

    """
    evidence = _Evidence.of(oriented, streams, features, settings)
    heard, strong, silent = evidence.heard, evidence.strong, evidence.counts("telemetry", SILENCE)
    absent = _is(streams, ~pl.col("attended"))
    # Without a user agent nobody knows whether this is print mode.
    alone = absent & _is(streams, (pl.col("days") >= settings.floors.days) & (pl.col("cohort") != "unknown"))
    unattended = strong["cadence"] & alone
    # Hardly a day's rest is beyond any person; less of it, with many tool sets, is beyond one.
    sleepless = evidence.counts("account", "people")
    people = sleepless & evidence.decisive["account"]
    several = np.any([heard["fingerprint"], *map(evidence.anywhere, CROWD)], axis=0)
    uncached = evidence.counts("usage", "cache")
    beside_reports = _is(streams, _in_step(settings).any().over("account", "client"))
    # Lost rows lose probes and counts, and make no timer.
    timer = evidence.counts("telemetry", "timer") & evidence.anywhere(PROBE)
    invented = strong["telemetry"] | timer
    scheduled = _scheduled(streams)
    habit = _is(streams, pl.col("days") >= settings.floors.habit_days)
    dedicated = habit & ~scheduled & _is(streams, _single_prompts(settings))
    ways = {
        "foreign program": (strong["fingerprint"] & evidence.beside("fingerprint"))
        # Another program built the prompts, whatever carried them.
        | (heard["fingerprint"] & uncached & silent),
        "unattended": unattended
        & (evidence.counts("cadence", "hours") | heard["fingerprint"] | dedicated)
        & evidence.beside("cadence"),
        "farm": alone & heard["cadence"] & silent & evidence.counts("account", "operator"),
        # Switching telemetry off would have silenced both parts of the account.
        "rider": unattended & silent & beside_reports,
        "invented telemetry": invented & (heard["fingerprint"] | heard["cadence"]),
        "relay": silent & ((people & several) | (sleepless & evidence.counts("account", "tools"))),
    }
    counting, in_print_mode = evidence.with_print_mode()
    return Grounds(
        np.column_stack([counting[family] for family in FAMILIES]),
        strong["fingerprint"] | invented | (unattended & habit & ~scheduled) | people,
        np.any([*ways.values(), in_print_mode], axis=0),
        (heard["fingerprint"] & (strong["fingerprint"] | ~_is(streams, _in_step(settings))))
        | heard["telemetry"]
        | (heard["cadence"] & absent & ~scheduled),
    )


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What counts against each stream.

    Attributes:
        causes: by family and cause; a cause that two families share stands in the first of them.
        excused: the same for what lies past the benign range and is normal in print mode.
        decisive: by family: a feature is so far out that it makes the family strong by itself.
        heard: by family: a cause counts that is more than ranking.
        strong: by family: two such causes, or a decisive feature.

    """

    causes: Mapping[str, Mapping[str, Mask]]
    excused: Mapping[str, Mapping[str, Mask]]
    decisive: Mapping[str, Mask]
    heard: Mapping[str, Mask]
    strong: Mapping[str, Mask]
    none: Mask = field(repr=False)

    @classmethod
    def of(
        cls,
        oriented: NDArray[np.float64],
        streams: pl.DataFrame,
        features: Sequence[Feature],
        settings: Settings,
    ) -> "_Evidence":
        none = np.zeros(len(oriented), dtype=bool)
        headless = _is(streams, pl.col("cohort") == "headless")
        innocent = _excused(oriented, streams, features, settings)
        causes: dict[str, dict[str, Mask]] = {family: {} for family in FAMILIES}
        excused: dict[str, dict[str, Mask]] = {family: {} for family in FAMILIES}
        decisive = dict.fromkeys(FAMILIES, none)
        familiar = none
        for i, record in enumerate(features):
            value = streams[record.name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
            past = value < record.benign if record.direction == "low" else value > record.benign
            least = LEAST if record.cause == SILENCE else settings.decision.counting
            rare = oriented[:, i] >= least
            own, normal = causes[record.family], excused[record.family]
            own[record.cause] = own.get(record.cause, none) | rare
            if record.decisive is not None:
                outside = rare & (value >= record.decisive)
                decisive[record.family] = decisive[record.family] | outside
            if not record.print_mode:
                automated = headless & past & ~innocent.get(record.family, none)
                normal[record.cause] = normal.get(record.cause, none) | automated
            if record.cause == "tls":
                familiar = ~np.isnan(value) & ~past & ~rare
        # A set of names that differs both ways is one sign: no proxy makes it, another version may.
        names = causes["fingerprint"]
        names["added"] = names.get("added", none) & ~names.get("names", none)
        _settle(causes)
        loud = {
            family: [at for cause, at in _merged(own, familiar).items() if cause not in RANKING]
            for family, own in causes.items()
        }
        heard = {family: np.any([none, *own], axis=0) for family, own in loud.items()}
        strong = {
            family: (np.sum([none, *own], axis=0) >= 2) | decisive[family] for family, own in loud.items()
        }
        return cls(causes, excused, decisive, heard, strong, none)

    def counts(self, family: str, cause: str) -> Mask:
        """Return the streams against which a cause counts."""
        return self.causes[family].get(cause, self.none)

    def anywhere(self, cause: str) -> Mask:
        """Return the same, whichever family the cause stands in."""
        return np.any([self.counts(family, cause) for family in FAMILIES], axis=0)  # type: ignore[no-any-return]

    def families(self) -> dict[str, Mask]:
        """Return the streams against which each family counts."""
        return {family: np.any([self.none, *own.values()], axis=0) for family, own in self.causes.items()}

    def beside(self, leader: str) -> Mask:
        """Return the streams against which another family than the leader counts by what supports one."""
        others = [
            at
            for family, own in self.causes.items()
            if family != leader
            for cause, at in own.items()
            if cause != VERSION
        ]
        return np.any([self.none, *others], axis=0)  # type: ignore[no-any-return]

    def with_print_mode(self) -> tuple[dict[str, Mask], Mask]:
        """Return the families with what supports a strong one in print mode, and where it does."""
        counting, supported = self.families(), self.none
        for leader in UNEXCUSED:
            for family in sorted(set(FAMILIES) - {leader}):
                for cause, at in self.excused[family].items():
                    apart = self.strong[leader] & at & ~self.counts(leader, cause)
                    counting[family] = counting[family] | apart
                    supported = supported | apart
        return counting, supported


def _merged(causes: Mapping[str, Mask], familiar: Mask) -> dict[str, Mask]:
    """Merge the causes that one proxy explains, but for streams that arrive with the client's own TLS."""
    rewritten = {cause: at for cause, at in causes.items() if cause in REWRITTEN}
    if not rewritten:
        return dict(causes)
    rest = {cause: at for cause, at in causes.items() if cause not in REWRITTEN}
    wire = np.any([at & ~familiar for at in rewritten.values()], axis=0)
    return rest | {cause: at & familiar for cause, at in rewritten.items()} | {"wire": wire}


def _settle(causes: dict[str, dict[str, Mask]]) -> None:
    """Leave a cause that two families share to the first of them, where it counts in both."""
    taken: dict[str, Mask] = {}
    for family in (*LEADING, *(family for family in FAMILIES if family not in LEADING)):
        for cause, at in causes[family].items():
            causes[family][cause] = at & ~taken.get(cause, np.zeros(len(at), dtype=bool))
            taken[cause] = at | taken.get(cause, np.zeros(len(at), dtype=bool))


def _excused(
    oriented: NDArray[np.float64], streams: pl.DataFrame, features: Sequence[Feature], settings: Settings
) -> dict[str, Mask]:
    """Return, by family, the streams about which it says nothing: somebody is there, or all is reported."""
    invented = np.zeros(len(oriented), dtype=bool)
    for i, record in enumerate(features):
        if record.family == "telemetry" and record.cause != SILENCE:
            invented |= oriented[:, i] >= settings.decision.counting
    attended, in_step = _is(streams, pl.col("attended")), _is(streams, _in_step(settings)) & ~invented
    return {"cadence": attended | in_step, "usage": in_step, "account": in_step}


def _in_step(settings: Settings) -> pl.Expr:
    """Return whether telemetry reports nearly every request of a stream."""
    return pl.col("reporting") & (pl.col("telemetry_coverage") >= settings.decision.in_step)


def _single_prompts(settings: Settings) -> pl.Expr:
    """Return whether many conversations have one prompt each, and none of the whole account has two.

    Of 790 real sessions of people one in five has a single prompt.
    """
    none_more = (pl.col("human_turns") <= pl.col("sessions")).all().over("account")
    many = pl.col("human_turns") >= settings.floors.single_prompts
    return none_more & many & (pl.col("single_turn_share") == 1)


def _scheduled(streams: pl.DataFrame) -> Mask:
    """Tell the streams that look like the client's own scheduler.

    Their sessions start on the minute, or come with the helper calls that the client makes itself.
    """
    return _is(streams, (pl.col("start_phase") > feature("start_phase").benign) | (pl.col("helpers") > 0))


def _is(streams: pl.DataFrame, condition: pl.Expr) -> Mask:
    """Return where a condition holds; not where it cannot be told."""
    return streams.select(condition.fill_null(value=False).alias("is")).to_series().to_numpy()
