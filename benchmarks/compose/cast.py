"""Who is in a week of cells: honest classes in every telemetry state, harness classes, tools.

A cell is a class in a state (or a tool in a variant) and its accounts. Week 1 holds the honest
classes and 5 % harnesses, week 2 everything.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.compose.headers import Catalogue
from benchmarks.compose.honest import HONEST
from benchmarks.compose.launches import LAUNCHES
from benchmarks.compose.operators import OPERATED, UNTELLABLE
from benchmarks.compose.people import Session, World
from benchmarks.compose.recorded import recorded
from benchmarks.compose.sources import Library
from benchmarks.compose.states import STATES, Group
from benchmarks.compose.tools import TOOLS, VARIANTS, Tool, declared_unlisted, tool_users
from benchmarks.compose.unseen import unseen
from benchmarks.compose.week import tabled, write_log

__all__ = ["Cell", "Sizes", "compose_cells", "scored_cells", "training_cells"]

Plan = Callable[[World, Sequence[str]], list[Session]]


@dataclass(frozen=True)
class Sizes:
    """How many accounts a cell has.

    Attributes:
        honest: of each honest class in each state.
        people: ordinary people beside them, telemetry on.
        harness: of each harness class.
        farm: of one operator's farm.
        unlisted: of tools with names that no list has.
        tool: of each captured tool.
        variant: of each variant of a tool.
        harness_share: share of harnesses in week 1.

    """

    honest: int = 6
    people: int = 300
    harness: int = 3
    farm: int = 12
    unlisted: int = 24
    tool: int = 5
    variant: int = 2
    harness_share: float = 0.05


@dataclass(frozen=True)
class Cell:
    """Some accounts of a class.

    Attributes:
        kind: ``honest``, ``harness``, ``tool`` or ``variant``.
        name: of the class or tool.
        state: telemetry state, or variant; empty where neither makes sense.
        label: ``genuine``, ``harness`` or ``declared_third_party``: the verdict that is expected of
            any but genuine accounts.
        accounts: how many.
        plan: plans their week.
        kept_out: no setting may be chosen on it.

    """

    kind: str
    name: str
    state: str
    label: str
    accounts: int
    plan: Plan
    kept_out: bool = False


def training_cells(sizes: Sizes, rng: np.random.Generator) -> list[Cell]:
    """Give week 1: honest classes, and harnesses in turn from the classes and tools that may be known."""
    cells = _honest(HONEST, sizes)
    # A farm alone would be half of all harnesses.
    guilty = [cell for cell in _harnesses(sizes) if cell.name != "rotated_farm"]
    guilty += [_tool(tool, 1) for tool in TOOLS if tool.first_party and not tool.kept_out]
    share = sizes.harness_share
    count = round(sum(cell.accounts for cell in cells) * share / (1 - share))
    turns = np.concatenate([rng.permutation(len(guilty)) for _ in range(count // len(guilty) + 1)])[:count]
    return cells + [replace(guilty[turn], accounts=1) for turn in turns]


def scored_cells(sizes: Sizes, seed: int) -> list[Cell]:
    """Give week 2: everything; a third of the variants of each tool, another third with each seed."""
    claiming = [tool for tool in TOOLS if tool.first_party]
    variants = [
        _tool(tool, sizes.variant, variant)
        for i, tool in enumerate(claiming)
        for j, variant in enumerate(VARIANTS)
        if (i + j + seed) % 3 == 0
    ]
    return [
        *_honest(HONEST | LAUNCHES, sizes),
        *_harnesses(sizes),
        Cell("harness", "declared_unlisted", "", "declared_third_party", sizes.unlisted, declared_unlisted),
        *(_tool(tool, sizes.tool) for tool in TOOLS),
        *variants,
    ]


def _honest(classes: dict[str, Group], sizes: Sizes) -> list[Cell]:
    """Cross classes with states; new clients are on many accounts, most with telemetry on."""
    counts = {("interactive", "on"): sizes.honest + sizes.people}
    counts |= {("new_product", "on"): 3 * sizes.honest, ("release_adopter", "on"): 7 * sizes.honest}
    return [
        Cell("honest", name, state, "genuine", counts.get((name, state), sizes.honest), _in(group, state))
        for name, group in classes.items()
        for state in STATES
    ]


def _harnesses(sizes: Sizes) -> list[Cell]:
    return [
        Cell(
            *("harness", name, "", "harness"),
            sizes.farm if name == "rotated_farm" else sizes.harness,
            _in(group, "off"),
            kept_out=name in UNTELLABLE,
        )
        for name, group in OPERATED.items()
    ]


def _in(group: Group, state: str) -> Plan:
    return lambda world, account_ids: group(world, account_ids, state)


def _tool(tool: Tool, accounts: int, variant: str = "") -> Cell:
    return Cell(
        *("variant" if variant else "tool", tool.name, variant, tool.expected, accounts),
        lambda world, account_ids: tool_users(world, account_ids, tool, variant),
        kept_out=tool.kept_out,
    )


def compose_cells(
    data: Path,
    sources: tuple[Sequence[str], Sequence[str]],
    cells: Sequence[Cell],
    start: datetime,
    seed: int,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Compose one week of cells.

    Args:
        data: folder with ``cadence/``, ``captures.jsonl`` and ``captures_2026-11.jsonl``.
        sources: of people's and of automated sessions, by the start of their file names.
        cells: who is in it.
        start: first instant of the week (UTC).
        seed: same seed, same week.

    Returns:
        The native log, sorted by time, and labels: a row an account with ``account_id``, ``kind``,
        ``class``, ``state``, ``label``, ``kept_out``.

    """
    rng = np.random.default_rng(seed)
    catalogue = Catalogue.read(data / "captures.jsonl")
    catalogue.profiles |= recorded(data / "captures_2026-11.jsonl")
    catalogue.profiles |= unseen(catalogue.profiles["interactive"][0])
    world = World(Library.read(data / "cadence", *sources, (0, 1), rng), catalogue, rng)
    seats = [(cell, [f"a{world.word()}" for _ in range(cell.accounts)]) for cell in cells]
    plan = tabled(_planned(world, seats))
    rows = [
        (account_id, cell.kind, cell.name, cell.state, cell.label, cell.kept_out)
        for cell, account_ids in seats
        for account_id in account_ids
    ]
    columns = ["account_id", "kind", "class", "state", "label", "kept_out"]
    labels = pl.DataFrame(rows, schema=columns, orient="row")
    return write_log(world, plan, start), labels.sort("account_id")


def _planned(world: World, seats: Sequence[tuple[Cell, list[str]]]) -> Iterator[Session]:
    for cell, account_ids in seats:
        yield from cell.plan(world, account_ids)
