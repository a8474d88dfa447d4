"""People: when they sit down, where, at which machine, on the provider's own clients."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from detector.simulate import clients, places
from detector.simulate.clients import Platform, Proxy
from detector.simulate.places import Place
from detector.simulate.plan import Actor, Book, Bools, Client, Floats, Ints

__all__ = [
    "Company",
    "Habits",
    "Machine",
    "companies",
    "device_id",
    "draw_habits",
    "draw_model",
    "outside",
    "own_actor",
    "plan_person",
    "plan_power",
    "plan_web",
    "set_up",
    "sit_down",
    "tools_hash",
]

HOUR = 3600.0
DAY = 86400.0
LONGEST_DAY_H = 15.5
SHORTEST_REST_H = 7.5
MODELS = ("claude-sonnet-4-5", "claude-opus-4-5", "claude-haiku-4-5")
PACE = {"claude-sonnet-4-5": 1.0, "claude-opus-4-5": 1.25, "claude-haiku-4-5": 0.6}


@dataclass(frozen=True, slots=True)
class Habits:
    """When a person works.

    Attributes:
        begin, end: first and last second of each active day, from the start of the period.
        daily: mean sessions an active day.
        length: factor on the turns of a session.
        resume: chance that a session is taken up again.

    """

    begin: Floats
    end: Floats
    daily: float
    length: float
    resume: float = 0.12


@dataclass(frozen=True, slots=True)
class Machine:
    """Actors of one installation: before and after it takes the new release (s)."""

    before: int
    after: int
    switch: float

    def at(self, start: Floats) -> Ints:
        """Actor for sittings that start at ``start``."""
        return np.where(start >= self.switch, self.after, self.before).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Company:
    """A company whose people leave through one proxy, one address and one TLS fingerprint."""

    proxy: Proxy
    network: int
    place: Place
    telemetry: bool
    release: int


def device_id(rng: np.random.Generator) -> str:
    """Draw an installation id."""
    return rng.bytes(16).hex()


def tools_hash(rng: np.random.Generator, version: str, own: float = 0.3) -> str:
    """Hash of the tool names: the version's default set, or with chance ``own`` a near-unique one."""
    if rng.random() < own:
        return rng.bytes(8).hex()
    known = np.random.default_rng([ord(letter) for letter in version] or [0])
    return known.bytes(8).hex()


def draw_model(rng: np.random.Generator, opus: float = 0.3) -> dict[str, Any]:
    """Draw the model that somebody prefers, with its pace."""
    model = MODELS[int(rng.choice(3, p=[0.95 - opus, opus, 0.05]))]
    return {"model": model, "pace": PACE[model] * float(np.exp(0.15 * rng.standard_normal()))}


