"""People on the provider's own clients: which machines, behind what, with what traits."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from detector.simulate import clients, places
from detector.simulate.chance import choose
from detector.simulate.habits import Habits, Machine, draw_habits, sit_down
from detector.simulate.places import Place
from detector.simulate.plan import Actor, Book, Client
from detector.simulate.proxies import Proxy, company_proxy
from detector.simulate.reporting import Reporting, draw_reporting

__all__ = [
    "Company",
    "Person",
    "companies",
    "device_ids",
    "draw_model",
    "own_actor",
    "plan_person",
    "plan_power",
    "plan_web",
    "set_up",
    "tools_hash",
    "variant",
]

DAY = 86400.0
MODELS = ("claude-sonnet-4-5", "claude-opus-4-5", "claude-haiku-4-5")
PACE = {"claude-sonnet-4-5": 1.0, "claude-opus-4-5": 1.25, "claude-haiku-4-5": 0.6}


@dataclass(frozen=True, slots=True)
class Company:
    """A company whose people leave through one proxy, one address and one TLS fingerprint."""

    proxy: Proxy
    network: int
    place: Place
    reporting: Reporting
    release: int


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who was planned: when that person works, and the installations, the main one first."""

    habits: Habits
    machines: list[Machine]


def device_ids(rng: np.random.Generator, count: int) -> list[str]:
    """Draw installation ids."""
    digits = rng.bytes(16 * count).hex()
    return [digits[begin : begin + 32] for begin in range(0, len(digits), 32)]


def tools_hash(rng: np.random.Generator, version: str, own: float = 0.3) -> str:
    """Hash of the tool names: the version's default set, or with chance ``own`` a near-unique one."""
    if rng.random() < own:
        return rng.bytes(8).hex()
    return _default_tools(version)


@cache
def _default_tools(version: str) -> str:
    return np.random.default_rng([ord(letter) for letter in version] or [0]).bytes(8).hex()


def draw_model(rng: np.random.Generator, opus: float = 0.3) -> dict[str, Any]:
    """Draw the model that somebody prefers, with its pace."""
    model = choose(rng, MODELS, (0.95 - opus, opus, 0.05))
    return {"model": model, "pace": PACE[model] * float(np.exp(0.15 * rng.standard_normal()))}


def set_up(
    rng: np.random.Generator,
    book: Book,
    base: Actor,
    *,
    release: int | None = None,
    entry: str = "cli",
    proxy: Proxy | None = None,
    follows: float = 0.8,
    switch: float | None = None,
) -> Machine:
    """Install the own CLI: an actor for its release, and one for the new release if it follows updates.

    Args:
        rng: source of chance.
        book: where the actors are added.
        base: what does not depend on the release.
        release: index of the release, drawn by share if null.
        entry: entry point that the agent names.
        proxy: a proxy on the way.
        follows: chance that a current installation takes the new release.
        switch: second at which it does; drawn after the release if null.

    """
    platform = clients.draw_platform(rng)
    index = clients.draw_release(rng) if release is None else release
    mcp = rng.bytes(8).hex() if rng.random() < 0.3 else None

    def actor(which: int) -> int:
        client = clients.first_party(book, which, platform, entry, proxy)
        tools = mcp or tools_hash(rng, client.version, 0.0)
        return book.actor(replace(base, client=client, tools=tools))

    before = actor(index)
    if index != clients.current_release() or rng.random() >= follows:
        return Machine(before, before, np.inf)
    moment = book.release + float(rng.exponential(1.2 * DAY)) if switch is None else switch
    return Machine(before, actor(clients.new_release()), moment)


def variant(book: Book, machine: Machine, **traits: Any) -> Machine:
    """Return the same installation at other work: ``traits`` override fields of its actors."""
    before, after = (
        book.actor(replace(book.actors[code], **traits)) for code in (machine.before, machine.after)
    )
    return Machine(before, after, machine.switch)


def own_actor(
    rng: np.random.Generator,
    account: int,
    network: int,
    plan: str,
    *,
    reporting: Reporting = Reporting.ON,
    **traits: Any,
) -> Actor:
    """Describe the own CLI on one machine; ``traits`` override anything."""
    base: dict[str, Any] = {
        "account": account,
        "client": Client(0, 0, 0),
        "network": network,
        "plan": plan,
        "device": device_ids(rng, 1)[0],
        "subagents": choose(rng, (0.0, 0.02, 0.08), (0.5, 0.3, 0.2)),
        "errors": float(rng.uniform(0.004, 0.02)),
        "context": float(rng.uniform(15000, 32000)),
        "growth": float(np.exp(0.3 * rng.standard_normal())),
    }
    base |= reporting.traits(rng) | draw_model(rng)
    return Actor(**{**base, **traits})


