"""Labelled weeks of request logs, composed from real sessions and real header captures.

Nothing here is simulated behaviour: every inner gap of a session, every token count and every
header list was measured on a real client. What is composed is who ran which session, when, and
under which client::

    sources   real sessions and captures -> a library of requests and decks to draw from
    headers   captures -> profiles: what a client's requests look like on the wire
    people    days, rest and sessions of people; the genuine classes
    machines  schedules of automation; harnesses, headless use, declared tools
    week      plans of all accounts -> rows of the native request log, and their labels
"""

from benchmarks.compose.week import CLASSES, LABELS, Options, compose

__all__ = ["CLASSES", "LABELS", "Options", "compose"]
