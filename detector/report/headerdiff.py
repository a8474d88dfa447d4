"""Header names as they came beside the order that is expected of the client."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from detector.settings import default_settings

__all__ = ["beside"]

Row = tuple[str, str, str]


def beside(expected: Sequence[str], seen: Sequence[str]) -> list[Row]:
    """Align two lists of header names.

    Args:
        expected: names in the order of the client.
        seen: names as received.

    Returns:
        Rows of an expected name, what is the matter, and a name as seen. The matter is empty
        where both agree, ``case``, ``missing``, ``extra``, ``moved`` (stands elsewhere in the
        other list) or ``proxy`` (added on the way, which nobody is blamed for).

    """
    wanted, given = [name.lower() for name in expected], [name.lower() for name in seen]
    hop = re.compile(default_settings().clients.hop_pattern)
    rows: list[Row] = []
    for _, start, end, first, last in SequenceMatcher(None, wanted, given, autojunk=False).get_opcodes():
        if wanted[start:end] == given[first:last]:
            pairs = zip(expected[start:end], seen[first:last], strict=True)
            rows += [(one, "" if one == other else "case", other) for one, other in pairs]
            continue
        rows += [(name, "moved" if name.lower() in given else "missing", "") for name in expected[start:end]]
        for name in seen[first:last]:
            lowered = name.lower()
            added = "proxy" if hop.match(lowered) else "extra"
            rows.append(("", "moved" if lowered in wanted else added, name))
    return rows
