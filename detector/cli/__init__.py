"""The command line: parses, calls the library and prints; it computes nothing.

Heavy libraries are imported inside the commands, so that ``detector --help`` is quick.
"""

import atexit
import gc
import os

import click

from detector.cli.runs import score, simulate, train
from detector.cli.shell import Shell
from detector.cli.stores import ingest, store
from detector.cli.views import evaluate, explain, report

__all__ = ["main"]

# For the allocators of polars (jemalloc, "TUNING") and pyarrow (mimalloc, "Environment Options"), which read
# them when they are imported. A run frees and takes the same memory again with every part of a log: kept
# for seconds and shared by all threads, it need not come from the kernel each time.
# What is set already counts.
MALLOC = "_RJEM_MALLOC_CONF"
KEPT = "narenas:2,oversize_threshold:0,dirty_decay_ms:1000,muzzy_decay_ms:0"
os.environ[MALLOC] = ",".join(filter(None, (KEPT, os.environ.get(MALLOC))))
os.environ.setdefault("MIMALLOC_PURGE_DELAY", "5000")
# Nothing here multiplies matrices, for which OpenBLAS would start a thread a core with numpy.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# What is frozen is left out of the last search for cycles, which goes through all that was imported.
atexit.register(gc.freeze)


@click.group(cls=Shell, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="harness-detector", prog_name="detector")
def main() -> None:
    """Find automated harness traffic riding on human LLM subscription accounts.

    Request logs in, a verdict on every account out. Exit codes: 0 done, 1 error with
    one line on stderr, 2 usage.
    """


for command in (score, train, ingest, store, simulate, evaluate, explain, report):
    main.add_command(command)
