"""What an account looks like: its header lists, and the other accounts that share what it shows."""

from collections.abc import Iterator

from detector.report.case import Case, HeaderLine, Related
from detector.report.document import Block, Grid, Items, Section, Text
from detector.report.headerdiff import beside

__all__ = ["header_lists", "likeness", "other_accounts", "shared"]

DIFFS = 2
"""Header lists shown beside the expected order at most."""

SHARED = {
    "address": "its address",
    "device": "its device",
    "tools": "its set of tools",
    "headers": "its list of headers",
}
"""What other accounts may share with it."""


def header_lists(case: Case) -> Iterator[Section]:
    """Show the header lists that differ from what is expected, and count those that do not.

    No section where no list was logged. Lists without a known order say what they look like.
    """
    if not case.headers:
        return
    blocks: list[Block] = []
    odd = [(line, rows) for line in case.headers if (rows := _differs(line))]
    for line, rows in odd[:DIFFS]:
        marked = frozenset(i for i, (_, matter, _) in enumerate(rows) if matter not in {"", "proxy"})
        blocks.append(Text(f"{_sent(line)}:"))
        blocks.append(Grid(("expected", "", "seen"), tuple(rows), marked=marked))
    if len(odd) > DIFFS:
        rest = sum(line.requests for line, _ in odd[DIFFS:])
        blocks.append(Text(f"{len(odd) - DIFFS:,} more lists differ ({rest:,} requests)."))
    for known, words in (
        (True, "came in the order expected"),
        (False, "have no known order to compare with"),
    ):
        alike = [one for one in case.headers if (one.expected is not None) is known and not _differs(one)]
        if alike:
            blocks.append(Text(f"The headers of {sum(one.requests for one in alike):,} requests {words}."))
        if not known:
            telling = tuple((_sent(one), "") for one in alike if likeness(one))[:DIFFS]
            blocks += [Items(telling)] if telling else []
    yield Section("headers", tuple(blocks))


def _differs(line: HeaderLine) -> list[tuple[str, str, str]]:
    """Return the two lists side by side, empty where they agree but for what proxies add."""
    rows = [] if line.expected is None else beside(line.expected, line.seen)
    return rows if any(matter not in {"", "proxy"} for _, matter, _ in rows) else []


def _sent(line: HeaderLine) -> str:
    name = " ".join(part for part in (line.client, line.client_version) if part) or "no user agent"
    said = f"{line.requests:,} requests as {name}, {line.flagged_requests:,} of them flagged"
    return "; ".join(filter(None, (said, likeness(line))))


def likeness(line: HeaderLine) -> str:
    """Say which library and which other client a header list looks like, empty where none."""
    layout = f"laid out as by {line.library}" if line.library else ""
    names = f"names like those of {line.resembles}" if line.resembles else ""
    return ", ".join(filter(None, (layout, names)))


def other_accounts(case: Case) -> Iterator[Section]:
    """Name the accounts that share what this one shows; no section where there are none."""
    rows = tuple((f"{shared(line)}: {_named(line)}", "") for line in case.related)
    if rows:
        yield Section("other accounts", (Items(rows),))


def shared(line: Related) -> str:
    """Say what how many other accounts share, and how many of these are flagged."""
    if line.accounts == 1:
        many = f"1 other account, {'flagged' if line.flagged else 'not flagged'}"
    else:
        flagged = f"{line.flagged:,}" if line.flagged else "none"
        many = f"{line.accounts:,} other accounts, {flagged} of them flagged"
    return f"shares {SHARED.get(line.by, line.by)} with {many}"


def _named(line: Related) -> str:
    rest = line.accounts - len(line.others)
    return ", ".join(line.others) + (f" and {rest:,} more" if rest else "")
