"""Where clients connect from: time zones, access networks, addresses."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from detector.simulate.chance import choose
from detector.simulate.data import load
from detector.simulate.plan import Book, Network

__all__ = [
    "Place",
    "address",
    "company_network",
    "draw_place",
    "home_network",
    "hosting_network",
    "mobile_network",
]


@dataclass(frozen=True, slots=True)
class Place:
    """A country (or a part of one) with its offset from UTC (h) and its access networks."""

    country: str
    hours: float
    home: tuple[int, ...]
    mobile: tuple[int, ...]


def draw_place(rng: np.random.Generator, other_than: str = "") -> Place:
    """Draw where an account lives, by share of accounts.

    Args:
        rng: source of chance.
        other_than: country code to avoid.

    """
    places, share = _places(other_than)
    return choose(rng, places, share)


@cache
def _places(other_than: str) -> tuple[list[Place], list[float]]:
    rows: list[dict[str, Any]] = [
        one for one in load("networks.toml")["countries"] if one["code"] != other_than
    ]
    share = np.array([one["share"] for one in rows])
    places = [Place(row["code"], row["hours"], tuple(row["home"]), tuple(row["mobile"])) for row in rows]
    return places, (share / share.sum()).tolist()


def address(rng: np.random.Generator) -> str:
    """Draw an address of the shared address space 100.64.0.0/10: nobody's."""
    low = int(rng.integers(1 << 22))
    return f"100.{64 + (low >> 16)}.{low >> 8 & 255}.{low & 255}"


def home_network(book: Book, rng: np.random.Generator, place: Place) -> int:
    """Code of a new home address."""
    return book.networks.code(Network(address(rng), choose(rng, place.home), place.country))


def mobile_network(book: Book, rng: np.random.Generator, place: Place) -> int:
    """Code of a new address of a mobile network."""
    return book.networks.code(Network(address(rng), choose(rng, place.mobile), place.country))


def hosting_network(book: Book, rng: np.random.Generator, country: str = "US") -> int:
    """Code of a new address of a hosting network."""
    return book.networks.code(Network(address(rng), choose(rng, load("networks.toml")["hosting"]), country))


def company_network(book: Book, rng: np.random.Generator, place: Place) -> int:
    """Code of a company's one address."""
    return book.networks.code(
        Network(address(rng), choose(rng, load("networks.toml")["company"]), place.country)
    )
