"""Build what pages restate of code or real output: the marked blocks, and the pictures.

::

    python docs/build.py            # rebuild
    python docs/build.py --check    # compare only

A block lies between ``<!-- begin NAME: docs/build.py -->`` and ``<!-- end NAME -->``. Tests compare
the same texts, so a page that is out of date fails the build. Run this after anything that changes
commands, schema, features, dialects, ``benchmarks/results``, ``datasets/sample`` or ``models/default``.
"""

import argparse
import io
import re
import sys
import tempfile
from collections.abc import Mapping
from contextlib import chdir, redirect_stdout
from pathlib import Path
from typing import Any

import polars as pl
from dialect_tables import dialect_blocks
from feature_tables import feature_blocks, markdown
from growth_plot import growth_plot
from speed_tables import speed_blocks, speed_figures

import detector
from detector.cli import main as command_line
from detector.model.rule import WAYS
from detector.report.casedocument import case_document
from detector.report.casetext import document_text
from detector.report.ownerletter import owner_letter
from detector.report.summary import run_text
from detector.schema import (
    ACCOUNT_VERDICT,
    ACTIVITY,
    AGAINST,
    CLEARING,
    HEADERS,
    LOG_COLUMNS,
    PLANS,
    REASON,
    RELATED,
    SESSION_VERDICT,
)

ROOT = Path(__file__).parent.parent
PAGES = (
    "README.md",
    "docs/cases.md",
    "docs/cli.md",
    "docs/dialects.md",
    "docs/evidence.md",
    "docs/features.md",
    "docs/log-format.md",
    "docs/speed.md",
)
GROWTH = "docs/speed.svg"
BLOCK = re.compile(r"<!-- begin (\S+): docs/build\.py -->\n(?:.*?)<!-- end \1 -->", re.DOTALL)
WIDTH = 88

MEANINGS = {
    "account_id": "the account, as logged",
    "verdict": "`harness`, `declared_third_party`, `watch`, `clear`, `insufficient_data` or `out_of_scope`",
    "flagged": "account: the verdict is `harness` or `declared_third_party`; session: it is what was flagged",
    "score": "in [0, 1], higher is more like automated harness traffic; null where nothing was in scope",
    "p_value": "chance of a score this high for a genuine account (conformal); null where not computed",
    "q_value": "false discovery rate at which this account would just be flagged; null likewise",
    "sessions": "sessions seen",
    "requests": "requests seen",
    "flagged_sessions": "of the sessions, flagged",
    "flagged_requests": "of the requests, those in flagged sessions",
    "flagged_tokens": "tokens of the flagged sessions",
    "families": "feature families that count against it",
    "reasons": "strongest first; `text` is for people; what is usual is null where it is not known",
    "first_seen": "first request (UTC)",
    "last_seen": "last request (UTC)",
    "session": "the id that the client declares, else `~` and the start of the session",
    "start": "first request (UTC)",
    "end": "last request (UTC)",
    "client": "product name of the user agent, lower case; null where unknown",
    "client_version": "its version; null where unknown",
}
"""What each column of the verdict tables means."""

REASON_MEANINGS = {
    "feature": "name of the [feature](features.md), or `client`",
    "family": "its family",
    "value": "what was measured; null where the reason is no measurement",
    "baseline": "median of the cohort in the model's reference; null where none is known",
    "text": "a sentence with the numbers in it",
    "unit": "of value, baseline, low and high: `share` (of 1), `h`, `min`, `s`, `bits` (-log2 of a share of "
    "accounts), `ln` (of a ratio), `-log10 p` (of a chance), `sessions`, `names`, or empty",
    "low": "5th percentile of the cohort",
    "high": "95th percentile of the cohort",
    "tail": "share of the cohort that is at least as suspicious",
    "accounts": "accounts of the cohort that were compared",
}
"""What the fields of a reason mean."""

CASE_TABLES = {
    "activity": (
        ACTIVITY,
        {
            "hour": "start of the hour (UTC)",
            "requests": "inference requests of the hour",
            "flagged_requests": "of them, those of flagged sessions",
            "served": "of them, answered",
            "reported": "requests that telemetry posts of the hour report",
            "flagged_served": "answered, of flagged sessions",
            "flagged_reported": "reported, of flagged sessions",
        },
    ),
    "against": (AGAINST, REASON_MEANINGS),
    "clearing": (
        CLEARING,
        {
            "what": "what is taken away, as the end of a sentence that begins with if",
            "sessions": "sessions that it takes away; 0 where evidence or a ban is taken away",
            "verdict": "what the account would be",
        },
    ),
    "headers": (
        HEADERS,
        {
            "requests": "inference requests that sent this list",
            "flagged_requests": "of them, those of flagged sessions",
            "seen": "names in wire order, as received",
            "expected": "the nearest common order of the client; null where none is known or the list is cut",
            "library": "HTTP libraries that write such a layout, joined by ` or `; null where none is known "
            "to or the list is cut",
            "resembles": "another client whose names these are rather than the claimed one's; null where "
            "there is none or the list is cut",
        },
    ),
    "plans": (PLANS, {"plan": "the plan that was logged last"}),
    "related": (
        RELATED,
        {
            "by": "what is shared: `address`, `device`, `tools` or `headers`",
            "accounts": "how many other accounts share it",
            "flagged": "of them, flagged",
            "others": "up to five of their ids, flagged ones first, then by id",
        },
    ),
}
"""The tables about flagged and watched accounts, and what their columns mean there."""


