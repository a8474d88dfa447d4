"""Many people behind one account: a relay that passes their streams on under one subscription."""

from dataclasses import replace
from typing import Any

import numpy as np

from detector.simulate import clients, people, places, stacks
from detector.simulate.chance import choose
from detector.simulate.habits import Machine, draw_habits, sit_down
from detector.simulate.harnesses import harness_actor
from detector.simulate.plan import Actor, Book

__all__ = ["plan_relay"]

RELAY_STACKS = ("node20_fetch", "bun_sorted", "bun_title", "httpx_lower", "go")
STREAM = ("person", "third_party", "harness"), (0.55, 0.35, 0.1)


def plan_relay(rng: np.random.Generator, book: Book, account: int, plan: str) -> None:
    """Plan many people's streams through one relay: one address, all hours, many tool sets.

    A large relay has 8 to 30 people and one client. A small one has 5 to 10 strangers, either under one
    copied fingerprint, session and version, or each with the release of the own client.
    """
    style = choose(rng, ("large", "copied", "versions"), (0.4, 0.3, 0.3))
    kind = choose(rng, ("spoofed_partial", "spoofed_full", "imitation"), (0.3, 0.4, 0.3))
    relay = harness_actor(
        rng, book, account, plan, kind, network=places.hosting_network(book, rng), stream=True
    )
    if style == "large":
        devices = choose(rng, ("one", "many", "none"))
        for _ in range(int(rng.integers(8, 31))):
            device = {"one": relay.device, "many": people.device_ids(rng, 1)[0], "none": None}[devices]
            _stream(rng, book, replace(relay, device=device, tools=_tools(rng)))
        return
    if style == "copied":
        shared: dict[str, Any] = {"sessions": True, "device": people.device_ids(rng, 1)[0]}
        session = int(book.sessions(1)[0])
        for _ in range(int(rng.integers(5, 11))):
            _stream(rng, book, replace(relay, tools=_tools(rng, 0.9), **shared), session=session, active=True)
        return
    stack = choose(rng, RELAY_STACKS)
    for _ in range(int(rng.integers(5, 11))):
        client = stacks.copied(book, stack, clients.draw_release(rng), clients.draw_platform(rng))
        traits: dict[str, Any] = {"client": client, "sessions": True, "device": people.device_ids(rng, 1)[0]}
        tools = people.tools_hash(rng, client.version, 0.85)
        _stream(rng, book, replace(relay, tools=tools, **traits), active=True)


def _tools(rng: np.random.Generator, own: float = 0.5) -> str:
    return people.tools_hash(rng, f"relayed-{int(rng.integers(40))}", own)


def _stream(
    rng: np.random.Generator, book: Book, relayed: Actor, *, session: int | None = None, active: bool = False
) -> None:
    """Add one stranger's work, in that stranger's own time zone and context."""
    place = places.draw_place(rng)
    actor = replace(
        relayed,
        rhythm=choose(rng, *STREAM),
        context=float(rng.uniform(3000, 30000)),
        **people.draw_model(rng),
    )
    code = book.actor(actor)
    habits = draw_habits(rng, book, place.hours, daily=2.4 if active else 1.6, light=0.1 if active else 0.3)
    sit_down(rng, book, habits, [Machine(code, code, np.inf)], session=session)
