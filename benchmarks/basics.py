"""27 basic features of every session, as others would compute them: one query of DuckDB, or pandas.

Each is a process of its own, and its result a Parquet file::

    python -m benchmarks.basics duckdb LOG TARGET
    python -m benchmarks.basics duckdb-lean LOG TARGET
    python -m benchmarks.basics duckdb-store STORE TARGET
    python -m benchmarks.basics pandas LOG TARGET

LOG is a folder of native Parquet. STORE is a store of one ingest: every file in it is current. The
lean query leaves out the two features of headers, so that DuckDB need not decode lists of names.

A session is what one account declares under one id; where none is declared, a pause of 30 minutes
begins a new one. Pay-per-use traffic is left out. Gaps are of any request to the one before it in
its session; what is said of gaps counts those before inference requests. Deviations are those of a
population. Nothing is checked, nothing joined across sessions, nothing compared with a fleet.
"""

import os
import sys
from pathlib import Path

__all__ = ["FEATURES", "HEADER_FEATURES", "KEY", "duckdb_basics", "pandas_basics"]

KEY = ("account_id", "session_id", "part", "start", "end")
"""What tells sessions apart, and when they were; ``part`` counts those of an account without an id."""

FEATURES = {
    "requests": "count(*)",
    "inference": "count(*) FILTER (inference)",
    "posts": "count(*) FILTER (telemetry)",
    "reported": "coalesce(sum(telemetry_requests), 0)",
    "gap_mean": "avg(gap) FILTER (inference)",
    "gap_deviation": "stddev_pop(gap) FILTER (inference)",
    "gap_median": "median(gap) FILTER (inference)",
    "gap_p90": "quantile_cont(gap, 0.9) FILTER (inference)",
    "human_log_mean": "avg(ln(greatest(gap, 0.05))) FILTER (human)",
    "human_log_deviation": "stddev_pop(ln(greatest(gap, 0.05))) FILTER (human)",
    "instant": "count(*) FILTER (inference AND gap < 1)",
    "away": "count(*) FILTER (inference AND gap > 3600)",
    "input_tokens": "coalesce(sum(input_tokens), 0)",
    "output_tokens": "coalesce(sum(output_tokens), 0)",
    "cache_read_tokens": "coalesce(sum(cache_read_tokens), 0)",
    "cache_write_tokens": "coalesce(sum(cache_write_tokens), 0)",
    "cache_growth": "avg((context >= earlier)::INT)",
    "tool_share": "avg(tool_result::INT)",
    "limited": "count(*) FILTER (status = 429)",
    "refused": "count(*) FILTER (status >= 400)",
    "duration_mean": "avg(duration_ms)",
    "models": "count(DISTINCT model)",
    "tool_sets": "count(DISTINCT tools_hash)",
    "header_orders": "count(DISTINCT header_order)",
    "user_agents": "count(DISTINCT agent)",
    "addresses": "count(DISTINCT client_ip)",
    "active_hours": "count(DISTINCT hour)",
}
"""Every feature as DuckDB computes it: seconds, milliseconds, tokens, counts and shares."""

HEADER_FEATURES = ("header_orders", "user_agents")
"""What the lean query leaves out."""

READ = (
    *("account_id", "timestamp", "path", "status", "duration_ms", "auth", "session_id", "client_ip"),
    *("model", "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens"),
    *("tool_result", "tools_hash", "telemetry_requests"),
)
"""Columns that every form of the query reads; header facts come on top."""

PAUSE_S = 1800
INFERENCE = ("/v1/messages", "/v1/chat/completions", "/v1/responses")
TELEMETRY = "/api/event_logging/"
PER_USE = ("api_key", "cloud")
BY_SESSION = ["account_id", "session_id", "part"]

