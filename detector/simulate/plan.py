"""What is to happen, before any request is drawn: actors and their sittings.

An *actor* is one client installation used on one account. A *sitting* is one
stretch of work by an actor under one session id; a session resumed next day is
a second sitting with the same session. Strings that many rows share are kept
once and referred to by code.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

__all__ = ["Actor", "Book", "Bools", "Client", "Floats", "Ints", "Network", "Sittings", "Vocabulary", "Wire"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Wire:
    """How one request looks: header names in order, harmless values, agent, HTTP version."""

    names: tuple[str, ...]
    values: tuple[tuple[str, str], ...]
    agent: str
    http: str = "1.1"


@dataclass(frozen=True, slots=True)
class Network:
    """An address that clients come from."""

    address: str
    asn: int
    country: str


@dataclass(frozen=True, slots=True)
class Client:
    """Codes of the wires and TLS fingerprints that a client shows.

    Attributes:
        inference: wire of a model request; ``variants`` wires follow each other from here.
        variants: number of them, 1 where every request looks alike.
        choice: what decides on the variant: ``chance``, ``attempt`` (its number), or ``step``: the first
            one is for calls beside the turns, the second opens a turn, the third follows a tool.
        ja4: fingerprint of a full handshake; ``resumed``: of a resumed session.
        telemetry, probe: wires of telemetry posts and start-up probes, -1 for none.
        telemetry_ja4: fingerprint of the telemetry stack.
        second: wire of the posts of a second telemetry sender, -1 for none.
        telemetry_path: where posts go.
        version: version that the client claims, for the default set of tools.

    """

    inference: int
    ja4: int
    resumed: int
    variants: int = 1
    choice: str = "chance"
    telemetry: int = -1
    probe: int = -1
    telemetry_ja4: int = -1
    second: int = -1
    telemetry_path: str = "/api/event_logging/batch"
    version: str = ""

    @property
    def counts_retries(self) -> bool:
        """Whether the client writes the number of the attempt into a header."""
        return self.choice == "attempt"


@dataclass(frozen=True, slots=True)
class Actor:
    """One client installation on one account, and how it behaves.

    Attributes:
        account: number of the account.
        client: what it looks like on the wire.
        network: code of the address it mostly comes from.
        rhythm: profile of ``rhythm.toml``.
        label: label of its sessions.
        auth, plan: as logged.
        path: inference path; a trailing ``/`` is completed with the conversation.
        device: installation id, null where none is declared.
        sessions: whether a session id is declared.
        telemetry: ``none``, ``genuine`` or ``made_up``.
        probe: whether a session starts with a probe.
        helper: small helper calls a human turn.
        subagents: chance that a turn spawns overlapping sub-agents.
        retry: ``client`` (0.5, 1, 2 s), ``sdk`` (the same, counted), ``eager`` (at once) or ``fixed`` (5 s).
        errors: share of requests whose first attempt fails.
        model: model asked for; ``pace``: seconds a token relative to the rhythm's.
        tools: hash of the tool names, null where no tools are sent.
        caching: whether prompt caching is used.
        context: tokens of system prompt and tools at the start of a session.
        growth: factor on the tokens that each step adds.
        stream: whether answers are streamed.

    """

    account: int
    client: Client
    network: int
    rhythm: str = "person"
    label: str = "genuine"
    auth: str = "subscription"
    plan: str = "pro"
    path: str = "/v1/messages"
    device: str | None = None
    sessions: bool = True
    telemetry: str = "none"
    probe: bool = False
    helper: float = 0.0
    subagents: float = 0.0
    retry: str = "client"
    errors: float = 0.012
    model: str = "claude-sonnet-4-5"
    pace: float = 1.0
    tools: str | None = None
    caching: bool = True
    context: float = 22000.0
    growth: float = 1.0
    stream: bool = True


@dataclass(slots=True)
class Vocabulary(Generic[T]):
    """Distinct values in order of first use, each with a code."""

    items: list[T] = field(default_factory=list)
    _codes: dict[T, int] = field(default_factory=dict)
    _runs: dict[tuple[T, ...], int] = field(default_factory=dict)

    def code(self, item: T) -> int:
        """Code of ``item``, a new one if it was not seen before."""
        found = self._codes.get(item)
        if found is None:
            found = self._codes[item] = len(self.items)
            self.items.append(item)
        return found

    def run(self, items: Sequence[T]) -> int:
        """Codes that follow each other for ``items``: the first of them."""
        first = self._runs.get(tuple(items))
        if first is None:
            first = self._runs[tuple(items)] = len(self.items)
            self.items.extend(items)
        return first


@dataclass(frozen=True, slots=True)
class Sittings:
    """Columns of sittings; times in seconds from the start of the period.

    Attributes:
        actor: index of the actor.
        session: number of the session.
        start: arrival of the first request; ``until``: no request after it.
        length: factor on the number of turns; 0 = exactly one turn.
        network, device: codes that override the actor's, -1 for none.

    """

    actor: Ints
    session: Ints
    start: Floats
    until: Floats
    length: Floats
    network: Ints
    device: Ints


@dataclass(slots=True)
class Book:
    """Everything planned so far, with the vocabularies that the codes refer to.

    Attributes:
        days: length of the period (days).
        weekday: weekday of the first day, Monday = 0.
        release: second at which the new release appears.
        activity: factor on the requests of every account.

    """

    days: int
    weekday: int
    release: float
    activity: float = 1.0
    wires: Vocabulary[Wire] = field(default_factory=Vocabulary)
    ja4: Vocabulary[str] = field(default_factory=Vocabulary)
    networks: Vocabulary[Network] = field(default_factory=Vocabulary)
    devices: Vocabulary[str] = field(default_factory=Vocabulary)
    actors: list[Actor] = field(default_factory=list)
    _sessions: int = 0
    _blocks: list[tuple[npt.NDArray[np.float64], ...]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Length of the period (s)."""
        return self.days * 86400.0

    def actor(self, actor: Actor) -> int:
        """Add an actor and return its index."""
        self.actors.append(actor)
        return len(self.actors) - 1

    def sessions(self, count: int) -> Ints:
        """Numbers of ``count`` new sessions."""
        first = self._sessions
        self._sessions += count
        return np.arange(first, first + count, dtype=np.int64)

    @property
    def session_count(self) -> int:
        """Number of sessions handed out."""
        return self._sessions

    def add(
        self,
        actor: Ints | int,
        session: Ints,
        start: Floats,
        until: Floats | float,
        *,
        length: Floats | float = 1.0,
        network: Ints | int = -1,
        device: Ints | int = -1,
    ) -> None:
        """Add sittings; single values hold for all of them. What starts outside the period is dropped."""
        columns = np.broadcast_arrays(actor, session, start, until, length, network, device)
        inside = (columns[2] >= 0) & (columns[2] < self.seconds) & (columns[3] > columns[2])
        self._blocks.append(tuple(np.asarray(column[inside], dtype=np.float64) for column in columns))

    def take(self) -> Sittings:
        """Sittings added since the last call, and forget them."""
        blocks, self._blocks = [*self._blocks, tuple(np.empty(0) for _ in range(7))], []
        columns = [np.concatenate(parts) for parts in zip(*blocks, strict=True)]
        actor, session, start, until, length, network, device = columns
        whole = [column.astype(np.int64) for column in (actor, session, network, device)]
        return Sittings(whole[0], whole[1], start, until, length, whole[2], whole[3])
