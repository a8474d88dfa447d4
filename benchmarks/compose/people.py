"""People: their time zones, days, rest and sessions; and the genuine classes built on them."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from benchmarks.compose.headers import CURRENT, Catalogue, absent, claiming, pick
from benchmarks.compose.proxies import behind_proxy
from benchmarks.compose.sources import Deck, Library

__all__ = [
    "DAY",
    "HOUR",
    "Account",
    "Company",
    "Session",
    "World",
    "companies",
    "dressed",
    "genuine",
    "person",
    "quiet",
    "work_hours",
]

HOUR = 3600.0
DAY = 24 * HOUR
ZONES = (-8, -7, -6, -5, -5, -3, 0, 0, 1, 1, 1, 2, 2, 3, 5.5, 8, 9, 10)
"""Hours from UTC, more often where more people are."""

INTERNET_PROVIDERS = (7922, 701, 7018, 3320, 3215, 2856, 12322, 4134, 9829, 4713, 28573, 1221)
HOSTING = (16509, 14061, 24940, 16276, 20473, 8075)
COUNTRIES = {
    3320: "DE",
    3215: "FR",
    2856: "GB",
    12322: "FR",
    4134: "CN",
    9829: "IN",
    4713: "JP",
    28573: "BR",
    1221: "AU",
    24940: "DE",
    16276: "FR",
}
"""Network -> country of its addresses; any other network is in the United States."""

RECENT = (CURRENT, CURRENT, CURRENT, "2.1.329", "2.1.328")
OLD = {
    "2.1.204": ("X-Stainless-Timeout", "anthropic-dangerous-direct-browser-access"),
    "2.1.231": ("X-Stainless-Timeout",),
    "2.1.260": ("X-Claude-Code-Session-Id",),
    "2.1.287": ("X-Claude-Code-Session-Id",),
}
"""Old versions and the headers that they do not send yet."""

STYLES = ("signed", "host_first", "alphabetical", "http2")


class Session(NamedTuple):
    """One placed session: a row of the plan.

    ``start`` and ``limit`` are seconds from the week's start; requests from ``limit`` on are cut off.
    ``telemetry`` is ``real``, ``fake`` or ``none``; ``extra`` is added to every context (tokens).
    """

    account_id: str
    label: str
    session_id: str
    declared: bool
    key: int
    start: float
    limit: float
    profile: str
    device_id: str | None
    client_ip: str
    asn: int
    country: str
    auth: str
    plan: str
    tools_hash: str
    model: str
    telemetry: str
    telemetry_profile: str
    probe: str | None
    helper: bool
    cached: bool
    extra: int


@dataclass
class World:
    """What planning an account needs."""

    library: Library
    catalogue: Catalogue
    rng: np.random.Generator

    def word(self, length: int = 12) -> str:
        """Give a random hexadecimal word."""
        return self.rng.bytes((length + 1) // 2).hex()[:length]

    def address(self) -> str:
        """Give a random public-looking address."""
        a, b, c, d = self.rng.integers((11, 0, 0, 1), (224, 256, 256, 255))
        return f"{a}.{b}.{c}.{d}"

    def chance(self, share: float) -> bool:
        """Tell whether an event of that probability happens."""
        return bool(self.rng.random() < share)


@dataclass
class Account:
    """What stays the same within an account; ``add`` writes sessions into the plan.

    Without a ``country``, every address is in the country of the first one's network.
    """

    world: World
    account_id: str
    profile: str
    label: str = "genuine"
    devices: tuple[str | None, ...] = (None,)
    addresses: tuple[tuple[str, int], ...] = ()
    tools: tuple[str, ...] = ("first-party",)
    telemetry: str = "none"
    telemetry_profile: str = "telemetry"
    probe: str | None = None
    helper: bool = False
    auth: str = "subscription"
    plan: str = "pro"
    declared: bool = True
    cached: bool = True
    extra: int = 0
    models: tuple[str, ...] = ("sonnet",)
    country: str = ""
    sessions: list[Session] = field(default_factory=list)

    def add(self, placed: list[tuple[int, float, float]]) -> None:
        """Write placed sessions ``(key, start, limit)`` under this account's client."""
        rng = self.world.rng
        country = self.country or COUNTRIES.get(self.addresses[0][1], "US")
        for key, start, limit in placed:
            address, asn = self.addresses[int(rng.integers(len(self.addresses)))]
            device = self.devices[int(rng.integers(len(self.devices)))]
            self.sessions.append(
                Session(
                    *(self.account_id, self.label, self.world.word(16), self.declared),
                    *(int(key), float(start), float(limit), self.profile),
                    *(
                        self.world.word(16) if device == "fresh" else device,
                        address,
                        asn,
                        country,
                        self.auth,
                        self.plan,
                    ),
                    *(pick(rng, self.tools), pick(rng, self.models), self.telemetry, self.telemetry_profile),
                    *(self.probe, self.helper, self.cached, self.extra),
                )
            )


@dataclass(frozen=True)
class Company:
    """A company whose traffic leaves through one proxy."""

    address: str
    asn: int
    ja4: str
    style: str
    zone: float
    blocks: bool


