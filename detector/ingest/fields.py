"""Fields of a log record by their address.

An address is what documentation of a format writes: ``httpRequest.clientIp``. The
same address finds a field of a nested record, a column whose name holds dots, an
entry of a map or of a list of key and value (as OTLP writes attributes), and a
field inside JSON text. Two endings pick from lists: ``reasons[]`` is the first
element, ``prints[type_id=1].value`` belongs to the first element of that type.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

import polars as pl

__all__ = ["KEY_VALUES", "Found", "contains", "find", "parts", "read_types", "single"]

_ANY_VALUE = ("stringValue", "intValue", "doubleValue", "boolValue")
_LIST_VALUE = pl.Struct({"values": pl.List(pl.Struct({"stringValue": pl.String}))})

KEY_VALUES: pl.DataType = pl.List(
    pl.Struct(
        {
            "key": pl.String,
            "value": pl.Struct({**dict.fromkeys(_ANY_VALUE, pl.String), "arrayValue": _LIST_VALUE}),
        }
    )
)
"""Attributes in OTLP JSON (opentelemetry/proto/common/v1/common.proto), numbers as text."""

_PART = re.compile(r"(?P<name>[^\[\]]+)(?:\[(?:(?P<key>\w+)=(?P<value>[^\]]*))?\])?")


@dataclass(frozen=True, slots=True)
class Found:
    """A field that was found: how to read it, and its type."""

    read: pl.Expr
    dtype: pl.DataType


def parts(address: str) -> list[str]:
    """Split an address at its dots.

    Raises:
        ValueError: a part is empty, or brackets do not fit.

    """
    split = re.split(r"\.(?![^\[]*\])", address)
    if "'" in address or not all(_PART.fullmatch(part) for part in split):
        raise ValueError(address)
    return split


def find(address: str, types: Mapping[str, pl.DataType]) -> list[Found]:
    """Return every place where a table of these types holds the field.

    Several can: one column named with dots beside a nested one. Which of them a row
    fills is for the row to say.
    """
    return list(_find(parts(address), types, pl.col))


def _find(
    names: list[str], types: Mapping[str, pl.DataType], field: Callable[[str], pl.Expr]
) -> Iterator[Found]:
    for length in range(len(names), 0, -1):
        *before, last = names[:length]
        part = _PART.fullmatch(last)
        if part is None:
            continue
        head, rest = ".".join([*before, part["name"]]), names[length:]
        if head not in types:
            continue
        found = Found(field(head), types[head])
        if part["key"]:
            element = _selected(found, part["key"], part["value"])
            if element is not None:
                yield from _inside(element, rest)
        else:
            yield from _inside(found, rest)


def _inside(found: Found, rest: list[str]) -> Iterator[Found]:
    """Return the places of a field below a place."""
    if not rest:
        yield found
    elif isinstance(found.dtype, pl.Struct):
        yield from _find(rest, _fields(found.dtype), found.read.struct.field)
    elif found.dtype == pl.String:
        names = [name.partition("[")[0] for name in rest]
        for path in {"".join(f"['{name}']" for name in names), f"['{'.'.join(names)}']"}:
            yield Found(found.read.str.json_path_match(f"${path}"), pl.String())
    elif (value := _value_type(found.dtype)) is not None:
        key = ".".join(rest).partition("[")[0]
        entry = pl.element().struct
        values = found.read.list.eval(entry.field("value").filter(entry.field("key") == key))
        yield Found(values.list.first(), value)


def _selected(found: Found, key: str, value: str) -> Found | None:
    """Return the first element of a list of structs whose key has a value."""
    inner = found.dtype.inner if isinstance(found.dtype, pl.List) else None
    if not isinstance(inner, pl.Struct) or key not in _fields(inner):
        return None
    fits = pl.element().struct.field(key).cast(pl.String) == value
    return Found(found.read.list.eval(pl.element().filter(fits)).list.first(), inner)


def _value_type(dtype: pl.DataType) -> pl.DataType | None:
    """Return the type of the values of a map, which is a list of key and value."""
    inner = dtype.inner if isinstance(dtype, pl.List) else None
    fields = _fields(inner) if isinstance(inner, pl.Struct) else {}
    return fields["value"] if fields.get("key") == pl.String and "value" in fields else None


def _fields(dtype: pl.Struct) -> dict[str, pl.DataType]:
    return {field.name: field.dtype for field in dtype.fields}  # type: ignore[misc]


def single(found: Found) -> Found | None:
    """Return the single value of a place: of a list the first, of an OTLP value what it holds."""
    dtype = found.dtype
    if isinstance(dtype, pl.Array):
        return single(Found(found.read.arr.first(), dtype.inner))  # type: ignore[arg-type]
    if isinstance(dtype, pl.List):
        return single(Found(found.read.list.first(), dtype.inner))  # type: ignore[arg-type]
    if not isinstance(dtype, pl.Struct):
        return found
    fields, field = _fields(dtype), found.read.struct.field
    held = [field(name).cast(pl.String) for name in _ANY_VALUE if name in fields]
    if fields.get("arrayValue") == _LIST_VALUE:
        values = field("arrayValue").struct.field("values")
        held.append(values.list.first().struct.field("stringValue"))
    return Found(pl.coalesce(held), pl.String()) if held else None


def read_types(types: Mapping[str, pl.DataType], key_values: Collection[str]) -> dict[str, pl.DataType]:
    """Return how to read JSON lines so that every address is found, whichever way it is written.

    Args:
        types: the type of the field at each address.
        key_values: fields that are lists of key and value.

    """
    branches: dict[str, dict[str, pl.DataType]] = {}
    read: dict[str, pl.DataType] = {}
    for address, dtype in types.items():
        names = parts(address)
        if names[0] in key_values:
            read[names[0]] = KEY_VALUES
            continue
        part = _PART.fullmatch(names[0])
        if part is None:
            continue
        if part["key"]:
            inner = {part["key"]: pl.String(), ".".join(names[1:]): dtype}
            read[part["name"]] = pl.List(pl.Struct(inner))
            continue
        if "=" not in address:
            read[address.removesuffix("[]")] = dtype
        if len(names) > 1:
            branches.setdefault(names[0], {})[".".join(names[1:])] = dtype
    # A name that is a value in one record and an object in another is read as text, JSON or not.
    nested = {
        name: pl.Struct(read_types(below, key_values=()))
        for name, below in branches.items()
        if name not in read
    }
    return {**read, **nested}


def contains(fields: Iterable[str], address: str) -> bool:
    """Say whether a sample with these field paths (list elements as ``[]``) may hold an address.

    The keys of a map or of a list of key and value are no field paths: any may be there.
    """
    wanted = re.sub(r"\[[^\]]*\]", "", address)
    for field in fields:
        bare = field.replace("[]", "")
        if bare == wanted or bare.startswith(f"{wanted}."):
            return True
        below = bare.removesuffix(".key")
        if below != bare and field.endswith("[].key") and wanted.startswith(f"{below}."):
            return True
    return False