QUERY = f"""
WITH {{facts}}
requests AS (
  SELECT account_id, session_id, timestamp, status, duration_ms, client_ip, model, input_tokens,
    output_tokens, cache_read_tokens, cache_write_tokens, tool_result, tools_hash, telemetry_requests,
    {{headers}}
    epoch_us(timestamp) AS us, us // 3600000000 % 24 AS hour,
    coalesce(cache_read_tokens, 0) + input_tokens AS context,
    path IN {INFERENCE} OR path LIKE '%/completion' AS inference, path LIKE '{TELEMETRY}%' AS telemetry
  FROM read_parquet({{files}}, hive_partitioning = false) {{join}}
  WHERE auth IS NULL OR auth NOT IN {PER_USE}
),
pauses AS (
  SELECT *, (us - lag(us) OVER before) / 1e6 AS pause, lag(context) OVER before AS context_before
  FROM requests WINDOW before AS (PARTITION BY account_id, session_id ORDER BY us)
),
parts AS (
  SELECT *, false AS begins, 0 AS part FROM pauses WHERE session_id IS NOT NULL
  UNION ALL
  SELECT *, coalesce(pause > {PAUSE_S}, false) AS begins, coalesce(sum((pause > {PAUSE_S})::INT) OVER (
    PARTITION BY account_id ORDER BY us ROWS UNBOUNDED PRECEDING), 0)::INT AS part
  FROM pauses WHERE session_id IS NULL
),
gaps AS (
  SELECT *, inference AND NOT tool_result AND NOT begins AND pause IS NOT NULL AS human,
    CASE WHEN NOT begins THEN pause END AS gap, CASE WHEN NOT begins THEN context_before END AS earlier
  FROM parts
)
SELECT account_id, session_id, part, min(timestamp) AS start, max(timestamp) AS "end",
  {{features}}
FROM gaps GROUP BY account_id, session_id, part
"""  # noqa: S608  # no text from outside
"""The query, but for where rows and header facts come from and which features are asked for."""

LISTS = "CASE WHEN header_names IS NOT NULL THEN hash(header_names) END"
"""Lists of names as numbers: the query takes two thirds of the time, and two alike are not to be expected."""

FACTS = f"""
facts AS (
  SELECT fingerprint, {LISTS} AS header_order, user_agent AS agent
  FROM read_parquet({{files}})
),
"""  # noqa: S608  # no text from outside
"""Header facts of a store by their code."""


def duckdb_basics(log: Path, target: Path, form: str = "duckdb") -> None:
    """Compute the features with DuckDB, a thread a core.

    Args:
        log: folder of native Parquet, or of a store.
        target: Parquet file to write; what does not fit in memory goes to a folder beside it.
        form: ``duckdb``, ``duckdb-lean`` (no features of headers) or ``duckdb-store``.

    """
    import duckdb  # noqa: PLC0415  # so that no peer pays for another's import

    chosen = {
        name: sql for name, sql in FEATURES.items() if form != "duckdb-lean" or name not in HEADER_FEATURES
    }
    parts = {"facts": "", "headers": "", "join": "", "files": _quoted(f"{log}/**/*.parquet")}
    if form == "duckdb":
        parts |= {"headers": f"{LISTS} AS header_order, user_agent AS agent,"}
    elif form == "duckdb-store":
        parts |= {
            "facts": FACTS.format(files=_quoted(f"{log}/_fingerprints/*.parquet")),
            "headers": "header_order, agent,",
            "join": "LEFT JOIN facts USING (fingerprint)",
            "files": _quoted(f"{log}/day=*/bucket=*/*.parquet"),
        }
    query = QUERY.format(features=",\n  ".join(f"{sql} AS {name}" for name, sql in chosen.items()), **parts)
    config = {"threads": os.cpu_count() or 1, "temp_directory": f"{target}.spill"}
    with duckdb.connect(config=config) as connection:
        connection.execute("SET preserve_insertion_order = false")
        connection.execute(f"COPY ({query}) TO {_quoted(str(target))} (FORMAT parquet, COMPRESSION zstd)")


