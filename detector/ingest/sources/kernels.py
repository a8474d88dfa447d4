"""Loops over the bytes of Parquet pages, compiled by numba when this module is imported.

A text stands in a page behind its length, and the texts of one row lie side by side
(https://parquet.apache.org/docs/file-format/data-pages/). So a row costs a walk over
the lengths and a hash of the bytes that it walked over.

The hash multiplies words in pairs to 128 bits and folds them (wyhash, Wang Yi,
https://github.com/wangyi-fudan/wyhash), with secrets that are new in every process, so
that nobody can make a list that passes for another.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

__all__ = ["levels", "row_keys"]

Bytes = np.ndarray[Any, np.dtype[np.uint8]]
Numbers = np.ndarray[Any, np.dtype[np.uint64]]
Places = np.ndarray[Any, np.dtype[np.int64]]

_U = np.uint64
_WORD = _U(8)
_PAIR = _U(16)


def _compiled(function: Any) -> Any:
    """Compile a function, kept for later processes where there is a folder for it."""
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:
        return njit(nogil=True)(function)


def _built(function: Any) -> Any:
    """Take a function that builds instructions for one that computes."""
    return intrinsic(function)


@_built
def _long(_typing: Any, _address: Any) -> Any:
    """Load 8 bytes at an address."""

    def build(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return _loaded(builder, values[0], 64)

    return types.uint64(types.uint64), build


@_built
def _short(_typing: Any, _address: Any) -> Any:
    """Load 4 bytes at an address."""

    def build(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return builder.zext(_loaded(builder, values[0], 32), ir.IntType(64))

    return types.uint64(types.uint64), build


@_built
def _folded(_typing: Any, _one: Any, _other: Any) -> Any:
    """Multiply two words to 128 bits, whose halves are combined."""

    def build(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(builder.zext(values[0], wide), builder.zext(values[1], wide))
        high = builder.lshr(product, ir.Constant(wide, 64))
        return builder.trunc(builder.xor(product, high), ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), build


def _loaded(builder: Any, address: Any, bits: int) -> Any:
    word = builder.load(builder.inttoptr(address, ir.IntType(bits).as_pointer()))
    word.align = 1
    return word


@_compiled
def levels(page: Bytes, start: int, end: int, width: int, found: Bytes) -> bool:
    """Read as many levels as ``found`` holds; false if they are damaged.

    Runs of one level and packed levels take turns (RLE/bit-packing hybrid).

    Args:
        page: holds them.
        start: where they begin.
        end: where they end.
        width: bits of a level, at most 8.
        found: takes them.

    """
    done, at = 0, start
    while done < len(found):
        header, at = _length(page, at, end)
        count = header >> 1
        if count == 0:
            return False
        if header & 1:
            if at + count * width > end:
                return False
            bit = at * 8
            for number in range(done, min(done + count * 8, len(found))):
                level = 0
                for place in range(width):
                    level |= ((int(page[bit >> 3]) >> (bit & 7)) & 1) << place
                    bit += 1
                found[number] = level
            done += count * 8
            at += count * width
        else:
            if at >= end:
                return False
            found[done : done + count] = page[at]
            done += count
            at += 1
    return True


@_compiled
def _length(page: Bytes, at: int, end: int) -> tuple[int, int]:
    """Read a number of 7 bits a byte, 0 if it is damaged; return where it ends too."""
    found = 0
    for shift in range(0, 35, 7):
        if at >= end:
            break
        byte = int(page[at])
        at += 1
        found |= (byte & 127) << shift
        if byte < 128:
            return found, at
    return 0, at


@_compiled
def row_keys(  # noqa: PLR0917  # compiled code takes arrays, no records
    page: Bytes,
    start: int,
    repeats: Bytes,
    depths: Bytes,
    top: int,
    secrets: Numbers,
    keys: Numbers,
    starts: Places,
) -> int:
    """Hash the texts of each row of a page, and which of them are there.

    Args:
        page: holds the texts from ``start`` to its end, each behind its length.
        start: where they begin.
        repeats: repetition level of each value: 0 begins a row.
        depths: definition level of each value.
        top: the definition level of a value that is there.
        secrets: three numbers that decide which hash it is.
        keys: takes a hash a row.
        starts: takes where in the page the texts of each row begin.

    Returns:
        How many rows the page holds; -1 if it is damaged, goes on with a row of the
        page before, or holds more rows than there is room for.

    """
    base = _U(page.ctypes.data)
    end = base + _U(len(page))
    at = begin = base + _U(start)
    row = -1
    absent = _U(0)
    for value in range(len(repeats)):
        if repeats[value] == 0:
            if row >= 0:
                keys[row] = _folded(_hash(begin, at, secrets) ^ absent, secrets[2])
            row += 1
            if row >= len(keys):
                return -1
            starts[row] = np.int64(at - base)
            begin, absent = at, _U(0)
        elif row < 0:
            return -1
        if depths[value] == top:
            if at + _U(4) > end:
                return -1
            at += _U(4) + _short(at)
            if at > end:
                return -1
        else:
            # What is no text leaves no byte, so its place is told.
            place = (at - begin) << _WORD | _U(depths[value])
            absent = _folded(absent ^ place ^ secrets[0], secrets[1])
    if row < 0 or at != end:
        return -1
    keys[row] = _folded(_hash(begin, at, secrets) ^ absent, secrets[2])
    return row + 1


@_compiled
def _hash(begin: Any, end: Any, secrets: Numbers) -> Any:
    """Hash the bytes between two addresses: none, or four and more."""
    one: Any = secrets[0]
    other: Any = secrets[1]
    at = begin
    while at + _U(32) <= end:
        one = _folded(_long(at) ^ secrets[1], _long(at + _WORD) ^ one)
        other = _folded(_long(at + _PAIR) ^ secrets[2], _long(at + _U(24)) ^ other)
        at += _U(32)
    size = end - begin
    if size >= _PAIR:
        if at + _PAIR <= end:
            one = _folded(_long(at) ^ secrets[1], _long(at + _WORD) ^ one)
        other = _folded(_long(end - _PAIR) ^ secrets[2], _long(end - _WORD) ^ other)
    elif size >= _WORD:
        one = _folded(_long(begin) ^ secrets[1], _long(end - _WORD) ^ one)
    elif size:
        one = _folded(_short(begin) ^ secrets[1], _short(end - _U(4)) ^ one)
    return _folded(one ^ size, other ^ secrets[2])