def pages(run: detector.Run, folder: Path) -> dict[str, str]:
    """Return every built file by its path in the tree.

    Args:
        run: ``datasets/sample`` scored by ``models/default``.
        folder: the verdict folder that it wrote.

    """
    speed = speed_figures(ROOT)
    blocks = {
        "output": code(run_text(run.accounts, run.record, "verdicts")),
        "commands": code(help_text()),
        "every-command": "\n\n".join(
            f"## detector {' '.join(words)}\n\n{code(help_text(*words))}" for words in every_command()
        ),
        **feature_blocks(ROOT),
        **dialect_blocks(),
        **speed_blocks(speed),
        "ways": "\n".join(f"- *{name}*: {text}." for name, text in WAYS.items()),
        "log-columns": log_table(),
        "account-columns": verdict_table(ACCOUNT_VERDICT),
        "session-columns": verdict_table(SESSION_VERDICT),
        "reason-fields": verdict_table(REASON.to_schema(), REASON_MEANINGS),
        "case-columns": "\n\n".join(
            f"### `{name}.parquet`\n\n{verdict_table(schema, meanings)}"
            for name, (schema, meanings) in CASE_TABLES.items()
        ),
        **case_blocks(run, folder),
    }
    texts = {page: fill((ROOT / page).read_text("utf-8"), blocks) for page in PAGES}
    return {**texts, GROWTH: growth_plot(speed["lines"])}


def case_blocks(run: detector.Run, folder: Path) -> dict[str, str]:
    """Return the case file of the sample's clearest harness, and what its owner may read."""
    worst = run.accounts.filter(verdict="harness").sort("score", "account_id", descending=[True, False])
    case = detector.explain(folder, worst["account_id"][0])
    return {
        "case": code(document_text(case_document(case))),
        "letter": code(document_text(owner_letter(case))),
    }


def sample_run(folder: Path) -> detector.Run:
    """Score the sample as the README's first command does."""
    with chdir(ROOT):
        return detector.score("datasets/sample", folder, "models/default")


def fill(text: str, blocks: dict[str, str]) -> str:
    """Put the blocks between their marks."""
    return BLOCK.sub(
        lambda mark: f"<!-- begin {mark[1]}: docs/build.py -->\n{blocks[mark[1]]}\n<!-- end {mark[1]} -->",
        text,
    )


def code(text: str) -> str:
    """Return text as a block that Markdown leaves alone."""
    return f"```text\n{text}\n```"


def every_command() -> list[tuple[str, ...]]:
    """Return the words of every command, those of groups after the group's own."""
    return [
        words
        for name, command in command_line.commands.items()
        for words in [(name,), *((name, inner) for inner in getattr(command, "commands", ()))]
    ]


def help_text(*command: str) -> str:
    """Return what ``detector COMMAND --help`` prints on a terminal of a fixed width."""
    with redirect_stdout(io.StringIO()) as printed:
        command_line.main([*command, "--help"], "detector", standalone_mode=False, terminal_width=WIDTH)
    return printed.getvalue().rstrip()


def log_table() -> str:
    """Return the columns of the request log."""
    rows = [
        (
            f"`{one.name}`",
            kind(one.dtype),
            "yes" if one.required else "",
            one.meaning,
            ", ".join(one.families),
        )
        for one in LOG_COLUMNS
    ]
    return markdown(("column", "type", "required", "meaning", "feeds"), rows)


def verdict_table(schema: pl.Schema, meanings: Mapping[str, str] = MEANINGS) -> str:
    """Return the columns of a verdict table; one without a meaning is an error."""
    known = {**MEANINGS, **meanings}
    rows = [(f"`{name}`", kind(dtype), known[name]) for name, dtype in schema.items()]
    return markdown(("column", "type", "meaning"), rows)


def kind(dtype: Any) -> str:
    """Return the name of a polars type in lower case, lists and structs spelled out."""
    if isinstance(dtype, pl.List):
        return f"list[{kind(dtype.inner)}]"
    if isinstance(dtype, pl.Struct):
        return f"struct{{{', '.join(field.name for field in dtype.fields)}}}"
    if isinstance(dtype, pl.Datetime):
        return f"datetime ({dtype.time_unit}, {dtype.time_zone})"
    return str(dtype).lower()


def main() -> int:
    """Build, or check what was built; return the exit code."""
    parser = argparse.ArgumentParser(description="Build what pages restate of code or real output.")
    parser.add_argument("--check", action="store_true", help="compare with what is there, change nothing")
    check = parser.parse_args().check
    odd = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "verdicts")
        built = pages(sample_run(folder), folder)
    for page, content in built.items():
        path = ROOT / page
        if not path.is_file() or path.read_text("utf-8") != content:
            odd.append(page)
            if not check:
                path.write_text(content, "utf-8")
    print(f"{'out of date' if check else 'written'}: {', '.join(odd) or 'nothing'}")
    return int(check and bool(odd))


if __name__ == "__main__":
    sys.exit(main())