def draw_habits(
    rng: np.random.Generator,
    book: Book,
    hours: float,
    *,
    active: tuple[float, float] = (0.4, 0.95),
    daily: float = 2.4,
    day_h: tuple[float, float] = (9.5, 2.2),
    light: float = 0.22,
) -> Habits:
    """Draw when a person works: every active day leaves a rest of at least seven hours.

    Args:
        rng: source of chance.
        book: tells length and first weekday of the period.
        hours: offset of the person's time zone from UTC (h).
        active: range of the chance that a working day is active.
        daily: median of the mean sessions an active day.
        day_h: mean and deviation of the hours from the first to the last request of a day.
        light: chance of a light user, with a handful of sessions.

    """
    owl = rng.random() < 0.12
    begin_h = (13.0 if owl else 9.0) + 1.3 * rng.standard_normal()
    length_h = float(np.clip(rng.normal(*day_h), 3.0, LONGEST_DAY_H))
    chance = rng.uniform(*active)
    factor = float(np.exp(0.35 * rng.standard_normal()))
    if rng.random() < light:
        chance, daily, factor = rng.uniform(0.05, 0.25), 0.7, 0.6 * factor
    day = np.arange(-1, book.days + 1)
    weekend = (day + book.weekday) % 7 >= 5
    free = rng.uniform(0.05, 0.5)
    on = rng.random(day.size) < np.where(weekend, chance * free, chance)
    if not on[1:-1].any():
        on[int(rng.integers(1, day.size - 1))] = True
    day = day[on]
    usual = (day * 24.0 + begin_h - hours) * HOUR
    if not ((usual >= 0) & (usual < book.seconds - 2 * HOUR)).any():
        usual = np.sort(np.append(usual, rng.uniform(0.0, 0.6) * book.seconds))
    begin = usual + HOUR * rng.uniform(0.3, 1.1) * np.clip(rng.standard_normal(usual.size), -1.0, 1.8)
    late = np.where(rng.random(usual.size) < 0.1, rng.uniform(1.0, 4.0, usual.size), 0.0)
    span = np.clip(length_h + rng.normal(0, 1.2, usual.size) + late, 1.5, LONGEST_DAY_H) * HOUR
    # Hours of the day stay within a band, and every night leaves a rest.
    end = np.minimum(begin + span, usual + LONGEST_DAY_H * HOUR)
    end[:-1] = np.minimum(end[:-1], begin[1:] - SHORTEST_REST_H * HOUR)
    return Habits(begin, end, daily * float(np.exp(0.5 * rng.standard_normal())), factor)


def sit_down(
    rng: np.random.Generator,
    book: Book,
    habits: Habits,
    machines: list[Machine],
    *,
    networks: tuple[int, ...] = (),
    fixed_networks: bool = False,
) -> None:
    """Add a person's sittings: sessions within the active hours, some of them resumed.

    Args:
        rng: source of chance.
        book: where they are added.
        habits: when the person works.
        machines: installations that the person works at, the first one mostly.
        networks: codes of addresses beside the actor's own, chosen day by day.
        fixed_networks: the address belongs to the machine, never changed.

    """
    count = 1 + rng.poisson(max(habits.daily * book.activity - 0.7, 0.05), habits.begin.size)
    day = np.repeat(np.arange(count.size), count)
    span = habits.end[day] - habits.begin[day]
    start = habits.begin[day] + span * rng.beta(1.0, 1.6, day.size) * 0.97
    until = habits.end[day] + 0.0
    session = book.sessions(day.size)
    length = habits.length * np.exp(0.2 * rng.standard_normal(day.size))
    share = np.array([0.7 if index == 0 else 0.3 / (len(machines) - 1) for index in range(len(machines))])
    which = (
        rng.choice(len(machines), size=day.size, p=share / share.sum())
        if len(machines) > 1
        else np.zeros(day.size, int)
    )

    again = np.flatnonzero(rng.random(day.size) < habits.resume)
    later = np.minimum(day[again] + rng.integers(0, 2, again.size), count.size - 1)
    back = habits.begin[later] + (habits.end[later] - habits.begin[later]) * rng.random(again.size)
    fine = back > start[again] + HOUR
    again, later, back = again[fine], later[fine], back[fine]
    # The first sitting ends before the session is taken up again.
    until[again] = np.minimum(until[again], back - 0.3 * HOUR)

    all_day = np.concatenate([day, later])
    all_start = np.concatenate([start, back])
    all_until = np.concatenate([until, habits.end[later]])
    all_which = np.concatenate([which, which[again]])
    actor = (
        np.choose(all_which, [machine.at(all_start) for machine in machines])
        if len(machines) > 1
        else machines[0].at(all_start)
    )
    network: Ints | int = -1
    if networks and not fixed_networks:
        codes = np.array([-1, *networks])
        weights = np.array([0.65] + [0.35 / len(networks)] * len(networks))
        network = codes[rng.choice(codes.size, size=habits.begin.size, p=weights)][all_day]
    book.add(
        actor,
        np.concatenate([session, session[again]]),
        all_start,
        all_until,
        length=np.concatenate([length, 0.7 * length[again]]),
        network=network,
    )


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