def pandas_basics(log: Path, target: Path) -> None:
    """Compute the features with pandas, all rows in memory.

    Args:
        log: folder of native Parquet.
        target: Parquet file to write.

    """
    import numpy as np  # noqa: PLC0415  # so that no peer pays for another's import
    import pyarrow as pa  # noqa: PLC0415  # likewise
    import pyarrow.compute as pc  # noqa: PLC0415  # likewise
    import pyarrow.dataset as ds  # noqa: PLC0415  # likewise

    table = ds.dataset(log, format="parquet").to_table([*READ, "user_agent", "header_names"])
    # pandas counts distinct texts, not distinct lists.
    orders = pc.binary_join(table["header_names"].cast(pa.list_(pa.string())), "\n")
    rows = table.drop_columns(["header_names"]).append_column("header_order", orders).to_pandas()
    rows = rows[~rows["auth"].isin(PER_USE)].sort_values(["account_id", "session_id", "timestamp"])
    before = rows.groupby(["account_id", "session_id"], dropna=False, sort=False)
    pause = before["timestamp"].diff().dt.total_seconds()
    begins = rows["session_id"].isna() & (pause > PAUSE_S)
    rows["part"] = begins.groupby(rows["account_id"]).cumsum().where(rows["session_id"].isna(), 0).astype(int)
    context = rows["cache_read_tokens"].fillna(0) + rows["input_tokens"]
    earlier = context.groupby([rows[name] for name in BY_SESSION], dropna=False, sort=False).shift()
    gap, path = pause.mask(begins), rows["path"]
    inference = path.isin(INFERENCE) | path.str.endswith("/completion")
    turn = gap.where(inference)
    person = inference & rows["tool_result"].eq(False)
    derived = rows[[*BY_SESSION, "timestamp"]].assign(
        inference=inference,
        telemetry=path.str.startswith(TELEMETRY),
        turn=turn,
        log_gap=np.log(gap.where(person).clip(lower=0.05)),
        instant=turn < 1,
        away=turn > 3600,
        growth=(context >= earlier).astype(float).where(context.notna() & earlier.notna()),
        tool=rows["tool_result"].astype(float),
        limited=rows["status"] == 429,
        refused=rows["status"] >= 400,
        hour=rows["timestamp"].dt.hour,
    )
    plain = (
        "telemetry_requests",
        "duration_ms",
        "client_ip",
        "model",
        "tools_hash",
        "header_order",
        "user_agent",
    )
    tokens = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    derived[[*plain, *tokens]] = rows[[*plain, *tokens]]
    sessions = derived.groupby(BY_SESSION, dropna=False, sort=False)
    found = sessions.agg(
        start=("timestamp", "min"),
        end=("timestamp", "max"),
        requests=("timestamp", "size"),
        inference=("inference", "sum"),
        posts=("telemetry", "sum"),
        reported=("telemetry_requests", "sum"),
        gap_mean=("turn", "mean"),
        gap_median=("turn", "median"),
        human_log_mean=("log_gap", "mean"),
        instant=("instant", "sum"),
        away=("away", "sum"),
        **{name: (name, "sum") for name in tokens},
        cache_growth=("growth", "mean"),
        tool_share=("tool", "mean"),
        limited=("limited", "sum"),
        refused=("refused", "sum"),
        duration_mean=("duration_ms", "mean"),
        models=("model", "nunique"),
        tool_sets=("tools_hash", "nunique"),
        header_orders=("header_order", "nunique"),
        user_agents=("user_agent", "nunique"),
        addresses=("client_ip", "nunique"),
        active_hours=("hour", "nunique"),
    )
    found["gap_deviation"] = sessions["turn"].std(ddof=0)
    found["gap_p90"] = sessions["turn"].quantile(0.9)
    found["human_log_deviation"] = sessions["log_gap"].std(ddof=0)
    found.reset_index()[[*KEY, *FEATURES]].to_parquet(target, compression="zstd")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


if __name__ == "__main__":
    name, log, target = sys.argv[1], *map(Path, sys.argv[2:4])
    if name == "pandas":
        pandas_basics(log, target)
    else:
        duckdb_basics(log, target, name)