def plan_person(
    rng: np.random.Generator,
    book: Book,
    account: int,
    plan: str,
    *,
    reporting: Reporting = Reporting.ON,
    place: Place | None = None,
    habits: Habits | None = None,
    release: int | None = None,
    follows: float = 0.8,
    switch: float | None = None,
    machines: int = 1,
    entries: Sequence[str] = ("cli",),
    quiet: float = 0.0,
    company: Company | None = None,
    home: int | None = None,
    roams: float = 0.5,
    **traits: Any,
) -> Person:
    """Plan one person on the own CLI.

    Args:
        rng: source of chance.
        book: where actors and sittings are added.
        account: number of the account.
        plan: plan of the account.
        reporting: whether telemetry, probe and helper calls are on.
        place: where the person lives, drawn if null.
        habits: when the person works, drawn if null.
        release: index of the release, drawn by share if null.
        follows: chance that a current installation takes the new release.
        switch: second at which it does.
        machines: number of installations.
        entries: entry points, in turn.
        quiet: chance that telemetry is off on one of them all the same.
        company: the company whose proxy the person sits behind.
        home: code of the address, a new one at home if null.
        roams: chance that the person works from other addresses as well.
        traits: fields of ``Actor`` to override.

    """
    place = company.place if company else place or places.draw_place(rng)
    habits = habits or draw_habits(rng, book, place.hours)
    if home is None:
        home = company.network if company else places.home_network(book, rng, place)
    proxy = company.proxy if company else None
    installed = [
        set_up(
            rng,
            book,
            own_actor(
                rng,
                account,
                home,
                plan,
                reporting=Reporting.OFF if rng.random() < quiet else reporting,
                **traits,
            ),
            release=release,
            entry=entries[number % len(entries)],
            proxy=proxy,
            follows=follows,
            switch=switch,
        )
        for number in range(machines)
    ]
    others: tuple[int, ...] = ()
    if company is None and rng.random() < roams:
        others = (places.home_network(book, rng, place), places.mobile_network(book, rng, place))[
            : int(rng.integers(1, 3))
        ]
    sit_down(rng, book, habits, installed, networks=others)
    return Person(habits, installed)


def plan_power(rng: np.random.Generator, book: Book, account: int, plan: str) -> None:
    """Plan a power user: many terminals at once, sub-agents, several machines, long days."""
    place = places.draw_place(rng)
    habits = draw_habits(
        rng,
        book,
        place.hours,
        active=(0.75, 1.0),
        daily=float(rng.uniform(5, 11)),
        day_h=(12.3, 1.5),
        light=0.0,
    )
    plan_person(
        rng,
        book,
        account,
        plan,
        reporting=draw_reporting(rng, 0.8, 0.12),
        place=place,
        habits=habits,
        machines=int(rng.integers(1, 4)),
        quiet=0.1,
        subagents=float(rng.uniform(0.1, 0.4)),
    )


def plan_web(rng: np.random.Generator, book: Book, account: int, plan: str) -> None:
    """Plan one person on the provider's web app."""
    place = places.draw_place(rng)
    platform = clients.draw_platform(rng)
    client = clients.browser(book, rng, platform)
    organisation = rng.bytes(16).hex()
    actor = own_actor(
        rng,
        account,
        places.home_network(book, rng, place),
        plan,
        client=client,
        auth="web",
        rhythm="chat",
        path=f"/api/organizations/{organisation}/chat_conversations/",
        probe=False,
        helper=0.0,
        subagents=0.0,
        context=float(rng.uniform(2500, 9000)),
        growth=0.5,
    )
    code = book.actor(actor)
    sit_down(
        rng, book, draw_habits(rng, book, place.hours, daily=2.0, light=0.35), [Machine(code, code, np.inf)]
    )


def companies(rng: np.random.Generator, book: Book, count: int) -> list[Company]:
    """Draw ``count`` companies; half of them switch telemetry off or block it as well."""
    found = []
    for index in range(count):
        place = places.draw_place(rng)
        found.append(
            Company(
                proxy=company_proxy(rng),
                network=places.company_network(book, rng, place),
                place=place,
                reporting=(Reporting.ON, Reporting.BLOCKED, Reporting.ON, Reporting.OFF)[index % 4],
                release=clients.draw_release(rng) if rng.random() < 0.4 else clients.current_release(),
            )
        )
    return found
