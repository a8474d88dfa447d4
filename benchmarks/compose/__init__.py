"""Labelled weeks of request logs, composed from real sessions and real header captures.

Nothing here is simulated behaviour: every inner gap of a session, every token count and every
header list was measured on a real client. What is composed is who ran which session, when, and
under which client::

    sources   real sessions and captures -> a library of requests and decks to draw from
    headers   captures -> profiles: what a client's requests look like on the wire
    people    days, rest and sessions of people; the genuine classes
    machines  schedules of automation; harnesses, headless use, declared tools
    week      plans of all accounts -> rows of the native request log, and their labels

Weeks of cells (``python -m benchmarks.cells``) add who is easily judged wrong::

    states     telemetry on, switched off or blocked, crossed with every honest class
    stretches  nights of a scheduler, long days, pushes, office hours, drips
    honest     honest classes that look guilty
    launches   first days of a new product and of a release
    operators  harness classes that look mild
    recorded   further captures -> profiles
    tools      people at captured tools, variants of these, names that no list has
    cast       who is in which week, and its labels
"""

from benchmarks.compose.week import CLASSES, LABELS, Options, compose

__all__ = ["CLASSES", "LABELS", "Options", "compose"]
