"""Keyed pseudonyms: what a store keeps instead of the ids of people, machines and addresses.

A pseudonym is the first 128 bits of HMAC-SHA256 of the id in hex (RFC 2104, truncated
as its section 5 allows). The same key gives the same pseudonym, so logs ingested at
different times join; without the key nobody can find an id by trying.
"""

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import polars_hash as plh

from detector.errors import InputError

__all__ = ["KEY_VARIABLE", "PSEUDONYMOUS", "Pseudonyms", "load_key"]

KEY_VARIABLE = "DETECTOR_KEY"
"""Environment variable that may hold the key."""

PSEUDONYMOUS = ("account_id", "session_id", "device_id", "client_ip", "tools_hash")
"""Columns of which only equality matters: a store holds pseudonyms of them."""

ADDRESS = "client_ip"
"""Never kept as it is, whoever asks."""

_DIGITS = 32
_SHORTEST_KEY = 16


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Makes pseudonyms with one key.

    Attributes:
        key: the secret, as text.
        keep_ids: leave every column but the client's address as it is.

    """

    key: str = field(repr=False)
    keep_ids: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that become pseudonyms."""
        return (ADDRESS,) if self.keep_ids else PSEUDONYMOUS

    @property
    def check(self) -> str:
        """Sixteen hex digits that tell two keys apart and betray neither."""
        return hmac.digest(self.key.encode(), b"harness-detector key check", "sha256").hex()[:16]

    @property
    def seed(self) -> int:
        """A number below 2^63 that only the holder of the key knows."""
        return int.from_bytes(hmac.digest(self.key.encode(), b"harness-detector seed", "sha256")[:8]) >> 1

    def pseudonym(self, column: str) -> pl.Expr:
        """Return a text column's pseudonyms: 32 hex digits; null stays null."""
        name: pl.Expr = plh.col(column).chash.hmac_sha256(key=self.key).str.head(_DIGITS)
        return name.alias(column)

    def of(self, text: str) -> str:
        """Return the pseudonym of one id."""
        return hmac.digest(self.key.encode(), text.encode(), hashlib.sha256).hex()[:_DIGITS]


def load_key(path: Path | None, beside: Path) -> str:
    """Find the key of a store: a file, the environment, or a file made beside the store.

    Args:
        path: file that holds the key as text; white space around it does not count.
        beside: where the key file is made, readable by its owner only, if neither a
            file nor ``DETECTOR_KEY`` is given and it does not exist.

    Raises:
        InputError: a key file cannot be read or made, or a key is too short.

    """
    if path is None and (given := os.environ.get(KEY_VARIABLE)):
        return _believable(given, f"environment variable {KEY_VARIABLE}")
    place = path or beside
    try:
        if path is None and not beside.exists():
            beside.parent.mkdir(parents=True, exist_ok=True)
            # Whole or not there: a process killed in between must not leave an empty key.
            new = beside.with_name(f"{beside.name}.new")
            new.unlink(missing_ok=True)
            made = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(made, "w") as file:
                file.write(secrets.token_hex(32) + "\n")
            new.rename(beside)
        return _believable(place.read_text("utf-8"), str(place))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise InputError(f"{place}: cannot be used as key file ({reason}); give a file of text") from error


def _believable(text: str, where: str) -> str:
    key = text.strip()
    if len(key) < _SHORTEST_KEY:
        raise InputError(
            f"{where}: the key has {len(key)} characters; give at least {_SHORTEST_KEY} that nobody can guess"
        )
    return key
