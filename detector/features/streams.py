"""Sessions of one kind on one account: the streams that are scored.

A harness that rides on a person's account is a part of it. So the sessions of an
account are told apart by client, cohort, whether the fingerprint is strange, machine,
and whether they report telemetry; each such stream is described as a whole by the
sums of its sessions and by its hours of the day.
"""

import math

import polars as pl

from detector.features.attendance import attended, places, restless_days
from detector.features.extract import COUNTERS, Summary
from detector.features.fingerprint import MEASURES
from detector.features.operators import OPERATOR
from detector.features.registry import FEATURES, feature, measure
from detector.settings import Settings

__all__ = ["KEY", "assign_streams", "measure_sessions", "measure_streams", "when_used"]

KEY = ("account", "client", "cohort", "odd", "device", "reporting")
"""What the sessions of one stream have in common."""


def assign_streams(sessions: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Give every session in scope its ``stream``.

    A session of few requests may lack telemetry by chance, and one whose group lost it
    says nothing, so silent sessions below ``floors.posts`` served requests and lost ones
    take the account's usual state. Streams below the evidence floor join the largest
    stream of their account that differs in telemetry alone, if there is one.

    Returns:
        The sessions in scope with ``odd``, ``reporting``, ``device`` (null unless it is
        in regular use) and ``stream`` (UInt32, numbered by account and content).

    """
    bits = settings.fingerprint.strange_bits
    odd = pl.any_horizontal(
        pl.col("order_distance") + pl.col("case_distance") > 0,
        pl.col("accept_encoding_bits") >= bits,
        pl.col("user_agent_bits") >= bits,
        pl.col("values_bits") >= bits,
        (pl.col("headers_missing") + pl.col("headers_extra")) >= settings.fingerprint.odd_names,
    ).fill_null(value=False)
    scoped = sessions.filter("in_scope").with_columns(odd=odd, reporting=pl.col("posts") > 0)
    scoped = _regular_machines(scoped, settings)
    short = pl.col("served") < settings.floors.posts
    state = pl.when("reporting").then("served").when(~pl.col("lost")).then(-pl.col("served")).otherwise(0)
    # Headers that came with the loss have no usual state of their own.
    own = state.sum().over(*KEY[:-1])
    usual = pl.when(own != 0).then(own).otherwise(state.sum().over(*KEY[:3])) > 0
    excused = (short | pl.col("lost")) & ~pl.col("reporting")
    scoped = scoped.with_columns(reporting=pl.when(excused).then(usual).otherwise("reporting"))
    size = pl.col("served").sum()
    streams = scoped.group_by(KEY).agg(size=size).sort(*KEY, nulls_last=True)
    small = pl.col("size") < settings.floors.served
    largest = pl.col("reporting").sort_by("size", "reporting").last().over(*KEY[:-1])
    streams = streams.with_columns(home=pl.when(small).then(largest).otherwise("reporting"))
    scoped = scoped.join(streams.drop("size"), on=list(KEY), how="left", nulls_equal=True)
    scoped = scoped.with_columns(reporting="home").drop("home")
    codes = scoped.select(KEY).unique().sort(*KEY, nulls_last=True).with_row_index("stream")
    return scoped.join(codes, on=list(KEY), how="left", nulls_equal=True).sort("session")


def _regular_machines(sessions: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Keep the devices that an account uses regularly, unless they are more than a person has."""
    used = (pl.col("served").sum() >= settings.floors.served) & (pl.len() >= settings.floors.sessions)
    kept = sessions.with_columns(device=pl.when(used.over("account", "device")).then("device"))
    few = pl.col("device").drop_nulls().n_unique().over("account") <= settings.sessions.most_devices
    return kept.with_columns(device=pl.when(few).then("device"))


def measure_sessions(sessions: pl.DataFrame, available: frozenset[str], settings: Settings) -> pl.DataFrame:
    """Add every session-level feature; null where the log cannot feed it."""
    return _blank(sessions.with_columns(measure(settings.floors)), available)


def measure_streams(
    sessions: pl.DataFrame, summary: Summary, available: frozenset[str], settings: Settings
) -> pl.DataFrame:
    """Describe every stream by the features of the registry.

    Args:
        sessions: result of :func:`assign_streams`.
        summary: what ``extract.summarise`` kept.
        available: features that the log can feed.
        settings: all settings.

    Returns:
        A row a stream: ``stream``, the columns of ``KEY``, ``sessions``,
        ``requests``, ``served``, ``tokens``, ``subscribed`` (whether the log says
        that a plan pays), ``client_version`` (of its longest session), ``days`` (with a
        request), ``attended`` (whether a person is at work on it; null where nothing tells),
        ``network`` (the address that it nearly always comes from, null where there is none)
        and every feature but ``operators.OPERATOR``, which is null until the fleet is known.

    """
    floors = settings.floors
    weight = pl.col("inference")
    minutes = (pl.col("end") - pl.col("start")).dt.total_microseconds() / 60e6
    judged = [
        (pl.col(name) * weight).sum() / weight.filter(pl.col(name).is_not_null()).sum() for name in MEASURES
    ]
    several = pl.len() >= floors.sessions
    reporting = pl.col("reporting").first()
    told = ((~pl.col("lost")).sum() >= floors.sessions) & reporting
    streams = sessions.group_by("stream", *KEY).agg(
        *(pl.col(name).sum() for name in COUNTERS),
        *judged,
        sessions=pl.len().cast(pl.Int64),
        requests=pl.col("requests").sum(),
        proxied=pl.col("proxied").any(),
        subscribed=pl.col("subscribed").any(),
        single_turn_share=pl.when(pl.col("split").sum() >= floors.sessions).then(
            (pl.col("human_turns") <= 1).filter("split").mean()
        ),
        session_minutes=pl.when(several).then(minutes.median()),
        probe_missing=pl.when(told).then((pl.col("probes") == 0).filter(~pl.col("lost")).mean()),
        helper_missing=pl.when(told).then((pl.col("helpers") == 0).filter(~pl.col("lost")).mean()),
        client_version=pl.col("client_version").sort_by("served", "client_version").last(),
        fingerprint_churn=pl.when(
            (pl.col("orders").max() > 0) & (pl.col("served").sum() >= floors.served)
        ).then(pl.col("orders").max() / (1 + weight.sum()).log()),
    )
    hours = summary.hours.filter(pl.col("requests") > 0).join(
        sessions.select("session", "stream", "account", "cohort"), on="session"
    )
    restless = restless_days(hours, "stream", settings.cadence.rest_hours)
    place = places(summary.marks, sessions).filter(pl.col("main_place") >= settings.attendance.one_place)
    tables = [
        _starts(sessions, settings),
        _hours_of_day(hours, settings),
        restless.rename({"restless": "restless_days", "stretch": "stretch_h"}),
        hours.group_by("stream", "hour")
        .agg(pl.len())
        .group_by("stream")
        .agg(parallel_sessions=pl.col("len").mean()),
        _tools(sessions, summary, settings),
        attended(hours, settings),
        _sleepless(hours, place, settings),
        place.select("stream", "network"),
    ]
    for table in tables:
        streams = streams.join(table, on="stream", how="left")
    # Where nothing tells prompts from steps, nobody can see whether a person is there.
    seen = pl.lit("attended_days" in available)
    streams = streams.with_columns(attended=pl.when(seen).then("attended"))
    personal = hours.filter(pl.col("cohort") != "headless")
    streams = streams.join(_moves(personal, settings), on="account", how="left")
    streams = streams.with_columns(
        country_moves=pl.when(pl.col("cohort") != "headless").then("country_moves")
    )
    # Several people, or one who travels: then the hours are not one person's.
    elsewhere = (pl.col("country_moves") > feature("country_moves").benign).fill_null(value=False)
    streams = streams.with_columns(
        pl.when(~elsewhere).then(record.name).alias(record.name)
        for record in FEATURES
        if record.cause == "hours"
    )
    streams = streams.with_columns(pl.col(MEASURES).fill_nan(None)).with_columns(measure(floors))
    # Few sessions may be few long tasks; only many show a habit.
    habits = [record.name for record in FEATURES if record.habit]
    habit = pl.col("sessions") >= floors.habit_sessions
    streams = streams.with_columns(pl.when(habit).then(name).alias(name) for name in habits)
    streams = streams.with_columns(pl.lit(None, pl.Float64).alias(OPERATOR))
    return _blank(streams, available).sort("stream")


def when_used(sessions: pl.DataFrame) -> pl.DataFrame:
    """Return when each account used which version of a client in which cohort.

    Args:
        sessions: result of :func:`assign_streams`; without a stream they do not count.

    Returns:
        ``account``, ``cohort``, ``client``, ``client_version``, ``first`` and ``last`` (start
        of the first and last such session) and ``vouched`` (whether telemetry vouches for one).

    """
    return (
        sessions.filter(pl.col("stream").is_not_null())
        .group_by("account", "cohort", "client", "client_version")
        .agg(pl.col("vouched").any(), first=pl.col("start").min(), last=pl.col("start").max())
        .sort("account", "cohort", "client", "client_version")
    )


def _blank(table: pl.DataFrame, available: frozenset[str]) -> pl.DataFrame:
    """Set to null what the log cannot feed."""
    gone = [
        record.name for record in FEATURES if record.name not in available and record.name in table.columns
    ]
    return table.with_columns(pl.lit(None, pl.Float64).alias(name) for name in gone)


def _hours_of_day(hours: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Measure ``quiet_hours_share`` on prompts, or on requests where nothing tells prompts apart."""
    prompts = pl.when(pl.col("human").sum().over("stream") > 0).then("human").otherwise("requests")
    rows = hours.with_columns(count=prompts, hour_of_day=pl.col("hour") % 24)
    days = rows.group_by("stream").agg(
        days=(pl.col("hour") // 24).n_unique(),
        total=pl.col("count").sum(),
    )
    day = rows.group_by("stream", "hour_of_day").agg(pl.col("count").sum())
    grid = days.select("stream").join(
        pl.DataFrame({"hour_of_day": range(32)}, {"hour_of_day": pl.Int32}), how="cross"
    )
    grid = grid.with_columns(hour=pl.col("hour_of_day") % 24)
    grid = grid.join(day, left_on=["stream", "hour"], right_on=["stream", "hour_of_day"], how="left")
    grid = grid.sort("stream", "hour_of_day").with_columns(
        window=pl.col("count").fill_null(0).rolling_sum(8).over("stream")
    )
    quiet = grid.group_by("stream").agg(quiet=pl.col("window").min()).join(days, on="stream")
    enough = (pl.col("days") >= settings.floors.days) & (pl.col("total") >= settings.floors.prompts)
    return quiet.select("stream", quiet_hours_share=pl.when(enough).then(pl.col("quiet") / pl.col("total")))


def _sleepless(hours: pl.DataFrame, place: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Measure ``sleepless_share`` of streams that nearly always come from one address."""
    replies = hours.filter(pl.col("replies") > 0)
    restless = restless_days(replies, "stream", settings.cadence.rest_hours)
    days = replies.group_by("stream").agg(days=(pl.col("hour") // 24).n_unique())
    rows = restless.join(days, on="stream").join(place, on="stream", how="semi")
    enough = pl.col("days") >= settings.floors.days
    return rows.select("stream", sleepless_share=pl.when(enough).then(pl.col("restless") / pl.col("days")))


def _moves(hours: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Count, for each account and active day, how often it is elsewhere within a few hours."""
    rows = hours.filter(pl.col("country").is_not_null()).select("account", "hour", "country").unique()
    rows = rows.sort("account", "hour", "country").with_columns(
        near=pl.col("hour").diff().over("account") <= settings.cadence.travel_hours,
        elsewhere=pl.col("country") != pl.col("country").shift(1).over("account"),
    )
    days = (pl.col("hour") // 24).n_unique()
    moves = (pl.col("near") & pl.col("elsewhere")).sum() / days
    return rows.group_by("account").agg(country_moves=pl.when(days >= settings.floors.days).then(moves))


def _starts(sessions: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Measure how far the session starts of a stream follow the clock or a timer."""
    seconds = pl.col("start").dt.epoch("us") / 1e6
    enough = pl.len() >= settings.floors.starts
    phases = []
    for period in (300, 900, 3600):
        angle = 2 * math.pi * (seconds % period) / period
        phases.append((angle.cos().sum().pow(2) + angle.sin().sum().pow(2)) / pl.len())
    # Rayleigh: p is about exp(-n R^2); three periods are tried.
    strength = (pl.max_horizontal(phases) / pl.lit(10.0).log() - pl.lit(3.0).log10()).clip(lower_bound=0)
    log_gap = seconds.sort().diff().clip(lower_bound=1).log()
    return sessions.group_by("stream").agg(
        start_phase=pl.when(enough).then(strength), start_spread=pl.when(enough).then(log_gap.std(ddof=0))
    )


def _tools(sessions: pl.DataFrame, summary: Summary, settings: Settings) -> pl.DataFrame:
    """Count the tool sets that each stream offers in several sessions."""
    used = summary.tools.join(sessions.select("session", "stream"), on="session")
    sets = used.group_by("stream", "tools_hash").agg(times=pl.col("session").n_unique())
    sets = sets.group_by("stream").agg(tools_variety=(pl.col("times") > 1).sum().cast(pl.Float64))
    several = used.group_by("stream").agg(several=pl.col("session").n_unique() >= settings.floors.sessions)
    return sets.join(several, on="stream").select(
        "stream", tools_variety=pl.when("several").then("tools_variety")
    )
