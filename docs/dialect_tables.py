"""Tables of the log dialects: what feeds each native column, and what a format cannot feed."""

from feature_tables import markdown

from detector.ingest.dialect import Dialect
from detector.ingest.dialects import DIALECTS, load_dialect
from detector.ingest.fieldmap import Column
from detector.schema import FAMILIES, LOG_COLUMNS

__all__ = ["dialect_blocks"]


def dialect_blocks() -> dict[str, str]:
    """Return the blocks of ``docs/dialects.md``."""
    dialects = [load_dialect(name) for name in DIALECTS]
    return {"dialect-overview": overview(dialects), "dialects": "\n\n".join(map(section, dialects))}


def overview(dialects: list[Dialect]) -> str:
    """Return which columns of each feature family every dialect can feed."""
    rows = []
    for one in dialects:
        missing = [column.name for column in LOG_COLUMNS if column.required and column.name not in one.feeds]
        rows.append((f"`{one.name}`", names(missing), *(fed(one, family) for family in FAMILIES)))
    return markdown(("dialect", "to add in a map of your own", *FAMILIES), rows)


def fed(dialect: Dialect, family: str) -> str:
    """Return how many of a family's columns a dialect can feed; names of a subset are not judged."""
    idle = {"header_names"} if dialect.map.headers.complete == "no" else set()
    wanted = [column.name for column in LOG_COLUMNS if family in column.families]
    return f"{len(dialect.feeds & set(wanted) - idle)} of {len(wanted)}"


def section(dialect: Dialect) -> str:
    """Return what is to know of one dialect."""
    said = [f"## {dialect.name}", f"{dialect.about}. Source: {dialect.source}."]
    signs = "; or ".join(names(one) for one in dialect.signs)
    said.append(f"Known by {signs}.")
    if dialect.records:
        said.append(
            f"Records inside a line: {names(dialect.records)}; one without `{dialect.request}` is no request."
        )
    said.append(markdown(("column", "source"), [(f"`{name}`", source) for name, source in sources(dialect)]))
    said += [f"Not fed: {names(lack.columns)}: {lack.why}." for lack in dialect.lacks]
    return "\n\n".join(said)


def sources(dialect: Dialect) -> list[tuple[str, str]]:
    """Return the native columns that a dialect feeds, and from where."""
    columns = {name: "; else ".join(map(way, ways)) for name, ways in dialect.map.columns.items()}
    headers = dialect.map.headers
    if container := headers.names or headers.pairs:
        columns["header_names"] = f"`{container}`"
        complete = {
            "yes": "true",
            "no": "false: the list is a subset or in no order",
            "unknown": "null where nothing says otherwise",
        }
        columns["headers_complete"] = complete[headers.complete]
        if headers.limit:
            columns["headers_complete"] = f"whether the text ends below {headers.limit} bytes"
        if headers.count:
            columns["headers_complete"] += f", and holds as many names as `{headers.count}` says"
        if headers.cut_field:
            columns["headers_complete"] += f"; false where `{headers.cut_field}` holds `{headers.cut_value}`"
    values = [f"`{address}`" for address in dialect.map.header_values.values()]
    if headers.pairs:
        values.append(f"`{headers.pairs}`, harmless headers only")
    if values:
        columns["header_values"] = ", ".join(values)
    return [(column.name, columns[column.name]) for column in LOG_COLUMNS if column.name in columns]


def way(column: Column) -> str:
    """Return one way to read a column in words."""
    if column.constant:
        return f"always `{column.constant}`"
    said = f"`{column.field}`"
    if column.until:
        said += f" until `{column.until}`"
    if column.unit:
        said += f" ({column.unit})"
    if column.extract:
        said += f", the part that matches `{column.extract}`"
    if column.minus:
        said += f" less {names(column.minus)}"
    return said


def names(listed: list[str] | tuple[str, ...]) -> str:
    """Return names as code, parted by commas."""
    return ", ".join(f"`{name}`" for name in listed)
