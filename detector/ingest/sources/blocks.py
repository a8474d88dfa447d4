"""Text read a few megabytes of whole lines at a time, packed or not."""

from collections.abc import Iterator

import pyarrow as pa

from detector.ingest.sources.formats import reading_fault
from detector.ingest.sources.objects import opened

__all__ = ["line_blocks"]

_PACKED = {b"\x1f\x8b": "gzip", b"\x28\xb5": "zstd"}
"""First bytes of packed text."""


def line_blocks(path: str, size: int) -> Iterator[bytes]:
    """Give a text file in blocks of whole lines, of ``size`` bytes or one line that is longer.

    Raises:
        InputError: the file cannot be read, or is packed and damaged.

    """
    try:
        with opened(path) as file:
            first = file.read(2)
        with opened(path) as file, pa.input_stream(file, compression=_PACKED.get(first)) as stream:
            held: list[bytes] = []
            while block := stream.read(size):
                end = block.rfind(b"\n") + 1
                if not end:
                    held.append(block)
                    continue
                yield b"".join([*held, block[:end]])
                held = [block[end:]]
            if any(held):
                yield b"".join(held)
    except (pa.ArrowException, OSError) as error:
        raise reading_fault(path, error) from error
