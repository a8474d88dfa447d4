"""Where people run own clients: in an editor, on a rented machine, at many terminals, in a small office."""

from dataclasses import replace

import numpy as np

from detector.simulate import clients, people, places
from detector.simulate.chance import choose
from detector.simulate.data import load
from detector.simulate.habits import Habits, Machine, draw_habits, during, sit_down
from detector.simulate.people import Company
from detector.simulate.plan import Book
from detector.simulate.proxies import rewriting_proxy
from detector.simulate.reporting import draw_reporting

__all__ = [
    "draw_office",
    "plan_editor",
    "plan_many_terminals",
    "plan_new_product",
    "plan_office",
    "plan_remote_box",
]

HOUR = 3600.0
DAY = 86400.0
SIDE_BY_SIDE = 4
MACHINES = 5


def plan_editor(rng: np.random.Generator, book: Book, account: int, plan: str) -> None:
    """Plan a person on the own client inside an editor or a desktop app; some use a terminal as well."""
    entry = choose(rng, load("clients.toml")["first_party"]["entries"]["editor"])
    terminal = rng.random() < 0.4
    people.plan_person(
        rng,
        book,
        account,
        plan,
        reporting=draw_reporting(rng),
        machines=2 if terminal else 1,
        entries=(entry, "cli"),
        device=people.device_ids(rng, 1)[0],
    )


def plan_remote_box(rng: np.random.Generator, book: Book, account: int, plan: str) -> None:
    """Plan a person whose client runs on a rented machine: a hosting network, one address."""
    place = places.draw_place(rng)
    country = choose(rng, (place.country, "US", "DE"), (0.6, 0.25, 0.15))
    people.plan_person(
        rng,
        book,
        account,
        plan,
        reporting=draw_reporting(rng),
        place=place,
        home=places.hosting_network(book, rng, country),
        roams=0.0,
    )


def plan_many_terminals(rng: np.random.Generator, book: Book, account: int, plan: str) -> None:
    """Plan a person with four sessions side by side on five machines, twelve hours a day."""
    place = places.draw_place(rng)
    habits = draw_habits(rng, book, place.hours, active=(0.8, 1.0), day_h=(12.0, 0.6), light=0.0)
    habits = replace(habits, daily=float(rng.uniform(1.7, 2.7)), length=1.5)
    person = people.plan_person(
        rng,
        book,
        account,
        plan,
        reporting=draw_reporting(rng),
        place=place,
        habits=habits,
        machines=MACHINES,
        subagents=float(rng.uniform(0.05, 0.2)),
    )
    for lane in range(1, SIDE_BY_SIDE):
        sit_down(rng, book, habits, [*person.machines[lane:], *person.machines[:lane]])


def draw_office(rng: np.random.Generator, book: Book) -> Company:
    """Draw a company of a handful of people, whose proxy rewrites what passes it."""
    place = places.draw_place(rng)
    rented = rng.random() < 0.5
    return Company(
        proxy=rewriting_proxy(rng),
        network=(places.home_network if rented else places.company_network)(book, rng, place),
        place=place,
        reporting=draw_reporting(rng),
        release=clients.draw_release(rng) if rng.random() < 0.4 else clients.current_release(),
    )


def plan_office(rng: np.random.Generator, book: Book, account: int, plan: str, *, office: Company) -> None:
    """Plan one of the people of a small ``office``."""
    people.plan_person(
        rng, book, account, plan, reporting=office.reporting, company=office, release=office.release
    )


def plan_new_product(rng: np.random.Generator, book: Book, account: int, plan: str) -> None:
    """Plan a user of the CLI who takes up a client that is launched half-way through the period."""
    reporting = draw_reporting(rng)
    place = places.draw_place(rng)
    habits = draw_habits(rng, book, place.hours, active=(0.6, 0.95), light=0.1)
    home = places.home_network(book, rng, place)
    people.plan_person(rng, book, account, plan, reporting=reporting, place=place, habits=habits, home=home)
    launched = clients.first_party(
        book,
        clients.current_release(),
        clients.draw_platform(rng),
        product=load("clients.toml")["first_party"]["launch"]["agent"],
    )
    tools = people.tools_hash(rng, launched.version + " launched", 0.2)
    code = book.actor(
        people.own_actor(rng, account, home, plan, reporting=reporting, client=launched, tools=tools)
    )
    # A launch is taken up within days.
    adopted = min(0.5 * book.seconds + float(rng.exponential(1.5 * DAY)), 0.85 * book.seconds)
    later = during(replace(habits, daily=0.6 * habits.daily), adopted, book.seconds + DAY)
    if not (later.begin < book.seconds).any():
        later = Habits(np.array([adopted]), np.array([adopted + 4 * HOUR]), habits.daily, habits.length)
    sit_down(rng, book, later, [Machine(code, code, np.inf)])
