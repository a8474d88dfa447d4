"""What clients of others look like on the wire: HTTP stacks by themselves, and with copied headers on them.

Orders and values of the stacks come from ``clients.toml``.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from detector.simulate.chance import choose
from detector.simulate.clients import Platform, header_values, own_names, own_values, version_of
from detector.simulate.data import load
from detector.simulate.plan import Book, Client, Wire

__all__ = ["copied", "foreign", "tool"]

SHUFFLES = 24


def _spell(name: str, letters: str) -> str:
    if letters == "title":
        return "-".join(part.capitalize() for part in name.split("-"))
    return name.lower() if letters == "lower" else name


def _variants(
    names: list[str], known: dict[str, str], agent: str, stack: dict[str, Any], *, counts: bool
) -> list[Wire]:
    """Wires of one client on ``stack``: one, or one for each retry, or many orders."""
    http = stack["http"]
    if counts:
        return [
            Wire(
                tuple(names),
                header_values(names, known | {"x-stainless-retry-count": str(retry)}),
                agent,
                http,
            )
            for retry in range(3)
        ]
    if stack.get("shuffles"):
        orders = np.random.default_rng(len(names))
        body, tail = names[:-2], names[-2:]
        shuffled = [[*orders.permutation(body).tolist(), *tail] for _ in range(SHUFFLES)]
        return [Wire(tuple(order), header_values(order, known), agent, http) for order in shuffled]
    return [Wire(tuple(names), header_values(names, known), agent, http)]


def _on_stack(
    book: Book, stack: dict[str, Any], wires: list[Wire], *, counts: bool = False, version: str = ""
) -> Client:
    prints = stack["ja4"]
    return Client(
        book.wires.code(wires[0]) if len(wires) == 1 else book.wires.run(wires),
        book.ja4.code(prints[0]),
        book.ja4.code(prints[-1]),
        variants=len(wires),
        choice="attempt" if counts else "chance",
        version=version,
    )


def _stack_values(stack: dict[str, Any]) -> dict[str, str]:
    # A stack without an encoding sends no such name either.
    own = {
        "accept-encoding": stack.get("accept_encoding", ""),
        "accept-language": "*",
        "sec-fetch-mode": "cors",
    }
    return own | {key.lower(): value for key, value in stack.get("values", {}).items()}


def copied(book: Book, stack: str, release: int, platform: Platform, *, extra: Sequence[str] = ()) -> Client:
    """Return a harness on ``stack`` that copies every header of the own CLI, agent and values included.

    A copied retry header stays at 0: an SDK counts only the one that it writes itself.

    Args:
        book: where the wires are registered.
        stack: name of the HTTP stack.
        release: index of the release that is copied.
        platform: operating system and processor.
        extra: names of its own that it sends as well.

    """
    rules = load("clients.toml")["stacks"][stack]
    letters = rules.get("letters", "own")
    listed = {name.lower() for name in [*rules["copied"], *rules.get("drop", [])]}
    rest = [name for name in (*own_names(release), *extra) if name.lower() not in listed]
    if rules.get("sorts"):
        rest.sort(key=str.lower)
    # The names that the stack writes itself stand in the table as it spells them.
    rest = [_spell(name, letters) for name in rest]
    names = [name for slot in rules["copied"] for name in (rest if slot == "*" else [slot])]
    values = _stack_values(rules)
    known = values | own_values(release, platform) | {"accept-encoding": values["accept-encoding"]}
    version = version_of(release)
    wires = _variants(names, known, f"claude-cli/{version} (external, cli)", rules, counts=False)
    return _on_stack(book, rules, wires, version=version)


def foreign(book: Book, stack: str, agent: str, *, extra: Sequence[str] = (), version: str = "") -> Client:
    """Return a client that sends the stack's own headers under ``agent``, and a few copied ones."""
    rules = load("clients.toml")["stacks"][stack]
    letters = rules.get("letters", "own")
    names = list(rules["raw"])
    have = {name.lower() for name in names}
    place = 1 + next((i for i, name in enumerate(names) if name.lower() == "authorization"), len(names) - 2)
    names[place:place] = [_spell(name, letters) for name in extra if name.lower() not in have]
    if rules.get("sorts"):
        names[3:-1] = sorted(names[3:-1])
    known = {
        "anthropic-version": "2023-06-01",
        "x-app": "cli",
        "x-stainless-arch": "x64",
        "x-stainless-lang": "js",
        "x-stainless-os": "Linux",
        "x-stainless-runtime": "node",
        "x-stainless-retry-count": "0",
    } | _stack_values(rules)
    counts = bool(rules.get("counts_retries"))
    return _on_stack(
        book, rules, _variants(names, known, agent, rules, counts=counts), counts=counts, version=version
    )


def tool(book: Book, rng: np.random.Generator, table: str) -> Client:
    """Draw a client that says who it is, from ``tools``, ``unlisted`` or ``sdks``, on its own stack."""
    rows = load("clients.toml")[table]
    row = choose(rng, rows)
    return foreign(book, row["stack"], row["agent"], version=row["agent"].split(" ")[0])
