"""The pages of a column of Parquet, as they stand in the file.

No library hands pages out, so their headers are read here: structs of Thrift's compact
protocol (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["Page", "pages"]

_DATA_PAGE = 0
_PLAIN = 0
_RLE = 3

_MOST = 1 << 26
"""Bytes and values of a page; writers make pages of about a MiB."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of data, version 1, of values that are not encoded.

    Attributes:
        values: how many it holds, nulls and empty lists among them.
        size: bytes unpacked.
        packed: the bytes as they stand in the file: levels and values.

    """

    values: int
    size: int
    packed: memoryview


def pages(chunk: bytes) -> Iterator[Page]:
    """Give the pages of a column's chunk in order.

    Raises:
        ValueError: the chunk is damaged, or has a page of another kind.

    """
    at = 0
    while at < len(chunk):
        header, at = _struct(chunk, at)
        data = header.get(5)
        if header.get(1) != _DATA_PAGE or not isinstance(data, dict):
            raise ValueError("a page of another kind")
        if (data.get(2), data.get(3), data.get(4)) != (_PLAIN, _RLE, _RLE):
            raise ValueError("a page that is encoded")
        size, packed, values = _count(header, 2), _count(header, 3), _count(data, 1)
        if packed > len(chunk) - at:
            raise ValueError("a page that is cut off")
        yield Page(values, size, memoryview(chunk)[at : at + packed])
        at += packed


def _count(fields: dict[int, Any], number: int) -> int:
    found = fields.get(number)
    if not isinstance(found, int) or not 0 <= found <= _MOST:
        raise ValueError("a page of an impossible size")
    return found


def _struct(chunk: bytes, at: int) -> tuple[dict[int, Any], int]:
    """Read a struct: its fields by number, and where it ends."""
    fields: dict[int, Any] = {}
    number = 0
    while at < len(chunk):
        kind, step = chunk[at] & 15, chunk[at] >> 4
        at += 1
        if kind == 0:
            return fields, at
        if step:
            number += step
        else:
            number, at = _integer(chunk, at)
        fields[number], at = _value(chunk, at, kind)
    raise ValueError("a header that is cut off")


def _value(chunk: bytes, at: int, kind: int) -> tuple[Any, int]:
    match kind:
        case 1 | 2:
            return kind == 1, at
        case 3:
            return None, at + 1
        case 4 | 5 | 6:
            return _integer(chunk, at)
        case 7:
            return None, at + 8
        case 8:
            length, at = _unsigned(chunk, at)
            return None, at + length
        case 12:
            return _struct(chunk, at)
    raise ValueError("a header with a field of a strange type")


def _integer(chunk: bytes, at: int) -> tuple[int, int]:
    found, at = _unsigned(chunk, at)
    return (found >> 1) ^ -(found & 1), at


def _unsigned(chunk: bytes, at: int) -> tuple[int, int]:
    found = shift = 0
    while at < len(chunk):
        byte = chunk[at]
        at += 1
        found |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return found, at
    raise ValueError("a header that is cut off")