def companies(world: World, accounts: int) -> list[Company]:
    """Companies enough that each has 5 to 20 of so many accounts; every second blocks telemetry."""
    count = max(1, round(accounts / 9))
    first = int(world.rng.integers(len(STYLES)))
    return [
        Company(
            world.address(),
            int(world.rng.integers(30_000, 60_000)),
            f"t13d{world.rng.integers(15, 32)}11h2_{world.word()}_{world.word()}",
            STYLES[(first + i) % len(STYLES)],
            float(pick(world.rng, map(str, ZONES))),
            i % 2 == 1,
        )
        for i in range(count)
    ]


def work_hours(
    world: World, *, power: bool = False, zone: float | None = None
) -> list[tuple[int, float, float]]:
    """Place people's sessions in a week: awake hours with at least 8 h of rest, real inner gaps.

    A session that would last into the rest is cut there; people with several terminals overlap.
    """
    rng = world.rng
    zone = float(rng.choice(ZONES)) if zone is None else zone
    wake = rng.normal(8.8, 1.3) if world.chance(0.9) else rng.normal(13.5, 1.5)
    awake = rng.uniform(14, 15.5) if power else rng.uniform(8.5, 14)
    days = rng.permutation(7)[: int(rng.integers(5 if power else 3, 8))]
    rate = rng.uniform(6, 13) if power else rng.gamma(3.0, 0.75)
    deck = Deck(world.library.people, rng)
    several = power or world.chance(0.3)
    placed: list[tuple[int, float, float]] = []
    for day in np.sort(days):
        dawn = day * DAY + (wake - zone + rng.normal(0, 0.35)) * HOUR
        dusk = dawn + min(awake + rng.normal(0, 0.3), 15.2) * HOUR
        count = 1 + int(rng.poisson(rate)) if power else int(np.clip(rng.poisson(rate), 1, 5))
        starts = np.sort(rng.uniform(dawn, dusk - 0.5 * HOUR, count))
        free = dawn
        for key, wish in zip(deck.deal(count), starts, strict=True):
            start = wish if several else max(wish, free + rng.uniform(60, 1200))
            if start < dusk - 600:
                placed.append((int(key), start, dusk))
                free = start + min(world.library.length[key], 3 * HOUR)
    return placed


def person(world: World, account_id: str, profile: str = "interactive") -> Account:
    """Give a person's account on the first-party client, telemetry on."""
    rng = world.rng
    home = (world.address(), int(rng.choice(INTERNET_PROVIDERS)))
    away = (world.address(), int(rng.choice(INTERNET_PROVIDERS)))
    own_tools = tuple(world.word() for _ in range(int(rng.integers(1, 4)))) if world.chance(0.4) else ()
    version = pick(rng, RECENT)
    catalogue = world.catalogue
    if version != CURRENT:
        agent = catalogue.profiles[profile][0].user_agent.replace(CURRENT, version)
        profile = catalogue.derive(profile, version, claiming(agent))
    return Account(
        world,
        account_id,
        profile,
        devices=tuple(world.word(16) for _ in range(1 + int(world.chance(0.2)))),
        addresses=(home, home, home, away) if world.chance(0.4) else (home,),
        tools=("first-party", *own_tools),
        telemetry="real",
        telemetry_profile=catalogue.derive("telemetry", version, claiming(f"claude-code/{version}")),
        probe="probe",
        helper=True,
        plan=pick(rng, ("pro", "pro", "max", "team")),
        models=("sonnet", "opus") if world.chance(0.5) else ("sonnet",),
    )


def quiet(account: Account) -> Account:
    """Switch telemetry off; the probe and the helper calls go with it."""
    account.telemetry, account.probe, account.helper = "none", None, False
    return account


def dressed(world: World, account_id: str, kind: str, company: Company | None = None) -> Account:
    """Give the account of a genuine class, telemetry on; ``kind`` as in ``genuine``."""
    rng, catalogue = world.rng, world.catalogue
    account = person(world, account_id)
    if kind == "power_user":
        account.devices = tuple(world.word(16) for _ in range(int(rng.integers(2, 5))))
        account.plan = "max"
    elif kind == "old_version":
        version = pick(rng, OLD)
        agent = f"claude-cli/{version} (external, cli)"
        base = catalogue.derive("interactive", version, claiming(agent))
        account.profile = catalogue.derive(base, "absent", absent(*OLD[version]))
        account.telemetry_profile = catalogue.derive("telemetry", version, claiming(f"claude-code/{version}"))
    elif kind == "corporate_proxy" and company is not None:
        change = behind_proxy(company.style, company.ja4)
        account.profile = catalogue.derive(account.profile, company.address, change)
        account.telemetry_profile = catalogue.derive(account.telemetry_profile, company.address, change)
        account.probe = catalogue.derive("probe", company.address, change)
        account.addresses = ((company.address, company.asn),)
        account.plan = "team"
    return account


def genuine(world: World, account_id: str, kind: str, company: Company | None = None) -> list[Session]:
    """Plan a genuine person's week; ``kind`` is any genuine class but headless."""
    account = dressed(world, account_id, kind, company)
    if (
        kind == "telemetry_off"
        or (kind == "old_version" and world.chance(0.2))
        or (company is not None and company.blocks)
    ):
        quiet(account)
    zone = company.zone if company else None
    account.add(work_hours(world, power=kind == "power_user", zone=zone))
    return account.sessions
