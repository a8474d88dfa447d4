"""Where and with what a benchmark was measured, and files that every contestant finds in memory."""

import os
import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

__all__ = ["setting", "warm"]

CHUNK = 2**24


def setting(packages: Iterable[str]) -> dict[str, Any]:
    """Return date, processor, cores, memory (GiB), load (mean of 5 minutes) and versions.

    Args:
        packages: installed packages whose versions matter.

    """
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} virtual cores, {cpu}",
        "memory": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "load": round(os.getloadavg()[1], 2),
        "versions": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in packages},
        },
    }


def warm(folder: Path) -> None:
    """Read every file once, so that no contestant pays for the disk alone."""
    for file in folder.rglob("*"):
        if file.is_file():
            with file.open("rb") as opened:
                while opened.read(CHUNK):
                    pass