def own_actor(
    rng: np.random.Generator, account: int, network: int, plan: str, *, telemetry: bool = True, **traits: Any
) -> Actor:
    """Describe the own CLI on one machine; ``traits`` override anything."""
    base: dict[str, Any] = {
        "account": account,
        "client": Client(0, 0, 0),
        "network": network,
        "plan": plan,
        "device": device_id(rng),
        "telemetry": "genuine" if telemetry else "none",
        "probe": telemetry,
        "helper": float(rng.uniform(0.05, 0.3)) if telemetry else 0.0,
        "subagents": float(rng.choice([0.0, 0.02, 0.08], p=[0.5, 0.3, 0.2])),
        "errors": float(rng.uniform(0.004, 0.02)),
        "context": float(rng.uniform(15000, 32000)),
        "growth": float(np.exp(0.3 * rng.standard_normal())),
    } | draw_model(rng)
    return Actor(**{**base, **traits})


def plan_person(
    rng: np.random.Generator,
    book: Book,
    account: int,
    plan: str,
    *,
    telemetry: bool = True,
    place: Place | None = None,
    habits: Habits | None = None,
    release: int | None = None,
    follows: float = 0.8,
    switch: float | None = None,
    machines: int = 1,
    company: Company | None = None,
    **traits: Any,
) -> Habits:
    """Plan one person on the own CLI and return when that person works.

    Args:
        rng: source of chance.
        book: where actors and sittings are added.
        account: number of the account.
        plan: plan of the account.
        telemetry: whether telemetry, probe and helper calls are on.
        place: where the person lives, drawn if null.
        habits: when the person works, drawn if null.
        release: index of the release, drawn by share if null.
        follows: chance that a current installation takes the new release.
        switch: second at which it does.
        machines: number of installations.
        company: the company whose proxy the person sits behind.
        traits: fields of ``Actor`` to override.

    """
    place = company.place if company else place or places.draw_place(rng)
    habits = habits or draw_habits(rng, book, place.hours)
    home = company.network if company else places.home_network(book, rng, place)
    proxy = company.proxy if company else None
    installed = [
        set_up(
            rng,
            book,
            own_actor(rng, account, home, plan, telemetry=telemetry, **traits),
            release=release,
            proxy=proxy,
            follows=follows,
            switch=switch,
        )
        for _ in range(machines)
    ]
    others: tuple[int, ...] = ()
    if company is None and rng.random() < 0.5:
        others = (places.home_network(book, rng, place), places.mobile_network(book, rng, place))[
            : int(rng.integers(1, 3))
        ]
    sit_down(rng, book, habits, installed, networks=others)
    return habits


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
        telemetry=bool(rng.random() < 0.8),
        place=place,
        habits=habits,
        machines=int(rng.integers(1, 4)),
        subagents=float(rng.uniform(0.1, 0.4)),
    )


def plan_web(rng: np.random.Generator, book: Book, account: int, plan: str) -> None:
    """Plan one person on the provider's web app."""
    place = places.draw_place(rng)
    platform: Platform = clients.draw_platform(rng)
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
    """Draw ``count`` companies; about half of them block telemetry as well."""
    found = []
    for index in range(count):
        place = places.draw_place(rng)
        found.append(
            Company(
                proxy=clients.company_proxy(rng),
                network=places.company_network(book, rng, place),
                place=place,
                telemetry=index % 2 == 0,
                release=clients.draw_release(rng) if rng.random() < 0.4 else clients.current_release(),
            )
        )
    return found


def outside(habits: Habits, moment: Floats) -> Bools:
    """Whether each moment lies outside the hours that a person works."""
    slot = np.searchsorted(habits.begin, moment, side="right") - 1
    inside = (slot >= 0) & (moment < habits.end[np.maximum(slot, 0)])
    return ~inside
